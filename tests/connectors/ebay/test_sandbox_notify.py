"""The stand-in's notifications: posted at once, again when refused, and lost or doubled when told so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from xml.etree.ElementTree import Element

import pytest
from aiohttp import web

from connectors.ebay.mapping_xml import parse_document, text
from connectors.ebay.sandbox import EbaySandbox
from connectors.ebay.sandbox_xml import SELLER
from syncd.testkit.channel_reading import wait_until
from syncd.testkit.fake_clock import FakeClock

Call = Callable[..., Awaitable[Element]]


class Listener:
    """A door for notifications that answers as told and remembers what came."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.answers: list[int] = []
        self.came = asyncio.Event()

    async def receive(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        self.came.set()
        return web.Response(status=self.answers.pop(0) if self.answers else 200)

    async def wait_for(self, count: int) -> None:
        """Until so many deliveries have come."""
        async with asyncio.timeout(5):
            while len(self.bodies) < count:
                self.came.clear()
                await self.came.wait()


@pytest.fixture
async def listener(call: Call) -> AsyncIterator[Listener]:
    """A listener registered through SetNotificationPreferences."""
    door = Listener()
    app = web.Application()
    app.router.add_post("/hooks/ebay", door.receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks/ebay"
    await call(
        "SetNotificationPreferences",
        f"<ApplicationDeliveryPreferences><ApplicationURL>{url}</ApplicationURL></ApplicationDeliveryPreferences>",
    )
    yield door
    await runner.cleanup()


async def test_a_sale_is_notified_at_once(sandbox: EbaySandbox, listener: Listener) -> None:
    """One signed FixedPriceTransaction per line is posted, with the numbers after the sale."""
    item_id = sandbox.add_listing(quantity=3)["item_id"]
    order = sandbox.sell([{"item_id": item_id, "quantity": 2}])
    await listener.wait_for(1)
    payload = parse_document(listener.bodies[0]).find("Body/GetItemTransactionsResponse")
    assert payload is not None
    assert (text(payload, "NotificationEventName"), text(payload, "RecipientUserID")) == (
        "FixedPriceTransaction",
        SELLER,
    )
    assert (text(payload, "Item/Quantity"), text(payload, "Item/SellingStatus/QuantitySold")) == ("3", "2")
    assert text(payload, "TransactionArray/Transaction/OrderLineItemID") == order["lines"][0]["line_id"]


async def test_a_refused_notification_comes_again_a_few_times(
    sandbox: EbaySandbox, listener: Listener, clock: FakeClock
) -> None:
    """Anything but 200 is delivered again, the very same bytes, until it is taken or the tries are used up."""
    listener.answers = [500, 302, 200]

    async def asleep() -> bool:
        return clock.sleepers > 0

    item_id = sandbox.add_listing(quantity=3)["item_id"]
    sandbox.sell([{"item_id": item_id, "quantity": 1}])
    for count in (1, 2):
        await listener.wait_for(count)
        await wait_until(asleep, "the stand-in waits before it delivers again")
        clock.wake_next()
    await listener.wait_for(3)
    assert len(set(listener.bodies)) == 1


@pytest.mark.parametrize(("mode", "deliveries"), [("lose", 0), ("double", 2)])
async def test_notifications_can_be_lost_or_doubled(
    sandbox: EbaySandbox, listener: Listener, mode: str, deliveries: int
) -> None:
    """What happens on the way is a switch."""
    sandbox.switch(notification_mode=mode)
    item_id = sandbox.add_listing(quantity=3)["item_id"]
    sandbox.sell([{"item_id": item_id, "quantity": 1}])
    sandbox.switch(notification_mode="deliver")
    sandbox.sell([{"item_id": item_id, "quantity": 1}])
    await listener.wait_for(deliveries + 1)
    assert len(listener.bodies) == deliveries + 1
