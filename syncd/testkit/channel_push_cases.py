"""The kit's cases about writing quantities and reading them back."""
# ruff: noqa: S101  # the cases are made of assertions

from __future__ import annotations

import asyncio

import pytest

from syncd.channel.port import ListingStatus, PushOutcome, PushVerdict, QuantityUpdate, ReadsQuantities
from syncd.identity import ListingId
from syncd.testkit.channel_reading import all_listings, needs, push_one
from syncd.testkit.channel_rig import ChannelRig

PARALLEL_READS = 12


async def verdicts_of_five(rig: ChannelRig, listing_ids: list[ListingId]) -> dict[ListingId, PushVerdict]:
    """Push 5 to each listing, in batches as large as allowed; what became of each."""
    size = rig.channel.capabilities.batch_size
    outcomes: list[PushOutcome] = []
    for at in range(0, len(listing_ids), size):
        updates = [QuantityUpdate(one, 5) for one in listing_ids[at : at + size]]
        outcomes += await rig.channel.push_quantities(updates)
    assert sorted(one.listing_id for one in outcomes) == sorted(listing_ids), "one outcome for each update"
    return {one.listing_id: one.verdict for one in outcomes}


class PushCases:
    """push_quantities and read_quantities."""

    async def test_a_push_sets_the_number(self, rig: ChannelRig) -> None:
        """A push sets the absolute number, up or down, and is accepted."""
        listing_id = await rig.add_listing("GLOVE-X", 2)
        for quantity in (9, 4):
            assert (await push_one(rig.channel, listing_id, quantity)).verdict is PushVerdict.ACCEPTED
            assert await rig.shown(listing_id) == quantity

    async def test_a_push_after_a_sale_sets_what_can_be_bought(self, rig: ChannelRig) -> None:
        """After a sale the pushed number is what can still be bought, not that plus what was sold."""
        listing_id = await rig.add_listing("GLOVE-X", 5)
        await rig.sell(listing_id, 2)
        assert await rig.shown(listing_id) == 3
        await push_one(rig.channel, listing_id, 4)
        assert await rig.shown(listing_id) == 4
        listings = await all_listings(rig.channel)
        assert listings[listing_id].observation.available == 4

    async def test_pushing_twice_is_harmless(self, rig: ChannelRig) -> None:
        """The same number again is accepted again and changes nothing."""
        listing_id = await rig.add_listing("GLOVE-X", 2)
        for _ in range(2):
            assert (await push_one(rig.channel, listing_id, 6)).verdict is PushVerdict.ACCEPTED
            assert await rig.shown(listing_id) == 6

    async def test_a_full_batch_is_accepted(self, rig: ChannelRig) -> None:
        """A batch of exactly the declared size is applied, one outcome for each update."""
        size = rig.channel.capabilities.batch_size
        updates = [QuantityUpdate(await rig.add_listing(f"SKU-{n}", 1), n + 2) for n in range(size)]
        outcomes = await rig.channel.push_quantities(updates)
        assert sorted(one.listing_id for one in outcomes) == sorted(one.listing_id for one in updates)
        assert {one.verdict for one in outcomes} == {PushVerdict.ACCEPTED}
        for update in updates:
            assert await rig.shown(update.listing_id) == update.quantity

    async def test_an_empty_batch_asks_nothing(self, rig: ChannelRig) -> None:
        """No updates: no outcomes and no call."""
        before = await rig.calls_received()
        assert await rig.channel.push_quantities([]) == []
        assert await rig.calls_received() == before

    async def test_a_batch_over_the_limit_is_refused(self, rig: ChannelRig) -> None:
        """One update too many is a ValueError before anything is sent."""
        size = rig.channel.capabilities.batch_size + 1
        updates = [QuantityUpdate(await rig.add_listing(f"SKU-{n}", 1), 8) for n in range(size)]
        before = await rig.calls_received()
        with pytest.raises(ValueError, match=r".+"):
            await rig.channel.push_quantities(updates)
        assert await rig.calls_received() == before
        assert {await rig.shown(update.listing_id) for update in updates} == {1}

    async def test_quantities_out_of_bounds_never_arrive(self, rig: ChannelRig) -> None:
        """A number below zero or above quantity_max is a ValueError or rejected, and not shown."""
        listing_id = await rig.add_listing("GLOVE-X", 2)
        for quantity in (-1, rig.channel.capabilities.quantity_max + 1):
            try:
                outcome = await push_one(rig.channel, listing_id, quantity)
            except ValueError:
                outcome = None
            assert outcome is None or outcome.verdict is PushVerdict.REJECTED
            assert await rig.shown(listing_id) == 2

    async def test_the_largest_quantity_is_accepted(self, rig: ChannelRig) -> None:
        """quantity_max itself can be shown."""
        listing_id = await rig.add_listing("GLOVE-X", 2)
        quantity = rig.channel.capabilities.quantity_max
        assert (await push_one(rig.channel, listing_id, quantity)).verdict is PushVerdict.ACCEPTED
        assert await rig.shown(listing_id) == quantity

    async def test_zero_does_what_is_declared(self, rig: ChannelRig) -> None:
        """Zero is shown and the listing lives if declared so; otherwise it does not stay alive at zero."""
        listing_id = await rig.add_listing("GLOVE-X", 2)
        outcome = await push_one(rig.channel, listing_id, 0)
        listing = (await all_listings(rig.channel)).get(listing_id)
        alive = listing is not None and listing.observation.status is ListingStatus.ACTIVE
        if rig.channel.capabilities.zero_keeps_listing:
            assert (outcome.verdict, alive) == (PushVerdict.ACCEPTED, True)
            assert await rig.shown(listing_id) == 0
            assert (await push_one(rig.channel, listing_id, 3)).verdict is PushVerdict.ACCEPTED
            assert await rig.shown(listing_id) == 3
        else:
            assert outcome.verdict is not PushVerdict.ACCEPTED or not alive, "zero_keeps_listing is not declared"

    async def test_an_unknown_listing_spares_its_neighbours(self, rig: ChannelRig) -> None:
        """An unknown listing is NOT_FOUND; the updates beside it are applied all the same."""
        left, right = await rig.add_listing("LEFT", 1), await rig.add_listing("RIGHT", 1)
        unknown = rig.unknown_listing_id()
        verdicts = await verdicts_of_five(rig, [left, unknown, right])
        assert verdicts[unknown] is PushVerdict.NOT_FOUND
        assert (verdicts[left], verdicts[right]) == (PushVerdict.ACCEPTED, PushVerdict.ACCEPTED)
        assert (await rig.shown(left), await rig.shown(right)) == (5, 5)

    async def test_an_ended_listing_spares_its_neighbours(self, rig: ChannelRig) -> None:
        """A listing that was taken down is NOT_FOUND; the updates beside it are applied all the same."""
        left, ended = await rig.add_listing("LEFT", 1), await rig.add_listing("ENDED", 1)
        right = await rig.add_listing("RIGHT", 1)
        await rig.end_listing(ended)
        verdicts = await verdicts_of_five(rig, [left, ended, right])
        assert verdicts[ended] is PushVerdict.NOT_FOUND
        assert (verdicts[left], verdicts[right]) == (PushVerdict.ACCEPTED, PushVerdict.ACCEPTED)
        assert (await rig.shown(left), await rig.shown(right)) == (5, 5)

    @needs(ReadsQuantities)
    async def test_reading_back_shows_a_push_and_a_sale(self, rig: ChannelRig) -> None:
        """A fresh read shows the pushed number, then the number after a sale, and the sold counter's rise."""
        channel = rig.channel
        assert isinstance(channel, ReadsQuantities)
        listing_id = await rig.add_listing("GLOVE-X", 2)
        await push_one(channel, listing_id, 8)
        (before,) = await channel.read_quantities([listing_id])
        assert (before.available, before.status) == (8, ListingStatus.ACTIVE)
        await rig.sell(listing_id, 3)
        asked_after = rig.clock.now()
        (after,) = await channel.read_quantities([listing_id])
        assert after.available == 5
        assert asked_after <= after.asked_at <= rig.clock.now(), "asked_at is the clock's time before the request"
        if channel.capabilities.sold_counter:
            assert before.sold is not None, "a sold counter is declared"
            assert after.sold == before.sold + 3
        else:
            assert (before.sold, after.sold) == (None, None), "no sold counter is declared"

    async def test_the_sold_counter_in_the_list_is_as_declared(self, rig: ChannelRig) -> None:
        """The listing page carries the sold counter where one is declared, and none where not."""
        listing_id = await rig.add_listing("GLOVE-X", 5)
        before = (await all_listings(rig.channel))[listing_id].observation.sold
        await rig.sell(listing_id, 2)
        after = (await all_listings(rig.channel))[listing_id].observation.sold
        if rig.channel.capabilities.sold_counter:
            assert before is not None, "a sold counter is declared"
            assert after == before + 2
        else:
            assert (before, after) == (None, None), "no sold counter is declared"

    async def test_a_push_leaves_the_sold_counter_alone(self, rig: ChannelRig) -> None:
        """Pushing is not selling: the counter stays."""
        listing_id = await rig.add_listing("GLOVE-X", 5)
        await rig.sell(listing_id, 2)
        before = (await all_listings(rig.channel))[listing_id].observation.sold
        await push_one(rig.channel, listing_id, 9)
        assert (await all_listings(rig.channel))[listing_id].observation.sold == before

    @needs(ReadsQuantities)
    async def test_a_listing_that_is_gone_is_not_read_as_alive(self, rig: ChannelRig) -> None:
        """Reading unknown and ended listings with a living one tells only the living one as active."""
        channel = rig.channel
        assert isinstance(channel, ReadsQuantities)
        kept, ended = await rig.add_listing("KEPT", 4), await rig.add_listing("ENDED", 4)
        await rig.end_listing(ended)
        seen = await channel.read_quantities([ended, rig.unknown_listing_id(), kept])
        active = {one.listing_id: one.available for one in seen if one.status is ListingStatus.ACTIVE}
        assert active == {kept: 4}

    @needs(ReadsQuantities)
    async def test_many_listings_are_read_at_once(self, rig: ChannelRig) -> None:
        """More listings than one batch are all read, each with its own number; none are asked for none."""
        channel = rig.channel
        assert isinstance(channel, ReadsQuantities)
        assert await channel.read_quantities([]) == []
        count = channel.capabilities.batch_size + 2
        numbers = {await rig.add_listing(f"SKU-{number}", number + 1): number + 1 for number in range(count)}
        seen = await channel.read_quantities(list(numbers))
        assert {one.listing_id: one.available for one in seen} == numbers

    @needs(ReadsQuantities)
    async def test_answers_of_parallel_calls_are_not_mixed_up(self, rig: ChannelRig) -> None:
        """Calls running side by side each get their own answer."""
        channel = rig.channel
        assert isinstance(channel, ReadsQuantities)
        numbers = {await rig.add_listing(f"SKU-{n}", n + 1): n + 1 for n in range(PARALLEL_READS)}
        answers = await asyncio.gather(*(channel.read_quantities([one]) for one in numbers))
        seen = [(one.listing_id, one.available) for answer in answers for one in answer]
        assert seen == list(numbers.items())
