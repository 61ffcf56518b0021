"""The client over real HTTP: what leaves the machine, and what every kind of bad answer becomes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from aiohttp import web

from connectors.ebay.channel import EbayChannel
from connectors.ebay.client import redacted
from connectors.ebay.sandbox import EXAMPLE_AUTH_TOKEN, EbaySandbox
from syncd.channel.port import PushVerdict, QuantityUpdate
from syncd.errors import (
    ChannelAuthFailed,
    ChannelProtocolError,
    ChannelRefused,
    ChannelUnavailable,
    RateLimited,
    RemoteError,
)
from syncd.identity import ListingId
from syncd.testkit.fake_clock import FakeClock

Connect = Callable[..., EbayChannel]


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("internal", ChannelUnavailable),
        ("http_500_xml", ChannelUnavailable),
        ("html_503", ChannelUnavailable),
        ("html_200", ChannelUnavailable),
        ("empty", ChannelUnavailable),
        ("cut_body", ChannelUnavailable),
        ("cut_before", ChannelUnavailable),
        ("cut_after", ChannelUnavailable),
        ("hang_before", ChannelUnavailable),
        ("huge", ChannelProtocolError),
        ("wrong_root", ChannelProtocolError),
        ("token_expired", ChannelAuthFailed),
        ("quota", RateLimited),
        ("window", RateLimited),
        ("http_429", RateLimited),
        ("selling_limit", ChannelRefused),
    ],
)
async def test_each_misfortune_is_one_fault(
    sandbox: EbaySandbox, channel: EbayChannel, kind: str, fault: type[RemoteError]
) -> None:
    """Whatever goes wrong during a call comes out as the fault that has its consequence, and the next call works."""
    sandbox.fail(kind)
    with pytest.raises(fault) as caught:
        await channel.check()
    assert isinstance(caught.value, fault)
    assert (caught.value.source, caught.value.operation) == ("ebay", "GetUserPreferences")
    await channel.check()


async def test_the_spent_day_waits_until_the_meter_says(
    sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock
) -> None:
    """After 518 the wait is until the reset that eBay's meter names: 07:00 UTC of the next day."""
    sandbox.switch(calls_per_day=1)
    await channel.check()
    with pytest.raises(RateLimited) as caught:
        await channel.check()
    resets_at = clock.now().replace(hour=7) + timedelta(days=1)
    assert caught.value.retry_after_seconds == (resets_at - clock.now()).total_seconds()


async def test_a_429_says_how_long(sandbox: EbaySandbox, channel: EbayChannel) -> None:
    """Retry-After is passed on."""
    sandbox.fail("http_429")
    with pytest.raises(RateLimited) as caught:
        await channel.check()
    assert caught.value.retry_after_seconds == 7


async def test_the_short_window_is_fifteen_seconds(
    sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock
) -> None:
    """The 301st GetSellerList within 15 s is refused with that wait, and served again afterwards."""
    sandbox.switch(seller_list_per_window=2)
    for _ in range(2):
        await channel.fetch_listings(None)
    with pytest.raises(RateLimited) as caught:
        await channel.fetch_listings(None)
    assert caught.value.retry_after_seconds == 15
    await clock.tick(15)
    await channel.fetch_listings(None)


async def test_out_of_stock_control_off_is_told_with_what_to_do(sandbox: EbaySandbox, channel: EbayChannel) -> None:
    """Without the account-wide preference a push of 0 is refused, so check() says so before anything is pushed."""
    sandbox.switch(out_of_stock_control=False)
    with pytest.raises(ChannelRefused, match=r"out-of-stock control is off.*switch it on"):
        await channel.check()


async def test_an_auth_token_works_in_place_of_an_oauth_token(open_channel: Connect) -> None:
    """An Auth'n'Auth token travels in the body and is accepted."""
    await open_channel(iaf_token=None, auth_token=EXAMPLE_AUTH_TOKEN).check()


