"""The kit's cases about everything that goes wrong between us and the channel."""
# ruff: noqa: S101  # the cases are made of assertions

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from syncd.channel.port import PushVerdict, QuantityUpdate, ReadsOrders, ReadsQuantities
from syncd.errors import (
    ChannelAuthFailed,
    ChannelBlocked,
    ChannelProtocolError,
    ChannelUnavailable,
    RateLimited,
    RemoteError,
)
from syncd.identity import ListingId
from syncd.testkit.channel_reading import (
    all_listings,
    all_orders,
    assert_lacks,
    fault_of,
    first_orders,
    push_one,
    settle,
    wait_until,
)
from syncd.testkit.channel_rig import ChannelRig, Fault

RAISES: dict[Fault, tuple[type[RemoteError], ...]] = {
    Fault.RATE_LIMITED: (RateLimited,),
    Fault.RATE_LIMITED_WITH_DELAY: (RateLimited,),
    Fault.SERVER_ERROR: (ChannelUnavailable,),
    Fault.TIMEOUT_BEFORE_APPLYING: (ChannelUnavailable,),
    Fault.TIMEOUT_AFTER_APPLYING: (ChannelUnavailable,),
    Fault.CONNECTION_CUT: (ChannelUnavailable,),
    # Both leave open whether it was applied: a proxy's page or an empty answer may be read either way.
    Fault.HTML_BODY: (ChannelProtocolError, ChannelUnavailable, ChannelBlocked),
    Fault.EMPTY_BODY: (ChannelProtocolError, ChannelUnavailable),
    Fault.CUT_BODY: (ChannelProtocolError, ChannelUnavailable),
}
"""Which faults of `syncd.errors` each misfortune may become."""

Operation = Callable[[ChannelRig, ListingId, str], Awaitable[object]]


async def _read_quantities(rig: ChannelRig, listing_id: ListingId, _order_id: str) -> object:
    assert isinstance(rig.channel, ReadsQuantities)
    return await rig.channel.read_quantities([listing_id])


async def _fetch_order(rig: ChannelRig, _listing_id: ListingId, order_id: str) -> object:
    assert isinstance(rig.channel, ReadsOrders)
    return await rig.channel.fetch_order(order_id)


OPERATIONS: dict[str, Operation] = {
    "check": lambda rig, _listing_id, _order_id: rig.channel.check(),
    "fetch_orders": lambda rig, _listing_id, _order_id: first_orders(rig),
    "fetch_order": _fetch_order,
    "fetch_listings": lambda rig, _listing_id, _order_id: rig.channel.fetch_listings(None),
    "read_quantities": _read_quantities,
    "push_quantities": lambda rig, listing_id, _order_id: push_one(rig.channel, listing_id, 6),
}
"""One call of each operation, given a listing and an order that exist."""

OPTIONAL = {"read_quantities": ReadsQuantities, "fetch_order": ReadsOrders}
"""Operations that belong to an optional ability."""


