"""What rooms know, as JSON tells it: the one place where values get their names in the API. No buyer's data passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from syncd.attention.question import Question
from syncd.availability.derivation import Derivation
from syncd.channel.port import ChannelOrder
from syncd.goodwill.goodwill import Coupon
from syncd.identity import ChannelName, Money
from syncd.journal.entry import Entry as JournalEntry
from syncd.journal.entry import Step
from syncd.listing.listing import Listing
from syncd.push.plan import PushState
from syncd.refund.refund import Refund
from syncd.reservation.hold import Demand, Reservation
from syncd.scanner.scan import level_values
from syncd.shortage.case import Case
from syncd.shortage.timeline import Entry
from syncd.why.explanation import Explanation
from syncd.why.memory import Memory
from syncd.why.standing import standing

Json = dict[str, Any]


def moment(at: datetime | None) -> str | None:
    """A moment in UTC, such as 2026-03-02T08:00:00.000000Z."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def money(amount: Money | None) -> Json | None:
    """An amount as decimal text with its currency."""
    return None if amount is None else {"amount": str(amount.amount), "currency": amount.currency}


def listing(one: Listing, state: PushState | None) -> Json:
    """A listing with the number it must be showing and the one it should show."""
    return {
        "listing": str(one.key),
        "channel": one.key.channel,
        "listing_id": one.key.listing_id,
        "title": one.title,
        "sku_on_channel": one.sku_on_channel,
        "status": one.status.value,
        "state": standing(one, state).value,
        "price": money(one.price),
        "components": [{"sku": part.sku, "units": part.units} for part in one.components],
        "expected": one.belief.expected,
        "in_flight": one.belief.in_flight,
        "push": None if state is None else push(state),
    }


def push(state: PushState) -> Json:
    """How far a listing's number has come: target → sent → acknowledged → read back."""
    return {
        "pending": state.pending,
        "target": state.target,
        "target_at": moment(state.target_at),
        "sent": state.sent,
        "sent_at": moment(state.sent_at),
        "acknowledged": state.acknowledged,
        "acknowledged_at": moment(state.acknowledged_at),
        "read_back": state.read_back,
        "read_back_at": moment(state.read_back_at),
        "uncertain": state.uncertain,
        "attempts": state.attempts,
        "not_before": moment(state.not_before),
        "parked": state.parked,
    }


def derivation(one: Derivation) -> Json:
    """The receipt behind a target."""
    terms = [{**asdict(term), "as_of": moment(term.as_of)} for term in one.terms]
    return {"target": one.target, "why_not": one.why_not, "terms": terms}


def explanation(one: Explanation) -> Json:
    """Why a listing shows what it shows."""
    belief = one.listing.belief
    return {
        "sentence": one.sentence,
        "explained_at": moment(one.explained_at),
        "mode": one.mode,
        "held": one.held,
        "orders_complete_until": moment(one.orders_complete_until),
        "listing": listing(one.listing, one.push),
        "belief": {
            "expected": belief.expected,
            "shown": belief.shown,
            "shown_at": moment(belief.shown_at),
            "sold": belief.sold,
            "imported": belief.imported,
            "in_flight": belief.in_flight,
            "unexplained": belief.unexplained,
            "disagreed_at": moment(belief.disagreed_at),
        },
        "derivation": derivation(one.derivation),
        "steps": [step(entry) for entry in one.steps],
    }


def step(one: JournalEntry) -> Json:
    """One step of a listing's number; the receipt of a target is told apart from it."""
    told = "" if one.step is Step.TARGET else one.detail
    return {"at": moment(one.at), "step": one.step.value, "quantity": one.quantity, "detail": told}


def memory(one: Memory) -> Json:
    """Why a listing showed what it showed at a past moment."""
    receipt = one.derivation
    last = {"target": one.target, "sent": one.sent, "acknowledged": one.acknowledged, "read_back": one.read_back}
    return {
        "sentence": one.sentence,
        "listing": str(one.key),
        "title": one.title,
        "at": moment(one.at),
        "journal_begins_at": moment(one.journal_begins_at),
        **{name: None if entry is None else step(entry) for name, entry in last.items()},
        "derivation": None if receipt is None else derivation(receipt),
        "steps": [step(entry) for entry in one.steps],
        "books": [level_values(level) for level in one.books],
    }


