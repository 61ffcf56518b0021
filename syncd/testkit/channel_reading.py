"""What the cases of the kit share: gating, reading a channel to its end, waiting, judging faults."""
# ruff: noqa: S101  # the cases are made of assertions

from __future__ import annotations

import asyncio
import functools
import inspect
import traceback
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar, cast

import pytest

from syncd.channel.port import Channel, ChannelListing, ChannelOrder, OrderPage, PushOutcome, QuantityUpdate
from syncd.errors import ChannelProtocolError, RemoteError
from syncd.identity import ListingId
from syncd.testkit.channel_rig import ChannelRig

PAGES_MAX = 200
"""A channel that needs more pages than this for a handful of things is going round in circles."""

WAIT_SECONDS_MAX = 10
ERROR_LENGTH_MAX = 1000


Case = TypeVar("Case", bound=Callable[..., Awaitable[None]])


def needs(ability: Any) -> Callable[[Case], Case]:
    """Marks a case about an optional ability: a channel without it passes by having none of its methods."""

    def gated(case: Case) -> Case:
        @functools.wraps(case)
        async def judged(self: object, rig: ChannelRig, **given: object) -> None:
            if isinstance(rig.channel, ability):
                await case(self, rig, **given)
            else:
                assert_lacks(rig.channel, ability)

        return cast(Case, judged)

    return gated


def methods_of(ability: Any) -> list[str]:
    """The names of the methods that make up an optional ability."""
    return [name for name, one in vars(ability).items() if inspect.isfunction(one) and name[0] != "_"]


def assert_lacks(channel: Channel, ability: Any) -> None:
    """Fail if the channel has some of the ability's methods."""
    present = [name for name in methods_of(ability) if hasattr(channel, name)]
    assert not present, f"{ability.__name__} is only half there: {present} of {methods_of(ability)}"


async def listing_pages(channel: Channel) -> list[Sequence[ChannelListing]]:
    """Every page of listings, in order."""
    pages: list[Sequence[ChannelListing]] = []
    cursor = None
    for _ in range(PAGES_MAX):
        page = await channel.fetch_listings(cursor)
        assert page.problems == (), f"listings could not be read: {page.problems}"
        pages.append(page.listings)
        cursor = page.cursor
        if cursor is None:
            return pages
    raise AssertionError(f"fetch_listings still names a next page after {PAGES_MAX} pages")


async def all_listings(channel: Channel) -> dict[ListingId, ChannelListing]:
    """Every listing the channel tells of, by id."""
    return {listing.listing_id: listing for page in await listing_pages(channel) for listing in page}


async def first_orders(rig: ChannelRig, cursor: str | None = None) -> OrderPage:
    """One page of orders: from the cursor, or from yesterday on."""
    since = rig.clock.now() - timedelta(days=1)
    page = await rig.channel.fetch_orders(cursor, since=since)
    assert page.problems == (), f"orders could not be read: {page.problems}"
    return page


async def order_pages(rig: ChannelRig, cursor: str | None = None) -> list[OrderPage]:
    """Every page of orders from the cursor on, in order."""
    pages = [await first_orders(rig, cursor)]
    while pages[-1].has_more:
        assert len(pages) < PAGES_MAX, f"fetch_orders still has more after {PAGES_MAX} pages"
        pages.append(await first_orders(rig, pages[-1].cursor))
    return pages


async def all_orders(rig: ChannelRig, cursor: str | None = None) -> dict[str, ChannelOrder]:
    """Every order from the cursor on as it was told last, by id."""
    return {order.order_id: order for page in await order_pages(rig, cursor) for order in page.orders}


async def settle(rig: ChannelRig) -> None:
    """Let the order list catch up with what has happened."""
    await rig.pass_time(rig.channel.capabilities.order_lag_seconds + 2)


async def push_one(channel: Channel, listing_id: ListingId, quantity: int) -> PushOutcome:
    """Push to one listing; its outcome."""
    outcomes = await channel.push_quantities([QuantityUpdate(listing_id, quantity)])
    assert [one.listing_id for one in outcomes] == [listing_id], f"one update, one outcome; got {outcomes}"
    return outcomes[0]


async def wait_until(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    """Return as soon as the condition holds; fail with `what` if it never does."""
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + WAIT_SECONDS_MAX
    while not await holds():
        assert loop.time() < give_up_at, f"waited in vain until {what}"
        await asyncio.sleep(0.005)


async def fault_of(rig: ChannelRig, call: Awaitable[object]) -> RemoteError:
    """The fault that the call raises; any other exception goes through, as does the failure to raise one."""
    with pytest.raises(RemoteError) as caught:
        await call
    error = caught.value
    assert error.source, "a fault names its channel"
    assert error.operation, "a fault names the operation"
    assert len(str(error)) <= ERROR_LENGTH_MAX, "a fault is a sentence, not a page"
    body = error.body if isinstance(error, ChannelProtocolError) else ""
    told = "".join(traceback.format_exception(error)) + repr(error) + body
    assert_untold(rig, told, "an exception")
    return error


def assert_untold(rig: ChannelRig, text: str, where: str) -> None:
    """Fail if the text holds a secret or something about a buyer. The message does not repeat it."""
    for kind, hidden in (("secrets", rig.secrets), ("buyer_data", rig.buyer_data)):
        for number, one in enumerate(hidden):
            if one in text:  # an assert, or a traceback, would show it
                pytest.fail(f"{kind}[{number}] of the rig stands in {where}", pytrace=False)
