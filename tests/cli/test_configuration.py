"""init, check and the committed syncd.toml: what a merchant starts from, and what is wrong with what he wrote."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from syncd.channel.registry import connector_names, load_connector
from syncd.cli.main import app
from syncd.cli.starter import starter_text
from syncd.config.load import SECTIONS, load_config
from syncd.config.secret import secret_fields
from syncd.config.sections import ROOM_SECTIONS, ChannelOptions, SupplierOptions
from tests.support.cli import SECRETS, Shop

COMMITTED = Path(__file__).parents[2] / "syncd.toml"
COMMITTED_SECRETS = {
    "EBAY_CERT_ID": "cert",
    "EBAY_REFRESH_TOKEN": "token",
    "WOO_KEY": "ck_1",
    "WOO_SECRET": "cs_1",
    "TOOLMAKER_TOKEN": "t",
}

DOCUMENTED: list[tuple[str, type[BaseModel]]] = [
    *SECTIONS.items(),
    *ROOM_SECTIONS.items(),
    ("channel.ebay", ChannelOptions),
    ("supplier.toolmaker", SupplierOptions),
    ("channel.ebay", load_connector("ebay").settings_type),
    ("channel.shop", load_connector("woocommerce").settings_type),
    ("supplier.toolmaker", load_connector("dropship").settings_type),
]


def keys_by_section(text: str) -> dict[str, set[str]]:
    """Every key of the file, switched on or off, and every table, under the section it stands in."""
    found: dict[str, set[str]] = {}
    section = ""
    for line in text.splitlines():
        if head := re.match(r"#?\[([^\]]+)\]", line):
            section = head[1]
            outer, _, own = section.replace('"', "").rpartition(".")
            found.setdefault(section, set())
            found.setdefault(outer, set()).add(own)
            found.setdefault(outer.rpartition(".")[0], set()).add(outer.rpartition(".")[2])
        elif key := re.match(r"#?([a-z][a-z_]*) = ", line):
            found[section].add(key[1])
    return found


def test_the_committed_configuration_loads() -> None:
    """The syncd.toml at top level is a real one: with its secrets set it loads, and it pushes nothing."""
    config = load_config(COMMITTED, COMMITTED_SECRETS)
    assert sorted(config.channels) == ["ebay", "shop"]
    assert {channel.options.mode for channel in config.channels.values()} == {"observe"}
    assert list(config.suppliers) == ["toolmaker"]


@pytest.mark.parametrize(("section", "model"), DOCUMENTED)
def test_the_committed_configuration_documents_every_key(section: str, model: type[BaseModel]) -> None:
    """Every key a section can have stands in the committed file, switched on or off."""
    written = keys_by_section(COMMITTED.read_text(encoding="utf-8"))[section]
    secrets = secret_fields(model)
    missing = [
        name
        for name in model.model_fields
        if name not in written and not (name in secrets and f"{name}_env" in written)
    ]
    assert missing == []


def test_the_committed_configuration_shows_real_defaults() -> None:
    """Every key that is switched off could be switched on: the whole file is valid TOML then, and its sections load."""
    text = re.sub(r"^#(?=[a-z][a-z_]* = |\[)", "", COMMITTED.read_text(encoding="utf-8"), flags=re.MULTILINE)
    values = tomllib.loads(text)
    for name in ("push", "reconcile", "supply"):
        assert ROOM_SECTIONS[name].model_validate(values[name]) == ROOM_SECTIONS[name]()


def test_init_writes_a_configuration_that_loads(bare: Shop) -> None:
    """What init writes can be used as it is: nothing is sold and nothing bought yet."""
    bare.config.unlink()
    assert f"Wrote {bare.config}" in bare.done("init").replace("\n", "")
    config = load_config(bare.config, {})
    assert (config.channels, config.suppliers) == ({}, {})
    bare.done("migrate")
    assert "everything asked answers" in bare.done("check").replace("\n", " ")


def test_init_offers_every_connector() -> None:
    """Each connector stands there to be taken in, and taking the '#' away leaves valid TOML."""
    text = starter_text()
    values = tomllib.loads(re.sub(r"^#(?=[a-z\[])", "", text, flags=re.MULTILINE))
    offered = {**values["channel"], **values["supplier"]}
    assert sorted(one["connector"] for one in offered.values()) == connector_names()


def test_init_overwrites_nothing(bare: Shop) -> None:
    """A syncd.toml that is there stays byte for byte."""
    before = bare.config.read_bytes()
    assert "left as it is" in bare.refused("init")
    assert bare.config.read_bytes() == before


def test_init_says_so_where_it_cannot_write(bare: Shop) -> None:
    """A folder that does not exist is a sentence."""
    bare.folder = bare.folder / "nowhere"
    assert "cannot be written" in bare.refused("init")


def test_check_tells_every_problem_at_once(bare: Shop) -> None:
    """Two wrong keys are two sentences with their lines, on standard error, with exit code 3."""
    bare.config.write_text("[http]\nprot = 8713\n[push]\nbrake_share = 7\n", encoding="utf-8")
    said = bare.refused("check", code=3)
    assert "syncd.toml:2" in said
    assert "syncd.toml:4" in said


def test_check_tells_problems_as_data(bare: Shop) -> None:
    """With --json the problems are data, and the exit code is the same."""
    bare.config.write_text("[http]\nprot = 8713\n", encoding="utf-8")
    said = bare.syncd("check", "--json")
    assert said.code == 3
    assert said.json["ok"] is False
    assert "prot" in said.json["problems"][0]


def test_a_missing_configuration_is_exit_code_3(bare: Shop) -> None:
    """Any command without a configuration names the file and `syncd init`."""
    bare.config.unlink()
    said = bare.refused("stock", "show", code=3)
    assert "there is no file" in said
    assert "syncd init" in said


def test_check_offline_wants_only_the_database(shop: Shop) -> None:
    """With --offline nobody is called, and all is well once the database has its tables."""
    said = shop.done("check", "--offline")
    assert "everything asked answers" in said
    assert "ebay, live, not asked" in said


def test_check_calls_everybody(shop: Shop) -> None:
    """Channels and suppliers that do not answer are one sentence each, and the exit code is 1."""
    said = shop.syncd("check", "--json")
    assert said.code == 1
    standings = {(one["what"], one["name"]): one for one in said.json["standings"]}
    assert standings["database", str(shop.folder / "syncd.db")]["ok"] is True
    for what, name in (("channel", "ebay"), ("channel", "shop"), ("supplier", "toolmaker")):
        assert standings[what, name]["ok"] is False
        assert standings[what, name]["sentence"].startswith(f"{name}: ")


def test_check_names_the_command_for_a_database_that_is_not_there(bare: Shop) -> None:
    """Without a database the daemon would not start, so check fails and says what to type."""
    said = bare.syncd("check", "--offline", "--json")
    assert said.code == 1
    assert "type: syncd migrate" in said.json["standings"][0]["sentence"]
    assert not (bare.folder / "syncd.db").exists()


def test_check_shows_no_secret(shop: Shop) -> None:
    """The effective configuration says of a secret whether it is set, and nothing else of it, anywhere."""
    said = shop.syncd("check", "--offline", "--json")
    assert said.json["config"]["channel"]["ebay"]["settings"]["iaf_token"] == "(secret, set)"
    for secret in SECRETS.values():
        assert secret not in said.out + said.err


def test_the_environment_names_the_configuration(shop: Shop) -> None:
    """SYNCD_CONFIG is used when no -c is given, and a -c after the command wins over everything."""
    by_environment = CliRunner().invoke(app, ["stock", "show"], env={"SYNCD_CONFIG": str(shop.config)})
    assert by_environment.exit_code == 0
    other = str(shop.folder / "other.toml")
    by_option = CliRunner().invoke(app, ["stock", "show", "-c", other], env={"SYNCD_CONFIG": str(shop.config)})
    assert by_option.exit_code == 3
    assert other in by_option.stderr
