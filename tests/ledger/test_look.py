"""Reads that commands of one transaction share: asked once for all, and never older than what a command must see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, literal_column, select, text, update

from syncd.db import upsert
from syncd.identity import Sku
from syncd.ledger.store import Command, Outcome, Plan, View, Write, in_runs, movement
from syncd.ledger.store_look import Shared
from syncd.prepared import Prepared, among
from syncd.product.product import Product
from syncd.product.store import barcode, product, save
from tests.support.store import GLOVES, KIT, Store, opened_store, receipt

BY_SKU = Shared(
    Prepared(select(product).where(among(product.c.sku, name="keys")).order_by(product.c.title)),
    ("sku",),
    {"product": ("sku",)},
)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """A new store."""
    async with opened_store(store_url) as opened:
        yield opened


def named(sku: str, title: str) -> Write:
    """A product's new title."""
    return save([Product(Sku(sku), title)])[0]


def reading(sku: str, *writes: Write) -> Command[list[str]]:
    """A command that reads a product's title and then writes."""

    def decide(view: View) -> Plan[list[str]]:
        return Plan([row["title"] for row in view.rows[0]], writes=writes)

    return Command(decide, reads=(BY_SKU.of((sku,)),))


async def together(store: Store, *commands: Command[list[str]]) -> list[list[str] | None]:
    """What each reads, all in one transaction: they gather while the writer is held."""
    holding, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold(_view: View) -> Plan[None]:
        loop.call_soon_threadsafe(holding.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()
        return Plan(None)

    first = asyncio.create_task(store.writer.submit(Command(hold)))
    await holding.wait()
    tasks = [asyncio.create_task(store.writer.submit(one)) for one in commands]
    await asyncio.sleep(0)
    go_on.set()
    await first
    outcomes: list[Outcome[list[str]]] = await asyncio.gather(*tasks)
    return [one.value for one in outcomes]


@asynccontextmanager
async def statements(store: Store) -> AsyncIterator[list[str]]:
    """What SQLite is asked by the writer meanwhile."""
    said: list[str] = []

    def trace(conn: Connection, listener: object) -> None:
        driver = conn.connection.driver_connection
        assert driver is not None
        driver.set_trace_callback(listener)

    await store.db.transact(lambda conn: trace(conn, said.append))
    yield said
    await store.db.transact(lambda conn: trace(conn, None))


async def test_many_commands_ask_once(tmp_path: Path) -> None:
    """Forty commands that read and write share one SELECT and one statement for each table; SQLite counts them."""
    async with opened_store(f"sqlite:///{tmp_path / 'counted.db'}") as store:
        await _ask_once(store)


async def _ask_once(store: Store) -> None:
    skus = [f"SKU-{number:02d}" for number in range(40)]
    await store.writer.write(*(named(sku, sku.lower()) for sku in skus))
    commands = []
    for sku in skus:
        code = Write(upsert(barcode, ("code",), ("sku",)), {"code": f"code {sku}", "sku": sku, "units": 1})
        commands.append(reading(sku, named(sku, "new"), code))
    async with statements(store) as said:
        assert await together(store, *commands) == [[sku.lower()] for sku in skus]
    selects = [one for one in said if one.startswith("SELECT product")]
    assert len(selects) == 1
    written = [one.split()[2] for one in said if one.startswith("INSERT INTO")]
    assert written == ["product"] * 40 + ["barcode"] * 40  # each table's rows side by side, by one call of the driver


async def test_a_command_sees_what_those_before_it_wrote(store: Store) -> None:
    """The row of its own key, whoever wrote it in the same transaction; other rows are not asked for again."""
    await store.writer.write(named(GLOVES, "old"), named(KIT, "kit"))
    seen = await together(
        store,
        reading(GLOVES, named(GLOVES, "first")),
        reading(KIT),
        reading(GLOVES, named(GLOVES, "second")),
        reading(GLOVES),
        reading("nowhere", named("nowhere", "here")),
        reading("nowhere"),
    )
    assert seen == [["old"], ["kit"], ["first"], ["second"], [], ["here"]]


async def test_a_write_that_does_not_say_which_row_makes_every_read_look_again(store: Store) -> None:
    """A statement of its own may have changed any row of its table."""
    await store.writer.write(named(GLOVES, "old"), named(KIT, "kit"))
    all_renamed = Write(update(product).values(title="all"))
    assert await together(store, reading(GLOVES, all_renamed), reading(KIT)) == [["old"], ["all"]]


async def test_reads_follow_the_movements_of_those_before(store: Store) -> None:
    """What reads a table that movements write is asked again once a movement of its key is queued."""
    posted = Shared(
        Prepared(select(movement).where(among(movement.c.sku, name="keys"))), ("sku",), {"movement": ("sku",)}
    )

    def keys(view: View) -> Plan[list[str]]:
        return Plan([row["key"] for row in view.rows[0]])

    def arrive(_view: View) -> Plan[list[str]]:
        return Plan([], (receipt(1, key="a"),))

    read = Command(keys, reads=(posted.of((GLOVES,)),))
    assert await together(store, read, Command(arrive, ("a",), frozenset({GLOVES})), read) == [[], [], ["a"]]


def test_bulk_writes_of_one_table_come_together_and_keep_their_order() -> None:
    """Other statements stay where they are, and nothing passes them."""
    code = Write(upsert(barcode, ("code",), ("sku",)), {"code": "1", "sku": "a", "units": 1})
    plain = Write(update(product).values(category="garden"))
    one, two, three = named("a", "1"), named("b", "2"), named("a", "3")
    runs = list(in_runs([one, code, two, plain, three, code]))
    assert [(run[0] is plain.statement, [dict(row) for row in run[1]]) for run in runs] == [
        (False, [*one.rows, *two.rows]),
        (False, list(code.rows)),
        (True, []),
        (False, list(three.rows)),
        (False, list(code.rows)),
    ]


LAZY, PROMPT = True, False


@pytest.mark.parametrize(
    ("kinds", "waits"), [((LAZY, LAZY), False), ((LAZY, PROMPT, LAZY), True), ((PROMPT,), True), ((LAZY,), False)]
)
async def test_a_transaction_waits_for_the_disk_if_one_command_wants_it(
    store: Store, kinds: tuple[bool, ...], waits: bool
) -> None:
    """Lazy commands alone share a lazy commit; beside one that is not they are kept as well as it."""
    asked = literal_column("synchronous") if store.db.is_sqlite else func.current_setting("synchronous_commit")
    source = select(asked.label("mode"))
    if store.db.is_sqlite:
        source = source.select_from(text("pragma_synchronous"))

    def said(view: View) -> Plan[list[str]]:
        return Plan([str(view.rows[0][0]["mode"])])

    seen = await together(store, *(Command(said, reads=(source,), is_lazy=lazy) for lazy in kinds))
    assert seen == [["2" if store.db.is_sqlite else "on"] if waits else ["1" if store.db.is_sqlite else "off"]] * len(
        kinds
    )
