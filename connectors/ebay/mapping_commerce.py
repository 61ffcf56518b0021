"""Commerce Notification: what a message of eBay's says, and what has to be registered so that they come. Pure.

The signature is checked over the raw body before anything here is asked; source: eBay's event notification SDK and the
Notification API's description.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from connectors.ebay.mapping_xml import Unreadable
from syncd.channel.port import Hint, WebhookAnswer

ROOT = "/commerce/notification/v1"

ACCOUNT_DELETION = "MARKETPLACE_ACCOUNT_DELETION"
"""Mandatory for production keys: a user has left eBay, and his personal data must be forgotten."""

POLLED = frozenset({"AUTHORIZATION_REVOCATION", "ORDER_CONFIRMATION", "ITEM_MARKED_SHIPPED", "ITEM_AVAILABILITY"})
"""Topics that are a reason to look. Of a revoked consent the next call tells with certainty."""

ALERT_EMAIL_MISSING_IDS = frozenset({195003, 195026})
CHALLENGE_FAILED_IDS = frozenset({195020})

PLATFORM_EVENTS = (
    *("FixedPriceTransaction", "AuctionCheckoutComplete", "ItemMarkedPaid", "ItemMarkedShipped"),
    *("ItemSold", "ItemClosed", "ItemRevised", "ItemSuspended", "ItemOutOfStock"),
    *("BuyerCancelRequested", "TokenRevocation"),
)
"""What Platform Notifications are asked for; the payload of each is in KB 1943."""


def read_message(body: bytes) -> WebhookAnswer:
    """The answer to a message whose signature held. Raises Unreadable.

    204 is eBay's own SDK's answer; an account deletion is acknowledged at once and carried out behind it.
    """
    try:
        message = json.loads(body)
        topic, notification = str(message["metadata"]["topic"]), message["notification"]
        key = str(notification["notificationId"])
        data = notification.get("data") or {}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Unreadable("it is not a message of the Notification API") from None
    if topic == ACCOUNT_DELETION:
        return WebhookAnswer(204, delivery_key=key, erased_buyers=_who(data))
    if topic in POLLED:
        return WebhookAnswer(204, hints=(Hint(),), delivery_key=key)
    return WebhookAnswer(204, f"topic {topic[:60]} is nothing to act on", delivery_key=key)


def _who(data: Mapping[str, Any]) -> tuple[str, ...]:
    """A user's ids: his user name, and the immutable id that takes its place for buyers in the US."""
    if not isinstance(data, Mapping):
        raise Unreadable("it names no user")
    ids = tuple(dict.fromkeys(str(data[name]) for name in ("username", "userId", "eiasToken") if data.get(name)))
    if not ids:
        raise Unreadable("it names no user")
    return ids


def platform_request(url: str, *, version: int, alert_email: str | None) -> dict[str, Any]:
    """SetNotificationPreferences: where to deliver and which events; the same again changes nothing."""
    alert = {"AlertEmail": f"mailto://{alert_email}", "AlertEnable": "Enable"} if alert_email else {}
    return {
        "ApplicationDeliveryPreferences": {
            "ApplicationURL": url,
            "ApplicationEnable": "Enable",
            **alert,
            "DeviceType": "Platform",
            "PayloadVersion": str(version),
            "DeliveryURLDetails": {"DeliveryURLName": "syncd", "DeliveryURL": url, "Status": "Enable"},
        },
        "UserDeliveryPreferenceArray": {
            "NotificationEnable": [{"EventType": event, "EventEnable": "Enable"} for event in PLATFORM_EVENTS]
        },
        "DeliveryURLName": "syncd",
    }


def destination_at(body: Mapping[str, Any], url: str) -> Mapping[str, Any] | None:
    """The destination registered for this address, or None. Raises Unreadable."""
    return _first(body, "destinations", lambda one: (one.get("deliveryConfig") or {}).get("endpoint") == url)


def subscription_to(body: Mapping[str, Any], topic: str, destination_id: str) -> Mapping[str, Any] | None:
    """The subscription to a topic at a destination, or None. Raises Unreadable."""
    return _first(
        body,
        "subscriptions",
        lambda one: one.get("topicId") == topic and str(one.get("destinationId")) == destination_id,
    )


def destination_request(url: str, token: str) -> dict[str, Any]:
    """createDestination, updateDestination: eBay challenges the address before it answers."""
    return {
        "name": "syncd",
        "status": "ENABLED",
        "deliveryConfig": {"endpoint": url, "verificationToken": token},
    }


def subscription_request(topic: str, destination_id: str) -> dict[str, Any]:
    """createSubscription in the one form eBay has for this topic."""
    payload = {"format": "JSON", "schemaVersion": "1.0", "deliveryProtocol": "HTTPS"}
    return {"topicId": topic, "status": "ENABLED", "destinationId": destination_id, "payload": payload}


def problem(ids: Iterable[int], message: str, url: str) -> str:
    """Why a registration was refused, with what to do."""
    seen = set(ids)
    if seen & ALERT_EMAIL_MISSING_IDS:
        return "eBay registers no destination without an e-mail address for its alerts: set alert_email"
    if seen & CHALLENGE_FAILED_IDS:
        return f"eBay's challenge of {url} was not answered rightly: is it reachable from outside, with this token?"
    return f"eBay refuses to register {url} ({', '.join(map(str, sorted(seen)))}: {message})"


def _first(body: Mapping[str, Any], name: str, fits: Any) -> Mapping[str, Any] | None:
    found = body.get(name) or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Unreadable(f"{name} are not written as the Notification API writes them")
    return next((one for one in found if fits(one)), None)