async def test_markup_in_a_sku_arrives(sandbox: EbaySandbox, channel: EbayChannel) -> None:
    """A variation's SKU with markup characters is escaped on the way and matched on the way back."""
    sku = 'A&B <1> "ü"'
    item_id = sandbox.add_listing(title="T", variations=[{"sku": sku, "quantity": 1}, {"sku": "C", "quantity": 1}])
    (outcome,) = await channel.push_quantities([QuantityUpdate(ListingId(f"{item_id['item_id']}/{sku}"), 4)])
    assert outcome.verdict is PushVerdict.ACCEPTED
    assert sandbox.account.items[item_id["item_id"]].offers[sku].available == 4


async def test_parallel_calls_get_their_own_answers(sandbox: EbaySandbox, channel: EbayChannel) -> None:
    """Forty reads at once over sixteen threads: every answer is of its own item."""
    added = [ListingId(sandbox.add_listing(quantity=number)["item_id"]) for number in range(40)]
    found = await asyncio.gather(*(channel.read_quantities([one]) for one in added))
    assert [[(one.listing_id, one.available) for one in seen] for seen in found] == [
        [(listing, number)] for number, listing in enumerate(added)
    ]


async def test_an_answer_to_another_call_is_not_taken(open_channel: Connect) -> None:
    """A reply whose CorrelationID is not our MessageID is a broken protocol, never data."""

    async def answer(_: web.Request) -> web.Response:
        body = (
            '<GetUserPreferencesResponse xmlns="urn:ebay:apis:eBLBaseComponents"><Ack>Success</Ack>'
            "<CorrelationID>somebody-else</CorrelationID></GetUserPreferencesResponse>"
        )
        return web.Response(text=body, content_type="text/xml")

    url, runner = await serve(answer)
    try:
        with pytest.raises(ChannelProtocolError, match="belongs to another call"):
            await open_channel(endpoint_url=url).check()
    finally:
        await runner.cleanup()


async def test_calls_in_a_row_share_one_connection(open_channel: Connect) -> None:
    """The connection is kept between calls, although ebaysdk closes its own after each."""
    peers: set[object] = set()

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        body = (
            '<GetUserPreferencesResponse xmlns="urn:ebay:apis:eBLBaseComponents"><Ack>Success</Ack>'
            "<OutOfStockControlPreference>true</OutOfStockControlPreference></GetUserPreferencesResponse>"
        )
        return web.Response(text=body, content_type="text/xml")

    url, runner = await serve(answer)
    channel = open_channel(endpoint_url=url)
    try:
        for _ in range(5):
            await channel.check()
    finally:
        await channel.aclose()
        await runner.cleanup()
    assert len(peers) <= 2, "a pool may start a second thread before the first is free, and no more"


async def test_a_port_where_nobody_listens_is_unavailable(open_channel: Connect) -> None:
    """A refused connection is a fault to retry later."""
    with pytest.raises(ChannelUnavailable, match="the connection failed"):
        await open_channel(endpoint_url="http://127.0.0.1:1").check()


async def test_a_closed_channel_says_so(channel: EbayChannel) -> None:
    """After aclose() a call is a fault, not a hang."""
    await channel.aclose()
    with pytest.raises(ChannelUnavailable, match="closed"):
        await channel.check()


def test_a_kept_body_shows_tags_and_no_text() -> None:
    """What a fault keeps of a body is its shape; names and addresses are gone."""
    kept = redacted(b"<Order><Name>Mario Rossi</Name><Street1>Via Esempio 1</Street1><Phone>000 0")
    assert kept == "<Order><Name>…</Name><Street1>…</Street1><Phone>…"


async def serve(answer: Callable[[web.Request], object]) -> tuple[str, web.AppRunner]:
    """A server on loopback that answers every Trading call with one handler."""
    app = web.Application()
    app.router.add_post("/ws/api.dll", answer)  # type: ignore[arg-type]
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}", runner
