"""A merchant's folder: with a configuration, or with a database too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import SECRETS, TOML, Shop


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A folder with a syncd.toml and no database."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SYNCD_CONFIG", raising=False)
    shop = Shop(tmp_path)
    shop.config.write_text(TOML, encoding="utf-8")
    return shop


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database file with this version's tables and nothing in them, made once."""
    shop = Shop(tmp_path_factory.mktemp("migrated"))
    shop.config.write_text("[daemon]\n", encoding="utf-8")
    shop.done("migrate")
    return (shop.folder / "syncd.db").read_bytes()


@pytest.fixture
def shop(bare: Shop, empty_database: bytes) -> Shop:
    """A folder with a syncd.toml and a migrated database."""
    (bare.folder / "syncd.db").write_bytes(empty_database)
    return bare
