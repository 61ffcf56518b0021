"""The stand-in's doors against what a real WooCommerce 9.9.5 said there: who is let in, and what it calls us with.

At the end every recording there is has its place: the stand-in answers so, or it says here why it does not.
"""

from __future__ import annotations

import base64
import json
import re
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest
import trustme
from woocommerce.oauth import OAuth
from yarl import URL

from connectors.woocommerce import sandbox as stand_in
from connectors.woocommerce.channel import WooCommerceChannel
from connectors.woocommerce.sandbox import Sandbox
from connectors.woocommerce.sandbox_auth import READ_ONLY, READ_WRITE, KeyPair, signature
from connectors.woocommerce.sandbox_faults import Fault
from connectors.woocommerce.sandbox_json import php_json
from connectors.woocommerce.sandbox_rest import PREFIX, RestError
from connectors.woocommerce.sandbox_webhooks import Webhook
from syncd.channel.port import WebhookRequest
from syncd.clock import SystemClock
from syncd.testkit.fake_clock import FakeClock
from tests.connectors.woocommerce.conftest import Caller, Connect
from tests.connectors.woocommerce.test_sandbox_recorded import RECORDED, assert_same, differences

SECRET = 's3cr&t<"x">'
"""Of the recorded webhooks."""


def address(sandbox: Sandbox, name: str) -> str:
    """The recorded call's address at the stand-in, unsigned."""
    told = RECORDED[name]
    query = "&".join(f"{key}={value}" for key, value in told["query"].items())
    return f"{sandbox.url}/wp-json/wc/v3/{told['path']}" + (f"?{query}" if query else "")


def signed(sandbox: Sandbox, name: str, pair: KeyPair, age_seconds: int = 0) -> str:
    """The same, signed as the vendor's library does."""
    stamp = int(SystemClock().now().timestamp()) - age_seconds
    oauth = OAuth(
        address(sandbox, name),
        pair.consumer_key,
        pair.consumer_secret,
        version="wc/v3",
        method=RECORDED[name]["method"],
        oauth_timestamp=stamp,
    )
    return str(oauth.get_oauth_url())


def basic(key: str, secret: str) -> dict[str, str]:
    """Basic authentication."""
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()}


STRANGER = KeyPair("ck_x", "cs_x", "read")
FORGER = KeyPair(READ_WRITE.consumer_key, "cs_x", "read_write")


@pytest.mark.parametrize(
    ("name", "pair", "age_seconds"),
    [
        ("auth_oauth_bad_key", STRANGER, 0),
        ("auth_oauth_bad_secret", FORGER, 0),
        ("auth_oauth_old_timestamp", READ_WRITE, 1000),
        ("auth_oauth_replayed_nonce", READ_WRITE, 0),
        ("auth_read_only_key_write", READ_ONLY, 0),
    ],
)
async def test_who_is_not_let_in_is_told_as_recorded(
    call: Caller, sandbox: Sandbox, name: str, pair: KeyPair, age_seconds: int
) -> None:
    """Over http, where calls are signed."""
    url, told = signed(sandbox, name, pair, age_seconds), RECORDED[name]
    if name == "auth_oauth_replayed_nonce":
        assert (await call.raw("GET", url))[0] == 200
    status, document, _ = await call.raw(told["method"], url, told["body"])
    assert_same(name, status, document)


async def test_a_password_over_http_is_no_credential(call: Caller, sandbox: Sandbox) -> None:
    """Basic authentication is ignored there: a stranger asks."""
    headers = basic(READ_WRITE.consumer_key, READ_WRITE.consumer_secret)
    status, document, _ = await call.raw("GET", address(sandbox, "auth_http_basic_rejected"), None, headers)
    assert_same("auth_http_basic_rejected", status, document)


@pytest.mark.parametrize(
    ("name", "key", "secret"),
    [
        ("auth_https_bad_key", "ck_x", READ_WRITE.consumer_secret),
        ("auth_https_bad_secret", READ_WRITE.consumer_key, "cs_x"),
    ],
)
async def test_basic_authentication_is_judged_as_recorded(clock: FakeClock, name: str, key: str, secret: str) -> None:
    """Over https: an unknown key is a stranger, a known one with another secret is refused."""
    authority, served = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(served)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    shop = await stand_in.start(clock=clock, tls=served)
    try:
        async with aiohttp.ClientSession() as session:
            ask = session.get(URL(address(shop, name), encoded=True), headers=basic(key, secret), ssl=trusting)
            async with ask as response:
                assert_same(name, response.status, await response.json())
    finally:
        await shop.aclose()


async def test_maintenance_is_as_recorded(call: Caller, sandbox: Sandbox) -> None:
    """With the pause that the real one asks for."""
    sandbox.faults.add(Fault("maintenance"))
    status, document, headers = await call("GET", "products")
    assert_same("maintenance_503", status, document)
    assert headers["Retry-After"] == RECORDED["maintenance_503"]["retry_after"]


