"""Reads one supplier's feed and sends him our purchase orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask, close
from syncd.clock import Clock
from syncd.db import Database
from syncd.errors import ChannelAuthFailed, ChannelRefused, RateLimited, RemoteError
from syncd.identity import ChannelName, Sku, SupplierName
from syncd.identity import sku as parse_sku
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, Plan, View, Write
from syncd.product.store import mention
from syncd.reservation.hold import Demand
from syncd.reservation.store import demand_of, read_demands_of_lines, save_demands, select_demands_of_lines
from syncd.supply.offer import Offer, SupplierPolicy, SupplyConfig, guard
from syncd.supply.port import (
    OfferSnapshot,
    PurchaseLine,
    PurchaseRequest,
    Supplier,
    TakesPurchaseOrders,
)
from syncd.supply.purchase_order import PurchaseOrder, PurchaseStatus, surplus
from syncd.supply.store import (
    Feed,
    confirm_offers,
    drop_offers,
    purchase_orders_of,
    read_feed,
    read_offers,
    read_purchase_orders,
    save_feed,
    save_offers,
    save_purchase_order,
    select_purchase_orders,
)
from syncd.telemetry import Event, log

PROBLEMS_TOLD_MAX = 20
"""Unreadable rows of one feed that are logged one by one; all are counted."""

RATE_LIMIT_SECONDS_MAX = 86_400.0
"""Longest wait a supplier who limits us is believed: a longer one is a mistake of his server's."""


@dataclass(frozen=True, slots=True)
class SupplierOptions:
    """How one supplier is read. `links`: his number → our SKU, where they differ."""

    policy: SupplierPolicy
    fetch_interval_seconds: float
    links: Mapping[str, Sku]


