"""Webhooks as WooCommerce sends them: the ping, signatures over raw bytes, and what a delivery hints at."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest

from connectors.woocommerce.mapping_webhook import read_webhook
from syncd.channel.port import Hint, ListingObservation, ListingStatus, WebhookAnswer, WebhookRequest
from syncd.identity import ListingId

SECRET = 'shh & <"quoted">'
RECEIVED_AT = datetime(2026, 5, 4, 12, 1, tzinfo=UTC)
ORDER = (
    b'{"id":412,"status":"processing","date_modified_gmt":"2026-05-04T12:00:00","billing":{"first_name":"Zo\\u00eb"}}'
)
PRODUCT = (
    b'{"id":31,"type":"simple","status":"publish","parent_id":0,"manage_stock":true,"stock_quantity":1,'
    b'"date_modified_gmt":"2026-05-04T12:00:00"}'
)


def delivery(body: bytes, topic: str = "order.updated", **changes: str) -> WebhookRequest:
    """A rightly signed delivery; `changes` replace headers, '' removes one."""
    resource, _, event = topic.partition(".")
    signature = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
    headers = {
        "user-agent": "WooCommerce/9.9.5 Hookshot (WordPress/6.9)",
        "content-type": "application/json",
        "x-wc-webhook-source": "https://shop.example.com/",
        "x-wc-webhook-topic": topic,
        "x-wc-webhook-resource": resource,
        "x-wc-webhook-event": event,
        "x-wc-webhook-signature": signature,
        "x-wc-webhook-id": "3",
        "x-wc-webhook-delivery-id": "5a5a",
    } | {name.replace("_", "-"): value for name, value in changes.items()}
    kept = {name: value for name, value in headers.items() if value}
    return WebhookRequest("POST", "https://syncd.example.com/hooks/shop", {}, kept, body, RECEIVED_AT)


def received(body: bytes, topic: str = "order.updated", **changes: str) -> WebhookAnswer:
    """The answer to such a delivery."""
    return read_webhook(delivery(body, topic, **changes), SECRET)


def test_the_ping_is_welcome_and_says_nothing() -> None:
    """It comes unsigned, as a form, while the webhook is being created: refusing it would count as a failure."""
    headers = {"content-type": "application/x-www-form-urlencoded", "user-agent": "WooCommerce/9.9.5 Hookshot"}
    ping = WebhookRequest("POST", "https://syncd.example.com/", {}, headers, b"webhook_id=12", RECEIVED_AT)
    answer = read_webhook(ping, SECRET)
    assert (answer.status, answer.hints) == (200, ())


@pytest.mark.parametrize("event", ["created", "updated", "deleted", "restored"])
def test_every_order_event_hints_at_the_order(event: str) -> None:
    """Updated may come before created: each only says which order to read."""
    answer = received(ORDER, f"order.{event}")
    assert (answer.status, answer.hints) == (200, (Hint(order_id="412"),))


def test_a_deleted_order_hints_by_its_bare_id() -> None:
    """A deletion's body is the id alone."""
    assert received(b'{"id":412}', "order.deleted").hints == (Hint(order_id="412"),)


def test_a_cart_is_no_order() -> None:
    """Abandoned block checkouts send order.updated too."""
    answer = received(b'{"id":413,"status":"checkout-draft","date_modified_gmt":"2026-05-04T12:00:00"}')
    assert (answer.status, answer.hints) == (200, ())


@pytest.mark.parametrize(
    ("old", "new", "listing_id", "available"),
    [
        (b"", b"", "31", 1),
        (
            b'"type":"simple","status":"publish","parent_id":0',
            b'"type":"variation","status":"publish","parent_id":14',
            "14/31",
            1,
        ),
        (b'"parent_id":0,"manage_stock":true', b'"parent_id":0,"manage_stock":false', "31", None),
    ],
)
def test_a_product_event_brings_its_number_as_of_its_change(
    old: bytes, new: bytes, listing_id: str, available: int | None
) -> None:
    """A late body is no fresher than the product's own time of change."""
    (hint,) = received(PRODUCT.replace(old, new) if old else PRODUCT, "product.updated").hints
    assert hint.observation == ListingObservation(
        ListingId(listing_id), available, None, ListingStatus.ACTIVE, datetime(2026, 5, 4, 12, tzinfo=UTC)
    )


def test_a_variation_managed_by_its_parent_tells_of_the_parent() -> None:
    """The number shown is the parent's, so it is the parent's listing."""
    body = PRODUCT.replace(b'"simple"', b'"variation"').replace(b'"parent_id":0', b'"parent_id":17')
    (hint,) = received(body.replace(b"true", b'"parent"'), "product.updated").hints
    assert hint.observation is not None
    assert hint.observation.listing_id == "17"


def test_a_deleted_product_hints_at_anything() -> None:
    """Its id alone does not say whether it was a variation."""
    assert received(b'{"id":31}', "product.deleted").hints == (Hint(),)


@pytest.mark.parametrize(
    "changes",
    [
        {"x_wc_webhook_signature": base64.b64encode(bytes(32)).decode()},
        {"x_wc_webhook_signature": "é"},
        {"x_wc_webhook_signature": ""},
    ],
)
def test_a_wrong_or_missing_signature_is_refused(changes: dict[str, str]) -> None:
    """Forged, or our secret differs: the shop may switch the webhook off, and the reason is for the log."""
    answer = received(ORDER, **changes)
    assert (answer.status, answer.hints) == (401, ())
    assert answer.reason


def test_without_a_secret_nothing_is_believed() -> None:
    """A webhook that cannot be checked is refused."""
    assert read_webhook(delivery(ORDER), None).status == 401


def test_a_changed_byte_is_noticed() -> None:
    """The signature is over the raw bytes: the same JSON written otherwise does not pass."""
    signed = delivery(ORDER)
    same = WebhookRequest("POST", signed.url, {}, signed.headers, ORDER + b" ", RECEIVED_AT)
    assert read_webhook(same, SECRET).status == 401


@pytest.mark.parametrize("body", [b"{cut", b"[]", b"null", b'{"status":"x"}', b"[" * 20_000])
def test_a_signed_body_that_cannot_be_read_asks_for_a_look(body: bytes) -> None:
    """It is the shop's: refusing it would only switch the webhook off, so everything is looked at instead."""
    answer = received(body)
    assert (answer.status, answer.hints) == (200, (Hint(),))
    assert answer.reason


@pytest.mark.parametrize("topic", ["coupon.created", "customer.updated", "action.woocommerce_add_to_cart"])
def test_events_of_no_use_are_answered_and_left(topic: str) -> None:
    """Signed and irrelevant: 200, no hint."""
    answer = received(b'{"id":9}', topic)
    assert (answer.status, answer.hints) == (200, ())


def test_one_state_told_twice_is_one_delivery() -> None:
    """Created and updated often carry the same body; another state in the same second is another."""
    first, second = received(ORDER, "order.created"), received(ORDER, "order.updated")
    other = received(ORDER.replace(b"processing", b"completed"))
    assert first.delivery_key == second.delivery_key
    assert other.delivery_key != first.delivery_key


def test_a_second_deletion_is_another_delivery() -> None:
    """A deletion's body never changes, so its second tells two of them apart."""
    keys = {received(b'{"id":412}', "order.deleted", x_wc_webhook_delivery_id=one).delivery_key for one in "ab"}
    assert len(keys) == 2
