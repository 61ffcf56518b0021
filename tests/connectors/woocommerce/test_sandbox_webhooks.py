"""The stand-in's webhooks against what was measured: the ping, the lazy clock, coalescing, and being switched off."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from connectors.woocommerce.sandbox import EXAMPLE_SECRETS, Sandbox
from connectors.woocommerce.sandbox_webhooks import FAILURES_MAX
from syncd.testkit.fake_clock import FakeClock
from tests.connectors.woocommerce.conftest import Caller, until

SECRET = EXAMPLE_SECRETS["webhook_secret"]


@dataclass
class Receiver:
    """Takes deliveries and answers as told."""

    url: str = ""
    status: int = 200
    seen: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        """Note the delivery."""
        self.seen.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        return web.Response(status=self.status)

    def topics(self) -> list[str]:
        """The topics delivered, in order; '' for a ping."""
        return [headers.get("x-wc-webhook-topic", "") for headers, _ in self.seen]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver on loopback."""
    made = Receiver()
    application = web.Application()
    application.router.add_post("/hook", made.take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield made
    await runner.cleanup()


async def hooked(call: Caller, receiver: Receiver, *topics: str) -> None:
    """Create webhooks for these topics."""
    for topic in topics:
        body = {"name": topic, "topic": topic, "delivery_url": receiver.url, "secret": SECRET}
        status, hook, _ = await call("POST", "webhooks", body)
        assert (status, hook["status"]) == (201, "active")
        assert "secret" not in hook


async def test_the_ping_comes_while_the_webhook_is_created(call: Caller, receiver: Receiver) -> None:
    """A form, unsigned, without X-WC headers, before the POST is answered."""
    await hooked(call, receiver, "order.updated")
    ((headers, body),) = receiver.seen
    assert body == b"webhook_id=1"
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert not any(name.startswith("x-wc-") for name in headers)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"topic": "order.bogus"}, "woocommerce_rest_shop_webhook_invalid_topic"),
        ({"topic": "order.updated", "delivery_url": "ftp://x"}, "woocommerce_rest_shop_webhook_invalid_delivery_url"),
    ],
)
async def test_bad_webhooks_are_refused(call: Caller, body: dict[str, str], code: str) -> None:
    """Unknown topics and addresses."""
    status, document, _ = await call("POST", "webhooks", body)
    assert (status, document["code"]) == (400, code)


async def test_an_unreachable_receiver_is_no_hindrance(call: Caller) -> None:
    """201 all the same: the lost ping shows nowhere."""
    body = {"topic": "order.updated", "delivery_url": "http://127.0.0.1:9/none"}
    assert (await call("POST", "webhooks", body))[0] == 201


async def test_deliveries_wait_for_the_minute_and_for_a_visitor(
    call: Caller, sandbox: Sandbox, clock: FakeClock, receiver: Receiver
) -> None:
    """Nothing before the minute is over, nothing on a quiet site; then the first request sends it."""
    await hooked(call, receiver, "order.created")
    sandbox.add_product("GLOVE-X", quantity=5)
    await sandbox.sell(sku="GLOVE-X")
    clock.advance(59)
    await call("GET", "products")
    assert receiver.topics() == [""]
    clock.advance(600)
    assert receiver.topics() == [""]
    await sandbox.site_visited()
    await until(lambda: len(receiver.seen) == 2)
    headers, body = receiver.seen[1]
    expected = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
    assert headers["x-wc-webhook-signature"] == expected
    assert (headers["x-wc-webhook-topic"], headers["x-wc-webhook-resource"]) == ("order.created", "order")
    assert json.loads(body)["status"] == "processing"
    assert b"\\/" in body


async def test_instant_delivery_comes_within_the_customers_request(
    call: Caller, sandbox: Sandbox, receiver: Receiver
) -> None:
    """With the shop's own switch, and the change still comes before the order itself."""
    await hooked(call, receiver, "order.created", "order.updated", "product.updated")
    sandbox.shop.switches.webhook_instant = True
    sandbox.add_product("GLOVE-X", quantity=5)
    await sandbox.sell(sku="GLOVE-X")
    assert receiver.topics()[3:] == ["order.updated", "product.updated", "order.created"]


async def test_one_job_waits_per_webhook_and_resource(call: Caller, sandbox: Sandbox, receiver: Receiver) -> None:
    """Four statuses, one order.updated, and its body is the last state."""
    await hooked(call, receiver, "order.updated")
    sandbox.add_product("GLOVE-X", quantity=5)
    order_id = await sandbox.sell(sku="GLOVE-X", payment_method="bacs")
    for status in ("processing", "completed"):
        sandbox.set_order_status(order_id, status)
    await sandbox.webhooks.run(limit=None)
    assert receiver.topics() == ["", "order.updated"]
    assert json.loads(receiver.seen[1][1])["status"] == "completed"


