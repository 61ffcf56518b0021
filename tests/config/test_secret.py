"""Where secrets come from: a variable, a file or a systemd credential, and what is said when they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.errors import ConfigError
from syncd.testkit.fake_clock import FakeClock
from tests.config.conftest import Load, Problems

CHANNEL = '[channel.acme]\nconnector = "acme"\nurl = "https://x.example.com"\napp_id = "a"\n'


def _secret(load: Load, line: str, environ: dict[str, str] | None = None) -> str:
    settings = load(CHANNEL + line + "\n", environ).channels["acme"].settings
    value: str = settings.model_dump()["app_secret"].get_secret_value()
    return value


def test_from_the_environment(load: Load) -> None:
    """`x_env` names a variable."""
    assert _secret(load, 'app_secret_env = "SHOP"', {"SHOP": " s p a c e "}) == " s p a c e "


def test_from_a_file_beside_the_configuration(load: Load, tmp_path: Path) -> None:
    """`x_file` counts from the folder of syncd.toml, and the line end an editor leaves is no part of the secret."""
    (tmp_path / "shop.secret").write_bytes("pässword \r\n".encode())
    assert _secret(load, 'app_secret_file = "shop.secret"') == "pässword "


def test_from_a_systemd_credential(load: Load, tmp_path: Path) -> None:
    """`x_credential` is read from the folder systemd names."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "shop").write_text("from systemd\n")
    assert _secret(load, 'app_secret_credential = "shop"', {"CREDENTIALS_DIRECTORY": str(folder)}) == "from systemd"


def test_in_tables_inside_the_settings(load: Load) -> None:
    """A secret of a nested table, or of one in an array, is filled in as well."""
    text = CHANNEL + 'app_secret_env = "S"\nmail.password_env = "M"\nmore_mail = [{}, { password_env = "M" }]\n'
    settings = load(text, {"S": "s", "M": "m"}).channels["acme"].settings.model_dump()
    assert settings["mail"]["password"].get_secret_value() == "m"
    assert settings["more_mail"][1]["password"].get_secret_value() == "m"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('app_secret_env = "NOPE"', "'app_secret_env' names the environment variable NOPE, which is not set"),
        (
            'app_secret_env = "EMPTY"',
            "'app_secret_env' names the environment variable EMPTY, which is not set",
        ),
        ("app_secret_env = 3", "'app_secret_env' must be a name in quotes"),
        ('app_secret_file = "none"', "none, which does not exist"),
        ('app_secret_file = "."', "which cannot be read: is a directory"),
        ('app_secret_file = "empty"', "empty, which is empty"),
        ('app_secret_file = "latin"', "latin, which is not UTF-8 text"),
        ('app_secret_file = "huge"', "huge, which is larger than 65536 bytes, so it is hardly a secret"),
        (
            'app_secret_credential = "shop"',
            "'app_secret_credential' needs systemd: run syncd as a service with ",
        ),
        (
            'app_secret_env = "A"\napp_secret_file = "f"',
            "'app_secret_file' gives the secret a second time: 'app_secret_env'",
        ),
    ],
)
def test_a_secret_that_cannot_be_had_is_one_sentence(problems: Problems, tmp_path: Path, line: str, said: str) -> None:
    """The key is named with its line and what it points at; that the secret is missing is not said twice."""
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "latin").write_bytes(b"caff\xe8")
    (tmp_path / "huge").write_text("x" * 65_537)
    found = problems(CHANNEL + line + "\n", {"EMPTY": "", "A": "a"})
    assert len(found) == 1, found
    assert found[0].startswith(f"syncd.toml:{4 + line.count(chr(10)) + 1}: [channel.acme] ")
    assert said in found[0]


def test_a_credential_cannot_leave_its_folder(problems: Problems) -> None:
    """A credential is a bare name; a path to elsewhere is refused."""
    found = problems(CHANNEL + 'app_secret_credential = "../shadow"\n', {"CREDENTIALS_DIRECTORY": "/etc"})
    assert "must be the bare name of a credential" in found[0]


def test_a_nested_secret_is_named_with_its_path(problems: Problems) -> None:
    """A secret that cannot be had inside an array of tables is named where it stands."""
    text = CHANNEL + 'app_secret_env = "S"\nmore_mail = [{}, { password_env = "NOPE" }]\n'
    assert problems(text, {"S": "s"}) == [
        "syncd.toml:6: [channel.acme] 'more_mail[2].password_env' names the environment variable NOPE, which is not set"
    ]


SEALED = (
    CHANNEL + 'app_secret_env = "NOPE"\n[supplier.grocer]\nconnector = "grocer"\nfeed_url = "https://f.example.com"\n'
)


def test_who_calls_nobody_needs_no_secret(load: Load) -> None:
    """Read by somebody who may do without, a missing secret is told by the channel it belongs to, when it is called."""
    config = load(SEALED, may_be_sealed=True)
    channel = config.channels["acme"]
    assert channel.settings is None
    assert channel.options.locations == ("main",)
    with pytest.raises(ConfigError, match="acme cannot be reached") as refused:
        channel.connect(FakeClock())
    [problem] = refused.value.problems
    assert (
        problem == "syncd.toml:5: [channel.acme] 'app_secret_env' names the environment variable NOPE, which is not set"
    )
    assert config.suppliers["grocer"].settings is not None


def test_what_is_wrong_for_everybody_is_told_to_everybody(load: Load) -> None:
    """A secret in the file itself, a wrong key and the database's own password are problems for all readers."""
    text = SEALED + 'app_secret = "x"\n[daemon]\nnmae = "x"\n[database]\nurl = "postgresql://db.example.com/s"\n'
    with pytest.raises(ConfigError) as refused:
        load(
            text.replace("app_secret_env", "pap_id = 3\napp_secret_env") + 'password_env = "NOPE"\n', may_be_sealed=True
        )
    said = " ".join(refused.value.problems)
    assert len(refused.value.problems) == 4, said
    for word in ("'app_secret'", "'nmae'", "'pap_id'", "[database] 'password_env'"):
        assert word in said
