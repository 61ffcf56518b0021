"""Every row of docs/verdicts.md: what becomes of a command, whatever its keys, content and reads are."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from syncd.ledger.movement import CUSTOMER, Movement
from syncd.ledger.service import commit_batch
from syncd.ledger.store import Command, Outcome, Plan, Verdict, Write, movement, post
from syncd.product.store import mention
from tests.support.store import GLOVES, KIT, MAIN, Store, moved, opened_store, receipt

PAGE = Path(__file__).parents[2] / "docs" / "verdicts.md"
POSTED, DUPLICATE, CONFLICT, REFUSED = Verdict.POSTED, Verdict.DUPLICATE, Verdict.CONFLICT, Verdict.REFUSED


def sale(units: int, key: str) -> Movement:
    """Units that leave the main shelf."""
    return moved(units, MAIN, CUSTOMER, key=key)


BEFORE = [[receipt(9, key="first"), sale(8, "second")], [receipt(4, key="third")]]
"""Two commands posted before: movements 1 and 2, movement 3. 5 units are left."""

FIRST, SECOND, THIRD = BEFORE[0][0], BEFORE[0][1], BEFORE[1][0]
LATER = replace(THIRD, actor="Bo", happened_at=THIRD.happened_at + timedelta(days=1))
OTHER = replace(THIRD, reference="another delivery")
READS = (select(movement),)
ROWS: tuple[Write, ...] = (mention([(KIT, "Kit")]),)


def command(
    *movements: Movement, keys: tuple[str, ...] | None = None, reads: bool = False, refusal: str | None = None
) -> Command[None]:
    """Like `post`, with other keys, reads, a refusal of its room, and a row write."""
    plan = Plan(None, movements, ROWS, refusal=refusal)
    named = tuple(m.key for m in movements) if keys is None else keys
    return Command(lambda _view: plan, named, frozenset({GLOVES}), READS if reads else ())


@dataclass
class Case:
    """A command and what becomes of it."""

    command: Command[None]
    verdict: Verdict
    positions: tuple[int, ...] = ()
    sentence: str = ""


CASES = {
    "some of its keys known, others new": Case(command(THIRD, sale(1, "new")), CONFLICT, (3,), "only some of its keys"),
    "some known with other content, others new": Case(command(OTHER, sale(1, "new")), CONFLICT, (3,), "only some"),
    "all keys known, same content": Case(command(FIRST, SECOND), DUPLICATE, (1, 2)),
    "all keys known, same content, other hand and hour": Case(command(LATER), DUPLICATE, (3,)),
    "all keys known, same content, impossible by now": Case(command(SECOND), DUPLICATE, (2,)),
    "all keys known, by two commands, same content": Case(command(THIRD, FIRST), DUPLICATE, (3, 1)),
    "all keys known, named twice, same content": Case(command(THIRD, THIRD), DUPLICATE, (3,)),
    "all keys known, one with other content": Case(command(FIRST, OTHER), CONFLICT, (1, 3), "third was posted before"),
    "all keys known, other content, impossible too": Case(command(sale(99, "third")), CONFLICT, (3,), "other content"),
    "all keys known, other content, senseless too": Case(command(sale(0, "third")), CONFLICT, (3,), "other content"),
    "all keys known, a further movement is new": Case(
        command(THIRD, sale(1, "third#2"), keys=("third",)), CONFLICT, (3,), "third#2 was not"
    ),
    "all keys known, fewer movements than first": Case(command(FIRST), DUPLICATE, (1,)),
    "all keys known, with reads": Case(command(OTHER, reads=True), DUPLICATE, (3,)),
    "all keys known, with reads, the room would refuse": Case(
        command(keys=("first",), reads=True, refusal="no"), DUPLICATE, (1,)
    ),
    "new keys, the room refuses": Case(command(sale(99, "new"), refusal="not on a Sunday"), REFUSED, (), "on a Sunday"),
    "new keys, senseless": Case(command(sale(1, "new"), sale(0, "newer")), REFUSED, (), "at least 1 unit"),
    "new keys, one named twice": Case(command(sale(1, "new"), sale(1, "new")), REFUSED, (), "two movements"),
    "new keys, too much": Case(command(sale(6, "new")), REFUSED, (), "main/available holds 5, 6 are wanted"),
    "new keys, too much together": Case(command(sale(3, "new"), sale(3, "newer")), REFUSED, (), "holds 5, 6"),
    "new keys, possible": Case(command(sale(2, "new"), sale(3, "newer")), POSTED, (4, 5)),
    "no keys, rows only": Case(command(), POSTED),
    "no keys, nothing at all": Case(Command(lambda _view: Plan(None)), POSTED),
}


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """A new store."""
    async with opened_store(store_url) as opened:
        yield opened


async def together(store: Store, *commands: Command[Any]) -> list[Outcome[Any]]:
    """Commands in one transaction."""
    outcomes, _ = await store.db.transact(lambda conn: commit_batch(conn, commands, store.clock.now()))
    return outcomes


@pytest.mark.parametrize("same_transaction", [True, False])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_what_becomes_of_a_command(store: Store, case: Case, same_transaction: bool) -> None:
    """The verdict, why, and where the movements are; only `posted` writes, and then everything."""
    firsts = [post(movements) for movements in BEFORE]
    if same_transaction:
        *_, outcome = await together(store, *firsts, case.command)
    else:
        assert [one.positions for one in await together(store, *firsts)] == [(1, 2), (3,)]
        (outcome,) = await together(store, case.command)
    assert (outcome.verdict, outcome.positions) == (case.verdict, case.positions)
    assert case.sentence in outcome.explanation
    written = [m.key for m in await store.log()]
    assert written == ["first", "second", "third", *(["new", "newer"] if case.positions == (4, 5) else [])]


def test_the_page_names_every_case() -> None:
    """The table for readers is the list of cases, in its order and with its verdicts."""
    rows = re.findall(r"^\| (.+?) \| (\w+) \| .+ \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows[1:] == [(name, case.verdict.value) for name, case in CASES.items()]


@pytest.mark.parametrize("same_transaction", [True, False])
async def test_a_known_key_that_was_not_named_is_a_fault_of_that_command(store: Store, same_transaction: bool) -> None:
    """Nothing of the command is written; its neighbours' movements stand."""
    hidden = command(sale(1, "third"), keys=("new",))
    firsts = [post(movements) for movements in BEFORE]
    if same_transaction:
        with pytest.raises(IntegrityError):
            await together(store, *firsts, hidden)
        assert await store.log() == []
    await together(store, *firsts)
    with pytest.raises(IntegrityError):
        await store.writer.submit(hidden)
    assert [m.key for m in await store.log()] == ["first", "second", "third"]