class SupplyService:
    """One supplier's feed and orders."""

    def __init__(
        self,
        db: Database,
        writer: Writer,
        supplier: Supplier,
        *,
        options: SupplierOptions,
        config: SupplyConfig,
        clock: Clock,
    ) -> None:
        self._db = db
        self._writer = writer
        self._supplier = supplier
        self._options = options
        self._config = config
        self._clock = clock
        self._fetch_at: datetime | None = None
        self._order_at: datetime | None = None
        self._down = False
        self.name: SupplierName = options.policy.name

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Read the feed when it is time, notice when it has gone stale, send what is to be ordered."""
        counts: dict[str, int] = {}
        if self._fetch_at is None or now >= self._fetch_at:
            self._fetch_at = now + timedelta(seconds=self._options.fetch_interval_seconds)
            await self._fetch(now, counts)
        await self._watch_age(now, counts)
        await self._order(now, counts)
        return counts

    async def _fetch(self, now: datetime, counts: dict[str, int]) -> None:
        async with self._db.read() as conn:
            feed = await read_feed(conn, self.name)
        try:
            said = await self._supplier.fetch_offers(feed.version if feed else None)
        except RemoteError as fault:
            await self._failed(fault, now)
            return
        if self._down:
            log(Event.SUPPLIER_RECOVERED, supplier=self.name)
        self._down = False
        snapshot = replace(said, as_of=min(said.as_of, self._clock.now()))  # his clock may be ahead of ours
        if snapshot.unchanged and feed is not None:
            await self._confirm(feed, snapshot, now)
        elif await self._take(snapshot, feed, now):
            counts["offers"] = len(snapshot.rows)
        else:
            counts["held"] = 1

    async def _failed(self, fault: RemoteError, now: datetime) -> None:
        if isinstance(fault, RateLimited) and fault.retry_after_seconds is not None:
            self._fetch_at = now + timedelta(seconds=min(fault.retry_after_seconds, RATE_LIMIT_SECONDS_MAX))
        if isinstance(fault, ChannelAuthFailed):
            sentence = f"{self.name} refuses our credentials: {fault.message}; renew them, then restart syncd"
            await self._writer.write(ask(Question(Topic.SUPPLIER_PAUSED, self.name, sentence, now)))
        if not self._down:
            log(Event.SUPPLIER_UNAVAILABLE, supplier=self.name, explanation=str(fault))
        self._down = True

    async def _confirm(self, feed: Feed, snapshot: OfferSnapshot, now: datetime) -> None:
        """The feed is the one we have: it is younger now, and what was held since is gone."""
        confirmed_at = max(feed.as_of, snapshot.as_of)
        fresh = replace(feed, as_of=confirmed_at, fetched_at=now, stale=False, held_version="", released_version="")
        writes = (confirm_offers(self.name, confirmed_at), save_feed(fresh), *self._settled(now))
        await self._mark(*writes, changes=feed.stale or self._is_stale(feed, now))

    def _settled(self, now: datetime) -> tuple[Write, ...]:
        """Close every question a believable feed answers."""
        topics = (Topic.FEED_HELD, Topic.FEED_STALE, Topic.SUPPLIER_PAUSED)
        return tuple(close(topic, self.name, now) for topic in topics)

    async def _mark(self, *writes: Write, changes: bool) -> None:
        """Write, and mark the supplier's SKUs if what may be promised of them changes with it."""
        async with self._db.read() as conn:
            skus = frozenset(await read_offers(conn, supplier=self.name)) if changes else frozenset[Sku]()
        await self._writer.submit(Command(lambda _view: Plan(None, writes=writes, marks=skus)))

    async def _take(self, snapshot: OfferSnapshot, feed: Feed | None, now: datetime) -> bool:
        """Believe a feed, or hold it for a person; returns whether it was believed."""
        async with self._db.read() as conn:
            known = [one for offers in (await read_offers(conn, supplier=self.name)).values() for one in offers]
        offers = self._offers(snapshot)
        verdict = guard(
            {one.supplier_sku: one.quantity for one in known},
            {one.supplier_sku: one.quantity for one in offers},
            shrink_share_max=self._config.shrink_share_max,
            flip_share_max=self._config.flip_share_max,
        )
        for problem in snapshot.problems[:PROBLEMS_TOLD_MAX]:
            where = f"line {problem.line}, column {problem.column}"
            log(Event.FEED_REFUSED, supplier=self.name, where=where, explanation=problem.sentence)
        if verdict.held and (feed is None or feed.released_version != snapshot.version):
            await self._hold(verdict.held, snapshot, feed, now)
            return False
        changed = frozenset({one.sku for one in known} | {one.sku for one in offers})
        writes = (
            mention([(one.sku, one.title or one.sku) for one in offers]),
            save_offers(offers),
            *drop_offers(self.name, verdict.vanished),
            save_feed(Feed(self.name, snapshot.version, snapshot.as_of, now)),
            *self._settled(now),
        )
        await self._writer.submit(Command(lambda _view: Plan(None, writes=writes, marks=changed)))
        log(Event.FEED_READ, supplier=self.name, offers=len(offers), problems=len(snapshot.problems))
        return True

    async def _hold(self, reason: str, snapshot: OfferSnapshot, feed: Feed | None, now: datetime) -> None:
        sentence = f"the feed of {self.name} is not believed: {reason}; agree with: syncd supplier release {self.name}"
        kept = feed or Feed(self.name, "", snapshot.as_of, now)
        question = ask(Question(Topic.FEED_HELD, self.name, sentence, now))
        held = save_feed(replace(kept, fetched_at=now, held_version=snapshot.version))
        await self._writer.write(held, question, close(Topic.SUPPLIER_PAUSED, self.name, now))
        log(Event.FEED_REFUSED, supplier=self.name, explanation=reason)

    def _offers(self, snapshot: OfferSnapshot) -> list[Offer]:
        offers: list[Offer] = []
        for row in snapshot.rows:
            try:
                own = self._options.links.get(row.supplier_sku) or parse_sku(row.supplier_sku)
            except ValueError as error:
                log(Event.FEED_REFUSED, supplier=self.name, explanation=str(error))
                continue
            offers.append(Offer(self.name, row.supplier_sku, own, row.quantity, snapshot.as_of, row.title, row.cost))
        return offers

    async def _watch_age(self, now: datetime, counts: dict[str, int]) -> None:
        """Offers go stale by time alone: mark their SKUs once when it happens."""
        async with self._db.read() as conn:
            feed = await read_feed(conn, self.name)
        if feed is None or feed.stale or not self._is_stale(feed, now):
            return
        sentence = f"{self.name} has said nothing new since {feed.as_of:%Y-%m-%d %H:%M} UTC: his offers count as 0"
        question = ask(Question(Topic.FEED_STALE, self.name, sentence, now))
        await self._mark(save_feed(replace(feed, stale=True)), question, changes=True)
        log(Event.FEED_STALE, supplier=self.name, as_of=feed.as_of.isoformat())
        counts["stale"] = 1

    def _is_stale(self, feed: Feed, now: datetime) -> bool:
        return now - feed.as_of > timedelta(seconds=self._options.policy.stale_after_seconds)

    async def _order(self, now: datetime, counts: dict[str, int]) -> None:
        if self._order_at is not None and now < self._order_at:
            return
        async with self._db.read() as conn:
            drafts = await read_purchase_orders(conn, status=PurchaseStatus.DRAFT, supplier=self.name)
        for draft in drafts:
            if draft.next_attempt_at is None or draft.next_attempt_at <= now:
                try:
                    await self._place(draft, now, counts)
                except RateLimited as fault:  # nothing was applied: not this order's fault, and the others wait too
                    seconds = fault.retry_after_seconds
                    seconds = self._config.order_retry_seconds if seconds is None else seconds
                    self._order_at = now + timedelta(seconds=min(seconds, RATE_LIMIT_SECONDS_MAX))
                    return

    async def _place(self, draft: PurchaseOrder, now: datetime, counts: dict[str, int]) -> None:
        supplier = self._supplier
        if not isinstance(supplier, TakesPurchaseOrders):
            await self._by_hand(draft, f"{self.name} cannot be ordered from by machine", now)
            return
        async with self._db.read() as conn:
            demands = await read_demands_of_lines(conn, [(one.channel, one.line_id) for one in draft.purchases])
        draft = draft.still_wanted({(one.channel, one.line_id, one.sku): one.purchased for one in demands})
        if draft.status is PurchaseStatus.WITHDRAWN:
            await self._withdraw(draft, now)
            return
        lines = tuple(
            PurchaseLine(one.purchase_id, one.supplier_sku, one.quantity) for one in draft.purchases if one.quantity
        )
        try:
            outcome = await supplier.place_order(PurchaseRequest(draft.reference, lines, draft.ship_to))
        except RateLimited:
            raise
        except (ChannelRefused, ChannelAuthFailed) as fault:
            await self._by_hand(draft, str(fault), now)
        except RemoteError as fault:
            await self._again(draft, fault, now)
        else:
            await self._answered(draft.answered(outcome, self._clock.now()), now)
            counts["ordered"] = counts.get("ordered", 0) + 1

    async def _withdraw(self, order: PurchaseOrder, now: datetime) -> None:
        """Nothing is ordered; what he offers is free again. He need not be told unless a try may have reached him."""
        writes = save_purchase_order(order)
        marks = frozenset(one.sku for one in order.purchases)
        await self._writer.submit(Command(lambda _view: Plan(None, writes=writes, marks=marks)))

    async def _again(self, draft: PurchaseOrder, fault: RemoteError, now: datetime) -> None:
        attempts = draft.attempts + 1
        if attempts >= self._config.order_attempts_max:
            await self._by_hand(draft, f"tried {attempts} times; the last said: {fault}", now)
            return
        seconds = self._config.order_retry_seconds * 2.0 ** (attempts - 1)
        tried = replace(draft, attempts=attempts, next_attempt_at=now + timedelta(seconds=seconds), message=str(fault))
        await self._writer.write(*save_purchase_order(tried))

    async def _by_hand(self, draft: PurchaseOrder, why: str, now: datetime) -> None:
        sentence = f"order by hand from {self.name}, purchase order {draft.reference}: {why}"
        question = ask(Question(Topic.PURCHASE_ORDER, draft.reference, sentence, now))
        await self._writer.write(
            *save_purchase_order(replace(draft, status=PurchaseStatus.BY_HAND, message=why)), question
        )

    async def _answered(self, order: PurchaseOrder, now: datetime) -> None:
        """Write the supplier's answer; what he refuses is short from this moment, in the same transaction."""
        await self._writer.submit(answer_purchase(order, f"{self.name} refused it", now))
        event = Event.PURCHASE_SENT if order.status is PurchaseStatus.ACCEPTED else Event.PURCHASE_REFUSED
        log(event, supplier=self.name, reference=order.reference, status=order.status.value)