class FaultCases:
    """Faults become the right `RemoteError`, nothing else escapes, and the channel works again afterwards."""

    async def test_good_credentials_pass_the_check(self, rig: ChannelRig) -> None:
        """check() returns on a channel that works, having asked it something."""
        before = await rig.calls_received()
        await rig.channel.check()
        assert await rig.calls_received() > before, "check() asks the channel"

    async def test_bad_credentials_are_told_by_every_call(self, rig: ChannelRig) -> None:
        """Refused credentials are ChannelAuthFailed, from check() and from whatever is called first."""
        listing_id = await rig.add_listing("GLOVE-X", 2)
        refused = await rig.bad_credentials()
        try:
            calls: list[Callable[[], Awaitable[object]]] = [
                refused.check,
                lambda: refused.fetch_orders(None, since=rig.clock.now()),
                lambda: refused.fetch_listings(None),
                lambda: refused.push_quantities([QuantityUpdate(listing_id, 6)]),
            ]
            for call in calls:
                assert type(await fault_of(rig, call())) is ChannelAuthFailed
        finally:
            await refused.aclose()
        assert await rig.shown(listing_id) == 2

    @pytest.mark.parametrize("operation", OPERATIONS)
    @pytest.mark.parametrize("fault", [one for one in RAISES if one is not Fault.TIMEOUT_AFTER_APPLYING])
    async def test_a_fault_is_told_and_gets_over(self, rig: ChannelRig, fault: Fault, operation: str) -> None:
        """Each fault during each call raises the RemoteError that fits, once; the next call works."""
        ability = OPTIONAL.get(operation)
        if ability is not None and not isinstance(rig.channel, ability):
            assert_lacks(rig.channel, ability)
            return
        if fault is Fault.RATE_LIMITED_WITH_DELAY and rig.rate_limit_delay_seconds is None:
            fault = Fault.RATE_LIMITED  # a channel that never says how long to wait limits like this alone
        listing_id = await rig.add_listing("GLOVE-X", 4)
        order_id = await rig.sell(listing_id, 1)
        await settle(rig)
        call = OPERATIONS[operation]
        await call(rig, listing_id, order_id)
        await rig.fail_next(fault)
        error = await fault_of(rig, call(rig, listing_id, order_id))
        assert type(error) in RAISES[fault], f"{fault} became {type(error).__name__}"
        if isinstance(error, RateLimited):
            self._assert_delay(rig, fault, error.retry_after_seconds)
        await call(rig, listing_id, order_id)

    @pytest.mark.parametrize("operation", OPERATIONS)
    async def test_a_huge_answer_is_survived(self, rig: ChannelRig, operation: str) -> None:
        """Ten million bytes are read or refused, as the connector bounds its answers; the next call works."""
        ability = OPTIONAL.get(operation)
        if ability is not None and not isinstance(rig.channel, ability):
            assert_lacks(rig.channel, ability)
            return
        listing_id = await rig.add_listing("GLOVE-X", 4)
        order_id = await rig.sell(listing_id, 1)
        await settle(rig)
        call = OPERATIONS[operation]
        await call(rig, listing_id, order_id)
        await rig.fail_next(Fault.HUGE_BODY)
        refused: RemoteError | None = None
        try:
            await call(rig, listing_id, order_id)
        except RemoteError as fault:
            refused = fault
        assert refused is None or type(refused) in (ChannelProtocolError, ChannelUnavailable)
        await call(rig, listing_id, order_id)

    async def test_faults_in_a_row_are_told_one_by_one(self, rig: ChannelRig) -> None:
        """A connector does not repeat by itself: three failures are three faults."""
        await rig.channel.check()
        await rig.fail_next(Fault.SERVER_ERROR, times=3)
        for _ in range(3):
            assert type(await fault_of(rig, rig.channel.check())) is ChannelUnavailable
        await rig.channel.check()

    async def test_a_push_that_timed_out_unapplied_left_the_number(self, rig: ChannelRig) -> None:
        """A push lost on the way changes nothing, and pushing it again applies it."""
        listing_id = await rig.add_listing("GLOVE-X", 2)
        await rig.channel.check()
        await rig.fail_next(Fault.TIMEOUT_BEFORE_APPLYING)
        assert type(await fault_of(rig, push_one(rig.channel, listing_id, 6))) is ChannelUnavailable
        assert await rig.shown(listing_id) == 2
        assert (await push_one(rig.channel, listing_id, 6)).verdict is PushVerdict.ACCEPTED
        assert await rig.shown(listing_id) == 6

    async def test_a_push_that_timed_out_applied_is_read_back(self, rig: ChannelRig) -> None:
        """A push whose answer was lost raises, and a fresh read shows that it was applied."""
        listing_id = await rig.add_listing("GLOVE-X", 2)
        await rig.channel.check()
        await rig.fail_next(Fault.TIMEOUT_AFTER_APPLYING)
        assert type(await fault_of(rig, push_one(rig.channel, listing_id, 6))) is ChannelUnavailable
        if isinstance(rig.channel, ReadsQuantities):
            (seen,) = await rig.channel.read_quantities([listing_id])
        else:
            seen = (await all_listings(rig.channel))[listing_id].observation
        assert seen.available == await rig.shown(listing_id) == 6

    async def test_an_order_page_that_failed_is_not_lost(self, rig: ChannelRig) -> None:
        """Asking again with the same cursor after a fault brings what the failed page would have."""
        listing_id = await rig.add_listing("GLOVE-X", 50)
        placed = {await rig.sell(listing_id, 1) for _ in range(rig.orders_per_page + 1)}
        await settle(rig)
        first = await first_orders(rig)
        assert first.has_more
        await rig.fail_next(Fault.CONNECTION_CUT)
        await fault_of(rig, first_orders(rig, first.cursor))
        seen = {order.order_id for order in first.orders} | set(await all_orders(rig, first.cursor))
        assert seen == placed

    @pytest.mark.parametrize("operation", ["fetch_orders", "fetch_listings", "push_quantities"])
    async def test_a_cancelled_call_leaves_the_channel_usable(self, rig: ChannelRig, operation: str) -> None:
        """Cancelling a call that waits for its answer ends it as cancelled; the next call works."""
        listing_id = await rig.add_listing("GLOVE-X", 2)
        await rig.channel.check()
        await rig.fail_next(Fault.TIMEOUT_BEFORE_APPLYING)
        before = await rig.calls_received()

        async def arrived() -> bool:
            return await rig.calls_received() > before

        call = asyncio.ensure_future(OPERATIONS[operation](rig, listing_id, ""))
        await wait_until(arrived, "the call reached the stand-in")
        assert not call.done(), "the call was over before it could be cancelled; set the timeout to 0.5 s or more"
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert list(await all_listings(rig.channel)) == [listing_id]
        assert (await push_one(rig.channel, listing_id, 3)).verdict is PushVerdict.ACCEPTED
        assert await rig.shown(listing_id) == 3

    async def test_closing_twice_is_harmless(self, rig: ChannelRig) -> None:
        """aclose() may be called again, used or unused."""
        unused = await rig.bad_credentials()
        await rig.channel.check()
        for channel in (rig.channel, unused):
            await channel.aclose()
            await channel.aclose()

    @staticmethod
    def _assert_delay(rig: ChannelRig, fault: Fault, told_seconds: float | None) -> None:
        if fault is Fault.RATE_LIMITED_WITH_DELAY:
            assert told_seconds is not None, "the channel said how long to wait"
            assert told_seconds == pytest.approx(rig.rate_limit_delay_seconds, abs=1)
        else:
            assert told_seconds is None or told_seconds > 0
