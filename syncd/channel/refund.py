"""A refund as it is asked of a channel and as the channel tells it: part of the port; plug-ins import it from there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from syncd.identity import Money


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
