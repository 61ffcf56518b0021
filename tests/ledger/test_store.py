"""One transaction, many commands: each stands or falls alone, and sees what those before it did."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from syncd.errors import InvariantBroken
from syncd.identity import Sku
from syncd.ledger.movement import CUSTOMER, LOSS, SUPPLIER, Movement, part_key, reserved
from syncd.ledger.service import commit_batch
from syncd.ledger.store import (
    BalanceRow,
    Command,
    Outcome,
    Plan,
    Verdict,
    View,
    Write,
    clear_touched,
    mark_touched,
    movement,
    post,
    read_movements,
)
from syncd.product.store import mention, product, read_products
from tests.support.store import GLOVES, KIT, MAIN, Store, moved, opened_store, receipt

POSTED, DUPLICATE, CONFLICT, REFUSED = Verdict.POSTED, Verdict.DUPLICATE, Verdict.CONFLICT, Verdict.REFUSED
HELD = reserved("main")


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """A new store."""
    async with opened_store(store_url) as opened:
        yield opened


async def together(store: Store, *commands: Command[None]) -> list[Outcome[None]]:
    """Commands in one transaction, whatever the writer would have done."""
    outcomes, _ = await store.db.transact(lambda conn: commit_batch(conn, commands, store.clock.now()))
    return outcomes


def sale(units: int, key: str) -> Movement:
    """Units that leave the main shelf."""
    return moved(units, MAIN, CUSTOMER, key=key)


async def test_a_posted_movement_is_in_the_log_and_in_the_balances(store: Store) -> None:
    """What is posted can be read back as it was, with the moment it was recorded, and moves both accounts."""
    store.clock.step(90)
    one = replace(receipt(5, key="scan-1"), reference="delivery 7", actor="Anna")
    assert (await store.post(one)).verdict is POSTED
    async with store.db.read() as conn:
        recorded = await read_movements(conn)
    assert [(r.position, r.movement, r.recorded_at) for r in recorded] == [(1, one, store.clock.now())]
    assert (await store.balances()).by_sku == {GLOVES: {MAIN: 5, SUPPLIER: -5}}


async def test_the_log_is_read_in_order_by_sku_and_in_pages(store: Store) -> None:
    """Reading goes on after a position, up to a limit, optionally of one SKU."""
    await store.post(*(receipt(1, key=f"a{n}", sku=KIT if n % 2 else GLOVES) for n in range(6)))
    async with store.db.read() as conn:
        assert [r.movement.key for r in await read_movements(conn, after=2, limit=3)] == ["a2", "a3", "a4"]
        assert [r.movement.key for r in await read_movements(conn, sku=KIT)] == ["a1", "a3", "a5"]


async def test_a_command_of_one_transaction_sees_those_before_it(store: Store) -> None:
    """The second sale is refused because the first, not yet committed, took what there was."""
    outcomes = await together(store, post([receipt(3, key="a")]), post([sale(2, "b")]), post([sale(2, "c")]))
    assert [o.verdict for o in outcomes] == [POSTED, POSTED, REFUSED]
    assert outcomes[2].explanation == "GLOVES-X: main/available holds 1, 2 are wanted"
    assert await store.units() == 1


async def test_the_same_key_twice_in_one_transaction_is_posted_once(store: Store) -> None:
    """A repeat in the same transaction gets the verdict it would get in the next one."""
    outcomes = await together(
        store, post([receipt(3, key="a")]), post([receipt(3, key="a")]), post([receipt(4, key="a")])
    )
    assert [o.verdict for o in outcomes] == [POSTED, DUPLICATE, CONFLICT]
    assert await store.units() == 3


def parts(*units: int) -> Command[None]:
    """A command of several movements that names only the first one's key."""
    movements = tuple(receipt(n, key=part_key("scan-1", i)) for i, n in enumerate(units))
    return Command(lambda _view: Plan(None, movements), keys=("scan-1",), skus=frozenset({GLOVES}))


