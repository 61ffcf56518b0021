"""Opens a case for every broken promise, asks the customer, and at the deadline does what the policy says.

It decides and writes down; the letter room sends what it wrote, the refund room moves the money it asked for, and
both tell it
through their rows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask, close
from syncd.availability.ats import Policies
from syncd.channel.port import ChannelOrder, OrderLine, OrderStatus
from syncd.clock import Clock
from syncd.db import Database
from syncd.identity import ListingKey, Money, Sku
from syncd.ledger.movement import State
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, Plan, View, Write, read_balances
from syncd.letter.letter import Letter
from syncd.letter.store import put
from syncd.listing.store import read_listings
from syncd.orders.store import read_orders_of_lines
from syncd.product.store import read_products
from syncd.refund.refund import Refund, RefundStatus
from syncd.refund.store import read_refund, refund_of, save_refund, select_refund
from syncd.reservation.hold import Demand
from syncd.reservation.store import (
    demand_of,
    read_demands_of_lines,
    read_reservations_beside,
    read_short,
    save_demands,
    select_demands_of_lines,
)
from syncd.shortage.case import Case, CaseStatus, case_id
from syncd.shortage.message import Facts, Kind, Text, write
from syncd.shortage.resolution import Need, OptionKind, ShortageConfig, may_refund, rank
from syncd.shortage.store import case_of, read_cases, save_case, select_case, select_cases_of, step
from syncd.telemetry import Event, log

UNDECIDED = (CaseStatus.OPEN, CaseStatus.ASKED, CaseStatus.NEEDS_PERSON)
"""Cases no choice is being carried out for."""

SETTLED = "no longer short: cancelled, sent or refunded on the channel"


@dataclass(frozen=True, slots=True)
class _Affair:
    """A case with the order it is about."""

    case: Case
    order: ChannelOrder
    line: OrderLine

    def price(self, quantity: int) -> Money:
        return self.line.unit_price.times(quantity)


class ShortageService:
    """Every channel's cases. One per process."""

    def __init__(
        self,
        db: Database,
        writer: Writer,
        *,
        policies: Policies,
        config: ShortageConfig,
        clock: Clock,
    ) -> None:
        self._db = db
        self._writer = writer
        self._policies = policies
        self._config = config
        self._clock = clock

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Open, ask, decide at the deadline, send letters, make refunds; returns counts of what was done."""
        counts: dict[str, int] = {}
        await self._open(counts)
        await self._follow_demands(now, counts)
        await self._each(CaseStatus.OPEN, self._ask, now, counts)
        await self._each(CaseStatus.ASKED, self._decide_at_deadline, now, counts)
        await self._each(CaseStatus.ACTING, self._follow_refund, now, counts)
        await self._each(CaseStatus.NEEDS_PERSON, self._follow_refund, now, counts)
        return counts

    async def choose(self, case_id: str, kind: OptionKind, *, by: str) -> str | None:
        """Carry out a choice for a case that was asked. Returns why it cannot be done, or None when it is under way."""
        async with self._db.read() as conn:
            cases = [case for case in await read_cases(conn) if case.case_id == case_id]
        if not cases:
            return f"there is no case {case_id}"
        case = cases[0]
        if case.status not in (CaseStatus.ASKED, CaseStatus.NEEDS_PERSON):
            return f"case {case_id} is {case.status}: nothing is left to choose"
        if case.offers(kind) is None:
            return f"case {case_id} does not offer {kind}; it offers {', '.join(o.kind for o in case.options)}"
        if kind is OptionKind.SUBSTITUTE:
            return "a substitute is sent by a person: ship it, then choose refund or close the case"
        if await self._refund(await self._affair(case), kind, by=by, now=self._clock.now()):
            return None
        return f"case {case_id} has moved on meanwhile; look at it again with: syncd cases show {case_id}"

    async def _each(
        self,
        status: CaseStatus,
        act: Callable[[_Affair, datetime], Awaitable[bool]],
        now: datetime,
        counts: dict[str, int],
    ) -> None:
        async with self._db.read() as conn:
            cases = await read_cases(conn, [status])
        for case in cases:
            if await act(await self._affair(case), now):
                counts[f"{status.value} cases"] = counts.get(f"{status.value} cases", 0) + 1

    async def _affair(self, case: Case) -> _Affair:
        at = (case.channel, case.line_id)
        async with self._db.read() as conn:
            order = (await read_orders_of_lines(conn, [at]))[at]
        line = next(line for line in order.lines if line.line_id == case.line_id)
        return _Affair(case, order, line)

    async def _open(self, counts: dict[str, int]) -> None:
        async with self._db.read() as conn:
            short = await read_short(conn)
        for demand in short:
            outcome = await self._writer.submit(_open(demand))
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
            left = short.get((case.channel, case.line_id, case.sku), 0)
            if left < case.units:
                fewer = replace(case, units=left)
                options = (
                    rank(await self._need(await self._affair(fewer)), self._config) if case.options and left else ()
                )
                outcome = await self._writer.submit(_follow(case, replace(fewer, options=options), now))
                if outcome.value is CaseStatus.RESOLVED:
                    log(Event.CASE_RESOLVED, channel=case.channel, case_id=case.case_id, resolution=SETTLED)
                counts["followed"] = counts.get("followed", 0) + 1

    async def _need(self, affair: _Affair) -> Need:
        """What is short and what there is instead, now."""
        case = affair.case
        others = [Sku(other) for other in self._config.substitutes.get(case.sku, ())]
        channel = self._policies.channels.get(case.channel)  # None: it is not configured any more
        places = channel.locations if channel else ()
        async with self._db.read() as conn:
            balances = await read_balances(conn, others)
            products = await read_products(conn, [case.sku, *others])
            held = sum(one.open for one in await read_reservations_beside(conn, case.channel, case.line_id))
        stock = {
            sku: sum(balances.by_location(sku, State.AVAILABLE).get(place, 0) for place in places) for sku in others
        }
        titles = {sku: product.title for sku, product in products.items()}
        title = affair.line.title or titles.get(case.sku, case.sku)
        quantity = await self._quantity(affair)
        return Need(case.sku, title, quantity, held, affair.price(quantity), stock, titles)

    async def _quantity(self, affair: _Affair) -> int:
        """The short base units as units of the listing, the unit money is counted in; a part of a pack is a whole
        pack."""
        case, listing_id = affair.case, affair.line.listing_id
        if listing_id is None:
            return case.units
        async with self._db.read() as conn:
            listings = await read_listings(conn, keys=[ListingKey(case.channel, listing_id)])
        per_unit = [c.units for one in listings.values() for c in one.components if c.sku == case.sku]
        return -(-case.units // per_unit[0]) if per_unit else case.units

    async def _ask(self, affair: _Affair, now: datetime) -> bool:
        """Tell the customer before he asks, with what he can choose and until when; once he has paid."""
        if affair.order.status is OrderStatus.UNPAID:
            return False
        need = await self._need(affair)
        deadline = now + timedelta(seconds=self._config.answer_within_seconds)
        case = affair.case.to(CaseStatus.ASKED, options=rank(need, self._config), deadline_at=deadline)
        facts = self._facts(affair, need, case)
        letter = self._letter(affair, Kind.SHORTAGE, write(Kind.SHORTAGE, facts, self._config), now)
        return bool((await self._writer.submit(step(affair.case, case, letter))).value)

    def _facts(self, affair: _Affair, need: Need, case: Case) -> Facts:
        order = affair.order
        return Facts(order.buyer, order.number, need.title, need.units, case.options, case.deadline_at, str(need.price))

    async def _decide_at_deadline(self, affair: _Affair, now: datetime) -> bool:
        """No answer in time: the default, which is his money back."""
        if not affair.case.is_due(now):
            return False
        quantity = await self._quantity(affair)
        why_not = may_refund(affair.price(quantity), self._config)
        if why_not is None:
            return await self._refund(affair, OptionKind.REFUND, by="deadline", now=now)
        case = affair.case.to(CaseStatus.NEEDS_PERSON)
        sentence = (
            f"case {case.case_id}: the customer has not answered; refund {affair.price(quantity)}? ({why_not}); "
            f"agree with: syncd cases choose {case.case_id} refund"
        )
        question = ask(Question(Topic.REFUND, case.case_id, sentence, now))
        return bool((await self._writer.submit(step(affair.case, case, question))).value)

    async def _refund(self, affair: _Affair, kind: OptionKind, *, by: str, now: datetime) -> bool:
        """Ask for the money to be given back; returns whether it is under way by this decision."""
        quantity = await self._quantity(affair)
        case = affair.case.to(CaseStatus.ACTING, chosen=kind, chosen_by=by)
        refund = Refund(
            refund_reference(case),
            case.channel,
            case.order_key,
            case.line_id,
            quantity,
            affair.price(quantity),
            RefundStatus.WAITING,
            now,
        )
        return bool((await self._writer.submit(_ask_refund(affair.case, case, refund))).value)

    async def _follow_refund(self, affair: _Affair, now: datetime) -> bool:
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
        text = write(Kind.REFUNDED, self._facts(affair, await self._need(affair), case), self._config)
        resolved = case.to(CaseStatus.RESOLVED, resolved_at=now, resolution=f"refunded {refund.amount}")
        letter = self._letter(affair, Kind.REFUNDED, text, now)
        if not (await self._writer.submit(_end(case, resolved, letter))).value:
            return False
        log(Event.CASE_RESOLVED, channel=case.channel, case_id=case.case_id, resolution=resolved.resolution)
        return True

    def _letter(self, affair: _Affair, kind: Kind, text: Text, now: datetime) -> Write:
        case = affair.case
        reference = f"{case.case_id}/{kind.value}"
        letter = Letter(reference, case.channel, case.order_key, case.line_id, text.language, text.subject, text.body)
        return put(letter, now)


def refund_reference(case: Case) -> str:
    """The reference of a case's one refund."""
    return f"{case.case_id}/refund"


