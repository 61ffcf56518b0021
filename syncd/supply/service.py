"""Reads one supplier's feed; what is ordered from him and what he answers have files of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask, close
from syncd.clock import Clock
from syncd.db import Database
from syncd.errors import ChannelAuthFailed, RateLimited, RemoteError
from syncd.identity import Sku, SupplierName
from syncd.identity import sku as parse_sku
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, Plan, Write
from syncd.product.store import mention
from syncd.supply.offer import Offer, SupplierPolicy, SupplyConfig, guard
from syncd.supply.port import OfferSnapshot, Supplier
from syncd.supply.service_answers import Answers
from syncd.supply.service_ordering import RATE_LIMIT_SECONDS_MAX, Ordering
from syncd.supply.service_scorecard import ScorecardService
from syncd.supply.store import (
    Feed,
    confirm_offers,
    drop_offers,
    read_feed,
    read_offers,
    save_feed,
    save_offers,
)
from syncd.telemetry import Event, log

PROBLEMS_TOLD_MAX = 20
"""Unreadable rows of one feed that are logged one by one; all are counted."""


@dataclass(frozen=True, slots=True)
class SupplierOptions:
    """How one supplier is read. `links`: his number → our SKU, where they differ."""

    policy: SupplierPolicy
    fetch_interval_seconds: float
    links: Mapping[str, Sku]


class SupplyService:
    """One supplier: his feed, our orders to him, his answers."""

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
        self._down = False
        self._ordering = Ordering(db, writer, supplier, name=options.policy.name, config=config, clock=clock)
        self._answers = Answers(db, writer, supplier, name=options.policy.name, clock=clock)
        told = {options.policy.name: options.policy}
        self._scorecard = ScorecardService(db, writer, told, learns=config.learn_confidence)
        self.name: SupplierName = options.policy.name

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Read feed and answers when it is time, notice when the feed has gone stale, send what is to be ordered."""
        counts: dict[str, int] = {}
        is_time = self._fetch_at is None or now >= self._fetch_at
        if is_time:
            self._fetch_at = now + timedelta(seconds=self._options.fetch_interval_seconds)
            await self._fetch(now, counts)
        await self._watch_age(now, counts)
        await self._ordering.run(now, counts)
        if is_time:
            await self._answers.run(now, counts)
            counts |= await self._scorecard.run_once(now)
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
