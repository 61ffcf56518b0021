"""Platform Notifications: who sent one (MD5 signature), how old it is, and what it hints at.

Pure. The signature covers the timestamp and the application's keys, not the body (KB 1201, KB 780):
whatever the body says is a hint, confirmed by an authenticated read before anything is raised on it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from xml.etree.ElementTree import Element

from connectors.ebay.mapping import observations
from connectors.ebay.mapping_xml import Unreadable, moment, needed, parse_document, text
from syncd.channel.port import Hint, ListingObservation, WebhookAnswer, WebhookRequest

REPLAY_WINDOW = timedelta(minutes=10)
"""As in eBay's own listener sample (KB 1164)."""
BODY_BYTES_MAX = 1_000_000
HINTS_MAX = 500


@dataclass(frozen=True, slots=True, repr=False)
class NotificationKeys:
    """The application's keys, which sign its notifications, and whose notifications are ours."""

    dev_id: str
    app_id: str
    cert_id: str
    seller: str | None = None
    """The seller's eBay user name; None takes notifications for anybody who granted this application a token.
    """


def signature(timestamp: str, keys: NotificationKeys) -> str:
    """base64(md5(Timestamp + DevID + AppID + CertID)), the timestamp exactly as the body writes it (KB 1201)."""
    signed = f"{timestamp}{keys.dev_id}{keys.app_id}{keys.cert_id}".encode()
    # MD5 is eBay's choice, not ours; it is why a notification is only ever a hint.
    return base64.b64encode(hashlib.md5(signed, usedforsecurity=False).digest()).decode()


def answer_notification(request: WebhookRequest, keys: NotificationKeys) -> WebhookAnswer:
    """Check one notification. Forged: 401. Malformed: 400. Stale but signed: 200 and a hint to poll, nothing
    believed.
    """
    if len(request.body) > BODY_BYTES_MAX:
        return WebhookAnswer(413, f"the notification is larger than {BODY_BYTES_MAX} bytes")
    try:
        envelope = parse_document(request.body)
        payload = _payload(envelope)
        written = needed(payload, "Timestamp")
        sent_at = moment(written)
    except Unreadable as fault:
        return WebhookAnswer(400, f"not a Platform Notification: {fault}")
    claimed = text(envelope, "Header/RequesterCredentials/NotificationSignature") or ""
    if not hmac.compare_digest(claimed.encode(), signature(written, keys).encode()):
        return WebhookAnswer(401, "the notification's signature does not fit the application's keys")
    key = hashlib.sha256(request.body).hexdigest()
    if abs(request.received_at - sent_at) > REPLAY_WINDOW:
        # eBay may or may not renew the timestamp when it delivers again, so it is acknowledged, and
        # believed in nothing.
        reason = "signed, but its timestamp is more than 10 minutes away: taken as a reason to poll only"
        return WebhookAnswer(200, reason, hints=(Hint(),), delivery_key=key)
    recipient = text(payload, "RecipientUserID")
    if keys.seller and recipient and recipient.casefold() != keys.seller.casefold():
        return WebhookAnswer(200, "the notification is for another seller of this application", delivery_key=key)
    return WebhookAnswer(200, hints=read_hints(payload, min(sent_at, request.received_at)), delivery_key=key)


def answer_challenge(request: WebhookRequest, *, token: str, url: str) -> WebhookAnswer:
    """The Commerce Notification API's proof of ownership: hex sha256(challenge code + verification token +
    URL).
    """
    code = request.query.get("challenge_code", "")
    if not code:
        return WebhookAnswer(400, "a GET without challenge_code asks for nothing")
    proof = hashlib.sha256(f"{code}{token}{url}".encode("utf-8", "replace")).hexdigest()
    body = json.dumps({"challengeResponse": proof}).encode()
    return WebhookAnswer(200, body=body, content_type="application/json")


def read_hints(payload: Element, asked_at: datetime) -> tuple[Hint, ...]:
    """The orders a notification names, then the listings as it describes them; (Hint(),) when it names
    neither.
    """
    hints = [Hint(order_id=order_id) for order_id in _order_ids(payload)]
    # A sale of a variation carries the sum over all variations, which says nothing about one of them.
    if payload.find("TransactionArray/Transaction/Variation") is None:
        hints += [Hint(observation=seen) for item in payload.findall("Item") for seen in _seen(item, asked_at)]
    return tuple(hints[:HINTS_MAX]) or (Hint(),)


def _payload(envelope: Element) -> Element:
    body = envelope.find("Body")
    if envelope.tag != "Envelope" or body is None or len(body) == 0:
        raise Unreadable("there is no SOAP body with a message in it")
    return body[0]


def _order_ids(payload: Element) -> list[str]:
    """The current order id where it is told, else the line item's id, which eBay takes for an unpaid order."""
    ids: dict[str, None] = {}
    for transaction in payload.findall("TransactionArray/Transaction"):
        told = (
            text(transaction, "ExtendedOrderID")
            or text(transaction, "ContainingOrder/OrderID")
            or text(transaction, "OrderLineItemID")
        )
        if told:
            ids[told] = None
    return list(ids)


def _seen(item: Element, asked_at: datetime) -> list[ListingObservation]:
    try:
        return observations(item, asked_at)
    except Unreadable:
        # Many event payloads carry only part of an item; the order hint or the next read tells the rest.
        return []
