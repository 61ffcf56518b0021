"""The fake shop's webhook: how it is signed, and what its receiver believes. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime

from syncd.channel.port import Hint, ListingObservation, ListingStatus, WebhookAnswer, WebhookRequest
from syncd.identity import ListingId
from syncd.testkit.fake_shop import FakeShop

WEBHOOK_SECRET = "fake-hook-secret-77d1"  # noqa: S105  # opens nothing: the shop lives in memory
WEBHOOK_BYTES_MAX = 64 * 1024
WEBHOOK_AGE_SECONDS_MAX = 600


def webhook_from(shop: FakeShop, order_id: str, *, secret: str = WEBHOOK_SECRET) -> WebhookRequest:
    """What the shop would send now about an order: its id, and how its first line's listing stands."""
    order, sent_at = shop.orders[order_id], shop.clock.now()
    told: dict[str, object] = {
        "delivery": shop.next_delivery(),
        "sent_at": sent_at.isoformat(),
        "order_id": order_id,
    }
    listing_id = order.lines[0].listing_id
    if listing_id is not None:
        listing = shop.listings[listing_id]
        sold = listing.sold if shop.capabilities.sold_counter else None
        told["listing"] = {"id": listing_id, "available": listing.stored, "sold": sold}
    body = json.dumps(told).encode()
    headers = {"content-type": "application/json", "x-fake-signature": _signature(secret, body).decode()}
    return WebhookRequest("POST", "http://127.0.0.1/hooks/fake", {}, headers, body, sent_at)


def _signature(secret: str, body: bytes) -> bytes:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()


def _hinted(request: WebhookRequest) -> WebhookAnswer:
    told = json.loads(request.body)  # ours to the letter: the signature says so
    sent_at = datetime.fromisoformat(told["sent_at"])
    if abs((request.received_at - sent_at).total_seconds()) > WEBHOOK_AGE_SECONDS_MAX:
        return WebhookAnswer(400, "too old")
    observation = None
    if listing := told.get("listing"):
        observation = ListingObservation(
            ListingId(listing["id"]), listing["available"], listing["sold"], ListingStatus.ACTIVE, sent_at
        )
    hint = Hint(order_id=told["order_id"], observation=observation)
    return WebhookAnswer(200, hints=(hint,), delivery_key=str(told["delivery"]))


def answer_to(request: WebhookRequest) -> WebhookAnswer:
    """Believe what is signed, fresh and of a sane size; refuse everything else."""
    if len(request.body) > WEBHOOK_BYTES_MAX:
        return WebhookAnswer(413, "body too large")
    signature = request.headers.get("x-fake-signature", "")
    if not hmac.compare_digest(_signature(WEBHOOK_SECRET, request.body), signature.encode()):
        return WebhookAnswer(401, "signature does not match")
    return _hinted(request)