def answer_purchase(order: PurchaseOrder, cause: str, now: datetime) -> Command[None]:
    """Write a supplier's answer: what he refuses is short from now on, what nobody wants now is to be called off."""

    def decide(view: View) -> Plan[None]:
        others = [one for one in purchase_orders_of(view.rows[1]) if one.reference != order.reference]
        demands = [demand_of(row) for row in view.rows[0]]
        writes = answer_writes(order, others, demands, cause, now)
        return Plan(None, writes=writes, marks=frozenset(one.sku for one in order.purchases))

    channels = {one.channel for one in order.purchases}
    lines = {one.line_id for one in order.purchases}
    reads = (select_demands_of_lines(channels, lines), select_purchase_orders([order.order_key]))
    return Command(decide, reads=reads)


def answer_writes(
    order: PurchaseOrder, others: Sequence[PurchaseOrder], demands: Sequence[Demand], cause: str, now: datetime
) -> tuple[Write, ...]:
    """What an answered purchase order changes: itself, the demands it leaves short, and what is asked about it."""
    known = {(one.channel, one.line_id, one.sku): one for one in demands}
    changed: dict[tuple[ChannelName, str, Sku], Demand] = {}
    for one in order.purchases:
        key = (one.channel, one.line_id, one.sku)
        demand = changed.get(key) or known.get(key)
        if one.refused and demand is not None:
            changed[key] = demand.refused(one.refused, cause, now)
    bought = {key: one.purchased for key, one in (known | changed).items()}
    return (*save_purchase_order(order), save_demands(list(changed.values())), _said(order, others, bought, now))


def _said(
    order: PurchaseOrder,
    others: Sequence[PurchaseOrder],
    bought: Mapping[tuple[ChannelName, str, Sku], int],
    now: datetime,
) -> Write:
    """Close what was asked about the purchase order, or ask to call off what was cancelled while he was being asked."""
    unwanted = surplus([order, *others], bought)
    if not unwanted:
        return close(Topic.PURCHASE_ORDER, order.reference, now)
    what = ", ".join(f"{units} × {sku}" for sku, units in sorted(unwanted.items()))
    sentence = (
        f"{order.supplier} has agreed to send {what} of purchase order {order.reference}, which nobody wants any more: "
        f"call it off with him, then type: syncd supplier calloff {order.reference}"
    )
    return ask(Question(Topic.PURCHASE_ORDER, order.reference, sentence, now))