@pytest.mark.parametrize(
    ("again", "verdict"), [(parts(2, 3), DUPLICATE), (parts(2, 4), CONFLICT), (parts(2, 3, 1), CONFLICT)]
)
@pytest.mark.parametrize("same_transaction", [True, False])
async def test_further_movements_of_a_command_are_compared_too(
    store: Store, again: Command[None], verdict: Verdict, same_transaction: bool
) -> None:
    """Other content is a conflict also where only a further movement differs, in this transaction or a later one."""
    if same_transaction:
        outcomes = await together(store, parts(2, 3), again)
    else:
        outcomes = [*await together(store, parts(2, 3)), *await together(store, again)]
    assert [o.verdict for o in outcomes] == [POSTED, verdict]
    assert await store.units() == 5


async def test_reads_see_the_writes_of_earlier_commands(store: Store) -> None:
    """A command's reads run after everything earlier commands of the transaction write, movements included."""
    seen: list[int] = []

    def look(view: View) -> Plan[None]:
        seen.extend((len(view.rows[0]), len(view.rows[1]), view.balances.of(GLOVES, MAIN)))
        return Plan(None)

    write = Command(lambda _view: Plan(None, (receipt(4, key="a"),), (mention([(GLOVES, "Gloves")]),)), ("a",), LOCKED)
    await together(store, write, Command(look, skus=LOCKED, reads=(select(movement), select(product))))
    assert seen == [1, 1, 4]


LOCKED = frozenset({GLOVES})


async def test_a_refusal_of_the_room_writes_nothing(store: Store) -> None:
    """A plan with a refusal is refused with its sentence, whatever else it carries."""
    plan = Plan(None, (receipt(1, key="a"),), (mention([(GLOVES, "Gloves")]),), refusal="not on a Sunday")
    outcome = await store.writer.submit(Command(lambda _view: plan, ("a",), LOCKED))
    assert (outcome.verdict, outcome.explanation, outcome.value) == (REFUSED, "not on a Sunday", None)
    assert await store.log() == []
    async with store.db.read() as conn:
        assert await read_products(conn) == {}


async def test_row_writes_of_a_refused_command_are_not_written(store: Store) -> None:
    """A command whose movements fall short takes its row writes with it; its neighbour's stand."""
    short = Command(lambda _view: Plan(None, (sale(1, "a"),), (mention([(GLOVES, "Gloves")]),)), ("a",), LOCKED)
    outcomes = await together(store, short, Command(lambda _view: Plan(None, writes=(mention([(KIT, "Kit")]),))))
    assert [o.verdict for o in outcomes] == [REFUSED, POSTED]
    async with store.db.read() as conn:
        assert list(await read_products(conn)) == [KIT]


async def test_movements_of_a_sku_not_locked_are_never_folded(store: Store) -> None:
    """A command that moves a SKU it did not name is a bug: its balance was not read, and would be overwritten."""
    await store.receive(10)
    with pytest.raises(InvariantBroken, match="GLOVES-X"):
        await store.writer.submit(Command(lambda _view: Plan(None, (receipt(1, key="a"),)), ("a",)))
    assert await store.units() == 10


async def test_the_database_itself_refuses_a_balance_below_zero(store: Store) -> None:
    """The CHECK holds for every location but the outside, also for one that only looks like it."""

    async def write(account: str) -> None:
        row = insert(BalanceRow).values(sku=GLOVES, account=account, quantity=-1, position=1)
        await store.db.transact(lambda conn: conn.execute(row))

    for account in ("main/available", "Outside/available"):
        with pytest.raises(IntegrityError, match="balance_not_below_zero"):
            await write(account)
    await write("outside/customer")


async def test_the_database_itself_refuses_a_movement_of_nothing(store: Store) -> None:
    """The log cannot hold a quantity of 0 or less."""
    one = moved(1, SUPPLIER, MAIN, key="k")
    row = {"position": 1, "key": one.key, "sku": one.sku, "quantity": 0, "source": "outside/supplier"}
    row |= {"destination": "main/available", "reason": "other", "reference": "", "actor": ""}
    row |= {"happened_at": one.happened_at, "recorded_at": one.happened_at}
    with pytest.raises(IntegrityError, match="movement_quantity_positive"):
        await store.db.transact(lambda conn: conn.execute(insert(movement), [row]))


