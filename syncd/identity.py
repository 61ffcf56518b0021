"""The names and amounts everything else is written in: SKUs, channels, listings, money, keys."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import NewType

Sku = NewType("Sku", str)
"""The merchant's own number of a thing he stocks. Case matters; never empty; no surrounding space."""

ChannelName = NewType("ChannelName", str)
"""The name under [channel.NAME] in syncd.toml."""

SupplierName = NewType("SupplierName", str)
"""The name under [supplier.NAME] in syncd.toml."""

ListingId = NewType("ListingId", str)
"""A connector's own identity of one sellable listing (or variation) on its channel; opaque to syncd."""

SKU_LENGTH_MAX = 100
"""Longest SKU accepted, in characters (eBay allows 50 for a listing, WooCommerce 100)."""

_SKU = re.compile(r"^\S(.*\S)?$")
_CURRENCY = re.compile(r"^[A-Z]{3}$")


def sku(text: str) -> Sku:
    """A SKU from outside text, stripped. Raises ValueError with one clear sentence."""
    stripped = text.strip()
    if not _SKU.match(stripped) or not stripped.isprintable():
        raise ValueError(f"{text!r} is not a SKU: it is empty or holds unprintable characters")
    if len(stripped) > SKU_LENGTH_MAX:
        raise ValueError(f"SKU {stripped[:20]!r}… is longer than {SKU_LENGTH_MAX} characters")
    return Sku(stripped)


@dataclass(frozen=True, slots=True, order=True)
class ListingKey:
    """One listing on one channel; written `channel:listing_id` everywhere a person reads or types it."""

    channel: ChannelName
    listing_id: ListingId

    def __str__(self) -> str:
        return f"{self.channel}:{self.listing_id}"

    @classmethod
    def parse(cls, text: str) -> ListingKey:
        """From `channel:listing_id`. Raises ValueError with one clear sentence."""
        channel, colon, listing_id = text.partition(":")
        if not (channel and colon and listing_id):
            raise ValueError(f"{text!r} is not a listing; write it as CHANNEL:LISTING_ID, e.g. ebay:110142400319")
        return cls(ChannelName(channel), ListingId(listing_id))


@dataclass(frozen=True, slots=True)
class Money:
    """An amount with its currency (ISO 4217). Amounts are exact decimals, never floats."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not _CURRENCY.match(self.currency):
            raise ValueError(f"{self.currency!r} is not a currency code such as EUR")
        if not self.amount.is_finite():
            raise ValueError("an amount of money must be a finite number")

    @classmethod
    def parse(cls, amount: str, currency: str) -> Money:
        """From decimal text such as '9.90'. Raises ValueError with one clear sentence."""
        try:
            return cls(Decimal(amount.strip()), currency)
        except InvalidOperation:
            raise ValueError(f"{amount!r} is not an amount of money") from None

    def __add__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(self.amount - other.amount, self.currency)

    def times(self, quantity: int) -> Money:
        """The amount for so many pieces."""
        return Money(self.amount * quantity, self.currency)

    def __str__(self) -> str:
        return f"{self.amount:.2f} {self.currency}"

    def _same_currency(self, other: Money) -> None:
        if self.currency != other.currency:
            raise ValueError(f"cannot add {self.currency} and {other.currency}")
