"""A merchant's folder: with a configuration, or with a database too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import STORES
from tests.support import postgres
from tests.support.cli import SECRETS, TOML, Shop


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test marked both_stores has its shop once on each kind of store; any other on SQLite alone."""
    if "shop" in metafunc.fixturenames and metafunc.definition.get_closest_marker("both_stores"):
        metafunc.parametrize("shop", STORES, indirect=True)


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


@pytest.fixture(scope="session")
def empty_postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the same in PostgreSQL, to be copied."""
    shop = Shop(tmp_path_factory.mktemp("migrated"))
    with postgres.new_database(empty=True) as url:
        shop.store_at(url, "[daemon]\n")
        shop.done("migrate")
        yield url


@pytest.fixture
def shop(bare: Shop, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """A folder with a syncd.toml and a migrated database."""
    with stocked_with(request.getfixturevalue, bare, getattr(request, "param", STORES[0])):
        yield bare


@pytest.fixture
def other(shop: Shop, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Another shop with an empty ledger, on the same kind of store."""
    second = Shop(tmp_path_factory.mktemp("other"))
    with stocked_with(request.getfixturevalue, second, STORES[shop.is_postgresql]):
        yield second


@contextmanager
def stocked_with(fixture: Callable[[str], Any], shop: Shop, store: str) -> Iterator[None]:
    """Give a shop its syncd.toml and a database of this kind with this version's tables and nothing in them."""
    if store == "sqlite":
        shop.config.write_text(TOML, encoding="utf-8")
        (shop.folder / "syncd.db").write_bytes(fixture("empty_database"))
        yield
        return
    with postgres.new_database(like=fixture("empty_postgresql")) as url:
        shop.store_at(url, TOML)
        yield
