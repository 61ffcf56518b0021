"""Commands for bad days and the nights before them: backup, restore, recover."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from syncd.app import build_rooms
from syncd.attention.question import Topic
from syncd.attention.store import close
from syncd.backup.backup import POSTGRESQL, SQLITE, made_at, name_at, superfluous
from syncd.backup.service import copy_sqlite, dump_postgresql, load_postgresql, remove, replace_sqlite
from syncd.cli.options import Common, command
from syncd.cli.screen import BAD, GOOD, answer, counted, data, fail, say, table, waiting
from syncd.cli.session import Session, checked_database, complete, in_session, open_config
from syncd.clock import SystemClock
from syncd.config.sections import Config
from syncd.db import Database
from syncd.doctor.checks import Finding, examine
from syncd.doctor.store import Examined, read_snapshot
from syncd.errors import OperatorError
from syncd.identity import ChannelName
from syncd.lease.service_node import alone_on
from syncd.ledger.service import Writer
from syncd.migrations import schema
from syncd.push.store import read_hold, release_channel
from syncd.recovery.recovery import RESTORED, Caught
from syncd.recovery.service import RecoveryService
from syncd.recovery.store import distrust
from syncd.steering import policies_of
from syncd.telemetry import Event, log

KEPT = 14


def register(app: typer.Typer) -> None:
    """Add these commands."""
    command(app, "backup")(backup)
    command(app, "restore")(restore)
    command(app, "recover")(recover)


Folder = Annotated[Path | None, typer.Option("--to", help="Folder for it; [daemon] state_dir/backups when not given.")]


def backup(
    common: Common,
    to: Folder = None,
    keep: Annotated[int, typer.Option("--keep", min=1, help="How many backups stay in the folder.")] = KEPT,
) -> None:
    """Copy the store while it is in use, check the copy with the doctor, and keep the newest few.

    PostgreSQL is copied by pg_dump and checked in a database of its own beside it, which the role must be allowed to
    make. Exit code 1 if the copy is not sound: it is kept all the same.

    JSON: {"file", "bytes", "verified", "findings": ["…"], "removed": ["…"]}
    """
    config = open_config(common.path, may_be_sealed=True)
    folder = to or _state_folder(config) / "backups"
    with waiting("copying the store and checking the copy"):
        file, findings = complete(_backup(config, folder))
    removed = superfluous([one.name for one in folder.iterdir()], keep) if not findings else []
    remove(folder, removed)
    if common.as_json:
        told = {"file": file, "bytes": file.stat().st_size, "verified": not findings}
        data({**told, "findings": [one.sentence for one in findings], "removed": removed})
    elif findings:
        answer(f"{file} was written, and does not hold: {counted(len(findings), 'finding')}.", BAD)
        table(["About", "What does not hold", "Type"], [(one.subject, one.sentence, one.repair) for one in findings])
        say("No older backup was removed.")
    else:
        answer(f"{file} was written and checked.", GOOD)
        if removed:
            say(f"{counted(len(removed), 'older backup')} removed; {keep} are kept.")
    if findings:
        fail()


def _state_folder(config: Config) -> Path:
    return config.path.parent / config.daemon.state_dir


def _names_in(folder: Path) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    return [one.name for one in folder.iterdir()]


async def _backup(config: Config, folder: Path) -> tuple[Path, list[Finding]]:
    source = config.database.sqlite_path
    suffix = POSTGRESQL if source is None else SQLITE
    file = folder / name_at(SystemClock().now(), suffix, await asyncio.to_thread(_names_in, folder))
    async with checked_database(config) as db:
        if source is None:
            await asyncio.to_thread(dump_postgresql, db.url, file)
        else:
            await asyncio.to_thread(copy_sqlite, source, file)
        findings = await _examined(config, db, file)
    log(Event.BACKUP_MADE, file=file.name, findings=len(findings))
    return file, findings


async def _examined(config: Config, db: Database, file: Path) -> list[Finding]:
    """What the doctor finds in a copy; one of PostgreSQL is filled into a database of its own for it."""
    if config.database.sqlite_path is not None:
        return await _look_at(config, file)
    name = f"syncd_look_{uuid4().hex[:12]}"
    async with db.each_alone() as conn:
        try:
            await conn.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
        except DBAPIError as fault:
            raise OperatorError(
                f"{file} was written but could not be checked: the role may not make databases; "
                "let it (ALTER ROLE … CREATEDB), or restore the file elsewhere and type: syncd doctor"
            ) from fault
        try:
            url = db.url.set(database=name)
            await asyncio.to_thread(load_postgresql, url, file)
            return await _doctor(config, Database(url.render_as_string(hide_password=False)))
        finally:
            await conn.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


async def _look_at(config: Config, file: Path) -> list[Finding]:
    """What the doctor finds in a SQLite copy: in a copy of that, because looking leaves traces."""
    look = file.with_name(f".{file.name}.look")
    await asyncio.to_thread(copy_sqlite, file, look)
    try:
        return await _doctor(config, Database(f"sqlite:///{look}"))
    finally:
        for trace in look.parent.glob(f"{look.name}*"):
            trace.unlink(missing_ok=True)


async def _doctor(config: Config, db: Database) -> list[Finding]:
    live = frozenset(name for name, channel in config.channels.items() if channel.options.mode == "live")
    try:
        await schema.check(db)
        examined = Examined(policies_of(config), live, config.locations)
        return examine(await read_snapshot(db, examined, SystemClock().now()))
    finally:
        await db.aclose()


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False)],
    common: Common,
) -> None:
    """Put a backup in the place of the store. The daemon must not run; the old SQLite file is kept beside it.

    PostgreSQL is filled only where it is empty. Afterwards every channel is held, because the backup does not know
    what was sold since: type syncd recover.

    JSON: {"restored", "made_at", "aside", "held": ["CHANNEL"]}
    """
    config = open_config(common.path, may_be_sealed=True)
    with waiting("checking the backup and putting it in place"):
        aside, held = complete(_restore(config, file))
    at = made_at(file.name)
    if common.as_json:
        data({"restored": file, "made_at": at, "aside": aside, "held": held})
        return
    answer(f"{file.name} is in place; {counted(len(held), 'channel')} held until: syncd recover", GOOD)
    if aside:
        say(f"What was there before is kept as {aside}.")
    say("Scans since the backup are not in the books: send again what scanners kept, and count what is scarce.")


async def _restore(config: Config, file: Path) -> tuple[Path | None, list[ChannelName]]:
    store, aside = config.database.sqlite_path, None
    now = SystemClock().now()
    if store is not None:
        findings = await _look_at(config, file)
        if findings:
            raise OperatorError(f"{file} is not sound, nothing was changed", [one.sentence for one in findings])
        with alone_on(store):
            kept = store.with_name(f"{store.name}.before-{now:%Y%m%dT%H%M%SZ}")
            aside = kept if store.exists() else None
            await asyncio.to_thread(replace_sqlite, store, file, kept)
    else:
        await _fill(config, file)
    live = [name for name, channel in config.channels.items() if channel.options.mode == "live"]
    async with checked_database(config) as db:
        await _write(db, distrust(live, now))
    log(Event.BACKUP_RESTORED, file=file.name)
    return aside, live


async def _fill(config: Config, file: Path) -> None:
    password = config.database.password
    db = Database(config.database.url, password.get_secret_value() if password else None)
    try:
        if await schema.current(db) is not None:
            raise OperatorError(
                "the database is not empty, nothing was changed; make an empty one, name it in [database] url, and "
                "restore into that"
            )
        await asyncio.to_thread(load_postgresql, db.url, file)
    finally:
        await db.aclose()


async def _write(db: Database, writes: list[Any]) -> None:
    writer = Writer(db, SystemClock())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(writer.run())
        try:
            await writer.write(*writes)
        finally:
            await writer.stop()


def recover(
    common: Common,
    yes: Annotated[bool, typer.Option("--yes", help="Release without asking, where everything was found.")] = False,
) -> None:
    """After an old backup: hold every push, take in what was sold since, show it, and release the channels.

    Reads the orders up to now and then every listing with its sold counter; pushes nothing. Refunds, letters and orders
    to suppliers that waited in the backup are looked for before they are sent. Exit code 1 if a channel stays held.

    JSON: {"channels": [{"channel", "orders", "in_flight", "short", "listings", "fault", "released"}],
    "findings": ["…"]}
    """
    found, findings = in_session(common.path, _catch_up)
    ready = [one.channel for one in found if one.is_done] if not findings else []
    if not common.as_json:
        _show(found, findings)
    if ready and (yes or (not common.as_json and typer.confirm("Release them now?"))):
        in_session(common.path, lambda session: _release(session, ready))
    else:
        ready = []
    if common.as_json:
        data({"channels": [_shape(one, ready) for one in found], "findings": [one.sentence for one in findings]})
    elif ready:
        answer(f"{', '.join(ready)}: pushes go on.", GOOD)
    else:
        say("Nothing was released; come back with: syncd recover", BAD)
    if len(ready) < len(found):
        fail()


async def _catch_up(session: Session) -> tuple[list[Caught], list[Finding]]:
    config = session.config
    for name, channel in config.channels.items():
        if channel.settings is None:
            raise OperatorError(f"{name} cannot be reached: its secrets are not here", channel.sealed)
    rooms = build_rooms(config, session.db, session.writer, session.clock)
    found: list[Caught] = []
    try:
        live = [name for name, channel in config.channels.items() if channel.options.mode == "live"]
        services = {
            name: RecoveryService(
                session.db, session.writer, rooms.intakes[name], rooms.sweeps[name], clock=session.clock
            )
            for name in live
        }
        for service in services.values():
            await service.hold()
        for name, service in services.items():
            with waiting(f"{name}: taking in what was sold since"):
                found.append(await service.catch_up(config.channels[name].capabilities.order_lag_seconds))
    finally:
        for line in rooms.lines.values():
            await line.channel.aclose()
        for supplier in rooms.suppliers.values():
            await supplier.aclose()
    examined = Examined(session.policies, frozenset(live), config.locations)
    return found, examine(await read_snapshot(session.db, examined, session.clock.now()))


async def _release(session: Session, names: list[ChannelName]) -> None:
    now = session.clock.now()
    for name in names:
        async with session.db.read() as conn:
            hold = await read_hold(conn, name)
        if hold is not None and hold.reason == RESTORED:
            await session.writer.write(release_channel(name, now), close(Topic.BRAKE, name, now))


def _shape(one: Caught, released: list[ChannelName]) -> Mapping[str, Any]:
    counts = {"orders": one.orders, "in_flight": one.in_flight, "short": one.short, "listings": one.listings}
    return {"channel": one.channel, **counts, "fault": one.fault, "released": one.channel in released}


def _show(found: list[Caught], findings: list[Finding]) -> None:
    done = [one for one in found if one.is_done]
    colour = GOOD if len(done) == len(found) and not findings else BAD
    answer(f"{counted(sum(one.orders for one in found), 'order')} came in that the backup did not know.", colour)
    heads = ["Channel", "Known until", ">Orders", ">In flight", ">Short", ">Listings", "State"]
    table(
        heads,
        [
            (
                one.channel,
                _written(one.before.known_until),
                one.orders,
                one.in_flight,
                one.short,
                one.listings,
                one.fault or "caught up",
            )
            for one in found
        ],
    )
    if findings:
        table(["About", "What does not hold", "Type"], [(one.subject, one.sentence, one.repair) for one in findings])
    say("Numbers go out by the usual rules: each listing is read before it is raised, and the brake stands.")


def _written(moment: datetime | None) -> str:
    return "–" if moment is None else f"{moment:%Y-%m-%d %H:%M}"