async def test_delivery_ids_repeat_within_a_second(call: Caller, sandbox: Sandbox, receiver: Receiver) -> None:
    """Two orders, one webhook, one second: the same delivery id."""
    await hooked(call, receiver, "order.created")
    sandbox.add_product("GLOVE-X", quantity=5)
    for _ in range(2):
        await sandbox.sell(sku="GLOVE-X")
    await sandbox.webhooks.run(limit=None)
    ids = [headers["x-wc-webhook-delivery-id"] for headers, _ in receiver.seen[1:]]
    assert len(ids) == 2
    assert len(set(ids)) == 1


async def fail_times(sandbox: Sandbox, count: int) -> None:
    """So many orders, each delivered at once."""
    for _ in range(count):
        await sandbox.sell(sku="GLOVE-X")
        await sandbox.webhooks.run(limit=None)


async def test_the_seventh_failure_in_a_row_switches_a_webhook_off(
    call: Caller, sandbox: Sandbox, receiver: Receiver
) -> None:
    """Nothing is sent twice; made active again it forgets no failure, one success forgets them all."""
    await hooked(call, receiver, "order.created")
    sandbox.add_product("GLOVE-X", quantity=100)
    receiver.status = 500
    await fail_times(sandbox, FAILURES_MAX)
    assert (await call("GET", "webhooks/1"))[1]["status"] == "active"
    await fail_times(sandbox, 1)
    assert (await call("GET", "webhooks/1"))[1]["status"] == "disabled"
    assert len(receiver.seen) == 1 + FAILURES_MAX + 1
    await fail_times(sandbox, 1)
    assert len(receiver.seen) == 1 + FAILURES_MAX + 1, "events of a disabled webhook are lost"
    await call("PUT", "webhooks/1", {"status": "active"})
    await fail_times(sandbox, 1)
    assert (await call("GET", "webhooks/1"))[1]["status"] == "disabled"
    await call("PUT", "webhooks/1", {"status": "active"})
    receiver.status = 301
    await fail_times(sandbox, 1)
    receiver.status = 500
    await fail_times(sandbox, FAILURES_MAX)
    assert (await call("GET", "webhooks/1"))[1]["status"] == "active"


async def test_trash_tells_and_deletion_for_good_does_not(call: Caller, sandbox: Sandbox, receiver: Receiver) -> None:
    """order.deleted carries the id alone; a forced deletion is silent."""
    await hooked(call, receiver, "order.deleted")
    sandbox.add_product("GLOVE-X", quantity=5)
    binned, gone = [await sandbox.sell(sku="GLOVE-X") for _ in range(2)]
    await call("DELETE", f"orders/{binned}")
    await call("DELETE", f"orders/{gone}", force="true")
    await sandbox.webhooks.run(limit=None)
    assert [body for _, body in receiver.seen[1:]] == [b'{"id":%d}' % int(binned)]


async def test_ports_out_of_the_ordinary_can_be_blocked(call: Caller, sandbox: Sandbox, receiver: Receiver) -> None:
    """WordPress sends to few ports unless told otherwise: the webhook is made, and nothing arrives."""
    sandbox.shop.switches.safe_ports_only = True
    await hooked(call, receiver, "order.created")
    sandbox.add_product("GLOVE-X", quantity=5)
    await fail_times(sandbox, 1)
    assert receiver.seen == []
    assert sandbox.webhooks.hooks[1].failures == 1


async def test_the_shop_is_driven_over_http_too(call: Caller, sandbox: Sandbox, receiver: Receiver) -> None:
    """Listings, sales, orders, stock, faults and switches, as another process would."""
    await hooked(call, receiver, "order.created")
    made = await call.shop("listings", {"sku": "GLOVE-X", "title": "Gloves", "quantity": 5})
    (listing_id,) = made["listing_ids"]
    await call.shop("switches", {"webhook_instant": True, "gateway_seconds": 0})
    sold = await call.shop("sales", {"listing_id": listing_id, "quantity": 2})
    assert receiver.topics() == ["", "order.created"]
    await call.shop("orders", {"order_id": sold["order_id"], "status": "cancelled"})
    await call.shop("stock", {"listing_id": listing_id, "quantity": 9})
    await call.shop("faults", {"mode": "server_error", "times": 2})
    await call.shop("faults", {"mode": "none"})
    assert (await call("GET", "products"))[0] == 200
    state = await call.shop("state")
    assert [(one["listing_id"], one["stock_quantity"]) for one in state["products"]] == [(listing_id, 9)]
    assert [one["status"] for one in state["orders"]] == ["cancelled"]
    assert [one["status"] for one in state["deliveries"]] == [200]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("listings", {"colour": "red"}),
        ("sales", {"sku": "NOBODY"}),
        ("stock", {"listing_id": "999", "quantity": 1}),
        ("orders", {"order_id": "1", "status": "lost"}),
        ("faults", {"mode": "meteor"}),
        ("switches", {"webhook_instant": 3}),
        ("switches", {"colour": True}),
    ],
)
async def test_wrong_wishes_at_the_shops_own_door_are_told(
    call: Caller, sandbox: Sandbox, path: str, body: dict[str, object]
) -> None:
    """400 with a sentence, and nothing happens."""
    status, document, _ = await call.raw("POST", f"{sandbox.url}/_sandbox/{path}", body)
    assert (status, document["code"]) == (400, "sandbox_bad_request")
    assert document["message"]
