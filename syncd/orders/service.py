"""Takes in one channel's orders: follows hints at once, polls with overlap, moves the cursor after the commit."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask, close, open_questions
from syncd.channel.port import ChannelOrder, Hint, OrderPage, ReadsOrders, WebhookAnswer
from syncd.channel.service import ChannelLine
from syncd.clock import Clock
from syncd.db import Database, chunks
from syncd.errors import ChannelAuthFailed, ChannelProtocolError, ChannelRefused, RemoteError
from syncd.identity import ChannelName, ListingId, ListingKey
from syncd.ledger.service import Writer
from syncd.listing.listing import Listing
from syncd.listing.service import Observer
from syncd.listing.store import read_listings, read_unexplained
from syncd.orders.acceptance.service import Acceptance
from syncd.orders.acceptance.service import IntakeOptions as IntakeOptions
from syncd.orders.hint.grouping import how_many
from syncd.orders.hint.service import HintService
from syncd.orders.hint.store import WaitingHint, hints_followed, keep_hints, waiting_hints
from syncd.orders.order import fingerprint, waves
from syncd.orders.store import Cursor, begin_cursor, read_cursor, read_known, read_orders, read_relinked, save_cursor
from syncd.orders.unread.service import UnreadOrders
from syncd.telemetry import Event, log

PAGES_MAX = 50
"""Pages of orders one run takes; the rest is taken by the next run."""

AT_ONCE_MAX = 16
"""Orders taken in side by side. They share a commit, and what else is to be written waits for no more than so many."""

HINTS_MAX = 1_000
"""Hints one run follows at most."""

HINTED_MAX = 100
"""Orders and listings that the hints of one run are about at most: each may cost a call."""

PATIENCE_SECONDS_MIN = 60
"""How long a counted sale may be without its order at least, beyond what the channel's list lags, before it is asked
about: a poll may just have missed it."""

NEWS_EVENT = {
    "accepted": Event.ORDER_ACCEPTED,
    "changed": Event.ORDER_CHANGED,
    "shipped": Event.ORDER_CHANGED,
    "cancelled": Event.ORDER_CANCELLED,
}


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
        self._acceptance = Acceptance(db, writer, line, options)
        self._unread = UnreadOrders(db, writer, line.name, clock)
        self._unexplained_since: dict[ListingKey, datetime] = {}
        self._observer = Observer(writer, line, options.locations, clock=clock)
        self._poll_at: datetime | None = None
        self._let_in: bool | None = None
        self.name: ChannelName = line.name
        self.woken = asyncio.Event()
        self.hints = HintService(db, writer, line, locations=options.locations, clock=clock)

    async def receive(self, answer: WebhookAnswer, now: datetime) -> None:
        """Keep the hints of an accepted webhook; returns once they cannot be lost, and wakes who acts on them."""
        hints = answer.hints or (Hint(),)
        write = keep_hints(self.name, hints, answer.delivery_key, now)
        await self._writer.write(write)
        self._line.tell(now)
        log(Event.HINT_RECEIVED, channel=self.name, hints=len(hints))
        if any(one.observation is not None and one.observation.sold is not None for one in hints):
            self.hints.woken.set()
        self.woken.set()

    def take_over(self) -> None:
        """Another node took orders in until now: what could not be read then stands in the store, and it is time."""
        self._starts_anew = True
        self._poll_at = None
        self._let_in = None

    def reach(self, now: datetime) -> None:
        """The channel has tried our door: it says nothing, but that it can reach us."""
        self._line.reach(now)

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Follow waiting hints, poll if it is time or a hint asks for it, and look again at lines linked since."""
        if self._line.closed_until(now) is not None:
            return {}
        counts: dict[str, int] = {}
        try:
            await self.begin(now)
            await self._unread.remember()
            asked = await self._follow_hints(counts)
            if asked or self._poll_at is None or now >= self._poll_at:
                pause = self._line.poll_seconds(self._options.poll_interval_seconds, now)
                self._poll_at = now + timedelta(seconds=pause)
                await self._poll(counts)
                await self._ask_unexplained()
            await self._retry_unread(counts)
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
            await self._writer.write(begin_cursor(Cursor(self.name, since=now.replace(microsecond=0))))

    async def _follow_hints(self, counts: dict[str, int]) -> bool:
        """Believe hints downwards at once, then ask the channel itself. Returns whether a poll is wanted."""
        async with self._db.read() as conn:
            found = await waiting_hints(conn, self.name, HINTS_MAX)
        if not found:
            return False
        waiting = found[: how_many([one.hint for one in found], HINTED_MAX)]
        if len(waiting) < len(found) or len(found) == HINTS_MAX:
            self.woken.set()  # the rest is not to wait until it is time
        counts["hints"] = len(waiting)
        self._line.tell(self._clock.now())  # it may have called another node
        await self.hints.run_once(self._clock.now())
        named = [one.hint.observation.listing_id for one in waiting if one.hint.observation is not None]
        listings = await self._listings(dict.fromkeys(named))
        orders, asks = await self._hinted_orders(waiting)
        for order in orders:
            await self._accept(order, counts)
        await self._confirm(listings)
        await self._writer.write(hints_followed([one.hint_id for one in waiting]))
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
                await self._unread.keep(order_id, str(fault))
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
            await self._unread.keep(problem.order_id, problem.sentence)
        return page

    async def _accept_page(self, page: OrderPage, counts: dict[str, int]) -> None:
        async with self._db.read() as conn:
            known = await read_known(conn, self.name, page.orders)
        fresh = [
            one for one in page.orders if known.get(one.order_id) != fingerprint(one) or one.order_id in self._unread
        ]
        for wave in waves(fresh):
            for part in chunks(wave, AT_ONCE_MAX):
                await asyncio.gather(*(self._accept(order, counts) for order in part))

    async def _relink(self, counts: dict[str, int]) -> None:
        """Orders with a line that had no stock to go to are judged again once it has."""
        async with self._db.read() as conn:
            keys = await read_relinked(conn, self.name)
            orders = await read_orders(conn, keys) if keys else {}
        for order in orders.values():
            await self._accept(order, counts)

    async def _accept(self, order: ChannelOrder, counts: dict[str, int]) -> None:
        accepted = await self._acceptance.accept(order)
        if accepted.problem:
            await self._unread.keep(order.order_id, accepted.problem)
            counts["refused"] = counts.get("refused", 0) + 1
            return
        if order.order_id in self._unread:
            await self._unread.drop(order.order_id)
        intake = accepted.intake
        if intake is None:
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

    async def _retry_unread(self, counts: dict[str, int]) -> None:
        """Ask again for orders that could not be taken in, a few at a time, ever less often."""
        channel, now = self._line.channel, self._clock.now()
        if not isinstance(channel, ReadsOrders):
            return
        for one in self._unread.due(now):
            try:
                order = await self._line.call("fetch_order", partial(channel.fetch_order, one.order_id))
            except (ChannelRefused, ChannelProtocolError) as fault:
                await self._unread.keep(one.order_id, str(fault))
                continue
            if order is None:
                await self._unread.drop(one.order_id)  # the channel no longer knows it: there is nothing to take in
            else:
                await self._accept(order, counts)

    async def _ask_unexplained(self) -> None:
        """Ask about sales a channel counts and whose orders have not come although the list is known far enough."""
        async with self._db.read() as conn:
            cursor = await read_cursor(conn, self.name)
            listings = await read_unexplained(conn, self.name)
            asked = {one.subject for one in await open_questions(conn) if one.topic is Topic.UNEXPLAINED_SALE}
        now = self._clock.now()
        self._unexplained_since = {one.key: self._unexplained_since.get(one.key, now) for one in listings}
        patience = timedelta(seconds=max(self._line.capabilities.order_lag_seconds, PATIENCE_SECONDS_MIN))
        known_until = cursor.watermark_at if cursor else None
        writes = [
            ask(_unexplained(one, now))
            for one in listings
            if str(one.key) not in asked
            and known_until is not None
            and known_until >= self._unexplained_since[one.key] + patience
        ]
        waiting = {str(one.key) for one in listings}
        here = f"{self.name}:"
        over = sorted(one for one in asked if one.startswith(here) and one not in waiting)
        writes += [close(Topic.UNEXPLAINED_SALE, subject, now) for subject in over]
        if writes:
            await self._writer.write(*writes)


def _unexplained(one: Listing, now: datetime) -> Question:
    sentence = (
        f"{one.key.channel} counts {one.belief.unexplained} sold of {one.key} for which no order has come; they are "
        f"kept from sale; look for the order on {one.key.channel}: once it is read, this closes by itself"
    )
    return Question(Topic.UNEXPLAINED_SALE, str(one.key), sentence, now)
