"""Takes in one channel's orders: follows hints at once, polls with overlap, moves the cursor after the commit."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask, close
from syncd.channel.port import ChannelOrder, Hint, OrderPage, OrderStatus, ReadsOrders, WebhookAnswer
from syncd.channel.service import ChannelLine
from syncd.clock import Clock
from syncd.db import Database, chunks
from syncd.errors import ChannelAuthFailed, ChannelProtocolError, ChannelRefused, RemoteError
from syncd.identity import ChannelName, ListingId, ListingKey, Sku, SupplierName
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, Plan, View, Write
from syncd.listing.listing import Listing
from syncd.listing.service import Observer
from syncd.listing.store import belief_of, believe, read_listings, select_listings
from syncd.orders.intake import decide
from syncd.orders.need import Intake, IntakePolicy, Situation
from syncd.orders.order import fingerprint, is_outdated, waves
from syncd.orders.store import (
    Cursor,
    WaitingHint,
    drop_order,
    hints_followed,
    keep_hints,
    known_line,
    known_order,
    read_cursor,
    read_known,
    read_orders,
    read_relinked,
    save_cursor,
    save_lines,
    save_order,
    select_lines,
    select_order_keys,
    select_orders,
    waiting_hints,
)
from syncd.product.store import read_products
from syncd.reservation.hold import Reservation
from syncd.reservation.store import (
    demand_of,
    reservation_of,
    save_demands,
    save_reservations,
    select_demands,
    select_reservations,
)
from syncd.supply.offer import SupplierPolicy, UsableOffer, usable
from syncd.supply.purchase_order import PurchaseOrder, PurchaseStatus
from syncd.supply.store import offer_of, release_purchases, save_purchase_order, select_offers
from syncd.telemetry import Event, log

PAGES_MAX = 50
"""Pages of orders one run takes; the rest is taken by the next run."""

HINTS_MAX = 100
"""Hints one run follows."""

NEWS_EVENT = {
    "accepted": Event.ORDER_ACCEPTED,
    "changed": Event.ORDER_CHANGED,
    "shipped": Event.ORDER_CHANGED,
    "cancelled": Event.ORDER_CANCELLED,
}


@dataclass(frozen=True, slots=True)
class IntakeOptions:
    """How often a channel's orders are looked for, and where its stock lies."""

    poll_interval_seconds: float
    locations: tuple[str, ...]
    suppliers: Mapping[SupplierName, SupplierPolicy]


