"""The steps of a case as commands: each judged on the case, its line's needs and its refunds as they stand in the
transaction, and written with everything that must be true together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Select
from sqlalchemy.engine import RowMapping

from syncd.attention.question import Topic
from syncd.attention.store import close
from syncd.identity import ListingId, Sku
from syncd.ledger.movement import State
from syncd.ledger.store import Command, Plan, View, Write
from syncd.orders.store_erasure import select_keys_of_buyers
from syncd.refund.refund import Refund
from syncd.refund.store import refund_of, save_refund, select_refunds_of, select_refunds_since
from syncd.reservation.hold import Demand
from syncd.reservation.store import (
    demand_of,
    reservation_of,
    save_demands,
    save_reservations,
    select_demands_of_lines,
    select_reservations_of,
)
from syncd.shortage.case import Case, CaseStatus, case_id
from syncd.shortage.cover import Shelf, cover
from syncd.shortage.owed import CUSTOMER_WINDOW, DAY, Limits, Owed, shipping_back
from syncd.shortage.store import case_of, select_case, select_cases_of
from syncd.shortage.store_late import awaited_by, select_delivery, stepped_out
from syncd.shortage.store_timeline import keep

SETTLED = "no longer short: cancelled, sent or refunded on the channel"


class Step(StrEnum):
    """What became of a step."""

    TAKEN = "taken"
    MOVED_ON = "moved_on"
    """The case is no longer as it was seen."""
    NOT_POSSIBLE = "not_possible"
    """Too little is left, on the shelf or of what was paid."""
    OVER_LIMIT = "over_limit"
    """More than goes back without a person."""


@dataclass(frozen=True, slots=True)
class Taking:
    """What is to be reserved, from where, and for which listing's order line."""

    sku: Sku
    locations: tuple[str, ...]
    listing_id: ListingId | None


def refund_reference(case: Case) -> str:
    """The reference of a case's one refund."""
    return f"{case.case_id}/refund"


def open_case(demand: Demand, owner: str = "") -> Command[Case | None]:
    """Open a case unless the line has an unresolved one for the SKU, or is no longer short."""

    def decide(view: View) -> Plan[Case | None]:
        cases = [case_of(row) for row in view.rows[0]]
        now_short = [one for one in map(demand_of, view.rows[1]) if one.sku == demand.sku and one.short]
        if not now_short or any(case.status is not CaseStatus.RESOLVED for case in cases):
            return Plan(None)
        one = now_short[0]
        case = Case(
            case_id(one.channel, one.line_id, one.sku, len(cases) + 1),
            one.channel,
            one.order_key,
            one.line_id,
            one.sku,
            one.short,
            one.cause,
            CaseStatus.OPEN,
            view.now,
            owner=owner,
        )
        return Plan(case, writes=keep(None, case, view.now))

    reads = (
        select_cases_of(demand.channel, demand.line_id, demand.sku),
        select_demands_of_lines([demand.channel], [demand.line_id]),
    )
    return Command(decide, reads=reads)


def follow(case: Case, fewer: Case, now: datetime) -> Command[CaseStatus | None]:
    """Bring a case nobody has decided yet down to what its line is still short of; returns how it stands then."""

    def decide(view: View) -> Plan[CaseStatus | None]:
        short = sum(one.short for one in map(demand_of, view.rows[1]) if one.sku == case.sku)
        if [case_of(row) for row in view.rows[0]] != [case] or short != fewer.units:
            return Plan(None)
        if short:
            return Plan(case.status, writes=keep(case, fewer, now))
        ended = case.to(CaseStatus.RESOLVED, resolved_at=now, resolution=SETTLED)
        questions = (close(Topic.REFUND, subject, now) for subject in (case.case_id, refund_reference(case)))
        return Plan(ended.status, writes=(*keep(case, ended, now), *questions))

    return Command(decide, reads=_reads(case))


@dataclass(frozen=True, slots=True)
class Claim:
    """A refund that is wanted: `wanted` names the line's money; what sending cost is found in the transaction. `limits`
    None: a person agreed to it. `buyer_id` tells whose money counts towards the customer's limit.
    """

    wanted: Refund
    owed: Owed
    buyer_id: str
    limits: Limits | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """What became of a claim; `why_not` names the limit it met."""

    step: Step
    why_not: str = ""