async def test_what_a_redirected_write_comes_to_is_as_recorded(call: Caller, sandbox: Sandbox) -> None:
    """A POST that a proxy turned into a GET gets the list of orders, and nothing was created."""
    sandbox.add_product("CAB-A", "Cable A", quantity=20, price="9.90")
    noted = {"meta_data": [{"key": "noted", "value": "yes"}], "line_items": [{"product_id": 10, "quantity": 1}]}
    assert (await call("POST", "orders", {"set_paid": True, **noted}))[0] == 201
    before = dict(sandbox.shop.orders)
    status, document, _ = await call("GET", "orders")
    assert_same("post_through_301_becomes_get", status, document[:1])
    assert sandbox.shop.orders == before


async def test_a_shopper_who_loses_the_last_unit_is_told_as_recorded(sandbox: Sandbox) -> None:
    """The stand-in's shoppers have no cart: the refusal at the checkout is the same."""
    sandbox.add_product("CAB-A", "Cable A", quantity=1)
    with pytest.raises(RestError) as refused:
        await sandbox.sell(sku="CAB-A", quantity=2)
    told = RECORDED["storeapi_checkout_conflict"]
    assert (refused.value.status, refused.value.envelope()) == (told["status"], told["answer"])


@pytest.mark.parametrize("vector", RECORDED["oauth1_vectors"]["vectors"], ids=lambda one: urlsplit(one["url"]).path)
def test_signatures_are_those_recorded(vector: dict[str, Any]) -> None:
    """Signed by the vendor's library, accepted by the real server."""
    told = urlsplit(vector["signed_url"])
    given = dict(parse_qsl(told.query))
    url = f"{told.scheme}://{told.netloc}{told.path}"
    assert signature(vector["method"], url, given, vector["consumer_secret"]) == given["oauth_signature"]


DELIVERIES = (
    "webhook_delivery_order_created",
    "webhook_delivery_order_updated",
    "webhook_delivery_order_deleted",
    "webhook_delivery_product_updated",
)


@pytest.mark.parametrize("name", DELIVERIES)
async def test_deliveries_are_as_recorded(sandbox: Sandbox, clock: FakeClock, name: str) -> None:
    """Every header, every field of the body, and the way PHP writes it down."""
    told = RECORDED[name]
    topic, body = told["headers"]["X-WC-Webhook-Topic"], json.loads(told["body"])
    sandbox.add_product("CAB-A", "Cable A", quantity=20, price="9.90")
    (mug,) = sandbox.add_product("MUG-B", "Mug B", quantity=20, price="12.00")
    order_id = int(await sandbox.sell(sku="MUG-B", quantity=1, payment_method="bacs"))
    sandbox.set_order_status(str(order_id), "completed")
    hook = Webhook(2, "ours", topic, "http://127.0.0.1:9/none", SECRET, "active", clock.now())
    made = sandbox.webhooks.signed(hook, topic, order_id if topic.startswith("order") else int(mug))
    assert made.headers.keys() == told["headers"].keys()
    assert made.headers["X-WC-Webhook-Resource"] == told["headers"]["X-WC-Webhook-Resource"]
    assert made.headers["X-WC-Webhook-Event"] == told["headers"]["X-WC-Webhook-Event"]
    assert differences(body, json.loads(made.body)) == []
    assert php_json(body).decode() == told["body"]


@pytest.mark.parametrize("name", [*DELIVERIES, "webhook_ping"])
async def test_the_connector_takes_what_was_delivered(connected: Connect, clock: FakeClock, name: str) -> None:
    """The recorded signature holds over the recorded bytes, and over no others."""
    channel: WooCommerceChannel = connected(webhook_secret=SECRET)
    told = RECORDED[name]
    headers = {key.lower(): value for key, value in told["headers"].items()}

    def received(body: str) -> int:
        request = WebhookRequest("POST", "http://x/hooks/shop", {}, headers, body.encode(), clock.now())
        return channel.receive_webhook(request).status

    assert received(told["body"]) == 200
    if name != "webhook_ping":
        assert received(told["body"].replace("{", "{ ", 1)) == 401


def test_every_route_of_the_stand_in_is_a_real_one(sandbox: Sandbox) -> None:
    """By path and method, as the real server lists them."""
    real = {
        (method, re.sub(r"\(\?P<\w+>[^)]*\)", "{}", path))
        for path, methods in RECORDED["routes_index"]["routes"].items()
        for method in methods
    }
    ours = set()
    for route in sandbox.application().router.routes():
        path = route.resource.canonical if route.resource is not None else ""
        if path.startswith(PREFIX):
            ours.add((route.method, re.sub(r"\{\w+\}", "{}", "/wc/v3" + path.removeprefix(PREFIX))))
    assert len(ours) > 20
    assert {one for one in ours if one[0] != "HEAD"} <= real


NOT_ANSWERED = {
    "storeapi_add_item_insufficient": "the shoppers of the stand-in have no cart: they buy at once or not at all",
    "storeapi_checkout_ok": "a checkout answers its shopper, whom the stand-in plays itself; its order is told by REST",
}
"""Recordings that the stand-in does not produce, each with the reason."""

RECORDINGS = 67
"""How many there are of this server."""


def test_every_recording_has_its_place() -> None:
    """Each is held against the stand-in by a test that names it, or is one it does not produce, and none is both."""
    told = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    unheld = [name for name in RECORDED if f'"{name}"' not in told]
    assert unheld == []
    assert not RECORDED.keys() & NOT_ANSWERED.keys()
    assert len(RECORDED) + len(NOT_ANSWERED) == RECORDINGS
