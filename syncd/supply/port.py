"""The contract between syncd and a supplier: offers come in, purchase orders go out.

Raises only the faults of `syncd.errors.RemoteError`; a bad row is a `FeedProblem`, never an exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
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
    """A row that could not be read: line in the feed, column (or file), and one clear sentence.

    `line` counts from 1; a sheet's rows count as a spreadsheet numbers them, and an array's entries by their place.
    """

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
    SENT = "sent"
    """It is on its way to him; what he says to it comes later, through `AnswersLater` or to a person."""
    UNSENT = "unsent"
    """It surely did not reach him and may be tried again; `PurchaseOutcome.message` says why."""


@dataclass(frozen=True, slots=True)
class PurchaseOutcome:
    """`accepted` maps line_id to accepted quantity (all lines; none while he has not answered).

    `supplier_reference` is his order number.
    """

    verdict: PurchaseVerdict
    supplier_reference: str
    accepted: tuple[tuple[str, int], ...]
    message: str = ""


@runtime_checkable
class TakesPurchaseOrders(Protocol):
    """Can be ordered from by machine."""

    @property
    def repeatable(self) -> bool:
        """Whether the reference protects: the same request sent again buys nothing more.

        Where it does not (a mail, a file he takes away), a request whose fate nobody saw is never sent again.
        """
        ...

    async def place_order(self, request: PurchaseRequest) -> PurchaseOutcome:
        """Send the order. After ChannelUnavailable the same request may be sent again if it is `repeatable`."""
        ...


@runtime_checkable
class FindsPurchaseOrders(Protocol):
    """Can see whether an order was sent whose sending nobody saw end."""

    async def find_order(self, request: PurchaseRequest) -> PurchaseOutcome | None:
        """What became of it, or None if that cannot be told: it may have been sent all the same."""
        ...


class AnswerKind(StrEnum):
    """What a supplier says about an order some time after he got it."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """Also after he had accepted it: he will not send these units."""
    SHIPPED = "shipped"
    DELAYED = "delayed"


@dataclass(frozen=True, slots=True)
class PurchaseAnswer:
    """One thing said about one purchase order. `reference` is ours; the same answer may come again.

    `supplier_sku` '' means every line. `quantity` is how many units it is about: accepted or refused in all, or lying
    in this parcel; None means all of them, or all that are left. `expected_on` is the day a delayed order is promised
    for. `told_in` names the table or letter it stands in: two parcels without a number in one of them are two.
    """

    reference: str
    kind: AnswerKind
    supplier_sku: str = ""
    quantity: int | None = None
    supplier_reference: str = ""
    carrier: str = ""
    tracking_number: str = ""
    expected_on: date | None = None
    message: str = ""
    told_in: str = ""


@dataclass(frozen=True, slots=True)
class AnswerPage:
    """Answers in the order he gave them; `cursor` goes into the next call once they are committed."""

    answers: tuple[PurchaseAnswer, ...]
    cursor: str
    problems: tuple[FeedProblem, ...] = ()


@runtime_checkable
class AnswersLater(Protocol):
    """Tells what becomes of orders after they were sent: confirmations, refusals, parcels, delays."""

    async def fetch_answers(self, cursor: str | None) -> AnswerPage:
        """What is new since `cursor`; with None everything still there."""
        ...
