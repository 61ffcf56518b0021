"""A connector that reads wrongly is caught by the kit: each broken channel turns its case red."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from syncd.channel.port import (
    Capabilities,
    ListingObservation,
    ListingPage,
    OrderPage,
    OrderStatus,
    PushOutcome,
    PushVerdict,
    QuantityUpdate,
)
from syncd.errors import ChannelUnavailable
from syncd.identity import ListingId
from syncd.testkit.channel_fact_cases import impurities
from syncd.testkit.fake_channel import FakeChannel
from syncd.testkit.shop_record import EVERYTHING

IsRed = Callable[..., Awaitable[bool]]


class TimeCursor(FakeChannel):
    """Goes on after the last order's time, passing by its equals."""

    async def fetch_orders(self, cursor: str | None, *, since: datetime) -> OrderPage:
        page = await super().fetch_orders(None, since=since)
        after = datetime.fromisoformat(cursor) if cursor else None
        everything = [one for one in self.shop.orders.values() if after is None or one.modified_at > after]
        orders = sorted(everything, key=lambda one: one.modified_at)[:2]
        last = orders[-1].modified_at.isoformat() if orders else cursor or since.isoformat()
        return replace(page, orders=tuple(orders), cursor=last, has_more=len(everything) > 2)


class PageNumbers(FakeChannel):
    """Counts pages of a list that moves while it is read."""

    async def fetch_orders(self, cursor: str | None, *, since: datetime) -> OrderPage:
        page = await super().fetch_orders(None, since=since)
        orders = sorted(self.shop.orders.values(), key=lambda one: one.modified_at)
        start = int(cursor or 0)
        orders_here = tuple(orders[start : start + 2])
        more = len(orders) > start + 2
        return replace(page, orders=orders_here, cursor=str(start + 2 if more else len(orders)), has_more=more)


class EagerWatermark(FakeChannel):
    """Believes the list to be complete up to this moment."""

    async def fetch_orders(self, cursor: str | None, *, since: datetime) -> OrderPage:
        return replace(await super().fetch_orders(cursor, since=since), watermark_at=self.shop.clock.now())


class DropsOddLines(FakeChannel):
    """Leaves out what it has no SKU for."""

    async def fetch_orders(self, cursor: str | None, *, since: datetime) -> OrderPage:
        page = await super().fetch_orders(cursor, since=since)
        lines = {one.order_id: tuple(line for line in one.lines if line.sku) for one in page.orders}
        return replace(page, orders=tuple(replace(one, lines=lines[one.order_id]) for one in page.orders))


class HidesUnpaid(FakeChannel):
    """Tells only what is paid."""

    async def fetch_orders(self, cursor: str | None, *, since: datetime) -> OrderPage:
        page = await super().fetch_orders(cursor, since=since)
        return replace(page, orders=tuple(o for o in page.orders if o.status is not OrderStatus.UNPAID))


class AsciiOnly(FakeChannel):
    """Spells SKUs as well as it can."""

    async def fetch_listings(self, cursor: str | None) -> ListingPage:
        page = await super().fetch_listings(cursor)
        spelt = (replace(o, sku=o.sku and o.sku.encode("ascii", "replace").decode()) for o in page.listings)
        return replace(page, listings=tuple(spelt))


class FirstPageOnly(FakeChannel):
    """Takes the first page for all there is."""

    async def fetch_listings(self, cursor: str | None) -> ListingPage:
        return replace(await super().fetch_listings(cursor), cursor=None)


class InventsCounter(FakeChannel):
    """Fills in a sold counter that the channel does not have."""

    async def read_quantities(self, listing_ids: Sequence[ListingId]) -> list[ListingObservation]:
        return [replace(one, sold=0) for one in await super().read_quantities(listing_ids)]


class SharedAnswer(FakeChannel):
    """Keeps the answer where the next call overwrites it."""

    async def read_quantities(self, listing_ids: Sequence[ListingId]) -> list[ListingObservation]:
        self._answer = await super().read_quantities(listing_ids)
        await asyncio.sleep(0)
        return self._answer


