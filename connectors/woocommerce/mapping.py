"""WooCommerce's products and variations as listings, and pushes as batch items with their outcomes. Pure."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from syncd.channel.port import (
    ChannelListing,
    ListingObservation,
    ListingStatus,
    PushOutcome,
    PushVerdict,
    QuantityUpdate,
)
from syncd.identity import ListingId, Money

JsonObject = Mapping[str, Any]
"""A JSON object as decoded: nothing about its content is believed yet."""

PRODUCT_FIELDS = "id,name,type,status,sku,price,parent_id,manage_stock,stock_quantity"
"""What is asked of a product or variation; cuts a page of 100 from 192 KB to 9 KB."""

NOT_SOLD_FROM_STOCK = frozenset({"grouped", "external"})
"""Product types that hold no stock themselves: a group of others, and a link to another shop."""

NUMBER_MAX = 10**15
"""Largest number taken from the shop, either side of 0; a database holds some nineteen digits, and sums of them."""
NUMBER_LENGTH_MAX = 20

MANAGED_BY_PARENT = "parent"
"""What a variation answers as `manage_stock` when it draws on its parent's one stock."""

NOT_FOUND_CODES = frozenset(
    {
        "woocommerce_rest_product_invalid_id",
        "woocommerce_rest_invalid_product_id",
        "woocommerce_rest_product_variation_invalid_id",
        "woocommerce_rest_product_variation_invalid_parent",
    }
)
"""What the shop answers for a product or variation it does not have."""


_LISTING_ID = re.compile(r"([0-9]{1,18})(?:/([0-9]{1,18}))?")


@dataclass(frozen=True, slots=True, order=True)
class ListingTarget:
    """A listing id taken apart: a product, or a variation (not 0) of one."""

    product_id: int
    variation_id: int = 0

    @property
    def listing_id(self) -> ListingId:
        """'10' for a product, '14/15' for a variation."""
        if self.variation_id:
            return ListingId(f"{self.product_id}/{self.variation_id}")
        return ListingId(str(self.product_id))

    @classmethod
    def parse(cls, listing_id: str) -> ListingTarget | None:
        """From '10' or '14/15'; None if it is neither."""
        found = _LISTING_ID.fullmatch(listing_id)
        if found is None:
            return None
        product, variation = found.groups("0")
        target = cls(int(product), int(variation))
        return target if target.product_id and (target.variation_id or found[2] is None) else None


def whole_number(value: object) -> int | None:
    """A JSON integer, also if a plug-in sends text or a fraction (rounded down); None if there is none.

    A number beyond `NUMBER_MAX` is nobody's stock, price or id, and no store could hold it: it is none.
    """
    if type(value) is int:
        return value if -NUMBER_MAX <= value <= NUMBER_MAX else None
    if isinstance(value, str):
        text = value.strip()
        plain = len(text) <= NUMBER_LENGTH_MAX and text.removeprefix("-").isdecimal()
        return whole_number(int(text)) if plain else None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    if not isinstance(value, int) and not math.isfinite(value):
        return None
    return math.floor(value) if -NUMBER_MAX <= value <= NUMBER_MAX else None


def gmt_time(value: object) -> datetime | None:
    """'2026-11-21T18:48:36' from a field ending in _gmt, which is UTC without saying so."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the first and the last day there are have no UTC in every zone
        return None


def identifier(item: JsonObject, field: str = "id") -> int:
    """The item's positive id. Raises ValueError with one sentence."""
    value = whole_number(item.get(field))
    if value is None or value <= 0:
        raise ValueError(f"its {field!r} is not a number")
    return value


def observation(target: ListingTarget, item: JsonObject, asked_at: datetime) -> ListingObservation:
    """What a product or variation shows. Negative stock stays negative: it is the sign of an oversell."""
    managed = item.get("manage_stock") in (True, MANAGED_BY_PARENT)
    return ListingObservation(
        listing_id=target.listing_id,
        available=whole_number(item.get("stock_quantity")) if managed else None,
        sold=None,
        status=ListingStatus.ACTIVE if item.get("status") == "publish" else ListingStatus.ENDED,
        asked_at=asked_at,
    )


