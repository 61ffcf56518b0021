"""Copies the store while it is in use, and puts a copy in its place.

A copy grows under another name, is written through to the disk, and gets its own name only when it is whole: a file of
that name is a backup, whatever happened meanwhile. SQLite is copied page by page through its own backup interface, and
PostgreSQL by its own programs, which must be there.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy.engine import URL

from syncd.errors import OperatorError

PAGES_AT_ONCE = 2_000
"""Pages of SQLite copied before others may write again: some 8 MB."""

DUMP_SECONDS_MAX = 6 * 3600
"""Longest a dump of PostgreSQL may take."""

TAIL = 600
"""How much of another program's complaint is repeated."""


def copy_sqlite(store: Path, copy: Path, told: Callable[[float], object] = lambda share: None) -> None:
    """Copy a SQLite file that may be in use; `told` hears which share is done. Raises OperatorError."""
    part = copy.with_name(f".{copy.name}.part")
    try:
        with closing(sqlite3.connect(store)) as source, closing(sqlite3.connect(part)) as target:
            source.backup(target, pages=PAGES_AT_ONCE, progress=lambda _s, left, all_: told(1 - left / max(1, all_)))
            target.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
        _keep(part, copy)
    except (sqlite3.Error, OSError) as fault:
        raise OperatorError(f"the backup could not be written to {copy.parent}: {fault}") from None
    finally:
        part.unlink(missing_ok=True)


def dump_postgresql(url: URL, copy: Path) -> None:
    """Dump a PostgreSQL database, one consistent state of it, while it is in use. Raises OperatorError."""
    part = copy.with_name(f".{copy.name}.part")
    try:
        _run("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={part}")
        _keep(part, copy)
    except OSError as fault:
        raise OperatorError(f"the backup could not be written to {copy.parent}: {fault}") from None
    finally:
        part.unlink(missing_ok=True)


def load_postgresql(url: URL, copy: Path) -> None:
    """Fill an empty database from a dump, all of it or nothing. Raises OperatorError."""
    _run("pg_restore", url, "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", str(copy))


def replace_sqlite(store: Path, copy: Path, aside: Path) -> None:
    """Put a copy in the place of a store that nobody uses; the old one is kept `aside` with all it had not yet put in
    its place. Raises OperatorError.
    """
    part = store.with_name(f".{store.name}.part")
    try:
        shutil.copyfile(copy, part)
        if store.exists():
            with closing(sqlite3.connect(store)) as old:
                old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            store.rename(aside)
            for further in ("-wal", "-shm"):
                store.with_name(store.name + further).unlink(missing_ok=True)
        _keep(part, store)
    except (sqlite3.Error, OSError) as fault:
        raise OperatorError(f"{copy} could not be put in the place of {store}: {fault}") from None
    finally:
        part.unlink(missing_ok=True)


def _keep(part: Path, whole: Path) -> None:
    """Write a file through to the disk, then give it its name, and that as well."""
    for path in (part, None):
        if path is None:
            part.rename(whole)
        number = os.open(path or whole.parent, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _run(program: str, url: URL, *words: str) -> None:
    """Run a program of PostgreSQL on a database; its password goes by the environment, never by the command line."""
    path = shutil.which(program)
    if path is None:
        raise OperatorError(
            f"{program} is not on the PATH: install PostgreSQL's client programs of the server's version or newer "
            "(Debian: postgresql-client), or back up by the server's own means"
        )
    plain = url.set(drivername="postgresql", password=None)
    command = [path, *words, f"--dbname={plain.render_as_string(hide_password=False)}"]
    done = subprocess.run(  # noqa: S603  a program of the system with words of ours
        command, env=_environment(url, os.environ), capture_output=True, timeout=DUMP_SECONDS_MAX, check=False
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()[-TAIL:]
        raise OperatorError(f"{program} failed: {said}")


def _environment(url: URL, environ: Mapping[str, str]) -> dict[str, str]:
    kept = dict(environ)
    if url.password is not None:
        kept["PGPASSWORD"] = str(url.password)
    return kept


def remove(folder: Path, names: list[str]) -> None:
    """Delete old backups."""
    for name in names:
        with suppress(FileNotFoundError):
            (folder / name).unlink()
