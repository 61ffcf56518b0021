"""The contract between syncd and a supplier: offers come in, purchase orders go out.

Raises only the faults of `syncd.errors.RemoteError`; a bad row is a `FeedProblem`, never an exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from syncd.channel.port import Address
from syncd.identity import Money


@dataclass(frozen=True, slots=True)
class OfferRow:
    """One thing the supplier says he has, in base units. `supplier_sku` is his own number for it."""

    supplier_sku: str
    quantity: int
    title: str = ""
    cost: Money | None = None


@dataclass(frozen=True, slots=True)
class FeedProblem:
    """A row that could not be read: line in the feed (1 is the first line), column, and one clear sentence."""

    line: int
    column: str
    sentence: str


@dataclass(frozen=True, slots=True)
class OfferSnapshot:
    """Everything the supplier offered at `as_of` (his word if he gives one, else when we asked).

    `version` identifies the content (ETag or digest). `unchanged` means the content is that of the version asked
    with, and `rows` is then empty; the offer is nevertheless confirmed as of `as_of`.
    """

    as_of: datetime
    version: str
    rows: tuple[OfferRow, ...]
    problems: tuple[FeedProblem, ...] = ()
    unchanged: bool = False


class Supplier(Protocol):
    """A supplier, reached through a connector. Every method may raise any `RemoteError`."""

    async def check(self) -> None:
        """Returns if the feed can be reached and has the columns it should, else raises the fault."""
        ...

    async def fetch_offers(self, version: str | None) -> OfferSnapshot:
        """The whole feed, or `unchanged` if it still is what `version` named."""
        ...

    async def aclose(self) -> None:
        """Give back connections. May be called twice."""
        ...


@dataclass(frozen=True, slots=True)
class PurchaseLine:
    """One thing to buy. `line_id` is ours and comes back in the answer."""

    line_id: str
    supplier_sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class PurchaseRequest:
    """An order to the supplier. `reference` is ours and unique: sending it twice must not buy twice."""

    reference: str
    lines: tuple[PurchaseLine, ...]
    ship_to: Address | None


class PurchaseVerdict(StrEnum):
    """The supplier's answer."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    PARTIAL = "partial"
    """Some of it; `PurchaseOutcome.accepted` says how much of each line."""


@dataclass(frozen=True, slots=True)
class PurchaseOutcome:
    """`accepted` maps line_id to accepted quantity (all lines). `supplier_reference` is his order number."""

    verdict: PurchaseVerdict
    supplier_reference: str
    accepted: tuple[tuple[str, int], ...]
    message: str = ""


@runtime_checkable
class TakesPurchaseOrders(Protocol):
    """Can be ordered from by machine."""

    async def place_order(self, request: PurchaseRequest) -> PurchaseOutcome:
        """Send the order. After ChannelUnavailable the same request may be sent again: the reference protects."""
        ...
