"""Opens a case for every broken promise, asks the customer, and at the deadline does what the policy says.

It decides and writes down; the letter room sends what it wrote, the refund room moves the money it asked for, and
both tell it
through their rows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask, close
from syncd.availability.ats import Policies
from syncd.channel.port import ChannelOrder, OrderLine
from syncd.clock import Clock
from syncd.db import Database
from syncd.identity import ListingKey, Money, Sku
from syncd.ledger.movement import State
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, Plan, View, Write, read_balances
from syncd.letter.letter import Letter
from syncd.letter.store import put
from syncd.listing.store import read_listings
from syncd.orders.store import read_orders
from syncd.product.store import read_products
from syncd.refund.refund import Refund, RefundStatus
from syncd.refund.store import read_refund, save_refund
from syncd.reservation.hold import Demand
from syncd.reservation.store import demand_of, read_reservations, read_short, save_demands, select_demands_of_lines
from syncd.shortage.case import Case, CaseStatus, case_id
from syncd.shortage.message import Facts, Kind, Text, write
from syncd.shortage.resolution import Need, OptionKind, ShortageConfig, may_refund, rank
from syncd.shortage.store import case_of, read_cases, save_case, select_cases_of
from syncd.telemetry import Event, log


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
        affair = await self._affair(case)
        await self._refund(affair, kind, by=by, now=self._clock.now())
        return None

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
        async with self._db.read() as conn:
            order = (await read_orders(conn, [case.order_key]))[case.order_key]
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

    async def _need(self, affair: _Affair) -> Need:
        """What is short and what there is instead, now."""
        case = affair.case
        others = [Sku(other) for other in self._config.substitutes.get(case.sku, ())]
        channel = self._policies.channels[case.channel]
        async with self._db.read() as conn:
            balances = await read_balances(conn, others)
            products = await read_products(conn, [case.sku, *others])
            held = sum(one.open for one in await read_reservations(conn, [case.order_key]))
        stock = {
            sku: sum(balances.by_location(sku, State.AVAILABLE).get(place, 0) for place in channel.locations)
            for sku in others
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
        """Tell the customer before he asks, with what he can choose and until when."""
        need = await self._need(affair)
        deadline = now + timedelta(seconds=self._config.answer_within_seconds)
        case = affair.case.to(CaseStatus.ASKED, options=rank(need, self._config), deadline_at=deadline)
        facts = self._facts(affair, need, case)
        letter = self._letter(affair, Kind.SHORTAGE, write(Kind.SHORTAGE, facts, self._config), now)
        await self._writer.write(save_case(case), letter)
        return True

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
            await self._refund(affair, OptionKind.REFUND, by="deadline", now=now)
            return True
        case = affair.case.to(CaseStatus.NEEDS_PERSON)
        sentence = (
            f"case {case.case_id}: the customer has not answered; refund {affair.price(quantity)}? ({why_not}); "
            f"agree with: syncd cases choose {case.case_id} refund"
        )
        await self._writer.write(save_case(case), ask(Question(Topic.REFUND, case.case_id, sentence, now)))
        return True

    async def _refund(self, affair: _Affair, kind: OptionKind, *, by: str, now: datetime) -> None:
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
        await self._writer.write(save_case(case), save_refund(refund), close(Topic.REFUND, case.case_id, now))

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
            await self._writer.write(save_case(case.to(CaseStatus.NEEDS_PERSON)))
            return True
        text = write(Kind.REFUNDED, self._facts(affair, await self._need(affair), case), self._config)
        resolved = case.to(CaseStatus.RESOLVED, resolved_at=now, resolution=f"refunded {refund.amount}")
        await self._writer.submit(_end(resolved, (save_case(resolved), self._letter(affair, Kind.REFUNDED, text, now))))
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


def _end(case: Case, writes: tuple[Write, ...]) -> Command[None]:
    """Write the end of a case together with the end of the demand it was about."""

    def decide(view: View) -> Plan[None]:
        settled = []
        for one in (demand_of(row) for row in view.rows[0]):
            if one.sku == case.sku:
                units = min(case.units, one.short)
                settled.append(
                    replace(one, short=one.short - units, need=one.need - units, forgone=one.forgone + units)
                )
        return Plan(None, writes=(*writes, save_demands(settled)))

    return Command(decide, reads=(select_demands_of_lines([case.channel], [case.line_id]),))
