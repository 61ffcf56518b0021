"""Brings the tables to this version, forward only, and refuses to work on any other."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from syncd.db import Database
from syncd.errors import OperatorError

FOLDER = Path(__file__).parent


def _alembic(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


def head() -> str:
    """The version of the tables this program works with."""
    version = ScriptDirectory.from_config(_alembic()).get_current_head()
    if version is None:
        raise OperatorError("this installation carries no migrations: install syncd again")
    return version


async def current(db: Database) -> str | None:
    """The version of the tables in the store; None for an empty store."""
    async with db.read() as conn:
        return await conn.run_sync(lambda c: MigrationContext.configure(c).get_current_revision())


async def migrate(db: Database) -> str:
    """Bring the tables to this version and return it. A newer store is refused: there is no way back."""
    await _refuse_newer(db)
    await db.transact(lambda conn: command.upgrade(_alembic(conn), "head"))
    return head()


async def check(db: Database) -> None:
    """Raise OperatorError, with the command to type, unless the tables are of this version."""
    version = await current(db)
    if version == head():
        return
    await _refuse_newer(db)
    what = "has no tables yet" if version is None else f"is of version {version}, this program needs {head()}"
    raise OperatorError(f"the database {what}; type: syncd migrate")


async def _refuse_newer(db: Database) -> None:
    version = await current(db)
    known = {script.revision for script in ScriptDirectory.from_config(_alembic()).walk_revisions()}
    if version is not None and version not in known:
        raise OperatorError(
            f"the database is of version {version}, which this program ({head()}) does not know; "
            "install the newer syncd"
        )
