"""The ledger under any history: an independent, simpler model predicts every verdict and every balance."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import select

from syncd.db import Database
from syncd.identity import ChannelName, Sku
from syncd.ledger.balance import Balances
from syncd.ledger.count import compare
from syncd.ledger.movement import (
    CUSTOMER,
    LOSS,
    SUPPLIER,
    Account,
    Movement,
    Reason,
    State,
    available,
    part_key,
    reserved,
)
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, Outcome, Plan, Verdict, View, post, read_balances, read_movements
from syncd.reservation.hold import HoldStatus, Reservation, allocate, break_promises
from syncd.reservation.store import (
    reservation,
    reservation_of,
    save_reservations,
    select_open_reservations,
    select_reservation,
)
from syncd.testkit.fake_clock import FakeClock
from tests.support import postgres
from tests.support.store import GLOVES, KIT, create_tables, moved

PLACES = ("main", "north")
SHELF = Account("main", State.UNAVAILABLE)
PATHS = [
    (SUPPLIER, available("main")),
    (SUPPLIER, available("north")),
    (available("main"), CUSTOMER),
    (available("main"), available("north")),
    (available("north"), SHELF),
    (SHELF, LOSS),
    (available("main"), available("main")),
]
SKUS = st.sampled_from([GLOVES, KIT])
Move = tuple[str, int, tuple[Account, Account], Sku]
USUAL: list[Move] = [("a", 5, PATHS[0], GLOVES), ("b", 2, PATHS[2], GLOVES), ("c", 4, PATHS[1], KIT)]
"""What is meant by most who use these keys: without it hardly any repeat would have the content of the first."""
KEYS = st.sampled_from(["a", "b", "c", "d", "e"])
MOVES = st.sampled_from(USUAL) | st.tuples(KEYS, st.integers(0, 6), st.sampled_from(PATHS), SKUS)


class Model:
    """What should be: plain counters, written without looking at the ledger's code."""

    def __init__(self) -> None:
        self.units: Counter[tuple[Sku, str]] = Counter()
        self.known: dict[str, Move] = {}
        self.open: dict[str, Counter[str]] = {}

    def post(self, moves: list[Move]) -> Verdict:
        """The verdict on a command of plain moves; what is posted is remembered."""
        keys = [key for key, *_ in moves]
        if any(key in self.known for key in keys):
            same = all(self.known.get(move[0]) == move for move in moves)
            return Verdict.DUPLICATE if same else Verdict.CONFLICT
        after = self.units.copy()
        for _, units, (source, destination), sku in moves:
            after[sku, str(source)] -= units
            after[sku, str(destination)] += units
        senseless = any(units < 1 or path[0] == path[1] for _, units, path, _ in moves)
        below = any(n < 0 and not account.startswith("outside/") for (_, account), n in after.items())
        if senseless or below or len(set(keys)) < len(keys):
            return Verdict.REFUSED
        self.units = after
        self.known.update((move[0], move) for move in moves)
        return Verdict.POSTED

    def shift(self, sku: Sku, units: int, source: str, destination: str) -> None:
        """Move units without a key."""
        self.units[sku, source] -= units
        self.units[sku, destination] += units


def as_command(moves: list[Move]) -> Command[None]:
    """Moves as a command."""
    return post([moved(units, *path, key=key, sku=sku) for key, units, path, sku in moves])


def hold(order: str, sku: Sku, units: int) -> Command[int]:
    """Promise as many of the units as there are; returns how many."""

    def decide(view: View) -> Plan[int]:
        if view.rows[0]:
            return Plan(0, refusal="held already")
        found = allocate(
            units,
            in_flight={},
            available=view.balances.by_location(sku, State.AVAILABLE),
            locations=PLACES,
        )
        movements = tuple(
            moved(one.units, one.account, reserved(one.account.location), key=f"{order}@{one.account}", sku=sku)
            for one in found.takings
        )
        rows = [
            Reservation(
                order if one.account.location == "main" else f"{order}/north",
                ChannelName("ebay"),
                order,
                order,
                sku,
                one.account.location,
                one.units,
                0,
                0,
                HoldStatus.HELD,
                view.now,
            )
            for one in found.takings
        ]
        return Plan(sum(one.units for one in found.takings), movements, (save_reservations(rows),))

    every = select(reservation).where(reservation.c.order_key == order)
    return Command(decide, skus=frozenset({sku}), reads=(every,))


