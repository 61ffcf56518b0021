"""What every command meets: a store that is absent, old, new or none at all; another process; and typing errors."""

from __future__ import annotations

import sqlite3

import pytest
from typer.main import get_command

from syncd.cli.main import app
from syncd.migrations import schema
from tests.support.cli import EBAY, SECRETS, Shop, listing_key

NEEDS_A_STORE = [
    ("stock", "show"),
    ("stock", "post", "GLOVE-X", "1", "--receipt"),
    ("stock", "count", "GLOVE-X", "1"),
    ("stock", "history", "GLOVE-X"),
    ("stock", "why", "ebay:1"),
    ("product", "list"),
    ("product", "add", "GLOVE-X", "--title", "Gloves"),
    ("listings",),
    ("link", "ebay:1", "GLOVE-X"),
    ("unlink", "ebay:1"),
    ("enforce", "ebay:1"),
    ("unpark", "ebay:1"),
    ("plan", "ebay"),
    ("release", "ebay"),
    ("supplier", "show"),
    ("supplier", "release", "toolmaker"),
    ("orders",),
    ("orders", "show", "ebay:1"),
    ("cases",),
    ("cases", "show", "x"),
    ("cases", "choose", "x", "refund"),
    ("cases", "note", "x", "words"),
    ("cases", "assign", "x", "Anna"),
    ("cases", "figures"),
    ("birthdays",),
    ("birthdays", "add", "x", "--date", "02-29", "--agreed"),
    ("birthdays", "remove", "x"),
    ("refunds",),
    ("refunds", "made", "x", "how"),
    ("coupons",),
    ("coupons", "agree", "x"),
    ("coupons", "decline", "x"),
    ("questions",),
    ("doctor",),
    ("run",),
]


@pytest.mark.parametrize("words", NEEDS_A_STORE, ids=" ".join)
def test_without_a_database(bare: Shop, words: tuple[str, ...]) -> None:
    """Every command that needs the store says that there is none and what to type, and makes no empty file."""
    assert "there is no database at" in bare.refused(*words)
    assert not (bare.folder / "syncd.db").exists()


def version_is(shop: Shop, version: str | None) -> None:
    """Pretend that the store was made by another version."""
    with sqlite3.connect(shop.folder / "syncd.db") as db:
        db.execute("DELETE FROM alembic_version")
        if version is not None:
            db.execute("INSERT INTO alembic_version VALUES (?)", (version,))
    db.close()


def test_a_store_that_is_older(shop: Shop) -> None:
    """A store without tables of this version names the command that brings it there."""
    for version, said in (
        (None, "has no tables yet"),
        ("0003", f"is of version 0003, this program needs {schema.head()}"),
    ):
        version_is(shop, version)
        for words in (("stock", "show"), ("run",)):
            assert f"the database {said}; type: syncd migrate" in shop.refused(*words)


def test_a_store_that_is_newer(shop: Shop) -> None:
    """A store of a version nobody here knows is left alone, by migrate too."""
    version_is(shop, "9999")
    for words in (("stock", "show"), ("migrate",), ("run",), ("check", "--offline")):
        said = shop.syncd(*words)
        assert said.code == 1
        assert "install the newer syncd" in " ".join((said.out + said.err).split())


def test_a_file_that_is_no_database(shop: Shop) -> None:
    """Another file under the database's name is one sentence."""
    (shop.folder / "syncd.db").write_text("these are no tables\n" * 100, encoding="utf-8")
    for words in (("stock", "show"), ("migrate",), ("check", "--offline")):
        said = shop.syncd(*words)
        assert said.code == 1
        assert "file is not a database" in " ".join((said.out + said.err).split())


