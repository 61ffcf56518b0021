"""deploy/postgresql-role.sql: the daemon works as the role it makes, and that role can do no more."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from aiohttp import ClientSession
from psycopg import errors, sql
from sqlalchemy.engine import URL, make_url

from syncd.app import App
from syncd.clock import SystemClock
from syncd.config.load import load_config
from syncd.db import Database
from syncd.identity import Sku
from syncd.migrations import schema
from syncd.product.store import mention
from tests.support.systemd import manager

SQL = Path(__file__).parents[2] / "deploy/postgresql-role.sql"

TOML = '[http]\nport = 0\n[database]\nurl = "{url}"\n'


@dataclass(frozen=True)
class Store:
    """A database of its own, with roles of its own names: roles belong to the whole server."""

    url: URL
    owner: str
    worker: str

    def connect(self, user: str | None = None) -> psycopg.Connection[tuple[object, ...]]:
        """A connection as this role, or as the administrator."""
        url = self.url if user is None else self.url.set(username=user)
        return psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True)

    def grant(self) -> None:
        """Run the file as an administrator would, with this store's role names."""
        text = "\n".join(line for line in SQL.read_text(encoding="utf-8").splitlines() if not line.startswith("--"))
        named = re.sub(r"\bsyncd\b", self.worker, re.sub(r"\bsyncd_owner\b", self.owner, text))
        with self.connect() as conn:
            conn.execute(named.encode())
            for role in (self.owner, self.worker) if self.url.password is not None else ():
                words = sql.SQL("ALTER ROLE {} PASSWORD {}")
                conn.execute(words.format(sql.Identifier(role), sql.Literal(str(self.url.password))))


@pytest.fixture
def store(postgresql_url: str) -> Iterator[Store]:
    """An empty database; its roles are gone afterwards."""
    name = f"syncd_{uuid4().hex[:8]}"
    opened = Store(make_url(postgresql_url), f"{name}_owner", name)
    try:
        yield opened
    finally:
        with opened.connect() as conn:
            for role in (opened.worker, opened.owner):
                conn.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(sql.Identifier(role)))
                conn.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


async def receive_three(url: str) -> None:
    """Ready, measured, and a scan is posted."""
    scan = {"scan_id": "s1", "kind": "receipt", "code": "GLOVE-X", "quantity": 3, "location": "main"}
    async with ClientSession() as http:
        for path in ("readyz", "metrics"):
            async with http.get(f"{url}/{path}") as answer:
                assert answer.status == 200, await answer.text()
        async with http.post(f"{url}/api/v1/scans", json=scan) as answer:
            assert answer.status == 201, await answer.text()


async def test_the_daemon_works_with_the_least_it_needs(store: Store, tmp_path: Path) -> None:
    """The owner makes the tables; the daemon starts, takes a scan in and stops, and may change no table and no past."""
    store.grant()
    owner = Database(store.url.set(username=store.owner).render_as_string(hide_password=False))
    try:
        await schema.migrate(owner)
    finally:
        await owner.aclose()
    store.grant()
    config = tmp_path / "syncd.toml"
    worker = store.url.set(username=store.worker, password=None)
    config.write_text(TOML.format(url=worker.render_as_string()), encoding="utf-8")
    environ = {}
    if store.url.password is not None:
        environ["STORE_PASSWORD"] = str(store.url.password)
        config.write_text(config.read_text(encoding="utf-8") + 'password_env = "STORE_PASSWORD"\n', encoding="utf-8")
    with manager(tmp_path) as systemd:
        app = App(load_config(config, environ), SystemClock(), {"NOTIFY_SOCKET": systemd.address})
        running = asyncio.create_task(app.run())
        try:
            status = (await asyncio.to_thread(systemd.until, "READY"))["STATUS"]
            await app.writer.write(mention([(Sku("GLOVE-X"), "Gloves")]))
            await receive_three(status.split(",")[0].removeprefix("serving "))
        finally:
            app.stop()
            await running
    with store.connect(store.worker) as conn:
        for forbidden in (
            "UPDATE movement SET quantity = 1",
            "DELETE FROM movement",
            "UPDATE alembic_version SET version_num = '0'",
            "DROP TABLE balance",
            "ALTER TABLE balance ADD COLUMN x int",
            "CREATE TABLE x (y int)",
            "CREATE ROLE x",
            "CREATE TEMP TABLE x (y int)",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                conn.execute(forbidden.encode())
