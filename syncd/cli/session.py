"""One command's work on the store: configuration, database and writer opened, used, and given back.

Commands write through the same door as the daemon, which may run beside them: SQLite makes each wait for the other.
"""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rapidfuzz import process
from sqlalchemy.exc import DBAPIError

from syncd.availability.ats import Policies
from syncd.clock import Clock, SystemClock
from syncd.config.load import load_config
from syncd.config.sections import ChannelConfig, Config
from syncd.db import Database
from syncd.errors import OperatorError
from syncd.identity import ChannelName, ListingKey, Sku
from syncd.identity import sku as parse_sku
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, Outcome
from syncd.listing.listing import Listing
from syncd.listing.store import read_listings
from syncd.migrations import schema
from syncd.product.product import Coded
from syncd.product.store import read_code, read_products
from syncd.scanner.service import ScanDesk
from syncd.steering import open_database as open_store
from syncd.steering import policies_of

T = TypeVar("T")

LIKENESS_MIN = 60.0
"""Below this likeness (0 to 100) a known name is not offered as what may have been meant."""


NAMED_MAX = 5
"""So many known names are told all, where none is near what was typed."""


@dataclass(frozen=True)
class Session:
    """What a command works with. `actor` is who typed it, as it stands in the log of movements."""

    config: Config
    db: Database
    writer: Writer
    clock: Clock
    actor: str

    @property
    def policies(self) -> Policies:
        """What targets depend on besides stock."""
        return policies_of(self.config)

    def channel(self, name: str) -> ChannelConfig:
        """A configured channel. Raises OperatorError with the nearest name."""
        found = self.config.channels.get(ChannelName(name))
        if found is None:
            raise unknown("channel", name, self.config.channels)
        return found

    def desk(self) -> ScanDesk:
        """The door scanners use."""
        return ScanDesk(self.db, self.writer, self.clock, self.config.locations)

    def location(self, text: str | None) -> str:
        """A place of ours; the first one where none is named. Raises OperatorError with the nearest one."""
        problem = None if text is None else self.config.locations.problem(text)
        if problem is not None:
            raise OperatorError(problem)
        return text or self.config.locations.default

    async def sku(self, text: str) -> Sku:
        """A SKU we know, by itself or by one of its barcodes. Raises OperatorError with the nearest one."""
        return (await self.coded(text)).sku

    async def coded(self, text: str) -> Coded:
        """What a SKU or a barcode means. Raises OperatorError with the nearest SKU."""
        wanted = parsed(parse_sku, text)
        async with self.db.read() as conn:
            found = await read_code(conn, wanted)
            if found is not None:
                return found
            known = await read_products(conn)
        fault = unknown("SKU", text, known)
        raise OperatorError(f"{fault.message}; a new one is added with: syncd product add {wanted} --title TITLE")

    async def listing(self, text: str) -> Listing:
        """A listing we know. Raises OperatorError with the nearest one."""
        key = parsed(ListingKey.parse, text)
        async with self.db.read() as conn:
            found = await read_listings(conn, keys=[key])
            if key in found:
                return found[key]
            known = await read_listings(conn)
        raise unknown("listing", text, map(str, known))

    async def submit(self, command: Command[T]) -> Outcome[T]:
        """Write through the ledger's door."""
        return await self.writer.submit(command)


def parsed(parse: Callable[[str], T], text: str) -> T:
    """The text as what it should be; its complaint is told to the person."""
    try:
        return parse(text)
    except ValueError as error:
        raise OperatorError(str(error)) from None


def unknown(what: str, name: str, known: Iterable[str]) -> OperatorError:
    """That there is no such thing, with the nearest that there is, or with all where these are few."""
    names = sorted(known)
    near = process.extractOne(name, names, score_cutoff=LIKENESS_MIN)
    few = f"; known: {', '.join(names)}" if 0 < len(names) <= NAMED_MAX else ""
    hint = f"; did you mean {near[0]}?" if near else few
    return OperatorError(f"there is no {what} {name}{hint}")


def open_config(path: Path, *, may_be_sealed: bool = False) -> Config:
    """The configuration, with the secrets of this environment; those of channels may be absent if it `may_be_sealed`.

    So `stock show` works for whoever may read the store, and needs no channel's credentials.
    """
    return load_config(path, os.environ, may_be_sealed=may_be_sealed)


def open_database(config: Config) -> Database:
    """The configured store, its tables not yet looked at. Raises OperatorError where there is none."""
    file = config.database.sqlite_path
    if file is not None and not file.is_file():
        raise OperatorError(f"there is no database at {file} yet; type: syncd migrate")
    return open_store(config)


@asynccontextmanager
async def checked_database(config: Config) -> AsyncIterator[Database]:
    """The store, its tables of this version; closed at the end. Raises OperatorError where it cannot be worked with."""
    db = open_database(config)
    try:
        with plainly():
            await schema.check(db)
            yield db
    finally:
        await db.aclose()


@contextmanager
def plainly() -> Iterator[None]:
    """What the database complains of is told to the person as one sentence."""
    try:
        yield
    except DBAPIError as fault:
        raise OperatorError(f"the database does not answer as it should: {fault.orig}") from fault


def actor() -> str:
    """Who is at the keyboard."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"


def in_session(path: Path, work: Callable[[Session], Awaitable[T]]) -> T:
    """Open everything, do the work, give everything back. Raises what the work raises."""
    return complete(_in_session(open_config(path, may_be_sealed=True), work))


async def _in_session(config: Config, work: Callable[[Session], Awaitable[T]]) -> T:
    clock = SystemClock()
    async with checked_database(config) as db:
        writer = Writer(db, clock)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(writer.run(), name="writer")
            try:
                return await work(Session(config, db, writer, clock, actor()))
            finally:
                await writer.stop()


def complete(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end; a single fault comes out as itself and not wrapped in a group."""
    with plainly():
        try:
            return asyncio.run(work)
        except BaseExceptionGroup as group:
            fault: BaseException = group
            while isinstance(fault, BaseExceptionGroup) and len(fault.exceptions) == 1:
                fault = fault.exceptions[0]
            raise fault from None