def _open(demand: Demand) -> Command[Case | None]:
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
        )
        return Plan(case, writes=(save_case(case),))

    reads = (
        select_cases_of(demand.channel, demand.line_id, demand.sku),
        select_demands_of_lines([demand.channel], [demand.line_id]),
    )
    return Command(decide, reads=reads)


def _follow(case: Case, fewer: Case, now: datetime) -> Command[CaseStatus | None]:
    """Bring a case nobody has decided yet down to what its line is still short of; returns how it stands then."""

    def decide(view: View) -> Plan[CaseStatus | None]:
        short = sum(one.short for one in map(demand_of, view.rows[1]) if one.sku == case.sku)
        if [case_of(row) for row in view.rows[0]] != [case] or short != fewer.units:
            return Plan(None)
        if short:
            return Plan(case.status, writes=(save_case(fewer),))
        ended = case.to(CaseStatus.RESOLVED, resolved_at=now, resolution=SETTLED)
        questions = (close(Topic.REFUND, subject, now) for subject in (case.case_id, refund_reference(case)))
        return Plan(ended.status, writes=(save_case(ended), *questions))

    return Command(decide, reads=_reads(case))


def _ask_refund(seen: Case, acting: Case, wanted: Refund) -> Command[bool]:
    """Decide a case for a refund, once: one that was asked for before is never asked for as if it were new."""

    def decide(view: View) -> Plan[bool]:
        short = sum(one.short for one in map(demand_of, view.rows[1]) if one.sku == seen.sku)
        if [case_of(row) for row in view.rows[0]] != [seen] or short < seen.units:
            return Plan(False)
        known = [refund_of(row) for row in view.rows[2]]
        refund = known[0].asked_again() if known else wanted
        closing = (close(Topic.REFUND, subject, view.now) for subject in (seen.case_id, wanted.reference))
        return Plan(True, writes=(save_case(acting), save_refund(refund), *closing))

    return Command(decide, reads=(*_reads(seen), select_refund(wanted.reference)))


def _end(seen: Case, case: Case, letter: Write) -> Command[bool]:
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
        return Plan(True, writes=(save_case(case), letter, save_demands(settled)))

    return Command(decide, reads=_reads(seen))


def _reads(case: Case) -> tuple[Select[Any], ...]:
    """The case and its line's demands as they stand in the transaction."""
    return (select_case(case.case_id), select_demands_of_lines([case.channel], [case.line_id]))
