"""Purchase orders over real HTTP, to the sandbox and to servers that behave worse."""

from __future__ import annotations

import pytest
from aiohttp import web

from connectors.dropship.feed import FeedSupplier, OrderingSupplier
from connectors.dropship.sandbox import Sandbox
from syncd.channel.port import Address
from syncd.errors import (
    ChannelAuthFailed,
    ChannelProtocolError,
    ChannelRefused,
    ChannelUnavailable,
    RateLimited,
)
from syncd.supply.port import PurchaseLine, PurchaseOutcome, PurchaseRequest, PurchaseVerdict
from tests.connectors.dropship.servers import Connect, Serve, answering, at

MARIO = Address("Mario Rossi", "Via Garibaldi 5", "Milano", "20121", "MI", "IT", "+39 02 5550100")
ORDER = PurchaseRequest("po-1", (PurchaseLine("a", "GLOVE-X", 2),), MARIO)


async def place(supplier: FeedSupplier, request: PurchaseRequest = ORDER) -> PurchaseOutcome:
    """Order from a supplier who takes orders."""
    assert isinstance(supplier, OrderingSupplier)
    return await supplier.place_order(request)


@pytest.mark.parametrize("duplicate_status", [200, 409])
async def test_a_repeated_order_gets_the_earlier_answer(
    server: Sandbox, connected: Connect, duplicate_status: int
) -> None:
    """Whether he repeats his answer as 200 or as 409, it is the same answer and one purchase."""
    server.books.duplicate_status = duplicate_status
    supplier = connected(**at(server))
    first = await place(supplier)
    assert await place(supplier) == first
    taken = server.state()["orders"]
    assert [(order["reference"], order["times_received"]) for order in taken] == [("po-1", 2)]
    assert taken[0]["order"]["ship_to"]["city"] == "Milano"
    assert server.books.offers["GLOVE-X"].quantity == 10


async def test_a_reference_used_for_another_order_is_refused(server: Sandbox, connected: Connect) -> None:
    """The same reference with other lines buys nothing and is refused for good."""
    supplier = connected(**at(server))
    await place(supplier)
    other = PurchaseRequest("po-1", (PurchaseLine("a", "GLOVE-X", 3),), None)
    with pytest.raises(ChannelRefused, match="409") as caught:
        await place(supplier, other)
    assert caught.value.code == "409"
    assert server.books.offers["GLOVE-X"].quantity == 10


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (200, b"<html>ok</html>", ChannelProtocolError),
        (201, b"", ChannelProtocolError),
        (202, b'{"status": "accepted", "order_number": "1"}', ChannelProtocolError),
        (302, b"", ChannelProtocolError),
        (304, b"", ChannelProtocolError),
        (400, b'{"error": "no such article"}', ChannelRefused),
        (404, b"", ChannelRefused),
        (409, b"conflict", ChannelRefused),
        (422, b'{"status": "accepted", "order_number": "1"}', ChannelProtocolError),
        (401, b"", ChannelAuthFailed),
        (429, b"", RateLimited),
        (502, b"", ChannelUnavailable),
    ],
)
async def test_each_answer_to_an_order_has_its_fault(
    serve: Serve, connected: Connect, status: int, body: bytes, fault: type
) -> None:
    """An answer that is none, or contradicts its status, is the fault with the right consequence."""
    url = await serve(answering(status, body, Location="http://127.0.0.1:9/"))
    with pytest.raises(fault) as caught:
        await place(connected(feed_url=url, purchase_url=url))
    assert type(caught.value) is fault


async def test_a_refusal_with_its_status_is_a_value(serve: Serve, connected: Connect) -> None:
    """A refusal told as 422 with the documented body is a refusal like any other."""
    url = await serve(answering(422, b'{"status": "refused", "message": "Esaurito"}'))
    outcome = await place(connected(feed_url=url, purchase_url=url))
    assert (outcome.verdict, outcome.message) == (PurchaseVerdict.REFUSED, "Esaurito")


async def test_a_fault_says_nothing_of_the_customer(serve: Serve, connected: Connect) -> None:
    """A server that repeats the order in its error page gets neither address nor token into our faults."""

    status = 200

    async def echo(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=f"{request.headers['Authorization']} {await request.text()}")

    url = await serve(echo)
    supplier = connected(feed_url=url, purchase_url=url, purchase_token="hush-99")
    for answered in (200, 400):
        status = answered
        with pytest.raises((ChannelProtocolError, ChannelRefused)) as caught:
            await place(supplier)
        text = f"{caught.value} {vars(caught.value)}"
        assert "GLOVE-X" in text
        for withheld in ("Mario", "Garibaldi", "Milano", "20121", "5550100", "hush-99"):
            assert withheld not in text


async def test_an_order_is_sent_once_and_never_redirected(serve: Serve, connected: Connect) -> None:
    """A broken connection does not send an order twice by itself, and a redirect takes it nowhere."""
    received = 0

    async def drop(request: web.Request) -> web.StreamResponse:
        nonlocal received
        received += 1
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    url = await serve(drop)
    with pytest.raises(ChannelUnavailable):
        await place(connected(feed_url=url, purchase_url=url))
    moved = await serve(answering(307, Location=url))
    with pytest.raises(ChannelProtocolError, match="307"):
        await place(connected(feed_url=moved, purchase_url=moved))
    assert received == 1
