"""Commands about syncd.toml itself: init writes one, check says whether it can be worked with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from syncd.cli.daemon import shown_url
from syncd.cli.options import Common, command
from syncd.cli.screen import BAD, GOOD, LOOK, answer, data, fail, say, table, verbatim, waiting
from syncd.cli.session import checked_database, complete, open_config
from syncd.cli.starter import starter_text
from syncd.clock import Clock, SystemClock
from syncd.config.sections import ChannelConfig, Config, SupplierConfig
from syncd.errors import ConfigError, OperatorError, RemoteError
from syncd.migrations import schema


@dataclass(frozen=True)
class Standing:
    """How one thing that the daemon needs stands."""

    what: str
    name: str
    ok: bool
    sentence: str


def register(app: typer.Typer) -> None:
    """Add these commands."""
    command(app, "init")(init)
    command(app, "check")(check)


def init(common: Common) -> None:
    """Write a commented syncd.toml to start from, here or at -c FILE. A file that is there is left alone.

    JSON: {"path", "written"}
    """
    path = common.path
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(starter_text())
    except FileExistsError:
        raise OperatorError(
            f"{path} is there already and was left as it is; see what is in it with: syncd check"
        ) from None
    except OSError as fault:
        raise OperatorError(f"{path} cannot be written: {(fault.strerror or 'unknown reason').lower()}") from None
    if common.as_json:
        data({"path": path, "written": True})
        return
    where = "" if path == Path("syncd.toml") else f" -c {path}"
    answer(f"Wrote {path}.", GOOD)
    say("Next: take the '#' from the channels and suppliers you have, and give their secrets; then type")
    verbatim(
        f"  syncd check{where}      is it right, and does everything answer?\n"
        f"  syncd migrate{where}    make the database\n"
        f'  syncd run{where}        start; new channels only watch until you write mode = "live"'
    )


def check(
    common: Common,
    offline: Annotated[bool, typer.Option("--offline", help="Do not call channels and suppliers.")] = False,
) -> None:
    """Say everything that is wrong with syncd.toml, then whether database, channels and suppliers answer.

    JSON: {"ok", "problems", "config", "standings": [{"what", "name", "ok", "sentence"}]}; of secrets only whether
    they are set.
    """
    try:
        config = open_config(common.path)
    except ConfigError as fault:
        if not common.as_json:
            raise
        data({"ok": False, "problems": list(fault.problems), "config": None, "standings": []})
        raise typer.Exit(3) from fault
    with waiting("asking everybody"):
        standings = complete(_standings(config, SystemClock(), offline=offline))
    ok = all(one.ok for one in standings)
    if common.as_json:
        told = [{"what": s.what, "name": s.name, "ok": s.ok, "sentence": s.sentence} for s in standings]
        data({"ok": ok, "problems": [], "config": config.redacted(), "standings": told})
    else:
        _show(common.path, standings, ok=ok)
    if not ok:
        fail()


def _show(path: Path, standings: list[Standing], *, ok: bool) -> None:
    wrong = sum(1 for one in standings if not one.ok)
    answer(
        "syncd.toml is right, and everything asked answers." if ok else f"syncd.toml is right; {wrong} not ready.",
        GOOD if ok else BAD,
    )
    say(str(path.absolute()))
    table(
        ["", "What", "Name", "How it stands"], [("ok" if s.ok else "NO", s.what, s.name, s.sentence) for s in standings]
    )
    if not any(one.what == "channel" for one in standings):
        say("No channel is configured: nothing would be sold. Take the '#' from one in the file.", LOOK)


async def _standings(config: Config, clock: Clock, *, offline: bool) -> list[Standing]:
    asked: list[Awaitable[Standing]] = [_database(config)]
    asked += [_channel(channel, clock, offline=offline) for channel in config.channels.values()]
    asked += [_supplier(supplier, clock, offline=offline) for supplier in config.suppliers.values()]
    return list(await asyncio.gather(*asked))


async def _database(config: Config) -> Standing:
    try:
        async with checked_database(config):
            return Standing("database", shown_url(config), ok=True, sentence=f"version {schema.head()}")
    except OperatorError as fault:
        return Standing("database", shown_url(config), ok=False, sentence=str(fault))


async def _channel(channel: ChannelConfig, clock: Clock, *, offline: bool) -> Standing:
    live = channel.connect(clock)
    said = f"{channel.connector.name}, {channel.options.mode}"
    return await _asked(
        Standing("channel", channel.name, ok=True, sentence=said), live.check, live.aclose, offline=offline
    )


async def _supplier(supplier: SupplierConfig, clock: Clock, *, offline: bool) -> Standing:
    live = supplier.connect(clock)
    said = Standing("supplier", supplier.name, ok=True, sentence=supplier.connector.name)
    return await _asked(said, live.check, live.aclose, offline=offline)


async def _asked(
    said: Standing, ask: Callable[[], Awaitable[None]], aclose: Callable[[], Awaitable[None]], *, offline: bool
) -> Standing:
    try:
        if not offline:
            await ask()
    except RemoteError as fault:
        return Standing(said.what, said.name, ok=False, sentence=str(fault))
    finally:
        await aclose()
    return Standing(said.what, said.name, ok=True, sentence=f"{said.sentence}, {'not asked' if offline else 'answers'}")