def order(
    order_key: str,
    channel: ChannelName,
    one: ChannelOrder,
    demands: Sequence[Demand],
    reservations: Sequence[Reservation],
) -> Json:
    """An order with what is reserved for it; who ordered and where it goes stay in the store."""
    return {
        "order": order_key,
        "channel": channel,
        "order_id": one.order_id,
        "number": one.number,
        "status": one.status.value,
        "created_at": moment(one.created_at),
        "modified_at": moment(one.modified_at),
        "total": money(one.total),
        "lines": [
            {
                "line_id": line.line_id,
                "listing_id": line.listing_id,
                "sku": line.sku,
                "title": line.title,
                "quantity": line.quantity,
                "cancelled": line.cancelled,
                "refunded": line.refunded,
                "unit_price": money(line.unit_price),
                "needs": [_need(demand, reservations) for demand in demands if demand.line_id == line.line_id],
            }
            for line in one.lines
        ],
    }


def kinship(together: Sequence[str], copy_of: str) -> Json:
    """Which open orders of the same buyer and address an order belongs to, and by which mark it is another's copy."""
    return {"together": list(together), "copy_of": copy_of}


def _need(demand: Demand, reservations: Sequence[Reservation]) -> Json:
    own = [one for one in reservations if (one.line_id, one.sku) == (demand.line_id, demand.sku)]
    return {
        "sku": demand.sku,
        "need": demand.need,
        "reserved": sum(one.open for one in own),
        "shipped": sum(one.fulfilled for one in own),
        "purchased": demand.purchased,
        "short": demand.short,
        "cause": demand.cause if demand.short else "",
    }


def case(one: Case) -> Json:
    """A shortage case with what the customer may choose."""
    return {
        "case": one.case_id,
        "channel": one.channel,
        "order": one.order_key,
        "line_id": one.line_id,
        "sku": one.sku,
        "units": one.units,
        "cause": one.cause,
        "status": one.status.value,
        "opened_at": moment(one.opened_at),
        "deadline_at": moment(one.deadline_at),
        "options": [
            {
                "kind": option.kind.value,
                "units": option.units,
                "cost": money(option.cost),
                "substitute": option.substitute,
                "title": option.title,
                "until": option.until.isoformat() if option.until else None,
                "supplier": option.supplier,
            }
            for option in one.options
        ],
        "chosen": one.chosen.value if one.chosen else None,
        "chosen_by": one.chosen_by,
        "resolved_at": moment(one.resolved_at),
        "resolution": one.resolution,
        "owner": one.owner,
    }


def refund(one: Refund) -> Json:
    """Money that goes back."""
    return {
        "reference": one.reference,
        "order": one.order_key,
        "amount": money(one.amount),
        "shipping": str(one.shipping),
        "status": one.status.value,
        "asked_at": moment(one.asked_at),
        "done_at": moment(one.done_at),
        "message": one.message,
    }


def coupon(one: Coupon) -> Json:
    """A coupon, with its code: for staff."""
    return {
        "reference": one.reference,
        "occasion": one.occasion.value,
        "order": one.order_key,
        "code": one.code,
        "worth": one.worth,
        "expires_at": moment(one.expires_at),
        "status": one.status.value,
        "told_in": one.told_in,
        "message": one.message,
    }


def entry(one: Entry) -> Json:
    """One thing said or done about a case. For staff: a note may be about the customer."""
    return {
        "at": moment(one.at),
        "kind": one.kind.value,
        "by": one.by,
        "words": one.words,
        "status": one.status.value if one.status else None,
        "money": money(one.money),
    }


def question(one: Question) -> Json:
    """A question that waits for a person."""
    return {
        "topic": one.topic.value,
        "subject": one.subject,
        "sentence": one.sentence,
        "asked_at": moment(one.asked_at),
    }


def question_key(one: Question) -> str:
    """What names a question: there is one per topic and subject."""
    return f"{one.topic.value}/{one.subject}"