def test_a_store_that_stays_locked(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """When another program holds the store for longer than is waited, that is one sentence and nothing is written."""
    shop.stocked("GLOVE-X", 3)
    monkeypatch.setattr("syncd.db.BUSY_SECONDS", 0.05)
    other = sqlite3.connect(shop.folder / "syncd.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert "database is locked" in shop.refused("stock", "post", "GLOVE-X", "1", "--sale")
    other.close()
    assert shop.told("stock", "show")[0]["available"] == 3


def test_a_write_is_seen_by_another_process(shop: Shop) -> None:
    """What one process has posted another one shows, and the other way round."""
    shop.stocked("GLOVE-X", 3)
    other = shop.other_process("stock", "post", "GLOVE-X", "2", "--receipt", "--json")
    assert (other.code, other.json["verdict"]) == (0, "posted")
    assert shop.told("stock", "show")[0]["available"] == 5
    assert shop.other_process("stock", "show", "--json").json[0]["available"] == 5


def test_a_process_says_its_complaints_on_standard_error(shop: Shop) -> None:
    """Exit codes of the real command: 1 for what cannot be, 2 for what was typed wrongly, 3 for syncd.toml."""
    unknown = shop.other_process("stock", "show", "NOPE")
    assert (unknown.code, unknown.out) == (1, "")
    assert "Traceback" not in unknown.err
    assert shop.other_process("stock", "shew").code == 2
    shop.config.write_text("[htpp]\n", encoding="utf-8")
    wrong = shop.other_process("stock", "show")
    assert (wrong.code, wrong.out) == (3, "")
    assert "did you mean" in wrong.err


def test_no_colour_off_a_terminal(shop: Shop) -> None:
    """What is piped holds no escape sequences."""
    shop.stocked("GLOVE-X", 3)
    said = shop.other_process("stock", "show")
    assert "\x1b" not in said.out + said.err


def test_migrate_says_what_it_did(bare: Shop) -> None:
    """The first time makes the tables, the second has nothing to do."""
    first, second = bare.told("migrate"), bare.told("migrate")
    assert (first["before"], first["version"], first["changed"]) == (None, schema.head(), True)
    assert (second["before"], second["version"], second["changed"]) == (schema.head(), schema.head(), False)
    assert "already" in bare.done("migrate")


def test_migrate_where_nothing_can_be_written(bare: Shop) -> None:
    """A database whose folder cannot be made is one sentence."""
    (bare.folder / "file").write_text("", encoding="utf-8")
    bare.config.write_text('[database]\nurl = "sqlite:///file/syncd.db"\n', encoding="utf-8")
    assert "cannot be made" in bare.refused("migrate")


def test_version(bare: Shop) -> None:
    """The program and the tables it needs; no configuration is wanted for that."""
    bare.config.unlink()
    told = bare.told("version")
    assert set(told) == {"version", "tables"}
    assert told["tables"] in bare.done("version")


def test_help_of_every_command_names_its_json(bare: Shop) -> None:
    """Every command with --json documents the shape of it in its help."""

    def commands(group: object, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], object]]:
        found = getattr(group, "commands", None)
        if found is None:
            return [(path, group)]
        return [entry for name, one in found.items() for entry in commands(one, (*path, name))]

    every = commands(get_command(app), ())
    assert len(every) > 25
    for path, one in every:
        options = {name for param in one.params for name in param.opts}  # type: ignore[attr-defined]
        if "--json" in options and path != ("demo",):
            assert "JSON: " in one.help, path  # type: ignore[attr-defined]


def test_who_calls_no_channel_needs_no_secret(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any secret the store is worked with as ever; whoever would call a channel is told all that is missing."""
    for name in SECRETS:
        monkeypatch.delenv(name)
    shop.environ.clear()
    shop.stocked("GLOVE-X", 5)
    shop.done("migrate")
    shop.done("stock", "count", "GLOVE-X", "4")
    shop.done("stock", "transfer", "GLOVE-X", "1", "main", "garage")
    key = shop.listed(listing_key(EBAY, "110"), "GLOVE-X", shown=5)
    for words in (("stock", "why", str(key)), ("stock", "history", "GLOVE-X"), ("listings",), ("doctor",), ("orders",)):
        assert shop.syncd(*words).err == "", words
    for words in (("run",), ("check", "--offline")):
        said = shop.refused(*words, code=3)
        assert [name in said for name in SECRETS] == [True] * len(SECRETS)
    said = shop.refused("plan", "ebay", code=3)
    assert "ebay cannot be reached: its secrets are not here" in said
    assert [name in said for name in SECRETS] == [True, True, False, False]