def end(reservation_id: str, sku: Sku, units: int, *, ship: bool) -> Command[None]:
    """Ship or give back units of a reservation; refused if it holds fewer."""

    def decide(view: View) -> Plan[None]:
        if not view.rows[0]:
            return Plan(None, refusal="no such reservation")
        one = reservation_of(view.rows[0][0])
        if units > one.open:
            return Plan(None, refusal="fewer are held")
        after = one.fulfil(units) if ship else one.release(units)
        key = f"end of {reservation_id} from {one.fulfilled}+{one.released}"
        to = CUSTOMER if ship else available(one.location)
        return Plan(None, (moved(units, reserved(one.location), to, key=key, sku=sku),), (save_reservations([after]),))

    return Command(decide, skus=frozenset({sku}), reads=(select_reservation(reservation_id),))


def count(key: str, sku: Sku, counted: int) -> Command[int]:
    """Count the main shelf as it is now, breaking the latest promises if it holds too few."""

    def decide(view: View) -> Plan[int]:
        held = [r for r in map(reservation_of, view.rows[0]) if r.location == "main"]
        states = {state: view.balances.of(sku, Account("main", state)) for state in State}
        verdict = compare(
            counted,
            on_hand_now=sum(states.values()),
            moved_since=0,
            available_now=states[State.AVAILABLE],
        )
        wanted: list[tuple[Account, Account, int]] = [
            (LOSS, available("main"), verdict.surplus),
            (available("main"), LOSS, verdict.from_available),
        ]
        endings = break_promises(held, verdict.broken)
        wanted += [(reserved("main"), LOSS, one.units) for one in endings]
        movements = [moved(n, source, to, key="", sku=sku) for source, to, n in wanted if n]
        keyed = tuple(replace(m, key=part_key(key, n), reason=Reason.CYCLE_COUNT) for n, m in enumerate(movements))
        rows = [one.reservation.release(one.units) for one in endings]
        return Plan(sum(one.units for one in endings), keyed, (save_reservations(rows),))

    return Command(decide, keys=(key,), skus=frozenset({sku}), reads=(select_open_reservations(sku),))


