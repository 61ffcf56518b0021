"""A question for a person: something syncd will not decide alone, in one sentence, with what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Topic(StrEnum):
    """What kind of question it is."""

    UNLINKED_LISTING = "unlinked_listing"
    UNLINKED_ORDER_LINE = "unlinked_order_line"
    PARKED_LISTING = "parked_listing"
    BRAKE = "brake"
    CHANNEL_PAUSED = "channel_paused"
    CHANNEL_LIMIT = "channel_limit"
    CREDENTIALS = "credentials"
    CHANNEL_SETUP = "channel_setup"
    SUPPLIER_PAUSED = "supplier_paused"
    DRIFT = "drift"
    ENDED_LISTING = "ended_listing"
    UNREAD_ORDER = "unread_order"
    COPIED_ORDER = "copied_order"
    RETURN = "return"
    INVOICE = "invoice"
    UNEXPLAINED_SALE = "unexplained_sale"
    FEED_HELD = "feed_held"
    FEED_STALE = "feed_stale"
    REFUND = "refund"
    MESSAGE = "message"
    COUPON = "coupon"
    DEADLINE = "deadline"
    PARCEL = "parcel"
    PURCHASE_ORDER = "purchase_order"
    SHIPMENT = "shipment"
    COUNT = "count"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Question:
    """Asked once per (topic, subject) until it is closed; asking again only renews the sentence."""

    topic: Topic
    subject: str
    sentence: str
    asked_at: datetime
    closed_at: datetime | None = None
