"""Carries out what was chosen for a case, by the customer on his page or by staff: at once, and only once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask
from syncd.clock import Clock
from syncd.db import Database
from syncd.identity import SupplierName
from syncd.ledger.service import Writer
from syncd.ledger.store import Write
from syncd.refund.refund import Refund, RefundStatus
from syncd.shortage.case import Case, CaseStatus
from syncd.shortage.choice import CUSTOMER, DEADLINE, Decision, Verdict, Wish, judge
from syncd.shortage.message import Kind
from syncd.shortage.owed import Limits, leaves_nothing
from syncd.shortage.resolution import Option, OptionKind, may_refund
from syncd.shortage.service_affair import Affair, Affairs, Rules, seen_as
from syncd.shortage.service_buying import Buyer
from syncd.shortage.store import read_case
from syncd.shortage.store_steps import Claim, Claimed, Step, ask_refund, refund_reference, take_from_shelf
from syncd.shortage.store_timeline import step
from syncd.telemetry import Event, log

GIFT = "/gift"
"""Ends the subject of a question about a gift in a parcel."""

WITHIN_REACH = timedelta(hours=12)
"""A choice that opens again because a substitute has just gone leaves at least so long to choose."""


class Chooser:
    """Decides cases as somebody wishes."""

    def __init__(
        self, db: Database, writer: Writer, affairs: Affairs, buyer: Buyer, *, rules: Rules, clock: Clock
    ) -> None:
        self._db = db
        self._writer = writer
        self._affairs = affairs
        self._buyer = buyer
        self._rules = rules
        self._clock = clock

    async def decide(self, wish: Wish) -> Decision:
        """Carry out a wish, or say why it cannot be."""
        now = self._clock.now()
        async with self._db.read() as conn:
            case = await read_case(conn, wish.case_id)
        if case is None:
            return Decision(Verdict.NOT_OFFERED, f"there is no case {wish.case_id}")
        option = judge(case, wish, now)
        if isinstance(option, Decision):
            return option
        affair = await self._affairs.of(case)
        match option.kind:
            case OptionKind.SUBSTITUTE:
                decision = await self._substitute(affair, option, wish, now)
            case OptionKind.WAIT:
                decision = await self._wait(affair, option, wish, now)
            case OptionKind.REFUND | OptionKind.PART_NOW:
                decision = await self._money(affair, option, wish, now)
        if decision.verdict is Verdict.UNDER_WAY:
            log(Event.CHOICE_MADE, channel=case.channel, case_id=case.case_id, choice=option.kind.value, by=wish.by)
        return decision

    async def _substitute(self, affair: Affair, option: Option, wish: Wish, now: datetime) -> Decision:
        """Reserve it at once; what has just gone opens the choice again."""
        case, sku = affair.case, option.substitute
        assert sku is not None  # noqa: S101  an option to replace says by what
        chosen = case.to(CaseStatus.ACTING, chosen=option.kind, chosen_by=wish.by, instead=sku)
        sentence = (
            f"order {affair.order.number} on {case.channel}: send {case.units} × {sku} instead of {case.sku}, as the "
            "customer chose; it is reserved. This closes by itself once the order was sent"
        )
        question = ask(Question(Topic.PARCEL, case.case_id, sentence, now))
        letter = await self._affairs.letter(seen_as(affair, chosen), Kind.SUBSTITUTE, now)
        taking = self._affairs.taking(affair, sku)
        outcome = await self._writer.submit(take_from_shelf(case, chosen, taking, question, letter))
        if outcome.value is Step.TAKEN:
            return Decision(Verdict.UNDER_WAY)
        if outcome.value is Step.MOVED_ON:
            return _moved_on(case)
        if case.status is not CaseStatus.ASKED:
            return Decision(Verdict.GONE, f"{sku} has gone meanwhile; choose something else")
        return await self._open_again(affair, now)

    async def _open_again(self, affair: Affair, now: datetime) -> Decision:
        """Offer what there is now, and leave time to choose it."""
        case = affair.case
        options = await self._affairs.options(affair, now)
        deadline = max(case.deadline_at or now, now + self._grace)
        renewed = replace(case, options=options, deadline_at=deadline)
        if not (await self._writer.submit(step(case, renewed))).value:
            return _moved_on(case)
        return Decision(Verdict.GONE, "it has gone meanwhile; the case offers what there is now")

    @property
    def _grace(self) -> timedelta:
        return min(WITHIN_REACH, timedelta(seconds=self._rules.shortage.answer_within_seconds))

    async def _wait(self, affair: Affair, option: Option, wish: Wish, now: datetime) -> Decision:
        case = affair.case
        assert option.until is not None  # noqa: S101  an option to wait says until when
        if case.status is not CaseStatus.ASKED:
            return Decision(Verdict.NOT_OFFERED, f"case {case.case_id} is {case.status}: it can no longer wait")
        zone = ZoneInfo(self._rules.page.time_zone)
        until = datetime.combine(option.until, time.max, zone)
        waiting = case.to(CaseStatus.WAITING, chosen=option.kind, chosen_by=wish.by, deadline_at=until)
        told = wish.by == DEADLINE  # he was told that he waits if he does nothing
        letter = [] if told else [await self._affairs.letter(seen_as(affair, waiting), Kind.WAIT, now)]
        if option.supplier is not None and not case.awaits:
            return await self._buy(affair, waiting, option.supplier, letter, now)
        done = (await self._writer.submit(step(case, waiting, *letter))).value
        return Decision(Verdict.UNDER_WAY) if done else _moved_on(case)

    async def _buy(
        self, affair: Affair, waiting: Case, supplier: SupplierName, letter: Sequence[Write], now: datetime
    ) -> Decision:
        """He waits for a supplier: it is ordered in that moment; where it has just gone the choice opens again."""
        taken = await self._buyer.order(affair, waiting, supplier, *letter)
        if taken is Step.TAKEN:
            return Decision(Verdict.UNDER_WAY)
        return await self._open_again(affair, now) if taken is Step.NOT_POSSIBLE else _moved_on(affair.case)

    async def _money(self, affair: Affair, option: Option, wish: Wish, now: datetime) -> Decision:
        """Staff agree by choosing; a customer's choice moves money by itself only as far as the policy says."""
        why_not = None if wish.ticket is None else await self.hesitation(affair)
        if why_not is None:
            return await self.refund(affair, option, by=wish.by, now=now, agreed=wish.ticket is None)
        return await self._ask_person(affair, option.kind, wish.by, why_not, now)

    async def hesitation(self, affair: Affair) -> str | None:
        """Why a person has to agree before the case's money goes back, or None."""
        quantity = await self._affairs.quantity(affair)
        why_not = may_refund(affair.price(quantity), self._rules.shortage)
        counts = affair.case.channel in self._rules.counting and self._rules.shortage.whole_order == "ask"
        if why_not is None and counts and leaves_nothing(affair.order, affair.line, quantity):
            why_not = (
                f"nothing of order {affair.order.number} would be sent, which {affair.case.channel} counts against us"
            )
        return why_not

    async def by_default(self, affair: Affair, option: Option, now: datetime) -> Decision:
        """The customer has not answered in time: his money goes back, or somebody is asked whether it may."""
        why_not = await self.hesitation(affair)
        if why_not is None:
            return await self.refund(affair, option, by=DEADLINE, now=now, agreed=False)
        return await self._ask_person(affair, option.kind, DEADLINE, why_not, now)

    async def refund(self, affair: Affair, option: Option, *, by: str, now: datetime, agreed: bool) -> Decision:
        """Ask for the money to be given back; `agreed`: a person did, and no limit asks again."""
        quantity = await self._affairs.quantity(affair)
        seen, kind = affair.case, option.kind
        acting = seen.to(CaseStatus.ACTING, chosen=kind, chosen_by=by)
        refund = Refund(
            refund_reference(seen),
            seen.channel,
            seen.order_key,
            seen.line_id,
            quantity,
            affair.price(quantity),
            RefundStatus.WAITING,
            now,
        )
        rules = self._rules.shortage
        limits = None if agreed else Limits(rules.refund_max_day, rules.refund_max_customer)
        gives_shipping = kind is OptionKind.PART_NOW and option.shipping is not None
        owed = self._affairs.owed(affair, gives_shipping=gives_shipping)
        claim = Claim(refund, owed, affair.order.buyer.buyer_id, limits)
        gift = [ask(_gift(affair, option, now))] if option.gift else []
        outcome = await self._writer.submit(ask_refund(seen, acting, claim, *gift))
        claimed = outcome.value or Claimed(Step.MOVED_ON)
        match claimed.step:
            case Step.TAKEN:
                return Decision(Verdict.UNDER_WAY)
            case Step.NOT_POSSIBLE:
                return await self._nothing_left(affair, now)
            case Step.OVER_LIMIT:
                return await self._ask_person(affair, kind, by, claimed.why_not, now)
            case Step.MOVED_ON:
                return _moved_on(seen)

    async def _ask_person(self, affair: Affair, kind: OptionKind, by: str, why_not: str, now: datetime) -> Decision:
        """The money waits for somebody of the shop."""
        case, price = affair.case, affair.price(await self._affairs.quantity(affair))
        is_his = by == CUSTOMER
        noted = case.to(CaseStatus.NEEDS_PERSON, **({"chosen": kind, "chosen_by": CUSTOMER} if is_his else {}))
        what = f"the customer chose {kind}" if is_his else "the customer has not answered"
        sentence = (
            f"case {case.case_id}: {what}; refund {price}? ({why_not}); "
            f"agree with: syncd cases choose {case.case_id} {kind}"
        )
        question = ask(Question(Topic.REFUND, case.case_id, sentence, now))
        done = (await self._writer.submit(step(case, noted, question))).value
        return Decision(Verdict.UNDER_WAY) if done else _moved_on(case)

    async def _nothing_left(self, affair: Affair, now: datetime) -> Decision:
        """Everything paid for the line goes back already, through another case: a person looks whether that is all."""
        case = affair.case
        why = f"what was paid for line {case.line_id} of order {affair.order.number} goes back already"
        sentence = (
            f"case {case.case_id}: {why}; look at the order on {case.channel}, and cancel there what will not be sent"
        )
        writes = [ask(Question(Topic.REFUND, case.case_id, sentence, now))]
        then = case if case.status is CaseStatus.NEEDS_PERSON else _to_person(case)
        await self._writer.submit(step(case, then, *writes))
        return Decision(Verdict.MOVED_ON, why)


def _to_person(case: Case) -> Case:
    if case.status is CaseStatus.WAITING:  # by way of being asked, as the table of states has it
        case = case.to(CaseStatus.ASKED)
    return case.to(CaseStatus.NEEDS_PERSON)


def _gift(affair: Affair, option: Option, now: datetime) -> Question:
    sentence = (
        f"order {affair.order.number} on {affair.case.channel}: put {option.gift} into the parcel, as the customer was "
        "promised. This closes by itself once the order was sent"
    )
    return Question(Topic.PARCEL, f"{affair.case.case_id}{GIFT}", sentence, now)


def _moved_on(case: Case) -> Decision:
    sentence = f"case {case.case_id} has moved on meanwhile; look at it again with: syncd cases show {case.case_id}"
    return Decision(Verdict.MOVED_ON, sentence)
