"""A WooCommerce webhook, checked and read as hints. Pure.

Deliveries are late, coalesced, unordered and never repeated, and X-WC-Webhook-Delivery-ID is the same for
all of one second (facts §0): they only say what to read now. Any answer of 400 or more counts against the
webhook, and the 7th in a row switches it off, so what is rightly signed and of no use is answered 200.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs

from connectors.woocommerce.mapping import (
    MANAGED_BY_PARENT,
    NOT_SOLD_FROM_STOCK,
    JsonObject,
    ListingTarget,
    gmt_time,
    observation,
    whole_number,
)
from connectors.woocommerce.mapping_order import NOT_ORDERS
from syncd.channel.port import Hint, WebhookAnswer, WebhookRequest

TOPICS = ("order.created", "order.updated", "order.deleted", "order.restored", "product.updated")
"""What the shop is to tell. A product that is deleted is found by the sweep."""

NAME_PREFIX = "syncd "
"""How the webhooks are named that syncd has made."""

PING_BYTES_MAX = 64
"""A ping is `webhook_id=` and a number."""


@dataclass(frozen=True, slots=True)
class WebhookPlan:
    """What to do about one topic: make a webhook, delete the surplus, leave those kept."""

    topic: str
    is_wanted: bool
    surplus: tuple[int, ...] = ()
    kept: tuple[int, ...] = ()


def plan_webhooks(webhooks: Iterable[JsonObject], url: str) -> list[WebhookPlan]:
    """One plan for each topic, by the shop's list. Only webhooks to `url` are ours to touch.

    A paused one was paused by a person, since WooCommerce only ever disables: it is left, and none is made beside it.
    """
    ours = [one for one in webhooks if _address(one.get("delivery_url")) == _address(url)]
    return [_plan(topic, [one for one in ours if one.get("topic") == topic]) for topic in TOPICS]


def _plan(topic: str, webhooks: Sequence[JsonObject]) -> WebhookPlan:
    standing: list[int] = []
    surplus: list[int] = []
    for one in webhooks:
        number = whole_number(one.get("id"))
        if number is None:
            continue
        if one.get("status") == "disabled":
            surplus.append(number)
        elif standing and str(one.get("name")).startswith(NAME_PREFIX):
            surplus.append(number)  # left over from a call whose answer was lost
        else:
            standing.append(number)
    return WebhookPlan(topic, not standing, tuple(surplus), tuple(standing))


def _address(url: object) -> str:
    return str(url or "").strip()


def read_webhook(request: WebhookRequest, secret: str | None) -> WebhookAnswer:
    """Check the signature over the raw body, then read it. Never raises."""
    headers = request.headers
    if _is_ping(request):
        return WebhookAnswer(200, "the shop's ping when a webhook is created; it is not signed and says nothing")
    if secret is None:
        return WebhookAnswer(401, "a webhook came, but no webhook_secret is configured to check it with")
    signature = headers.get("x-wc-webhook-signature", "")
    if not signature:
        return WebhookAnswer(401, "a request without X-WC-Webhook-Signature: it is not from the shop")
    expected = base64.b64encode(hmac.new(secret.encode(), request.body, hashlib.sha256).digest())
    if not hmac.compare_digest(expected, signature.strip().encode("utf-8", "replace")):
        return WebhookAnswer(401, "the signature does not match: forged, or the webhook's secret differs from ours")
    return _read_signed(headers, request.body)


def _is_ping(request: WebhookRequest) -> bool:
    if len(request.body) > PING_BYTES_MAX or any(name.startswith("x-wc-") for name in request.headers):
        return False
    form = parse_qs(request.body.decode("utf-8", "replace"))
    return list(form) == ["webhook_id"] and form["webhook_id"][0].isdecimal()


def _read_signed(headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
    resource = headers.get("x-wc-webhook-resource", "")
    event = headers.get("x-wc-webhook-event", "")
    key = f"{resource}:{event}:{hashlib.sha256(body).hexdigest()[:32]}"
    if resource not in ("order", "product"):
        return WebhookAnswer(200, f"a webhook about {resource or 'nothing'!r}, which is not used", delivery_key=key)
    try:
        item = json.loads(body)
    except (ValueError, RecursionError):
        item = None
    number = whole_number(item.get("id")) if isinstance(item, Mapping) else None
    if not isinstance(item, Mapping) or number is None:
        reason = f"a rightly signed webhook about an {resource} whose body is no JSON object with an id"
        return WebhookAnswer(200, reason, hints=(Hint(),), delivery_key=key)
    # One state may come as created and as updated. A deletion's body never changes, so its second counts.
    changed = item.get("date_modified_gmt")
    stamp = key.rpartition(":")[2] if changed else f"{event}:{headers.get('x-wc-webhook-delivery-id', '')}"
    key = f"{resource}:{number}:{stamp}"
    if resource == "order":
        return _order_hint(item, number, key)
    return WebhookAnswer(200, hints=(_product_hint(item),), delivery_key=key)


def _order_hint(item: JsonObject, number: int, key: str) -> WebhookAnswer:
    if item.get("status") in NOT_ORDERS:
        return WebhookAnswer(200, "a cart that has not been ordered", delivery_key=key)
    return WebhookAnswer(200, hints=(Hint(order_id=str(number)),), delivery_key=key)


def _product_hint(item: JsonObject) -> Hint:
    """What the product showed, as of its own time of change: the body may have been on its way for long."""
    asked_at = gmt_time(item.get("date_modified_gmt"))
    number = whole_number(item.get("id")) or 0
    parent = whole_number(item.get("parent_id")) or 0
    if asked_at is None or item.get("type") in NOT_SOLD_FROM_STOCK:
        return Hint()
    if item.get("type") != "variation":
        target = ListingTarget(number)
    elif parent <= 0:
        return Hint()
    elif item.get("manage_stock") == MANAGED_BY_PARENT:
        target = ListingTarget(parent)
    else:
        target = ListingTarget(parent, number)
    return Hint(observation=observation(target, item, asked_at))
