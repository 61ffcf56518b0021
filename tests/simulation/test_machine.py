"""Any history at all, drawn by Hypothesis, with the daemon's own workers running: after quiet everything is true."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from syncd.channel.port import ChannelOrder, OrderStatus
from syncd.identity import ListingId
from syncd.orders.intake import decide
from syncd.orders.need import Intake, IntakePolicy, Situation
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
)

CHANNEL = st.sampled_from(["market", "shop"])


class AnyHistory(RuleBasedStateMachine):
    """One SKU on a market and a webshop, and everything that can happen to it."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=SimulatedLoop)
        self.house = self.runner.run(self._open())

    async def _open(self) -> House:
        return await House(STORY).__aenter__()

    @initialize(units=st.integers(0, 6))
    def begin(self, units: int) -> None:
        """Everything is listed and true, and the daemon starts."""

        async def work() -> None:
            listings = await self.house.both(units) if units else await self._nothing()
            self.listings: dict[str, ListingId] = dict(zip(("market", "shop"), listings, strict=True))
            await self.house.start()

        self.runner.run(work())

    async def _nothing(self) -> tuple[ListingId, ListingId]:
        await self.house.stock("X", 1)
        found = await self.house.offer("market", "X", 0), await self.house.offer("shop", "X", 0)
        await self.house.stock("X", -1)
        return found

    @rule(channel=CHANNEL, units=st.integers(1, 2), paid=st.booleans(), hints=st.integers(0, 2))
    def sell(self, channel: str, units: int, paid: bool, hints: int) -> None:
        """A customer buys; the channel calls about it once, twice or never."""
        shop = self.house.shops[channel]
        if shop.offered(self.listings[channel]) >= units:
            order_id = shop.sell(self.listings[channel], units, paid=paid)
            for _ in range(hints):
                self.runner.run(self.house.hint(channel, order_id))

    @rule(channel=CHANNEL, number=st.integers(0, 5))
    def cancel(self, channel: str, number: int) -> None:
        """An order that was not sent is cancelled."""
        shop = self.house.shops[channel]
        open_ = [one for one in shop.orders.values() if one.status in (OrderStatus.PAID, OrderStatus.UNPAID)]
        if number < len(open_):
            shop.cancel_order(open_[number].order_id)

    @rule(channel=CHANNEL)
    def pay(self, channel: str) -> None:
        """The oldest unpaid order is paid."""
        shop = self.house.shops[channel]
        for order in list(shop.orders.values()):
            if order.status is OrderStatus.UNPAID:
                shop.pay_order(order.order_id)
                return

    @rule(units=st.integers(1, 4))
    def edit(self, units: int) -> None:
        """The seller changes the newest paid order of the webshop."""
        shop = self.house.shops["shop"]
        for order in reversed(shop.orders.values()):
            if order.status is OrderStatus.PAID and not order.lines[0].refunded:
                shop.change_order(order.order_id, units)
                return

    @rule(units=st.sampled_from([-2, -1, 1, 2, 3]))
    def move_stock(self, units: int) -> None:
        """Units are sold over the counter, or arrive."""
        self.runner.run(self.house.stock("X", units))

    @rule(channel=CHANNEL, units=st.integers(0, 8))
    def type_a_number(self, channel: str, units: int) -> None:
        """Somebody types another number into the channel's page."""
        self.house.shops[channel].edit_quantity(self.listings[channel], units)

    @rule(channel=CHANNEL, late=st.sampled_from([0.0, 5.0, 40.0]), lost=st.booleans())
    def mishap(self, channel: str, late: float, lost: bool) -> None:
        """The next push arrives late, or its answer is lost."""
        self.house.channels[channel].mishaps.append(Mishap("push_quantities", late, lost))

    @rule(channel=CHANNEL, fault=st.sampled_from([Fault.SERVER_ERROR, Fault.RATE_LIMITED, Fault.CONNECTION_CUT]))
    def fault(self, channel: str, fault: Fault) -> None:
        """The next call fails."""
        self.house.shops[channel].fail_next(fault)

    @rule(channel=CHANNEL, down=st.booleans())
    def outage(self, channel: str, down: bool) -> None:
        """The channel goes down, or comes back."""
        self.house.shops[channel].down = down

    @rule(seconds=st.sampled_from([0.0, 2.0, 10.0]))
    def stale(self, seconds: float) -> None:
        """The market's readings come from a replica that lags so far."""
        self.house.shops["market"].stale_seconds = seconds

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
