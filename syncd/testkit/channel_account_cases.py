"""The kit's cases about what a channel's account tells: its meter, its credentials' end, its groups, its shipments."""
# ruff: noqa: S101  # the cases are made of assertions

from __future__ import annotations

from syncd.channel.port import (
    AcknowledgesShipments,
    ChecksCancellation,
    KeepsCredentials,
    ListingObservation,
    MetersCalls,
    OrderStatus,
    PushesGroups,
    ReadsOrders,
    Shipment,
    ShippedLine,
    TellsChanges,
)
from syncd.testkit.channel_rig import ChannelRig

GROUP_NAMES = ("group_of", "group_size", "calls_per_group")


class AccountCases:
    """Abilities that say something of themselves; a channel without one has no part of it."""

    async def test_reading_the_meter_costs_nothing_it_counts(self, rig: ChannelRig) -> None:
        """Read twice in a row the meter says the same, leaves no more than there is, and its day lies ahead."""
        channel = rig.channel
        if not isinstance(channel, MetersCalls):
            assert not hasattr(channel, "read_meter")
            return
        first, second = await channel.read_meter(), await channel.read_meter()
        assert first == second
        if first is not None:
            assert first.remaining >= 0
            assert first.resets_at > rig.clock.now()
            await channel.check()
            third = await channel.read_meter()
            assert third is not None
            assert third.remaining < first.remaining, "what is asked for is counted"

    async def test_the_end_of_credentials_is_a_moment(self, rig: ChannelRig) -> None:
        """Known or not, never a guess without a zone; and what to do is said with it."""
        channel = rig.channel
        if not isinstance(channel, KeepsCredentials):
            assert not hasattr(channel, "credentials_end")
            return
        end = channel.credentials_end
        assert end is None or (end.ends_at.tzinfo is not None and bool(end.advice))

    async def test_a_group_is_more_than_a_batch(self, rig: ChannelRig) -> None:
        """Groups hold more than a batch at fewer calls, and two listings of their own are no group."""
        channel = rig.channel
        if not isinstance(channel, PushesGroups):
            assert not any(hasattr(channel, name) for name in GROUP_NAMES), "groups are offered whole or not at all"
            return
        first, second = await rig.add_listing("GLOVE-X", 1), await rig.add_listing("TONGS", 1)
        assert channel.group_of(first) == channel.group_of(first) != channel.group_of(second)
        assert channel.calls_per_group >= 1
        assert channel.group_size > channel.capabilities.batch_size * channel.calls_per_group

    async def test_changes_tell_what_was_sold(self, rig: ChannelRig) -> None:
        """From the cursor on every changed listing is told with its counter, once the channel's lag has passed."""
        channel = rig.channel
        if not isinstance(channel, TellsChanges):
            assert not hasattr(channel, "fetch_changes")
            return
        assert channel.capabilities.sold_counter, "a change without a counter tells of no sale"
        sold, still = await rig.add_listing("GLOVE-X", 9), await rig.add_listing("TONGS", 4)
        lag = channel.capabilities.order_lag_seconds
        await rig.pass_time(2 * lag + 600)
        begin = await channel.fetch_changes(None)
        assert begin.seen == ()
        await rig.pass_time(1)
        await rig.sell(sold, 3)
        sold_at = rig.clock.now()
        await rig.pass_time(lag + 1)
        seen: list[ListingObservation] = []
        cursor = begin.cursor
        for _ in range(20):
            page = await channel.fetch_changes(cursor)
            seen += page.seen
            cursor = page.cursor
            if not page.has_more:
                break
        else:
            raise AssertionError("there is always more")
        assert still not in [one.listing_id for one in seen]
        told = [one for one in seen if one.listing_id == sold]
        assert told, "the sale is not told"
        assert (told[-1].available, told[-1].sold) == (6, 3)
        assert sold_at <= told[-1].asked_at <= rig.clock.now()

    async def test_a_shipment_may_be_told_twice(self, rig: ChannelRig) -> None:
        """All lines in one parcel: saying it again is no fault, and the order lives on. Whether it is shipped by being
        told of a parcel is the channel's own rule.
        """
        channel = rig.channel
        if not isinstance(channel, AcknowledgesShipments):
            assert not hasattr(channel, "acknowledge_shipment")
            return
        assert isinstance(channel, ReadsOrders), "who is told of shipments can be asked about them"
        order_id = await rig.sell(await rig.add_listing("GLOVE-X", 3), 2)
        order = await channel.fetch_order(order_id)
        assert order is not None
        lines = tuple(ShippedLine(line.line_id, line.quantity) for line in order.lines)
        parcel = Shipment(order_id, "parcel-1", lines, rig.clock.now(), "BRT", "TRACK123")
        for _ in range(2):
            await channel.acknowledge_shipment(parcel)
        shipped = await channel.fetch_order(order_id)
        assert shipped is not None
        assert shipped.status in (OrderStatus.PAID, OrderStatus.SHIPPED)

    async def test_asking_about_a_cancellation_cancels_nothing(self, rig: ChannelRig) -> None:
        """A question is not a deed, and a no has a reason."""
        channel = rig.channel
        if not isinstance(channel, ChecksCancellation):
            assert not hasattr(channel, "check_cancellation")
            return
        order_id = await rig.sell(await rig.add_listing("GLOVE-X", 3), 1)
        said = await channel.check_cancellation(order_id)
        assert said.is_possible or said.why_not
        if isinstance(channel, ReadsOrders):
            order = await channel.fetch_order(order_id)
            assert order is not None
            assert order.status is OrderStatus.PAID
