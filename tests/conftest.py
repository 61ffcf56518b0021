"""What every test may ask for: a store of its own, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import postgres

STORES = ("sqlite", "postgresql")


def pytest_configure(config: pytest.Config) -> None:
    """The first process of the run makes room for its PostgreSQL."""
    if not hasattr(config, "workerinput"):
        postgres.prepare_run()


def pytest_unconfigure(config: pytest.Config) -> None:
    """The first process of the run stops its PostgreSQL."""
    if not hasattr(config, "workerinput"):
        postgres.end_run()


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a new store; a test that asks for it runs once on each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'syncd.sqlite'}"
    else:
        with postgres.new_database() as url:
            yield url


@pytest.fixture(params=STORES)
def empty_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The same without any table; the folder of the SQLite file does not exist yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new' / 'folder' / 'syncd.sqlite'}"
    else:
        with postgres.new_database(empty=True) as url:
            yield url


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    """The address of a new PostgreSQL database without tables, for what only PostgreSQL does."""
    with postgres.new_database(empty=True) as url:
        yield url