def listing(
    target: ListingTarget, item: JsonObject, *, title: str, currency: str, asked_at: datetime
) -> ChannelListing:
    """A product or variation as a listing; the price is None where the shop has set none."""
    return ChannelListing(
        listing_id=target.listing_id,
        sku=text_or_none(item.get("sku")),
        title=html.unescape(title),
        price=_price(item.get("price"), currency),
        observation=observation(target, item, asked_at),
    )


def text_or_none(value: object) -> str | None:
    """Text that is not blank, stripped."""
    return value.strip() if isinstance(value, str) and value.strip() else None


def variation_listings(
    parent: JsonObject, variations: Sequence[JsonObject], *, currency: str, asked_at: datetime
) -> list[ChannelListing]:
    """A variable product's listings: variations with a stock of their own, itself if any draws on its own.

    One stock may stand behind many variations, so it is one listing (facts 3.1). A malformed variation raises
    ValueError with one sentence.
    """
    parent_id = identifier(parent)
    name = str(parent.get("name") or "")
    found: list[ChannelListing] = []
    if any(variation.get("manage_stock") == MANAGED_BY_PARENT for variation in variations):
        target = ListingTarget(parent_id)
        found.append(listing(target, parent, title=name, currency=currency, asked_at=asked_at))
    for variation in variations:
        if variation.get("manage_stock") == MANAGED_BY_PARENT:
            continue
        target = ListingTarget(parent_id, identifier(variation))
        title = f"{name} – {variation.get('name') or target.variation_id}"
        found.append(listing(target, variation, title=title, currency=currency, asked_at=asked_at))
    return found


def batch_item(target: ListingTarget, quantity: int) -> dict[str, object]:
    """One item of a batch. Turns stock management on; anything but an int the batch would read as 0."""
    return {"id": target.variation_id or target.product_id, "manage_stock": True, "stock_quantity": quantity}


def push_outcome(update: QuantityUpdate, item: object) -> PushOutcome:
    """What became of the update, by the echoed item: a batch answers 200 also for what it ignored."""
    if not isinstance(item, Mapping):
        return PushOutcome(update.listing_id, PushVerdict.UNKNOWN, message="the shop's answer leaves this item out")
    error = item.get("error")
    if isinstance(error, Mapping):
        return _failed(update, str(error.get("code") or ""), str(error.get("message") or ""))
    managed, shown = item.get("manage_stock"), whole_number(item.get("stock_quantity"))
    if managed == MANAGED_BY_PARENT:
        return parent_managed_outcome(update)
    if managed is not True:
        message = "the shop ignored the number: stock management is switched off for this product"
        return PushOutcome(update.listing_id, PushVerdict.REJECTED, "stock_not_managed", message)
    if shown == update.quantity:
        return PushOutcome(update.listing_id, PushVerdict.ACCEPTED)
    message = f"the shop took {update.quantity} and answered {shown}"
    if shown is not None and shown < update.quantity:
        return PushOutcome(
            update.listing_id,
            PushVerdict.UNKNOWN,
            "other_number",
            f"{message}: perhaps a sale in the same moment",
        )
    return PushOutcome(
        update.listing_id,
        PushVerdict.REJECTED,
        "other_number",
        f"{message}: a plug-in of the shop may alter it",
    )


def parent_managed_outcome(update: QuantityUpdate) -> PushOutcome:
    """For a variation without a stock of its own."""
    parent = update.listing_id.partition("/")[0]
    message = f"the shop keeps this variation's stock at its parent product: link listing {parent} instead"
    return PushOutcome(update.listing_id, PushVerdict.REJECTED, "stock_managed_by_parent", message)


def _failed(update: QuantityUpdate, code: str, message: str) -> PushOutcome:
    verdict = PushVerdict.NOT_FOUND if code in NOT_FOUND_CODES else PushVerdict.REJECTED
    return PushOutcome(update.listing_id, verdict, code, html.unescape(message) or "the shop refused the item")


def _price(value: object, currency: str) -> Money | None:
    text = text_or_none(value)
    if text is None:
        return None
    try:
        return Money.parse(text, currency)
    except ValueError:
        return None