def ask_refund(seen: Case, acting: Case, claim: Claim, *writes: Write) -> Command[Claimed]:
    """Decide a case for a refund, once: one that was asked for before is never asked for as if it were new.

    Two cases of one line (the parts of a set) never give back more units than were paid for together, two cases of one
    order never what sending it cost twice. Units that are bought and will be late are called off with it.
    """
    wanted, owed = claim.wanted, claim.owed

    def decide(view: View) -> Plan[Claimed]:
        out = stepped_out(seen, (view.rows[1], *view.rows[5:]), view.now) if seen.awaits else None
        demands = out.demands if out else [demand_of(row) for row in view.rows[1]]
        short = sum(one.short for one in demands if one.sku == seen.sku)
        if [case_of(row) for row in view.rows[0]] != [seen] or short < seen.units:
            return Plan(Claimed(Step.MOVED_ON))
        known, others = _parted(view.rows[2], wanted.reference)
        of_line = sum(one.quantity for one in others if one.line_id == seen.line_id)
        if of_line + wanted.quantity > owed.paid:
            return Plan(Claimed(Step.NOT_POSSIBLE))
        if known and known[0].quantity != wanted.quantity:  # asked for again it would pay what was owed then
            return Plan(Claimed(Step.NOT_POSSIBLE))
        refund = known[0].asked_again() if known else wanted.with_shipping(shipping_back(owed, wanted, others))
        if claim.limits is not None:
            today, customer = (_parted(rows, wanted.reference)[1] for rows in view.rows[3:5])
            why_not = claim.limits.exceeded(refund.amount, today, customer)
            if why_not:
                return Plan(Claimed(Step.OVER_LIMIT, why_not))
        closing = (close(Topic.REFUND, subject, view.now) for subject in (seen.case_id, wanted.reference))
        kept = keep(seen, replace(acting, awaits=""), view.now)
        written = (*kept, save_refund(refund), *closing, *(out.writes if out else ()), *writes)
        return Plan(Claimed(Step.TAKEN), writes=written, marks=frozenset({seen.sku} if out else ()))

    since = select_refunds_since(wanted.asked_at - DAY)
    buyer = select_keys_of_buyers(seen.channel, [claim.buyer_id] if claim.buyer_id else [])
    limits = (since, select_refunds_since(wanted.asked_at - CUSTOMER_WINDOW, buyer))
    late = select_delivery(awaited_by(seen))[1:] if seen.awaits else ()
    return Command(decide, reads=(*_reads(seen), select_refunds_of(seen.channel, *owed.lines), *limits, *late))


def _parted(rows: Sequence[RowMapping], reference: str) -> tuple[list[Refund], list[Refund]]:
    """Refunds as the one of this reference, if it is among them, and the others."""
    refunds = [refund_of(row) for row in rows]
    known = [one for one in refunds if one.reference == reference]
    return known, [one for one in refunds if one.reference != reference]


def end(seen: Case, case: Case, *letters: Write) -> Command[bool]:
    """Write the end of a case together with the end of the demand it was about."""

    def decide(view: View) -> Plan[bool]:
        if [case_of(row) for row in view.rows[0]] != [seen]:
            return Plan(False)
        settled = []
        for one in (demand_of(row) for row in view.rows[1]):
            if one.sku == case.sku:
                units = min(case.units, one.short)
                settled.append(
                    replace(one, short=one.short - units, need=one.need - units, forgone=one.forgone + units)
                )
        return Plan(True, writes=(*keep(seen, case, view.now), *letters, save_demands(settled)))

    return Command(decide, reads=_reads(seen))


def take_from_shelf(seen: Case, then: Case, taking: Taking, *writes: Write) -> Command[Step]:
    """Reserve for a case's line at once and take the case on, or change nothing because too few are left."""
    sku = taking.sku

    def decide(view: View) -> Plan[Step]:
        demands = [demand_of(row) for row in view.rows[1]]
        short = [one for one in demands if one.sku == seen.sku]
        if [case_of(row) for row in view.rows[0]] != [seen] or sum(one.short for one in short) < seen.units:
            return Plan(Step.MOVED_ON)
        shelf = Shelf(
            short[0],
            [one for one in demands if one.sku != seen.sku],
            [reservation_of(row) for row in view.rows[2]],
            view.balances.by_location(sku, State.AVAILABLE),
            taking.locations,
            taking.listing_id,
            view.now,
        )
        found = cover(shelf, sku, seen.units, f"case:{seen.case_id}/{sku}")
        if found is None:
            return Plan(Step.NOT_POSSIBLE)
        told = (save_reservations(found.reservations), save_demands(found.demands))
        closing = (close(Topic.REFUND, seen.case_id, view.now),)
        return Plan(Step.TAKEN, found.movements, (*keep(seen, then, view.now), *told, *closing, *writes))

    reads = (*_reads(seen), select_reservations_of([seen.channel], [seen.line_id]))
    return Command(decide, skus=frozenset({seen.sku, sku}), reads=reads)


def _reads(case: Case) -> tuple[Select[Any], ...]:
    """The case and its line's demands as they stand in the transaction."""
    return (select_case(case.case_id), select_demands_of_lines([case.channel], [case.line_id]))