async def test_more_keys_and_skus_than_one_statement_takes(store: Store) -> None:
    """A command may name thousands of keys and SKUs; a repeat of it is still recognised."""
    movements = [receipt(1, key=f"k{n}", sku=Sku(f"S{n:04}")) for n in range(2_000)]
    assert (await store.post(*movements)).verdict is POSTED
    assert (await store.post(*movements)).verdict is DUPLICATE
    balances = await store.balances()
    assert len(balances.by_sku) == 2_000
    assert {balances.of(m.sku, MAIN) for m in movements} == {1}


async def test_what_was_written_is_marked_and_what_was_not_is_not(store: Store) -> None:
    """Posting marks the SKUs of the command; a duplicate, a conflict, a refusal or a look marks nothing."""
    await store.receive(1)
    marks = await store.touched()
    assert marks == {GLOVES: 1}
    await store.receive(1)
    await store.post(receipt(9, key=f"opening stock of {GLOVES}"))
    await store.post(sale(5, "too much"))
    await store.writer.submit(Command(lambda _view: Plan(None), skus=LOCKED))
    assert await store.touched() == marks
    await store.post(receipt(1, key="more"), receipt(1, key="kit", sku=KIT))
    assert await store.touched() == {GLOVES: 2, KIT: 1}


async def test_row_writes_mark_what_the_command_locks_and_what_it_names(store: Store) -> None:
    """A command without movements marks its SKUs and those in `marks` if it writes rows."""
    plan = Plan(None, writes=(mention([(GLOVES, "Gloves")]),), marks=frozenset({KIT}))
    await store.writer.submit(Command(lambda _view: plan, skus=LOCKED))
    assert set(await store.touched()) == {GLOVES, KIT}


async def test_marks_are_made_once_per_transaction(store: Store) -> None:
    """However many commands of a transaction touch a SKU, its version rises by one."""
    await together(store, *(post([receipt(1, key=f"a{n}")]) for n in range(5)))
    assert await store.touched() == {GLOVES: 1}


async def test_a_mark_renewed_since_it_was_read_stays(store: Store) -> None:
    """Clearing takes away exactly the marks of the versions read."""
    await store.post(receipt(1, key="a"), receipt(1, key="b", sku=KIT))
    read = await store.touched()
    await store.post(receipt(1, key="c"))
    await store.writer.write(clear_touched(read))
    assert await store.touched() == {GLOVES: 2}
    await store.writer.write(clear_touched(await store.touched()))
    assert await store.touched() == {}
    await store.writer.write(mark_touched([GLOVES]))
    assert await store.touched() == {GLOVES: 3}


RETITLE = update(product).where(product.c.sku == bindparam("of")).values(title=bindparam("called"))


async def test_writes_come_as_rows_as_one_row_or_as_a_statement(store: Store) -> None:
    """Writes given as rows, as one row, as nothing and as a plain statement are all written."""
    await store.writer.write(
        mention([(GLOVES, "Gloves"), (KIT, "Kit")]),
        mention([]),
        Write(RETITLE, {"called": "New", "of": KIT}),
        Write(update(product).values(category="garden")),
    )
    async with store.db.read() as conn:
        found = await read_products(conn, [KIT, GLOVES])
    assert {sku: (one.title, one.category) for sku, one in found.items()} == {
        GLOVES: ("Gloves", "garden"),
        KIT: ("New", "garden"),
    }


async def test_a_reader_sees_one_state_however_long_it_looks(store: Store) -> None:
    """What is committed while a read is held is not seen by it, and does not wait for it."""
    await store.receive(3)
    async with store.db.read() as conn:
        first = (await conn.execute(select(movement))).all()
        await asyncio.wait_for(store.post(sale(1, "b")), 10)
        assert (await conn.execute(select(movement))).all() == first
    assert await store.units() == 2


async def test_recorded_time_is_the_writers_and_happened_time_the_callers(store: Store) -> None:
    """A movement entered late keeps when it happened."""
    store.clock.step(3600)
    early = replace(receipt(1, key="a"), happened_at=store.clock.now() - timedelta(days=2), reference="x")
    await store.post(early, replace(moved(1, MAIN, LOSS, key="b"), happened_at=early.happened_at))
    assert {m.happened_at for m in await store.log()} == {early.happened_at}
