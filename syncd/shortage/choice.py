"""What somebody wishes for a case, and whether it can still be had: decided before anything is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from syncd.identity import Sku
from syncd.shortage.case import Case, CaseStatus
from syncd.shortage.late import SENT
from syncd.shortage.page import Pass
from syncd.shortage.resolution import Option, OptionKind

ARRIVED = "arrived while the customer waited"
PAID_BACK = "refunded "
"""How the resolutions of cases begin that ended so."""

DEADLINE = "deadline"
"""Who chose, where nobody did in time."""

CUSTOMER = "customer"
"""Who chose, where it was the customer on his page."""

FOR_CUSTOMER = (CaseStatus.ASKED,)
FOR_STAFF = (CaseStatus.ASKED, CaseStatus.WAITING, CaseStatus.NEEDS_PERSON)


class Verdict(StrEnum):
    """What became of a wish."""

    UNDER_WAY = "under_way"
    GONE = "gone"
    """What was wished for has just gone: the case is open and offers what there is now."""
    CHOSEN_BEFORE = "chosen_before"
    LATE = "late"
    NOT_OFFERED = "not_offered"
    MOVED_ON = "moved_on"
    """Somebody else decided in this very moment."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An option of a case, and who wishes for it. `ticket` is the customer's link; None for staff."""

    case_id: str
    kind: OptionKind
    substitute: Sku | None
    by: str
    ticket: Pass | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a wish, and in a sentence for staff why it cannot be done ('' when it is under way)."""

    verdict: Verdict
    why_not: str = ""


def judge(case: Case, wish: Wish, now: datetime) -> Option | Decision:
    """The option wished for, or why it cannot be had any more."""
    allowed = FOR_STAFF if wish.ticket is None else FOR_CUSTOMER
    if wish.ticket is not None:
        if wish.ticket.asked != case.asked:
            return Decision(Verdict.CHOSEN_BEFORE, f"case {case.case_id} was asked again; the newer link decides")
        if case.status is CaseStatus.ASKED and case.is_due(now):
            return Decision(Verdict.LATE, f"the time to choose in case {case.case_id} is over")
    if case.status not in allowed:
        return Decision(Verdict.CHOSEN_BEFORE, f"case {case.case_id} is {case.status}: nothing is left to choose")
    option = case.offers(wish.kind, wish.substitute)
    if option is not None:
        return option
    offered = ", ".join(one.key for one in case.options)
    sentence = f"case {case.case_id} does not offer {wish.kind}; it offers {offered}"
    return Decision(Verdict.GONE if wish.substitute else Verdict.NOT_OFFERED, sentence)


class Standing(StrEnum):
    """How a case stands in the eyes of its customer; the page tells each in its own words."""

    CHOOSE = "choose"
    NEWER = "newer"
    """He was asked again since: the newer link is the one to use."""
    LATE = "late"
    WAITING = "waiting"
    KEPT = "kept"
    """The substitute is put aside for him."""
    LEFT = "left"
    """What was late has left."""
    SENT = "sent"
    PAYING = "paying"
    PERSON = "person"
    """A person of the shop sees to his refund."""
    PAID = "paid"
    ARRIVED = "arrived"
    SETTLED = "settled"


def standing(case: Case, ticket: Pass, now: datetime) -> Standing:
    """How the case stands for the holder of a link."""
    if case.asked != ticket.asked and case.status is CaseStatus.ASKED:
        return Standing.NEWER
    match case.status:
        case CaseStatus.OPEN | CaseStatus.ASKED:
            return Standing.LATE if case.is_due(now) else Standing.CHOOSE
        case CaseStatus.WAITING:
            return Standing.WAITING
        case CaseStatus.ACTING:
            return Standing.KEPT if case.instead else Standing.PAYING
        case CaseStatus.NEEDS_PERSON:
            return Standing.PERSON
        case CaseStatus.RESOLVED:
            return _ending(case)


def _ending(case: Case) -> Standing:
    if case.resolution == SENT:
        return Standing.LEFT
    match case.chosen:
        case OptionKind.SUBSTITUTE:
            return Standing.SENT
        case OptionKind.WAIT:
            return Standing.ARRIVED if case.resolution == ARRIVED else Standing.SETTLED
        case OptionKind.REFUND | OptionKind.PART_NOW:
            return Standing.PAID if case.resolution.startswith(PAID_BACK) else Standing.SETTLED
        case None:
            return Standing.SETTLED


def parse_key(key: str) -> tuple[OptionKind, Sku | None] | None:
    """An option's key as kind and substitute, or None for what is none."""
    kind, _, substitute = key.partition(":")
    if kind not in tuple(OptionKind):
        return None
    return OptionKind(kind), Sku(substitute) if substitute else None