class AddsSold(FakeChannel):
    """Takes the number to send for what was ever offered."""

    async def push_quantities(self, updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
        sold = {one.listing_id: one.sold for one in self.shop.listings.values()}
        more = [replace(one, quantity=one.quantity + sold.get(one.listing_id, 0)) for one in updates]
        return await super().push_quantities(more)


class CutsBatch(FakeChannel):
    """Sends what fits and keeps silent about the rest."""

    async def push_quantities(self, updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
        return await super().push_quantities(updates[: self.capabilities.batch_size])


class AllOrNothing(FakeChannel):
    """Gives up a batch for one listing."""

    async def push_quantities(self, updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
        if all(one.listing_id in self.shop.listings for one in updates):
            return await super().push_quantities(updates)
        return [PushOutcome(one.listing_id, PushVerdict.NOT_FOUND) for one in updates]


class TriesAgain(FakeChannel):
    """Repeats by itself."""

    async def check(self) -> None:
        try:
            await super().check()
        except ChannelUnavailable:
            await super().check()


WITH_LAG = replace(EVERYTHING, order_lag_seconds=120)
NO_COUNTER = replace(EVERYTHING, sold_counter=False)

BROKEN: list[tuple[type[FakeChannel], str, Capabilities]] = [
    (TimeCursor, "test_equal_timestamps_across_a_page_edge_are_seen", EVERYTHING),
    (TimeCursor, "test_a_sale_in_the_moment_of_a_poll_is_seen", EVERYTHING),
    (PageNumbers, "test_a_change_while_pages_are_read_hides_nothing", EVERYTHING),
    (PageNumbers, "test_a_change_between_two_polls_is_seen", EVERYTHING),
    (EagerWatermark, "test_the_watermark_never_runs_ahead", WITH_LAG),
    (DropsOddLines, "test_a_line_without_sku_keeps_the_order", EVERYTHING),
    (HidesUnpaid, "test_an_unpaid_order_comes_as_unpaid", EVERYTHING),
    (FirstPageOnly, "test_many_pages_bring_every_listing_once", EVERYTHING),
    (AsciiOnly, "test_a_sku_beyond_ascii_survives", EVERYTHING),
    (InventsCounter, "test_reading_back_shows_a_push_and_a_sale", NO_COUNTER),
    (SharedAnswer, "test_answers_of_parallel_calls_are_not_mixed_up", EVERYTHING),
    (AddsSold, "test_a_push_after_a_sale_sets_what_can_be_bought", EVERYTHING),
    (CutsBatch, "test_a_batch_over_the_limit_is_refused", EVERYTHING),
    (AllOrNothing, "test_an_unknown_listing_spares_its_neighbours", EVERYTHING),
    (TriesAgain, "test_faults_in_a_row_are_told_one_by_one", EVERYTHING),
]


@pytest.mark.parametrize(("channel_type", "case", "capabilities"), BROKEN)
async def test_a_broken_channel_turns_its_case_red(
    is_red: IsRed, channel_type: type[FakeChannel], case: str, capabilities: Capabilities
) -> None:
    """Each of these mistakes fails the case that is about it, which the whole channel passes."""
    assert not await is_red(FakeChannel, case, capabilities)
    assert await is_red(channel_type, case, capabilities)


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import datetime\nmoment = datetime.now()",
        "import time",
        "import os.path",
        "from random import choice",
        "async def read(): ...",
        "def age(clock): return clock.now()",
    ],
)
def test_an_impure_mapping_is_found(source: str) -> None:
    """Clocks, chance, input and output and anything async are found wherever they stand."""
    assert impurities(source)


def test_a_pure_mapping_is_left_alone() -> None:
    """Parsing times and numbers is no reading of clocks."""
    source = "from datetime import datetime\nimport json\nmoment = datetime.fromisoformat('2026-03-02')"
    assert impurities(source) == []
