"""Any history at all, drawn by Hypothesis, with the daemon's own workers running: after quiet everything is true."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from syncd.channel.port import ChannelOrder, OrderStatus
from syncd.identity import ListingId
from syncd.orders.intake import decide
from syncd.orders.need import Intake, IntakePolicy, Situation
from syncd.orders.store import read_orders
from syncd.reservation.store import read_demands
from syncd.supply.port import OfferRow
from syncd.testkit.channel_rig import Fault
from syncd.testkit.simulation.channel import Mishap
from syncd.testkit.simulation.house import House, Story
from syncd.testkit.simulation.loop import SimulatedLoop
from syncd.testkit.simulation.shop import MARKET, WEBSHOP
from syncd.testkit.simulation.truth import untruths
from tests.simulation.stage import put_in_place

QUIET_SECONDS = 400
"""Longer than every lag, pause and sweep interval of the story below."""

STORY = Story(
    {
        "market": replace(MARKET, order_lag_seconds=60, write_outlasts_seconds=60),
        "shop": replace(WEBSHOP, write_outlasts_seconds=60),
    },
    options={name: {"sweep_interval_seconds": 120, "poll_interval_seconds": 15} for name in ("market", "shop")},
    suppliers={"acme": {"stale_after_seconds": 86_400, "fetch_interval_seconds": 60}},
)

CHANNEL = st.sampled_from(["market", "shop"])

OFFERS: dict[str, tuple[str, dict[str, int]]] = {
    "X on the market": ("market", {"X": 1}),
    "two X on the market": ("market", {"X": 2}),
    "X in the shop": ("shop", {"X": 1}),
    "X with Y in the shop": ("shop", {"X": 1, "Y": 1}),
}
"""What is offered: alone, in a pack, and in a bundle with another SKU."""

OFFER = st.sampled_from(sorted(OFFERS))
SKU = st.sampled_from(["X", "Y"])


def _has_sold(machine: AnyHistory) -> bool:
    """Whether there is an order anything could be done to."""
    return any(shop.orders for shop in machine.house.shops.values())


class AnyHistory(RuleBasedStateMachine):
    """Two SKUs, alone, packed and bundled, on a market and in a webshop, and everything that can happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=SimulatedLoop)
        self.house = self.runner.run(self._open())

    async def _open(self) -> House:
        return await House(STORY).__aenter__()

    @initialize(held=st.tuples(st.integers(1, 6), st.integers(0, 3)))
    def begin(self, held: tuple[int, int]) -> None:
        """Everything is listed and true, and the daemon starts."""
        free = dict(zip(("X", "Y"), held, strict=True))

        async def work() -> None:
            for sku, units in free.items():
                if units:
                    await self.house.stock(sku, units)
            self.listings: dict[str, ListingId] = {}
            for name, (channel, units_of) in OFFERS.items():
                shown = min(free[sku] // units for sku, units in units_of.items())
                self.listings[name] = await self.house.offer(channel, "X", shown, units=units_of)
            await self.house.quiet(60)
            await self.house.start()

        self.runner.run(work())

    @rule(offer=OFFER, units=st.integers(1, 2), hints=st.integers(0, 2))
    def sell(self, offer: str, units: int, hints: int) -> None:
        """A customer buys and pays; the channel calls about it once, twice or never."""
        self._sell([offer], units, hints=hints)

    @rule(offer=OFFER, units=st.integers(1, 2), hints=st.integers(0, 1))
    def sell_unpaid(self, offer: str, units: int, hints: int) -> None:
        """A customer buys and will pay later, or never."""
        self._sell([offer], units, paid=False, hints=hints)

    @rule(channel=CHANNEL, units=st.integers(1, 2))
    def sell_together(self, channel: str, units: int) -> None:
        """One order of everything a channel offers."""
        self._sell([name for name, (where, _) in OFFERS.items() if where == channel], units)

    def _sell(self, offers: list[str], units: int, *, paid: bool = True, hints: int = 0) -> None:
        channel = OFFERS[offers[0]][0]
        shop = self.house.shops[channel]
        wanted = [(self.listings[name], min(units, shop.offered(self.listings[name]))) for name in offers]
        lines = [line for line in wanted if line[1]]
        order_id = shop.place_order(lines, paid=paid) if lines else None
        if order_id is not None:
            for _ in range(hints):
                self.runner.run(self.house.hint(channel, order_id))

    @precondition(_has_sold)
    @rule(channel=CHANNEL, number=st.integers(0, 5))
    def cancel(self, channel: str, number: int) -> None:
        """An order that was not sent is cancelled."""
        shop = self.house.shops[channel]
        open_ = [one for one in shop.orders.values() if one.status in (OrderStatus.PAID, OrderStatus.UNPAID)]
        if open_:
            shop.cancel_order(open_[number % len(open_)].order_id)

    @precondition(_has_sold)
    @rule(channel=CHANNEL)
    def pay(self, channel: str) -> None:
        """The oldest unpaid order is paid."""
        shop = self.house.shops[channel]
        for order in list(shop.orders.values()):
            if order.status is OrderStatus.UNPAID:
                shop.pay_order(order.order_id)
                return

    @precondition(_has_sold)
    @rule(units=st.integers(1, 4))
    def edit(self, units: int) -> None:
        """The seller changes the newest paid order of the webshop."""
        shop = self.house.shops["shop"]
        for order in reversed(shop.orders.values()):
            if order.status is OrderStatus.PAID and not order.lines[0].refunded:
                shop.change_order(order.order_id, units)
                return

    @precondition(_has_sold)
    @rule(channel=CHANNEL, number=st.integers(0, 5), units=st.integers(1, 2), restock=st.booleans())
    def give_back(self, channel: str, number: int, units: int, restock: bool) -> None:
        """Some units of an order are refunded, before they were sent or after; the channel puts them back, or not."""
        shop = self.house.shops[channel]
        given = (OrderStatus.PAID, OrderStatus.SHIPPED)
        kept = [
            one
            for one in shop.orders.values()
            if one.status in given and one.lines[0].refunded + units <= one.lines[0].quantity
        ]
        if kept:
            shop.return_units(kept[number % len(kept)].order_id, units, restock=restock)

    @precondition(_has_sold)
    @rule(channel=CHANNEL, number=st.integers(0, 5))
    def send(self, channel: str, number: int) -> None:
        """A paid order is sent of which all is held and nothing was refunded: of another nobody knows what left."""
        whole = self.runner.run(self._held_whole(channel))
        if whole:
            self.house.shops[channel].ship_order(whole[number % len(whole)])

    async def _held_whole(self, channel: str) -> list[str]:
        async with self.house.db.read() as conn:
            demands = await read_demands(conn, list(await read_orders(conn)))
        held = {one.line_id for one in demands if not one.short} - {one.line_id for one in demands if one.short}
        return [
            one.order_id
            for one in self.house.shops[channel].orders.values()
            if one.status is OrderStatus.PAID and all(line.line_id in held and not line.refunded for line in one.lines)
        ]

    @rule(sku=SKU, units=st.sampled_from([-2, -1, 1, 2, 3]))
    def move_stock(self, sku: str, units: int) -> None:
        """Units are sold over the counter, or arrive."""
        self.runner.run(self.house.stock(sku, units))

    @rule(sku=SKU, counted=st.integers(0, 6))
    def count(self, sku: str, counted: int) -> None:
        """Somebody counts the shelf, rightly or not: what was promised beyond it is broken aloud."""
        self.runner.run(self.house.count(sku, counted))

    @rule(has=st.dictionaries(SKU, st.integers(0, 3)))
    def feed(self, has: dict[str, int]) -> None:
        """The supplier makes a new list."""
        self.house.suppliers["acme"].publish([OfferRow(sku, units) for sku, units in sorted(has.items())])

    @rule(offer=OFFER, units=st.integers(0, 8))
    def type_a_number(self, offer: str, units: int) -> None:
        """Somebody types another number into the channel's page."""
        self.house.shops[OFFERS[offer][0]].edit_quantity(self.listings[offer], units)

    @rule(
        channel=CHANNEL,
        trouble=st.one_of(
            st.builds(Mishap, st.just("push_quantities"), st.sampled_from([0.0, 5.0, 40.0]), st.booleans()),
            st.sampled_from([Fault.SERVER_ERROR, Fault.RATE_LIMITED, Fault.CONNECTION_CUT]),
            st.booleans(),
            st.sampled_from([0.0, 2.0, 10.0]),
        ),
    )
    def trouble(self, channel: str, trouble: Mishap | Fault | bool | float) -> None:
        """The next push is late or its answer lost; the next call fails; the channel is down, or back; the market's
        readings come from a replica that lags so far."""
        match trouble:
            case Mishap():
                self.house.channels[channel].mishaps.append(trouble)
            case Fault():
                self.house.shops[channel].fail_next(trouble)
            case bool():
                self.house.shops[channel].down = trouble
            case _:
                self.house.shops["market"].stale_seconds = trouble

    @rule()
    def crash(self) -> None:
        """The process dies and starts again."""
        self.runner.run(self.house.restart())

    @rule(seconds=st.sampled_from([0.02, 0.07, 1.0, 12.0, 45.0, 150.0]))
    def pass_time(self, seconds: float) -> None:
        """Time passes: less than a call takes, or long enough for everything."""
        self.runner.run(self.house.pass_time(seconds))

    def teardown(self) -> None:
        """Everything heals and comes to rest; then all of it must be true."""
        try:
            if hasattr(self, "listings"):
                for shop in self.house.shops.values():
                    shop.down, shop.stale_seconds = False, 0.0
                    shop._faults.clear()
                for channel in self.house.channels.values():
                    channel.mishaps.clear()
                self.runner.run(self.house.pass_time(QUIET_SECONDS))
                assert self.runner.run(untruths(self.house)) == []
        finally:
            self.runner.run(self.house.__aexit__(None, None, None))
            self.runner.close()


def test_the_machine_finds_what_is_made_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """With orders judged only once, edits and cancellations are lost, and the machine sees it."""

    def once(told: ChannelOrder, situation: Situation, policy: IntakePolicy, now: datetime) -> Intake:
        if situation.order is not None:
            return Intake(situation.order.order_key, False)
        return decide(told, situation, policy, now)

    put_in_place(monkeypatch, decide, once)
    few = settings(
        max_examples=20,
        stateful_step_count=20,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    with pytest.raises(AssertionError, match=r"customers were promised|should show"):
        run_state_machine_as_test(AnyHistory, settings=few)


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(
    max_examples=15, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
