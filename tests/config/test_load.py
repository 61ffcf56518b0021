"""What syncd.toml becomes when it is right."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel, Field, SecretStr, ValidationError

from syncd.config import sections
from syncd.config.sections import Config
from tests.config.conftest import Load, Problems

SHOP = """
[channel.acme]
connector = "acme"
url = "https://shop.example.com"
app_id = "a"
app_secret_env = "APP_SECRET"
"""

ENVIRON = {"APP_SECRET": "hunter2"}


class ShelfConfig(BaseModel, frozen=True, extra="forbid"):
    """A room's section."""

    depth_max: int = Field(3, ge=1, description="how deep")
    signing: SecretStr | None = Field(None, description="a secret of the room")


@pytest.fixture
def _shelf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sections.ROOM_SECTIONS, "shelf", ShelfConfig)


def test_everything_has_a_default(load: Load, tmp_path: Path) -> None:
    """A file with one section is enough: the rest is SQLite beside it, loopback, and no broker."""
    config = load('[daemon]\nname = "shop"\n')
    assert config.daemon.name == "shop"
    assert config.daemon.state_dir == tmp_path
    assert config.database.sqlite_path == tmp_path / "syncd.db"
    assert (config.http.host, config.http.port, config.http.public_url) == ("127.0.0.1", 8713, None)
    assert config.mqtt.broker is None
    assert (config.channels, config.suppliers) == ({}, {})


def test_a_new_channel_only_observes(load: Load) -> None:
    """Nothing is pushed to a channel until its section says so."""
    channel = load(SHOP, ENVIRON).channels["acme"]
    assert channel.options.mode == "observe"
    assert channel.options.locations == ("main",)
    assert channel.options.cap is None
    assert channel.connector.name == "acme"
    assert channel.capabilities == channel.connector.capabilities


def test_settings_may_stand_in_the_section_or_under_settings(load: Load) -> None:
    """A connector's settings are read from [channel.NAME] and from [channel.NAME.settings] alike."""
    config = load(SHOP + "[channel.acme.settings]\ntimeout_seconds = 3\nmail.host = 'm.example.com'\n", ENVIRON)
    settings = config.channels["acme"].settings.model_dump()
    assert settings["url"] == "https://shop.example.com"
    assert settings["timeout_seconds"] == 3.0
    assert settings["mail"]["host"] == "m.example.com"


def test_relative_paths_count_from_the_file(load: Load, tmp_path: Path) -> None:
    """Where syncd was started from does not matter; a whole path stays as it is."""
    config = load(
        SHOP + 'certificate = "keys/shop.pem"\n[daemon]\nstate_dir = "state"\n'
        '[database]\nurl = "sqlite:////var/lib/syncd/syncd.db"\n',
        ENVIRON,
    )
    assert config.channels["acme"].settings.model_dump()["certificate"] == tmp_path / "keys/shop.pem"
    assert config.daemon.state_dir == tmp_path / "state"
    assert config.database.sqlite_path == Path("/var/lib/syncd/syncd.db")


def test_a_supplier_has_exact_confidence_and_checked_links(load: Load) -> None:
    """Confidence is a decimal as written, so that a share of an offer is never a unit short."""
    supplier = load(
        '[supplier.grocer]\nconnector = "grocer"\nfeed_url = "https://feed.example.com/list.csv"\nconfidence = 0.29\n'
        '[supplier.grocer.links]\n"KIT 1" = " TOOLKIT "\n'
    ).suppliers["grocer"]
    assert supplier.options.confidence == Decimal("0.29")
    assert supplier.options.links == {"KIT 1": "TOOLKIT"}


@pytest.mark.usefixtures("_shelf")
def test_a_room_gets_its_own_section(load: Load) -> None:
    """A room listed in ROOM_SECTIONS is read, defaulted and given back by its type, secrets filled in."""
    config = load('[shelf]\nsigning_env = "KEY"\n', {"KEY": "k"})
    shelf = config.room(ShelfConfig)
    assert shelf.depth_max == 3
    assert shelf.signing is not None
    assert shelf.signing.get_secret_value() == "k"
    assert load("[daemon]\n").room(ShelfConfig) == ShelfConfig()


@pytest.mark.usefixtures("_shelf")
def test_a_room_s_section_is_checked_like_any(problems: Problems) -> None:
    """A wrong key in a room's section is named with its line."""
    assert problems("[shelf]\ndepht_max = 0\n") == [
        "syncd.toml:2: [shelf] unknown key 'depht_max'; did you mean 'depth_max'?"
    ]


def test_a_room_that_is_not_listed_is_a_bug(load: Load) -> None:
    """Asking for a section nobody reads fails at once."""
    with pytest.raises(KeyError, match="ShelfConfig"):
        load("[daemon]\n").room(ShelfConfig)


def test_the_view_for_people_holds_no_secret(load: Load) -> None:
    """The redacted view shows every value in force and of a secret only that it is set."""
    config = load(
        SHOP.replace("https://shop", "https://user:opensesame@shop") + 'cap = 7\ntoken_env = "TOKEN"\n'
        '[supplier.grocer]\nconnector = "grocer"\nfeed_url = "https://f.example.com/list?key=opensesame&page=1"\n',
        {**ENVIRON, "TOKEN": "t-opensesame"},
    )
    view = config.redacted()
    for secret in ("hunter2", "opensesame"):
        assert secret not in str(view)
    channel = view["channel"]
    assert isinstance(channel, dict)
    assert channel["acme"]["cap"] == 7
    assert channel["acme"]["settings"]["app_secret"] == "(secret, set)"
    assert channel["acme"]["capabilities"]["batch_size"] == 4


def test_sections_never_change_after_loading(load: Load) -> None:
    """What was checked stays as it was checked."""
    config: Config = load("[daemon]\n")
    with pytest.raises(ValidationError):
        config.http.port = 1


def test_room_sections_keep_the_contract() -> None:
    """Every listed room's section is frozen, refuses unknown keys and describes every field."""
    for name, model in sections.ROOM_SECTIONS.items():
        assert model.model_config.get("frozen"), name
        assert model.model_config.get("extra") == "forbid", name
        assert all(field.description for field in model.model_fields.values()), name
