"""Sweeps one channel's listings: learns new ones, links them, and compares what all of them show with what they
must."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask, close, open_subjects
from syncd.channel.port import ChannelListing, ListingStatus, ReadsQuantities
from syncd.channel.service import ChannelLine
from syncd.channel.throttle import Urgency
from syncd.clock import Clock, doubled
from syncd.db import Database, chunks
from syncd.errors import ChannelProtocolError, RemoteError
from syncd.identity import ChannelName, ListingId, ListingKey, Sku
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, Plan, View, Write, mark_touched
from syncd.listing.drift import Cause
from syncd.listing.listing import Component, Listing
from syncd.listing.service import Observer
from syncd.listing.store import link, link_all, mark_ended, read_drifted, read_linkable, read_listings, seen
from syncd.orders.store import read_cursor
from syncd.product.store import read_products
from syncd.push.plan import PushState
from syncd.push.store import read_states
from syncd.reconcile.plan import Arrival, DriftPolicy, ReconcileConfig, SweepOptions, arrivals, vanished
from syncd.reconcile.service_changes import ChangesService
from syncd.reconcile.service_relist import ask_to_relist
from syncd.telemetry import Event, log

PAGES_MAX = 10_000
"""Pages one sweep reads at most; a channel that never ends its list is broken."""

LINK_PAUSE = timedelta(seconds=10)
"""Pause between two looks for listings whose SKU has become known: each goes through all listings of the channel."""

RETRY_FIRST_SECONDS = 5.0
"""Pause before a sweep that failed begins again from its first page; doubles up to the usual interval."""


class SweepService:
    """One channel's listings: all of them when it is time, between two sweeps those that changed."""

    def __init__(
        self,
        db: Database,
        writer: Writer,
        line: ChannelLine,
        *,
        options: SweepOptions,
        config: ReconcileConfig,
        clock: Clock,
    ) -> None:
        self._db = db
        self._writer = writer
        self._line = line
        self._options = options
        self._config = config
        self._clock = clock
        adopts = options.drift is DriftPolicy.ADOPT
        self._observer = Observer(writer, line, options.locations, clock=clock, adopts_drift=adopts)
        self._changes = ChangesService(db, writer, line, options=options, clock=clock)
        self._sweep_at: datetime | None = None
        self._link_at: datetime | None = None
        self._failures = 0
        self.name: ChannelName = line.name

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Sweep when it is time; link what has become linkable. Returns counts of what was found."""
        if self._link_at is None or now >= self._link_at:
            self._link_at = now + LINK_PAUSE
            await self._link_known(now)
        if self._options.drift is DriftPolicy.ASK:
            await self._ask_about_drift(now)
        if self._line.closed_until(now) is not None:
            return {}
        if self._sweep_at is not None and now < self._sweep_at:
            return await self._changes.run_once(now)
        counts: dict[str, int] = {"listings": 0, "calls": 0}
        try:
            present = await self._sweep(counts)
            await self._look_for_vanished(present, counts)
            await ask_to_relist(self._db, self._writer, self.name, self._options.locations, self._clock.now())
        except RemoteError as fault:
            if self._line.closed_until(self._clock.now()) is None:
                self._line.report(fault)
            self._failures += 1
            seconds = doubled(RETRY_FIRST_SECONDS, self._failures, self._options.interval_seconds)
            self._sweep_at = self._clock.now() + timedelta(seconds=seconds)
            return {"interrupted": 1}
        self._failures = 0
        at = self._clock.now()
        calls = counts.pop("calls")
        self._sweep_at = at + timedelta(seconds=self._line.sweep_seconds(self._options.interval_seconds, at, calls))
        return counts

    async def _link_known(self, now: datetime) -> None:
        """A SKU that stock or a supplier has just made known links the listings that were waiting for it."""
        async with self._db.read_at_length() as conn:
            linkable = await read_linkable(conn, self.name)
        for key, sku in linkable.items():
            writes = (*link(key, [Component(sku)]), close(Topic.UNLINKED_LISTING, str(key), now))
            await self._writer.submit(Command(partial(_plan, writes, frozenset({sku}))))
            log(Event.LISTING_LINKED, channel=self.name, listing_id=key.listing_id, sku=sku)

    async def _sweep(self, counts: dict[str, int]) -> set[ListingKey]:
        cursor: str | None = None
        present: set[ListingKey] = set()
        for _ in range(PAGES_MAX):
            fetch = partial(self._line.channel.fetch_listings, cursor)
            page = await self._line.call("fetch_listings", fetch, Urgency.RAISE)
            counts["calls"] += 1
            for problem in page.problems:
                log(Event.LISTING_UNLINKED, channel=self.name, explanation=problem)
            present |= await self._take(page.listings, counts)
            cursor = page.cursor
            if cursor is None:
                return present
        raise ChannelProtocolError(self.name, "fetch_listings", f"its list of listings has no end in {PAGES_MAX} pages")

    async def _take(self, page: Sequence[ChannelListing], counts: dict[str, int]) -> set[ListingKey]:
        at = self._clock.now()
        keys = [ListingKey(self.name, one.listing_id) for one in page]
        written = sorted({Sku(one.sku.strip()) for one in page if one.sku})
        async with self._db.read() as conn:
            known = await read_listings(conn, keys=keys)
            stocked = await read_products(conn, written)
        fresh = arrivals(self.name, page, known, stocked)
        await self._learn(page, known, fresh, at)
        async with self._db.read() as conn:
            known = await read_listings(conn, keys=keys)
            states = await read_states(conn, keys=keys)
        drifts = await asyncio.gather(*(self._observe(known, states, one, at) for one in page))
        if drifted := sum(drifts):
            counts["drift"] = counts.get("drift", 0) + drifted
        counts["listings"] += len(page)
        counts["new"] = counts.get("new", 0) + sum(1 for one in fresh if one.is_new)
        return set(keys)

    async def _observe(
        self,
        known: Mapping[ListingKey, Listing],
        states: Mapping[ListingKey, PushState],
        one: ChannelListing,
        at: datetime,
    ) -> bool:
        """Take one listing's number into account; returns whether it had drifted."""
        listing = known[ListingKey(self.name, one.listing_id)]
        state = states.get(listing.key)
        unsure = state is not None and state.uncertain
        finding = await self._observer.take(listing, one.observation, at=at, unsure=unsure)
        return finding is not None and finding.cause is not None

    async def _learn(
        self,
        page: Sequence[ChannelListing],
        known: Mapping[ListingKey, Listing],
        fresh: Sequence[Arrival],
        at: datetime,
    ) -> None:
        """Write what the page tells, link what can be linked, ask about the rest."""
        writes: list[Write] = [seen(self.name, one, at) for one in page if _differs(one, known, self.name)]
        for arrival in fresh:
            if arrival.components:
                writes.append(close(Topic.UNLINKED_LISTING, str(arrival.key), at))
                log(Event.LISTING_LINKED, channel=self.name, listing_id=arrival.key.listing_id, sku=arrival.found.sku)
            else:
                writes.append(ask(Question(Topic.UNLINKED_LISTING, str(arrival.key), arrival.why_not, at)))
                if arrival.is_new:
                    log(Event.LISTING_UNLINKED, channel=self.name, explanation=arrival.why_not)
        if held := {one.key: one.components for one in fresh if one.components}:
            writes += link_all(held)
        alive = {
            ListingKey(self.name, one.listing_id) for one in page if one.observation.status is ListingStatus.ACTIVE
        }
        back = [one for one in known.values() if one.status is ListingStatus.ENDED and one.key in alive]
        marks = frozenset(component.sku for arrival in fresh for component in arrival.components)
        marks |= {sku for one in back for sku in one.skus}  # what was not sent while it was gone is due now
        if writes:
            await self._writer.submit(Command(partial(_plan, tuple(writes), marks)))

    async def _ask_about_drift(self, now: datetime) -> None:
        """Ask about what stays unexplained once the orders up to it are in; a question that has settled is closed."""
        async with self._db.read() as conn:
            drifted = await read_drifted(conn, self.name)
            cursor = await read_cursor(conn, self.name)
            asked = await open_subjects(conn, Topic.DRIFT)
        complete = cursor.watermark_at if cursor else None
        keys = {str(key): listing for key, listing in drifted.items()}
        writes = [
            close(Topic.DRIFT, subject, now)
            for subject in asked
            if subject.startswith(f"{self.name}:") and subject not in keys
        ]
        for key, listing in keys.items():
            since = listing.belief.disagreed_at
            if key not in asked and since is not None and complete is not None and complete >= since:
                writes.append(ask(Question(Topic.DRIFT, key, _edited(listing), now)))
        if writes:
            await self._writer.write(*writes)

    async def _look_for_vanished(self, present: set[ListingKey], counts: dict[str, int]) -> None:
        async with self._db.read_at_length() as conn:
            known = await read_listings(conn, channel=self.name)
        gone = vanished(known, present, self._config)
        at = self._clock.now()
        if gone.held:
            sentence = f"{self.name}: {gone.held}; nothing was ended: look at the channel"
            await self._writer.write(ask(Question(Topic.DRIFT, self.name, sentence, at)))
            return
        await self._writer.write(close(Topic.DRIFT, self.name, at))
        if not isinstance(self._line.channel, ReadsQuantities):
            return
        present_after_all: set[ListingId] = set()
        for part in chunks([key.listing_id for key in gone.keys], self._line.capabilities.batch_size):
            readings = await self._observer.read("confirm_vanished", part, Urgency.RAISE)
            present_after_all |= {one.listing_id for one in readings.seen if one.status is ListingStatus.ACTIVE}
            present_after_all |= set(readings.faults)  # what cannot be read is not known to be gone
        for key in gone.keys:
            if key.listing_id not in present_after_all:
                await self._writer.write(mark_ended(key), mark_touched(known[key].skus))
                log(Event.LISTING_ENDED, channel=self.name, listing_id=key.listing_id)
                counts["ended"] = counts.get("ended", 0) + 1


def _edited(listing: Listing) -> str:
    key, drift = listing.key, listing.belief.drift
    return (
        f"{key} ({listing.title}) shows {abs(drift)} {'more' if drift > 0 else 'fewer'} than it had to, and no order "
        f"explains it: {Cause.EDIT}; count the shelf with: syncd stock count, or put ours back with: "
        f"syncd enforce {key}"
    )


def _plan(writes: tuple[Write, ...], marks: frozenset[Sku], _view: View) -> Plan[None]:
    return Plan(None, writes=writes, marks=marks)


def _differs(found: ChannelListing, known: Mapping[ListingKey, Listing], channel: ChannelName) -> bool:
    """Whether the channel tells something about the listing that we do not have yet."""
    listing = known.get(ListingKey(channel, found.listing_id))
    if listing is None:
        return True
    told = (found.title, found.sku, found.price, found.observation.status)
    return told != (listing.title, listing.sku_on_channel, listing.price, listing.status)
