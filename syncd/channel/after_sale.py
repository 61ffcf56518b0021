"""What is done on a channel about an order once it is sold: part of the channel port; plug-ins import it from there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from syncd.identity import ListingId, Money


@dataclass(frozen=True, slots=True)
class ShippedLine:
    """So many listing units of one order line are in the parcel."""

    line_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Shipment:
    """One parcel of an order. `reference` is ours and unique: the same parcel again replaces what was said of it.

    `carrier` is the carrier's usual name ("BRT", "Poste Italiane"), which the connector turns into the channel's own
    word; '' with an empty `tracking_number` for a parcel nobody can follow.
    """

    order_id: str
    reference: str
    lines: tuple[ShippedLine, ...]
    shipped_at: datetime
    carrier: str = ""
    tracking_number: str = ""


@dataclass(frozen=True, slots=True)
class Cancellability:
    """Whether the seller may cancel an order now. `why_not` is one readable sentence; '' when he may.

    `costs` says in one sentence what a cancellation does to the seller besides (eBay: a defect), or ''.
    """

    is_possible: bool
    why_not: str = ""
    costs: str = ""


@dataclass(frozen=True, slots=True)
class RefundLine:
    """Part of an order line to refund."""

    line_id: str
    quantity: int
    amount: Money


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """Give money back for lines of an order. `reference` is ours, unique, and is how a repeat is recognised.

    `reason` may be shown to the customer. Never restocks the channel's number: the ledger owns the truth.
    """

    order_id: str
    reference: str
    reason: str
    lines: tuple[RefundLine, ...]
    amount: Money


class RefundVerdict(StrEnum):
    """What became of a refund."""

    DONE = "done"
    PENDING = "pending"
    """Accepted by the channel and not finished; ask again with `find_refund`."""
    REFUSED = "refused"
    NEEDS_PERSON = "needs_person"
    """The channel cannot move this money itself."""


@dataclass(frozen=True, slots=True)
class RefundOutcome:
    """The channel's word on one refund."""

    verdict: RefundVerdict
    refund_id: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class BuyerMessage:
    """Plain text to the buyer of an order. Personal data: its repr shows nothing."""

    order_id: str
    listing_id: ListingId | None
    buyer_id: str
    subject: str
    body: str
    reference: str

    def __repr__(self) -> str:
        return f"BuyerMessage({self.reference})"


@dataclass(frozen=True, slots=True)
class InvoiceRequest:
    """Offer unpaid order lines of one buyer as one invoice with one price for shipping them together.

    `line_ids` never change, whatever ids their orders have. `shipping_service` is the channel's own name of the way.
    """

    line_ids: tuple[str, ...]
    shipping: Money
    shipping_service: str
    note: str
    total: Money
