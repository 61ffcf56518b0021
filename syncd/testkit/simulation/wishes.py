"""What customers wish and what is delivered, fixed beforehand: the same for everybody who keeps the listings."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

Span = tuple[float, float]
"""Fewest and most seconds; what comes between is drawn evenly."""

HOUR_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Offer:
    """One listing: where, under which name, and how many of which SKU one of it takes."""

    name: str
    channel: str
    units: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Wish:
    """A customer who would buy: when (seconds from the beginning), which offer, how many.

    `listed_seconds`: how long the channel takes to list his order. `told_seconds`: how long its call about the order
    is on its way; None: it never calls.
    """

    at: float
    offer: str
    quantity: int
    listed_seconds: float = 0.0
    told_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """Units that arrive on the shelf and in the books at once; below 0: units that leave it past all channels."""

    at: float
    sku: str
    units: int


@dataclass(frozen=True, slots=True)
class Season:
    """One stretch of trade. `opening` lies on the shelf and is shown everywhere when it begins."""

    offers: Sequence[Offer]
    opening: Mapping[str, int]
    wishes: Sequence[Wish]
    deliveries: Sequence[Delivery]
    seconds: float

    @property
    def channels(self) -> tuple[str, ...]:
        """Every channel something is offered on."""
        return tuple(dict.fromkeys(one.channel for one in self.offers))

    def uncalled(self, is_so: bool = True) -> Season:
        """The same with the same customers, where no channel calls about its sales."""
        return replace(self, wishes=[replace(one, told_seconds=None) for one in self.wishes]) if is_so else self


@dataclass(frozen=True, slots=True)
class Market:
    """How fast one SKU sells on all channels together and is delivered, per hour, and how late news of a sale is.

    Deliveries come in lots, at even distances. `told` None: no channel calls about its sales.
    """

    wished_per_hour: float
    delivered_per_hour: float
    lot: int
    listed: Span
    told: Span | None
    channels: tuple[str, ...] = ("market", "shop")


def drawn(market: Market, hours: float, seed: int, sku: str = "X") -> Season:
    """A season of one SKU: customers come independently of each other, each to one of the channels."""
    draw = random.Random(seed)  # noqa: S311  # customers, not secrets
    wishes: list[Wish] = []
    at = 0.0
    while (at := at + draw.expovariate(market.wished_per_hour / HOUR_SECONDS)) < hours * HOUR_SECONDS:
        told = None if market.told is None else draw.uniform(*market.told)
        wishes.append(Wish(at, f"{sku} on {draw.choice(market.channels)}", 1, draw.uniform(*market.listed), told))
    pause = HOUR_SECONDS * market.lot / market.delivered_per_hour
    deliveries = [
        Delivery(pause * number, sku, market.lot) for number in range(1, int(hours * HOUR_SECONDS / pause) + 1)
    ]
    offers = [Offer(f"{sku} on {name}", name, {sku: 1}) for name in market.channels]
    return Season(offers, {sku: market.lot}, wishes, deliveries, hours * HOUR_SECONDS)
