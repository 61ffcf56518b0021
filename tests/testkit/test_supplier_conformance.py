"""The supplier kit passes the suppliers in memory, and fails suppliers that break one promise each."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import pytest

from syncd import identity
from syncd.clock import Clock, SystemClock
from syncd.errors import ChannelAuthFailed, ChannelProtocolError, ChannelUnavailable, RateLimited, RemoteError
from syncd.supply.port import (
    FeedProblem,
    OfferRow,
    OfferSnapshot,
    PurchaseOutcome,
    PurchaseRequest,
    Supplier,
)
from syncd.testkit.fake_supplier import FakeOrderingSupplier, FakeSupplier, ScriptedFault
from syncd.testkit.supplier_checks import fault_of, impurities
from syncd.testkit.supplier_conformance import SupplierConformance
from syncd.testkit.supplier_rig import CONSEQUENCE, RemoteFault

SECRET = "memory-secret-5d1"


def error(fault: RemoteFault, retry_after_seconds: int | None) -> RemoteError | None:
    """What the supplier in memory raises for it; None lets him wait."""
    if fault is RemoteFault.STALLED:
        return None
    kind = CONSEQUENCE[fault]
    if kind is RateLimited:
        return RateLimited("memory", "call", fault.value, retry_after_seconds)
    return kind("memory", "call", fault.value)


class MemoryRig:
    """Levers of a supplier in memory, which has no wire: faults are the exceptions themselves."""

    clock: Clock = SystemClock()
    fetch_faults = frozenset(RemoteFault)
    secrets = (SECRET,)
    pure_modules: tuple[ModuleType, ...] = (identity,)

    def __init__(self, supplier: FakeSupplier) -> None:
        self.memory = supplier
        self.supplier: Supplier = supplier
        self.takes_orders = isinstance(supplier, FakeOrderingSupplier)

    def with_bad_credentials(self) -> Supplier | None:
        stranger = FakeSupplier("memory", clock=self.clock)
        for _ in range(2):
            stranger.fail_next_fetch(ScriptedFault(ChannelAuthFailed("memory", "call", "who are you?")))
        return stranger

    async def set_offers(self, rows: Sequence[OfferRow]) -> None:
        self.memory.set_offers(rows)

    async def add_bad_row(self) -> int:
        self.memory.problems = (FeedProblem(4, "quantity", "'many' is not a quantity"),)
        return 4

    async def fail_next_fetch(self, fault: RemoteFault, *, retry_after_seconds: int | None = None) -> None:
        self.memory.fail_next_fetch(ScriptedFault(error(fault, retry_after_seconds)))

    async def fail_next_order(
        self, fault: RemoteFault, *, taken: bool = False, retry_after_seconds: int | None = None
    ) -> None:
        assert isinstance(self.memory, FakeOrderingSupplier)
        self.memory.fail_next_order(ScriptedFault(error(fault, retry_after_seconds), taken))

    async def recover(self) -> None:
        """A scripted fault is used up by its call."""

    async def stalled(self) -> None:
        await self.memory.waiting.wait()

    async def units_bought(self) -> dict[str, int]:
        assert isinstance(self.memory, FakeOrderingSupplier)
        units: dict[str, int] = {}
        for request, outcome in self.memory.orders.values():
            accepted = dict(outcome.accepted)
            for line in request.lines:
                units[line.supplier_sku] = units.get(line.supplier_sku, 0) + accepted[line.line_id]
        return units


class TestSupplierThatOnlyOffers(SupplierConformance):
    """The kit on FakeSupplier."""

    @pytest.fixture
    def rig(self) -> MemoryRig:
        return MemoryRig(FakeSupplier("memory", clock=SystemClock()))


class TestSupplierThatTakesOrders(SupplierConformance):
    """The kit on FakeOrderingSupplier."""

    @pytest.fixture
    def rig(self) -> MemoryRig:
        return MemoryRig(FakeOrderingSupplier("memory", clock=SystemClock()))


class BuysTwice(FakeOrderingSupplier):
    """Ignores the reference."""

    async def place_order(self, request: PurchaseRequest) -> PurchaseOutcome:
        taken = len(self.orders)
        return await super().place_order(PurchaseRequest(f"{request.reference}#{taken}", request.lines, None))


class AlwaysUnchanged(FakeSupplier):
    """Says unchanged to every version."""

    async def fetch_offers(self, version: str | None) -> OfferSnapshot:
        snapshot = await super().fetch_offers(version)
        return OfferSnapshot(snapshot.as_of, snapshot.version, (), (), unchanged=True) if version else snapshot


class LosesTheLastRow(FakeSupplier):
    """Reads all but the last row."""

    async def fetch_offers(self, version: str | None) -> OfferSnapshot:
        snapshot = await super().fetch_offers(version)
        return OfferSnapshot(snapshot.as_of, snapshot.version, snapshot.rows[:-1], snapshot.problems)


class LetsForeignExceptionsOut(FakeSupplier):
    """Does not translate."""

    async def fetch_offers(self, version: str | None) -> OfferSnapshot:
        try:
            return await super().fetch_offers(version)
        except RemoteError as fault:
            raise ConnectionResetError("a library's own") from fault


@pytest.mark.parametrize(
    ("supplier", "case", "arguments"),
    [
        (BuysTwice, "test_the_same_reference_buys_once", {}),
        (BuysTwice, "test_an_order_whose_answer_was_lost_buys_once", {}),
        (AlwaysUnchanged, "test_changed_content_comes_whole", {}),
        (AlwaysUnchanged, "test_a_version_it_never_gave_is_no_version", {"version": "x"}),
        (LosesTheLastRow, "test_every_row_arrives_as_offered", {}),
        (LosesTheLastRow, "test_a_bad_row_costs_only_itself", {}),
        (LetsForeignExceptionsOut, "test_a_fault_of_the_feed_is_one_of_ours", {"fault": RemoteFault.DROPPED}),
        (LetsForeignExceptionsOut, "test_closing_twice_is_harmless", {}),
    ],
)
async def test_a_broken_promise_fails_its_case(
    supplier: type[FakeSupplier], case: str, arguments: dict[str, object]
) -> None:
    """Each supplier that breaks a promise is caught by the case about that promise."""
    rig = MemoryRig(supplier("memory", clock=SystemClock()))
    if "fault" in arguments:
        arguments = {**arguments, "operation": "fetch_offers"}
    with pytest.raises((AssertionError, ConnectionResetError)):
        await getattr(SupplierConformance(), case)(rig, **arguments)


async def test_an_undeclared_ability_is_caught() -> None:
    """A supplier who takes orders although declared not to, and the other way round, fails the kit."""
    for supplier in (FakeOrderingSupplier, FakeSupplier):
        rig = MemoryRig(supplier("memory", clock=SystemClock()))
        rig.takes_orders = not rig.takes_orders
        with pytest.raises(AssertionError):
            await SupplierConformance().test_ordering_is_there_exactly_if_declared(rig)


async def test_a_secret_in_a_fault_is_caught_and_not_repeated() -> None:
    """A fault whose text, body or cause holds a secret fails, and the failure does not show it."""

    async def told(fault: RemoteError, cause: Exception | None = None) -> None:
        raise fault from cause

    rig = MemoryRig(FakeSupplier("memory", clock=SystemClock()))
    plain = ChannelUnavailable("memory", "call", "down")
    for call in (
        told(ChannelUnavailable("memory", "call", f"GET /?key={SECRET}")),
        told(ChannelProtocolError("memory", "call", "bad", f"body {SECRET}")),
        told(plain, ValueError(SECRET)),
    ):
        with pytest.raises(AssertionError) as caught:
            await fault_of(rig, call)
        assert SECRET not in str(caught.value)


async def test_an_answer_where_a_fault_is_due_is_caught() -> None:
    """A call that answers instead of failing fails the case."""
    rig = MemoryRig(FakeSupplier("memory", clock=SystemClock()))
    with pytest.raises(AssertionError, match="a fault was expected"):
        await fault_of(rig, rig.supplier.check())


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "from asyncio import sleep",
        "import aiohttp.client",
        "datetime.now(UTC)",
        "date.today()",
        "async def read(): ...",
    ],
)
def test_an_impure_mapping_is_caught(source: str) -> None:
    """Clock, network and async are seen in a mapping's source."""
    assert impurities(source)


def test_a_pure_mapping_is_not_accused() -> None:
    """Arithmetic on moments is no clock."""
    assert impurities("from datetime import datetime\nmoment = datetime.fromisoformat('2026-01-01')") == []
