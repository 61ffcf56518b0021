"""The customer's page of a case: what it shows, and what it does with his choice. Reading it never chooses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from syncd.clock import Clock
from syncd.db import Database
from syncd.identity import Money, Sku
from syncd.refund.store import read_refund
from syncd.shortage.case import CaseStatus
from syncd.shortage.choice import CUSTOMER, Decision, Standing, Verdict, Wish, parse_key, standing
from syncd.shortage.message import all_words, voice_for, words_of
from syncd.shortage.page import Pass
from syncd.shortage.resolution import OptionKind, may_refund
from syncd.shortage.service import ShortageService
from syncd.shortage.service_affair import Affair, back_by_refund
from syncd.shortage.store import read_case, read_cases_of_order
from syncd.shortage.store_steps import refund_reference
from syncd.wording.wording import Voice


@dataclass(frozen=True, slots=True)
class Card:
    """One option as the page shows it; `sku` has the picture."""

    key: str
    title: str
    meaning: str
    costs: str
    sku: Sku


@dataclass(frozen=True, slots=True)
class Beside:
    """Another open question about the same order."""

    title: str
    token: str


@dataclass(frozen=True, slots=True)
class View:
    """Everything the page tells: of the order no more than its number and what is missing; of its buyer nothing."""

    standing: Standing
    voice: Voice
    order_number: str
    title: str
    sku: Sku
    units: int
    price: Money
    cards: tuple[Card, ...]
    deadline_at: datetime | None
    by_itself: bool
    by_customer: bool
    chosen: str
    instead: str
    until: date | None
    late: bool
    comes: date | None
    beside: tuple[Beside, ...]


class ChoicePages:
    """Opens the pages for whoever has a link."""

    def __init__(self, db: Database, service: ShortageService, clock: Clock) -> None:
        self._db = db
        self._affairs = service.affairs
        self._service = service
        self._clock = clock
        self.rules = service.rules

    def ticket(self, token: str) -> Pass | None:
        """What a token says, or None where it opens nothing (any more)."""
        found = self.rules.links.read(token)
        return found if found is not None and found.may_read(self._clock.now()) else None

    async def look(self, ticket: Pass) -> View | None:
        """The page as the case stands now, or None if there is no such case."""
        now = self._clock.now()
        async with self._db.read() as conn:
            case = await read_case(conn, ticket.case_id)
        if case is None:
            return None
        affair = await self._affairs.of(case)
        need = await self._affairs.need(affair, now)
        shortage = self.rules.shortage
        voice = voice_for(affair.order.buyer, shortage, self.rules.page)
        price = back_by_refund(case) or need.price
        async with self._db.read() as conn:
            refund = await read_refund(conn, refund_reference(case))
        if refund is not None and case.chosen is not None:
            price = refund.amount
        words = all_words(case.options, price, voice)
        cards = tuple(
            Card(said.key, said.title, said.meaning, said.costs, option.substitute or case.sku)
            for option, said in zip(case.options, words, strict=True)
        )
        chosen = case.offers(case.chosen, case.instead) if case.chosen else None
        waits = case.offers(OptionKind.WAIT)
        return View(
            standing(case, ticket, now),
            voice,
            affair.order.number,
            need.title,
            case.sku,
            need.units,
            price,
            cards,
            case.deadline_at,
            may_refund(need.price, shortage) is None,
            case.chosen_by == CUSTOMER,
            words_of(chosen, price, voice).title if chosen else "",
            chosen.title if chosen else "",
            chosen.until if chosen else None,
            bool(case.awaits),
            waits.until if waits else None,
            await self._beside(affair, now),
        )

    async def _beside(self, affair: Affair, now: datetime) -> tuple[Beside, ...]:
        """Further questions the same customer has about the same order."""
        line_ids = [line.line_id for line in affair.order.lines]
        async with self._db.read() as conn:
            cases = await read_cases_of_order(conn, affair.case.channel, line_ids)
        asked = [one for one in cases if one.status is CaseStatus.ASKED and not one.is_due(now)]
        others = await self._affairs.all([one for one in asked if one.case_id != affair.case.case_id])
        found: list[Beside] = []
        for other in others:
            title = (await self._affairs.need(other, now)).title
            found.append(Beside(title, self.rules.links.token(other.case)))
        return tuple(found)

    async def choose(self, ticket: Pass, key: str) -> Decision:
        """Carry out the choice of an option by its key."""
        wished = parse_key(key)
        if wished is None:
            return Decision(Verdict.NOT_OFFERED, "no option was chosen")
        kind, substitute = wished
        return await self._service.decide(Wish(ticket.case_id, kind, substitute, CUSTOMER, ticket))