class LedgerMachine(RuleBasedStateMachine):
    """Random commands, alone and several in one transaction."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.undo = ExitStack()
        self.model = Model()
        self.clock = FakeClock()
        self.counts = 0
        self.runner.run(self._open())

    def new_store(self) -> str:
        """The address of a store that lives as long as this machine."""
        return f"sqlite:///{self.undo.enter_context(tempfile.TemporaryDirectory())}/syncd.sqlite"

    async def _open(self) -> None:
        self.db = Database(self.new_store())
        await create_tables(self.db)
        self.writer = Writer(self.db, self.clock)
        self.writing = asyncio.create_task(self.writer.run())

    async def _close(self) -> None:
        await self.writer.stop()
        await self.writing
        await self.db.aclose()

    def teardown(self) -> None:
        """Close the store."""
        self.runner.run(self._close())
        self.runner.close()
        self.undo.close()

    def submit(self, *commands: Command[int] | Command[None]) -> list[Outcome[int]]:
        """Submit commands at the same moment."""

        async def gathered() -> list[Outcome[int]]:
            return list(await asyncio.gather(*map(self.writer.submit, commands)))  # type: ignore[arg-type]

        self.clock.step(timedelta(seconds=1).total_seconds())
        return self.runner.run(gathered())

    @rule(commands=st.lists(st.lists(MOVES, min_size=1, max_size=3), min_size=1, max_size=4))
    def moves(self, commands: list[list[Move]]) -> None:
        """Posts, repeats, conflicts and refusals, several at once."""
        expected = [self.model.post(moves) for moves in commands]
        assert [one.verdict for one in self.submit(*map(as_command, commands))] == expected

    @rule(sku=SKUS, units=st.integers(1, 9))
    def supply(self, sku: Sku, units: int) -> None:
        """Goods arrive, so that there is something to sell."""
        self.counts += 1
        assert self.model.post([(f"supply {self.counts}", units, PATHS[0], sku)]) is Verdict.POSTED
        self.submit(as_command([(f"supply {self.counts}", units, PATHS[0], sku)]))

    @rule(orders=st.lists(st.sampled_from(["o1", "o2", "o3", "o4"]), min_size=1, max_size=3), units=st.integers(1, 9))
    def promise(self, orders: list[str], units: int) -> None:
        """Orders are promised what there is, in the order in which they came."""
        for order, outcome in zip(orders, self.submit(*(hold(o, sku_of(o), units) for o in orders)), strict=True):
            sku = sku_of(order)
            if self.model.open.get(order):
                assert outcome.verdict is Verdict.REFUSED
                continue
            left = units
            for place in PLACES:
                take = min(left, self.model.units[sku, f"{place}/available"])
                left -= take
                if take:
                    self.model.shift(sku, take, f"{place}/available", f"{place}/reserved")
                    self.model.open.setdefault(order, Counter())[place] = take
            assert outcome.value == units - left

    @rule(order=st.sampled_from(["o1", "o2", "o3", "o4"]), units=st.integers(1, 5), ship=st.booleans())
    def finish(self, order: str, units: int, ship: bool) -> None:
        """Part of a promise is shipped or given back."""
        (outcome,) = self.submit(end(order, sku_of(order), units, ship=ship))
        held = self.model.open.get(order, Counter())
        if units > held["main"]:
            assert outcome.verdict is Verdict.REFUSED
            return
        assert outcome.verdict is Verdict.POSTED
        held["main"] -= units
        to = "outside/customer" if ship else "main/available"
        self.model.shift(sku_of(order), units, "main/reserved", to)

    @rule(sku=SKUS, counted=st.integers(0, 12))
    def shelf_is_counted(self, sku: Sku, counted: int) -> None:
        """After a count the main shelf holds what was counted, and only then are promises broken."""
        self.counts += 1
        unavailable = self.model.units[sku, "main/unavailable"]
        if counted < unavailable:
            counted += unavailable  # damaged pieces are counted too
        before = self.model.units[sku, "main/available"]
        promised = self.model.units[sku, "main/reserved"]
        outcomes = self.submit(*[count(f"count {self.counts}", sku, counted)] * 2)
        missing = max(0, before + promised + unavailable - counted)
        broken = max(0, missing - before)
        assert outcomes[0].value == broken
        self.model.units[sku, "main/available"] = max(0, counted - unavailable - promised)
        self.model.units[sku, "main/reserved"] -= broken
        self.model.units[sku, "outside/loss"] += before + promised + unavailable - counted
        if broken:
            self._recount_promises(sku)

    def _recount_promises(self, sku: Sku) -> None:
        """Whose promise was broken is not the model's business; that the sums agree is checked below."""

        async def read() -> list[Reservation]:
            async with self.db.read() as conn:
                return [reservation_of(row) for row in (await conn.execute(select(reservation))).mappings()]

        for one in self.runner.run(read()):
            if one.sku == sku and one.location == "main":
                self.model.open[one.order_key]["main"] = one.open

    @invariant()
    def everything_adds_up(self) -> None:
        """Balances are the fold of the log and what the model says; sums are zero; promises equal what is reserved."""

        async def read() -> tuple[Balances, list[Movement], list[Reservation]]:
            async with self.db.read() as conn:
                rows = (await conn.execute(select(reservation))).mappings()
                log = [one.movement for one in await read_movements(conn, limit=10_000)]
                return await read_balances(conn), log, [reservation_of(row) for row in rows]

        balances, log, reservations = self.runner.run(read())
        flat = {(sku, str(a)): n for sku, of in balances.by_sku.items() for a, n in of.items() if n}
        assert flat == {key: n for key, n in self.model.units.items() if n}
        folded = Balances()
        folded.apply(log)
        assert folded.by_sku == balances.by_sku
        assert all(sum(of.values()) == 0 for of in balances.by_sku.values())
        assert len({m.key for m in log}) == len(log)
        for sku in (GLOVES, KIT):
            for place in PLACES:
                held = sum(r.open for r in reservations if (r.sku, r.location) == (sku, place))
                assert held == balances.of(sku, reserved(place))
        assert all((r.open > 0) == (r.status is HoldStatus.HELD) for r in reservations)


def sku_of(order: str) -> Sku:
    """Each order wants one SKU."""
    return GLOVES if order in ("o1", "o2") else KIT


class PostgresqlLedgerMachine(LedgerMachine):
    """The same history, predictions and checks on PostgreSQL."""

    def new_store(self) -> str:
        """A database of its own."""
        return self.undo.enter_context(postgres.new_database())


HISTORIES = settings(max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
TestLedger = LedgerMachine.TestCase
TestLedger.settings = HISTORIES
TestPostgresqlLedger = PostgresqlLedgerMachine.TestCase
TestPostgresqlLedger.settings = HISTORIES
