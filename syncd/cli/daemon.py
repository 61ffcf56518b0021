"""Commands that make the store ready and run the daemon: migrate, run, version."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path

import typer

from syncd.cli.options import Common, ConfigFile, command
from syncd.cli.screen import answer, complain, data, say
from syncd.cli.session import checked_database, complete, open_config
from syncd.clock import SystemClock
from syncd.config.sections import Config
from syncd.daemon import Daemon
from syncd.errors import OperatorError
from syncd.migrations import schema
from syncd.steering import open_database as open_store
from syncd.telemetry import Event, log

EXIT_INTERRUPTED = 130


SWITCH_SECONDS = 0.0005
"""How long a thread that asks for its turn to run Python waits at most. A transaction is some ten statements, each of
which lets go of that turn; by Python's own 5 ms a busy event loop would hold up every commit for 50 ms.
"""


def register(app: typer.Typer) -> None:
    """Add these commands."""
    command(app, "migrate")(migrate)
    command(app, "run")(run)
    command(app, "version")(version)


def migrate(common: Common) -> None:
    """Bring the database to the version this program needs; makes the file if there is none.

    JSON: {"database", "before", "version", "changed"}
    """
    config = open_config(common.path, may_be_sealed=True)
    before, now = complete(_migrate(config))
    shown = shown_url(config)
    if common.as_json:
        data({"database": shown, "before": before, "version": now, "changed": before != now})
    elif before == now:
        answer(f"The database is of version {now} already.")
        say(shown)
    else:
        answer(f"The database is now of version {now}.", "green")
        say(f"{shown} (before: {before or 'empty'})")


async def _migrate(config: Config) -> tuple[str | None, str]:
    try:
        db = open_store(config)
    except OSError as fault:
        raise OperatorError(f"the database cannot be made at {config.database.url}: {fault.strerror}") from None
    try:
        before = await schema.current(db)
        now = await schema.migrate(db)
        log(Event.DATABASE_MIGRATED, version=now)
        return before, now
    finally:
        await db.aclose()


def shown_url(config: Config) -> str:
    """The store as a person may see it: a URL never holds its password."""
    file = config.database.sqlite_path
    return config.database.url if file is None else str(file)


def run(config_file: ConfigFile) -> None:
    """Run the daemon until SIGTERM or Ctrl-C; a second Ctrl-C ends it at once, and nothing committed is lost.

    SIGHUP has it read syncd.toml again: everything but the address it listens on; a wrong file changes nothing.
    """
    path = config_file.path
    complete(_run(open_config(path), path))


async def _run(config: Config, path: Path) -> None:
    async with checked_database(config):
        pass
    daemon = Daemon(config, lambda: open_config(path), SystemClock(), os.environ)
    sys.setswitchinterval(SWITCH_SECONDS)
    loop = asyncio.get_running_loop()
    interrupted = False
    reloads: set[asyncio.Task[None]] = set()

    def interrupt() -> None:
        nonlocal interrupted
        if interrupted:
            complain("Ended at once; what was committed is kept, and the rest is taken up at the next start.")
            os._exit(EXIT_INTERRUPTED)
        interrupted = True
        daemon.stop()

    def reload() -> None:
        if not reloads:  # one at a time; whoever asks meanwhile asks for the same
            task = asyncio.create_task(daemon.reload(), name="reload")
            reloads.add(task)
            task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGTERM, daemon.stop)
    loop.add_signal_handler(signal.SIGINT, interrupt)
    loop.add_signal_handler(signal.SIGHUP, reload)
    await daemon.run()


def version(common: Common) -> None:
    """Say which syncd this is and which tables it needs.

    JSON: {"version", "tables"}
    """
    tables, number = schema.head(), installed_number()
    if common.as_json:
        data({"version": number, "tables": tables})
    else:
        answer(f"syncd {number}")
        say(f"tables of version {tables}")


def installed_number() -> str:
    """The version that is installed."""
    try:
        return installed_version("syncd")
    except PackageNotFoundError:
        return "(not installed: run from its source folder)"
