"""Opens a case for every broken promise, asks the customer, and at the deadline does what the policy says.

It decides and writes down; the letter room sends what it wrote, the refund room moves the money it asked for, and
both tell it through their rows. What was chosen is carried out by `service_choice.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask, close
from syncd.availability.ats import Policies
from syncd.channel.port import OrderStatus
from syncd.clock import Clock
from syncd.db import Database
from syncd.identity import Sku
from syncd.ledger.service import Writer
from syncd.ledger.store import Write
from syncd.refund.refund import RefundStatus
from syncd.refund.store import read_refund
from syncd.reservation.store import read_demands_of_lines, read_reservations_beside, read_short
from syncd.shortage.case import CaseStatus
from syncd.shortage.choice import ARRIVED, DEADLINE, PAID_BACK, Decision, Verdict, Wish
from syncd.shortage.message import Kind
from syncd.shortage.page import Links, PageConfig
from syncd.shortage.resolution import Option, OptionKind, ShortageConfig
from syncd.shortage.service_affair import Affair, Affairs, Rules, letter_reference, seen_as
from syncd.shortage.service_buying import Buyer
from syncd.shortage.service_choice import Chooser
from syncd.shortage.service_gesture import Gestures
from syncd.shortage.service_late import LateWatch
from syncd.shortage.service_level import LevelWatch
from syncd.shortage.store import read_cases
from syncd.shortage.store_steps import SETTLED as SETTLED
from syncd.shortage.store_steps import Step, end, follow, open_case, refund_reference, take_from_shelf
from syncd.shortage.store_timeline import step
from syncd.telemetry import Event, log

UNDECIDED = (CaseStatus.OPEN, CaseStatus.ASKED, CaseStatus.WAITING, CaseStatus.NEEDS_PERSON)
"""Cases no choice is being carried out for."""

FOUND = "found in stock after all; nobody had to be told"

UNLINKED = Links(None, None)


class ShortageService:
    """Every channel's cases. One per process."""

    def __init__(
        self,
        db: Database,
        writer: Writer,
        *,
        policies: Policies,
        rules: Rules,
        clock: Clock,
    ) -> None:
        self._db = db
        self._writer = writer
        self.rules = rules
        self.affairs = Affairs(db, policies, rules)
        self._config = rules.shortage
        self._buyer = Buyer(writer, self.affairs, policies)
        self._late = LateWatch(db, writer, self.affairs, rules)
        self._levels = LevelWatch(db, writer, rules.service)
        self._gestures = Gestures(db, writer, self.affairs, rules)
        self._chooser = Chooser(db, writer, self.affairs, self._buyer, rules=rules, clock=clock)

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Open, ask, decide at the deadline, send letters, make refunds; returns counts of what was done."""
        counts: dict[str, int] = {}
        await self._open(counts)
        await self._late.open(now, counts)
        await self._follow_demands(now, counts)
        await self._each(CaseStatus.OPEN, self._ask, now, counts)
        await self._each(CaseStatus.ASKED, self._decide_at_deadline, now, counts)
        await self._each(CaseStatus.WAITING, self._follow_arrival, now, counts)
        await self._each(CaseStatus.ACTING, self._follow_choice, now, counts)
        await self._each(CaseStatus.NEEDS_PERSON, self._follow_refund, now, counts)
        await self._gestures.follow(now, counts)
        await self._levels.follow(now, counts)
        return counts

    async def decide(self, wish: Wish) -> Decision:
        """Carry out what a customer or an agent wishes for a case, or say why it cannot be."""
        return await self._chooser.decide(wish)

    async def choose(self, case_id: str, kind: OptionKind, *, by: str, substitute: Sku | None = None) -> str | None:
        """Carry out what an agent chose. Returns why it cannot be done, or None when it is under way."""
        return (await self.decide(Wish(case_id, kind, substitute, by))).why_not or None

    async def _each(
        self,
        status: CaseStatus,
        act: Callable[[Affair, datetime], Awaitable[bool]],
        now: datetime,
        counts: dict[str, int],
    ) -> None:
        async with self._db.read() as conn:
            cases = await read_cases(conn, [status])
        for case in cases:
            if await act(await self.affairs.of(case), now):
                counts[f"{status.value} cases"] = counts.get(f"{status.value} cases", 0) + 1

    async def _open(self, counts: dict[str, int]) -> None:
        async with self._db.read() as conn:
            short = await read_short(conn)
        for demand in short:
            outcome = await self._writer.submit(open_case(demand, self._config.agent_name))
            if outcome.value is not None:
                counts["opened"] = counts.get("opened", 0) + 1
                case = outcome.value
                log(Event.CASE_OPENED, channel=case.channel, case_id=case.case_id, sku=case.sku, quantity=case.units)

    async def _follow_demands(self, now: datetime, counts: dict[str, int]) -> None:
        """A case whose line is no longer short of so much shrinks with it, and ends with it: nothing is refunded that
        was cancelled, sent or refunded past us."""
        async with self._db.read() as conn:
            cases = await read_cases(conn, UNDECIDED)
            demands = await read_demands_of_lines(conn, [(case.channel, case.line_id) for case in cases])
        short = {(one.channel, one.line_id, one.sku): one.short for one in demands}
        for case in cases:
            if case.awaits:
                await self._late.follow(case, now, counts)
                continue
            left = short.get((case.channel, case.line_id, case.sku), 0)
            if left < case.units:
                fewer = replace(case, units=left)
                options = await self.affairs.options(await self.affairs.of(fewer), now) if case.options and left else ()
                outcome = await self._writer.submit(follow(case, replace(fewer, options=options), now))
                if outcome.value is CaseStatus.RESOLVED:
                    log(Event.CASE_RESOLVED, channel=case.channel, case_id=case.case_id, resolution=SETTLED)
                counts["followed"] = counts.get("followed", 0) + 1

    async def _ask(self, affair: Affair, now: datetime) -> bool:
        """Find it elsewhere, or tell the customer before he asks, with what he can choose and until when; once he has
        paid."""
        if affair.order.status is OrderStatus.UNPAID:
            return False
        if affair.case.awaits:
            return await self._put_question(affair, Kind.LATE, now)
        if await self._found(affair, now, FOUND) or await self._buyer.silently(affair, now):
            return True
        return await self._put_question(affair, Kind.SHORTAGE, now)

    async def _found(self, affair: Affair, now: datetime, resolution: str, *writes: Write) -> bool:
        """Reserve what was ordered, if it is there after all or can be brought in time, and end the case with that."""
        case = affair.case
        resolved = case.to(CaseStatus.RESOLVED, resolved_at=now, resolution=resolution)
        taking = self.affairs.taking_anywhere(affair, now)
        outcome = await self._writer.submit(take_from_shelf(case, resolved, taking, *writes))
        if outcome.value is not Step.TAKEN:
            return False
        log(Event.CASE_RESOLVED, channel=case.channel, case_id=case.case_id, resolution=resolution)
        return True

    async def _put_question(self, affair: Affair, kind: Kind, now: datetime) -> bool:
        """Ask the customer, for the first time or again."""
        before = affair.case.offers(OptionKind.WAIT)
        case = affair.case.to(
            CaseStatus.ASKED,
            options=await self.affairs.options(affair, now),
            deadline_at=now + timedelta(seconds=self._config.answer_within_seconds),
            asked=affair.case.asked + 1,
            chosen=None,
            chosen_by="",
        )
        letter = await self.affairs.letter(seen_as(affair, case), kind, now, until=before.until if before else None)
        return bool((await self._writer.submit(step(affair.case, case, letter))).value)

    async def _decide_at_deadline(self, affair: Affair, now: datetime) -> bool:
        """No answer in time: the default, which is his money back; what is only late goes on coming."""
        case = affair.case
        if not case.is_due(now):
            return False
        if case.awaits:
            return await self._go_on(affair, now)
        option = case.offers(OptionKind.REFUND) or Option(OptionKind.REFUND, case.units)
        return (await self._chooser.by_default(affair, option, now)).verdict is Verdict.UNDER_WAY

    async def _go_on(self, affair: Affair, now: datetime) -> bool:
        """He said nothing to a delay: he waits, as he was told; without a day to wait for a person finds one."""
        case, option = affair.case, affair.case.offers(OptionKind.WAIT)
        if option is not None:
            decision = await self._chooser.decide(Wish(case.case_id, OptionKind.WAIT, None, DEADLINE))
            return decision.verdict is Verdict.UNDER_WAY
        sentence = (
            f"case {case.case_id}: {case.cause} and names no day; ask him for one and tell the customer, or agree to a "
            f"refund with: syncd cases choose {case.case_id} refund"
        )
        question = ask(Question(Topic.REFUND, case.case_id, sentence, now))
        return bool((await self._writer.submit(step(case, case.to(CaseStatus.NEEDS_PERSON), question))).value)

    async def _follow_arrival(self, affair: Affair, now: datetime) -> bool:
        """What he waits for is there: it is his. It will be late: he hears before the day has passed."""
        case = affair.case
        resolved = case.to(CaseStatus.RESOLVED, resolved_at=now, resolution=ARRIVED)
        letter = await self.affairs.letter(seen_as(affair, resolved), Kind.ARRIVED, now)
        if not case.awaits and await self._found(affair, now, ARRIVED, letter):
            return True
        notice = timedelta(seconds=self._config.delay_notice_seconds)
        if await self._late.moved(case):
            return await self._put_question(affair, Kind.DELAY, now)
        if case.deadline_at is None or now < case.deadline_at - notice:
            return False
        return await self._put_question(affair, Kind.DELAY, now)

    async def _follow_choice(self, affair: Affair, now: datetime) -> bool:
        if affair.case.chosen is OptionKind.SUBSTITUTE:
            return await self._follow_parcel(affair, now)
        return await self._follow_refund(affair, now)

    async def _follow_parcel(self, affair: Affair, now: datetime) -> bool:
        """The substitute left the house, or is needed no more: the case ends."""
        case = affair.case
        async with self._db.read() as conn:
            held = await read_reservations_beside(conn, case.channel, case.line_id)
        own = [one for one in held if (one.line_id, one.sku) == (case.line_id, case.instead)]
        if any(one.open for one in own):
            return False
        said = f"sent {case.instead} instead" if any(one.fulfilled for one in own) else f"{case.instead} was given back"
        resolved = case.to(CaseStatus.RESOLVED, resolved_at=now, resolution=said)
        done = (await self._writer.submit(step(case, resolved, close(Topic.PARCEL, case.case_id, now)))).value
        if done:
            log(Event.CASE_RESOLVED, channel=case.channel, case_id=case.case_id, resolution=said)
        return bool(done)

    async def _follow_refund(self, affair: Affair, now: datetime) -> bool:
        """The refund is done: the case ends, the promise it broke is over, and the customer is told."""
        case = affair.case
        async with self._db.read() as conn:
            refund = await read_refund(conn, refund_reference(case))
        if refund is None or refund.status not in (RefundStatus.DONE, RefundStatus.NEEDS_PERSON):
            return False
        if refund.status is RefundStatus.NEEDS_PERSON:
            if case.status is CaseStatus.NEEDS_PERSON:
                return False
            return bool((await self._writer.submit(step(case, case.to(CaseStatus.NEEDS_PERSON)))).value)
        gesture = await self._gestures.beside(affair, refund, now)
        if gesture.is_awaited:
            return False
        resolved = case.to(CaseStatus.RESOLVED, resolved_at=now, resolution=f"{PAID_BACK}{refund.amount}")
        seen = seen_as(affair, resolved)
        letter = await self.affairs.letter(seen, Kind.REFUNDED, now, price=refund.amount, coupon=gesture.coupon)
        told = gesture.told_in(letter_reference(resolved, Kind.REFUNDED))
        if not (await self._writer.submit(end(case, resolved, letter, *told))).value:
            return False
        log(Event.CASE_RESOLVED, channel=case.channel, case_id=case.case_id, resolution=resolved.resolution)
        return True


def rules_of(shortage: ShortageConfig, page: PageConfig | None = None, links: Links = UNLINKED) -> Rules:
    """The room's rules; without links customers answer by message."""
    return Rules(shortage, page or PageConfig(), links)