class IntakeService:
    """One channel's orders."""

    def __init__(
        self, db: Database, writer: Writer, line: ChannelLine, *, options: IntakeOptions, clock: Clock
    ) -> None:
        self._db = db
        self._writer = writer
        self._line = line
        self._options = options
        self._clock = clock
        self._observer = Observer(writer, line, options.locations, clock=clock)
        self._poll_at: datetime | None = None
        self._let_in: bool | None = None
        self.name: ChannelName = line.name
        self.woken = asyncio.Event()

    async def receive(self, answer: WebhookAnswer, now: datetime) -> None:
        """Keep the hints of an accepted webhook; returns once they cannot be lost, and wakes the intake."""
        hints = answer.hints or (Hint(),)
        write = keep_hints(self.name, hints, answer.delivery_key, now)
        await self._writer.write(write)
        self._line.tell(now)
        log(Event.HINT_RECEIVED, channel=self.name, hints=len(hints))
        self.woken.set()

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Follow waiting hints, poll if it is time or a hint asks for it, and look again at lines linked since."""
        if self._line.closed_until(now) is not None:
            return {}
        counts: dict[str, int] = {}
        try:
            await self.begin(now)
            asked = await self._follow_hints(counts)
            if asked or self._poll_at is None or now >= self._poll_at:
                pause = self._line.poll_seconds(self._options.poll_interval_seconds, now)
                self._poll_at = now + timedelta(seconds=pause)
                await self._poll(counts)
        except ChannelAuthFailed as fault:
            await self._shut_out(fault)
            counts["interrupted"] = 1
        except RemoteError as fault:
            if self._line.closed_until(self._clock.now()) is None:
                self._line.report(fault)
            counts["interrupted"] = 1
        await self._relink(counts)
        return counts

    async def _shut_out(self, fault: ChannelAuthFailed) -> None:
        """Orders do not come in any more, and no webhook tells it: a person is asked, once."""
        if self._let_in is not False:
            self._let_in = False
            sentence = (
                f"{self.name} refuses our credentials ({fault.message}): no orders come in and no numbers go out; "
                "renew them, then restart syncd"
            )
            question = Question(Topic.CHANNEL_PAUSED, self._shut_out_subject, sentence, self._clock.now())
            await self._writer.write(ask(question))

    @property
    def _shut_out_subject(self) -> str:
        """Not the channel's own name: that question holds the pushes, and is closed by releasing them."""
        return f"{self.name}/orders"

    async def begin(self, now: datetime) -> None:
        """Fix, once and for all, from when on syncd answers for the channel: orders made before move no stock."""
        async with self._db.read() as conn:
            known = await read_cursor(conn, self.name)
        if known is None:
            # Whole seconds: some channels tell an order's time no finer, and a sale of this second must count.
            await self._writer.write(save_cursor(Cursor(self.name, since=now.replace(microsecond=0))))

    async def _follow_hints(self, counts: dict[str, int]) -> bool:
        """Believe hints downwards at once, then ask the channel itself. Returns whether a poll is wanted."""
        async with self._db.read() as conn:
            waiting = await waiting_hints(conn, self.name, HINTS_MAX)
        if not waiting:
            return False
        counts["hints"] = len(waiting)
        seen = {h.hint.observation.listing_id: h.hint.observation for h in waiting if h.hint.observation is not None}
        listings = await self._listings(seen)
        for listing_id, observation in seen.items():
            if listing_id in listings:
                await self._observer.take(listings[listing_id], observation, at=self._clock.now(), trusted=False)
        orders, asks = await self._hinted_orders(waiting)
        for order in orders:
            await self._accept(order, counts)
        await self._confirm(listings)
        writes = hints_followed([one.hint_id for one in waiting])
        await self._writer.write(*writes)
        return asks

    async def _hinted_orders(self, waiting: Sequence[WaitingHint]) -> tuple[list[ChannelOrder], bool]:
        """The orders hinted at, and whether a poll is wanted besides: for what no order was named or could be read."""
        channel = self._line.channel
        order_ids = list(dict.fromkeys(one.hint.order_id for one in waiting if one.hint.order_id is not None))
        if not isinstance(channel, ReadsOrders):
            return [], True
        found: list[ChannelOrder] = []
        for order_id in order_ids:
            try:
                order = await self._line.call("fetch_order", partial(channel.fetch_order, order_id))
            except (ChannelRefused, ChannelProtocolError) as fault:
                log(Event.ORDER_REFUSED, channel=self.name, order_id=order_id, explanation=str(fault))
                continue  # one order that cannot be read keeps no other from being taken in
            if order is not None:
                found.append(order)
        return found, not found or len(found) < len(order_ids)

    async def _confirm(self, listings: Mapping[ListingId, Listing]) -> None:
        """Read hinted listings ourselves: what the channel does not confirm is given back once its lag has passed."""
        for part in chunks(list(listings), self._line.capabilities.batch_size):
            try:
                readings = await self._observer.read("confirm_hint", part)
            except (ChannelRefused, ChannelProtocolError) as fault:
                self._line.report(fault)  # the sweep reads them again; the hint keeps no order from being taken in
                continue
            fresh = await self._listings(part)
            for observation in readings.seen:
                if observation.listing_id in fresh:
                    await self._observer.take(fresh[observation.listing_id], observation, at=readings.at)

    async def _listings(self, ids: Iterable[ListingId]) -> dict[ListingId, Listing]:
        async with self._db.read() as conn:
            keys = [ListingKey(self.name, listing_id) for listing_id in ids]
            return {key.listing_id: listing for key, listing in (await read_listings(conn, keys=keys)).items()}

    async def _poll(self, counts: dict[str, int]) -> None:
        async with self._db.read() as conn:
            cursor = await read_cursor(conn, self.name)
        if cursor is None:
            return
        for _ in range(PAGES_MAX):
            page = await self._fetch(cursor)
            await self._accept_page(page, counts)
            cursor = replace(cursor, cursor=page.cursor, watermark_at=page.watermark_at or cursor.watermark_at)
            write = save_cursor(cursor)
            await self._writer.write(write)
            await self._is_let_in()
            if not page.has_more:
                return
        self._poll_at = None  # more is waiting: the next run goes on at once

    async def _is_let_in(self) -> None:
        if not self._let_in:  # also once after every start: the question may be of an earlier process
            self._let_in = True
            await self._writer.write(close(Topic.CHANNEL_PAUSED, self._shut_out_subject, self._clock.now()))

    async def _fetch(self, cursor: Cursor) -> OrderPage:
        page = await self._line.call(
            "fetch_orders", lambda: self._line.channel.fetch_orders(cursor.cursor, since=cursor.since)
        )
        for problem in page.problems:
            log(Event.ORDER_REFUSED, channel=self.name, explanation=problem)
        return page

    async def _accept_page(self, page: OrderPage, counts: dict[str, int]) -> None:
        async with self._db.read() as conn:
            known = await read_known(conn, self.name, page.orders)
        fresh = [order for order in page.orders if known.get(order.order_id) != fingerprint(order)]
        for wave in waves(fresh):
            await asyncio.gather(*(self._accept(order, counts) for order in wave))

    async def _relink(self, counts: dict[str, int]) -> None:
        """Orders with a line that had no stock to go to are judged again once it has."""
        async with self._db.read() as conn:
            keys = await read_relinked(conn, self.name)
            orders = await read_orders(conn, keys) if keys else {}
        for order in orders.values():
            await self._accept(order, counts)

    async def _accept(self, order: ChannelOrder, counts: dict[str, int]) -> None:
        command = await self._command(order)
        if command is None:
            return
        outcome = await self._writer.submit(command)
        intake = outcome.value
        if intake is None:
            log(Event.MOVEMENT_REFUSED, channel=self.name, order_id=order.order_id, explanation=outcome.explanation)
            counts["refused"] = counts.get("refused", 0) + 1
            return
        if intake.news:
            counts[intake.news] = counts.get(intake.news, 0) + 1
            short = sum(demand.short for demand in intake.demands)
            log(
                NEWS_EVENT[intake.news], channel=self.name, order_id=order.order_id, lines=len(order.lines), short=short
            )
        for question in intake.questions:
            if question.topic is Topic.UNLINKED_ORDER_LINE:
                fields = {"channel": self.name, "order_id": order.order_id}
                log(Event.LINE_UNLINKED, **fields, explanation=question.sentence)

    async def _command(self, order: ChannelOrder) -> Command[Intake] | None:
        """The command that takes in one order, judged on what the transaction itself reads."""
        line_ids = [line.line_id for line in order.lines]
        order_keys = select_order_keys(self.name, order.order_id, line_ids)
        async with self._db.read() as conn:
            known = [known_line(row) for row in (await conn.execute(select_lines(order_keys))).mappings()]
            promised = [demand_of(row) for row in (await conn.execute(select_demands(order_keys))).mappings()]
            named = {*(one.listing_id for one in order.lines), *(one.listing_id for one in known)}
            keys = [ListingKey(self.name, listing_id) for listing_id in sorted(filter(None, named))]
            listings = {key.listing_id: one for key, one in (await read_listings(conn, keys=keys)).items()}
            texts = sorted({line.sku.strip() for line in order.lines if line.sku and line.sku.strip()})
            products = await read_products(conn, [Sku(text) for text in texts])
            since = await read_cursor(conn, self.name)
        linked = {sku for one in listings.values() for sku in one.skus}
        skus = frozenset(linked | set(products) | {one.sku for one in promised})
        if since is None:
            return None
        policy = IntakePolicy(self.name, self._line.capabilities, self._options.locations, since.since)

        def judge(view: View) -> Plan[Intake]:
            situation = self._situation(order, view, listings, {str(sku): sku for sku in products})
            intake = decide(order, situation, policy, view.now)
            if situation.order is not None and is_outdated(order, situation.order):
                return Plan(Intake(situation.order.order_key, situation.order.before_start))
            return Plan(intake, tuple(intake.movements), self._writes(order, intake, situation, view.now), frozenset())

        reads = (
            select_orders(order_keys),
            select_lines(order_keys),
            select_demands(order_keys),
            select_reservations(order_keys),
            select_listings(keys),
            select_offers(sorted(skus)),
        )
        return Command(judge, skus=skus, reads=reads)

    def _situation(
        self, order: ChannelOrder, view: View, listings: Mapping[ListingId, Listing], stocked: Mapping[str, Sku]
    ) -> Situation:
        order_rows, line_rows, demand_rows, reservation_rows, listing_rows, offer_rows = view.rows
        beliefs = {ListingId(row["listing_id"]): belief_of(row) for row in listing_rows}
        offers: dict[Sku, list[UsableOffer]] = {}
        for row in offer_rows:
            offer = offer_of(row)
            policy = self._options.suppliers.get(offer.supplier)
            if policy is not None:
                offers.setdefault(offer.sku, []).append(usable(offer, policy, view.now))
        demands = [demand_of(row) for row in demand_rows]
        return Situation(
            order=known_order(order_rows[0]) if order_rows else None,
            lines={row["line_id"]: known_line(row) for row in line_rows},
            demands={(one.line_id, one.sku): one for one in demands},
            reservations=[reservation_of(row) for row in reservation_rows],
            listings={key: replace(one, belief=beliefs.get(key, one.belief)) for key, one in listings.items()},
            stocked=stocked,
            balances=view.balances,
            offers=offers,
        )

    def _writes(self, order: ChannelOrder, intake: Intake, situation: Situation, now: datetime) -> tuple[Write, ...]:
        writes = [save_order(self.name, order, intake.order_key, before_start=intake.before_start, now=now)]
        writes += save_lines(self.name, order, intake.lines)
        writes += [drop_order(key) for key in sorted(_absorbed(order, intake, situation))]
        reservations: list[Reservation] = list(intake.reservations.values())
        writes += [save_reservations(reservations), save_demands(intake.demands)]
        writes += [believe(key, belief) for key, belief in intake.beliefs.items()]
        explained = [key for key, belief in intake.beliefs.items() if not belief.unexplained]
        writes += [close(Topic.UNEXPLAINED_SALE, str(key), now) for key in explained]
        writes += [ask(question) for question in intake.questions]
        linked = [line for line in intake.lines if line.linked]
        writes += [close(Topic.UNLINKED_ORDER_LINE, f"{self.name}:{line.line_id}", now) for line in linked]
        if order.status is not OrderStatus.UNPAID:
            keys = {intake.order_key, *(line.order_key for line in situation.lines.values())}
            writes.append(release_purchases(keys, order.ship_to))
        for purchase_order in _purchase_orders(order, intake, situation, now):
            writes += save_purchase_order(purchase_order)
        return tuple(writes)


def _absorbed(order: ChannelOrder, intake: Intake, situation: Situation) -> set[str]:
    """Keys of orders all of whose lines are in this one now."""
    told = {line.line_id for line in order.lines}
    elsewhere = {line.order_key for line in situation.lines.values() if line.line_id not in told}
    return {line.order_key for line in situation.lines.values()} - elsewhere - {intake.order_key}


def _purchase_orders(order: ChannelOrder, intake: Intake, situation: Situation, now: datetime) -> list[PurchaseOrder]:
    """One purchase order per supplier; its reference grows with every change, so that none is used twice."""
    revisions = {line_id: line.revision for line_id, line in situation.lines.items()}
    revisions |= {line.line_id: line.revision for line in intake.lines}
    status = PurchaseStatus.UNPAID if order.status is OrderStatus.UNPAID else PurchaseStatus.DRAFT
    found: list[PurchaseOrder] = []
    for supplier in sorted({purchase.supplier for purchase in intake.purchases}):
        reference = f"{intake.order_key}/{supplier}/{sum(revisions.values())}"
        purchases = tuple(one for one in intake.purchases if one.supplier == supplier)
        found.append(PurchaseOrder(reference, supplier, intake.order_key, status, now, purchases, order.ship_to))
    return found
