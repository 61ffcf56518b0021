"""Takes one order into the books: one command, judged on what its own transaction reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select
from sqlalchemy.engine import RowMapping
from sqlalchemy.exc import DataError
from sqlalchemy.ext.asyncio import AsyncConnection

from syncd.attention.question import Topic
from syncd.attention.store import ask, close
from syncd.channel.port import ChannelOrder, OrderLine, OrderStatus
from syncd.channel.service import ChannelLine
from syncd.db import Database
from syncd.identity import ChannelName, ListingId, ListingKey, Sku, SupplierName
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, Plan, View, Write
from syncd.ledger.store_look import Look
from syncd.listing.listing import Listing
from syncd.listing.store import belief_of, believe, read_listings, select_listings
from syncd.orders.combine import address_key
from syncd.orders.intake import decide
from syncd.orders.kin.store import lookalikes_of, select_lookalikes
from syncd.orders.order import is_outdated
from syncd.orders.purchasing import Purchasing, purchasing
from syncd.orders.situation import Intake, IntakePolicy, ReturnPolicy, Situation
from syncd.orders.store import (
    drop_order,
    known_line,
    known_order,
    read_cursor,
    save_lines,
    save_order,
    select_lines,
    select_order_keys,
    select_orders,
)
from syncd.orders.unread.unread import problem_with
from syncd.product.store import read_products
from syncd.reservation.store import (
    demand_of,
    reservation_of,
    save_demands,
    save_reservations,
    select_demands,
    select_reservations,
)
from syncd.supply.offer import SupplierPolicy, UsableOffer, usable
from syncd.supply.store import (
    adopt_purchases,
    offer_of,
    purchase_orders_of,
    release_purchases,
    save_purchase_order,
    select_offers,
    select_purchase_orders,
)

ORDER_FAULTS = (DataError, ValueError, ArithmeticError)
"""What an order raises that no store can keep, or that cannot be reckoned with. It is asked about; others go on."""


@dataclass(frozen=True, slots=True)
class IntakeOptions:
    """How often a channel's orders are looked for, where its stock lies, and what a return there means."""

    poll_interval_seconds: float
    locations: tuple[str, ...]
    suppliers: Mapping[SupplierName, SupplierPolicy]
    returns: ReturnPolicy = ReturnPolicy.ASK


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of an order: what was decided, or why it could not be taken in."""

    intake: Intake | None
    problem: str = ""


class Acceptance:
    """One channel's orders into the books, one at a time; any number may be under way at once."""

    def __init__(self, db: Database, writer: Writer, line: ChannelLine, options: IntakeOptions) -> None:
        self._db = db
        self._writer = writer
        self._line = line
        self._options = options
        self._since: datetime | None = None
        self.name: ChannelName = line.name

    async def accept(self, order: ChannelOrder) -> Accepted:
        """Take in an order as it is now, or say in one sentence why it cannot be."""
        problem = problem_with(order)
        if problem:
            return Accepted(None, problem)
        try:
            command = await self._command(order)
            if command is None:
                return Accepted(None)
            outcome = await self._writer.submit(command)
        except ORDER_FAULTS as fault:
            # The fault's own text may hold what the order says of its buyer.
            return Accepted(None, f"order {order.number} cannot be kept: {type(fault).__name__}")
        if outcome.value is None:
            return Accepted(None, f"order {order.number} cannot be booked: {outcome.explanation}")
        return Accepted(outcome.value)

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
            unlinked = [line for line in order.lines if not _is_linked(line, listings)]
            texts = sorted({line.sku.strip() for line in unlinked if line.sku and line.sku.strip()})
            products = await read_products(conn, [Sku(text) for text in texts]) if texts else {}
            since = await self._began_at(conn)
        linked = {sku for one in listings.values() for sku in one.skus}
        skus = frozenset(linked | set(products) | {one.sku for one in promised})
        if since is None:
            return None
        options = self._options
        policy = IntakePolicy(self.name, self._line.capabilities, options.locations, since, options.returns)
        reads: dict[str, Select[Any] | Look] = {
            "orders": select_orders(order_keys),
            "lines": select_lines(order_keys),
            "demands": select_demands(order_keys),
            "reservations": select_reservations(order_keys),
            "listings": select_listings(keys),
        }
        if options.suppliers:
            reads |= {"offers": select_offers(sorted(skus)), "purchases": select_purchase_orders(order_keys)}
        place = address_key(order.ship_to)
        if place and not known:
            reads["alike"] = select_lookalikes(self.name, place, order.created_at)
        stocked = {str(sku): sku for sku in products}

        def judge(view: View) -> Plan[Intake]:
            rows = dict(zip(reads, view.rows, strict=True))
            situation = self._situation(rows, view, listings, stocked)
            orders = {row["order_key"]: known_order(row) for row in rows["orders"]}
            if is_outdated(order, orders, situation.lines):
                before = next(iter(orders.values()))
                return Plan(Intake(before.order_key, before.before_start, copy_of=before.copy_of))
            intake = decide(order, situation, policy, view.now)
            bought = purchasing(order, intake, situation, purchase_orders_of(rows.get("purchases", ())), view.now)
            writes = (*self._writes(order, intake, situation, view.now), *self._buy(order, bought, situation, intake))
            return Plan(intake, tuple(intake.movements), writes, frozenset(bought.marks))

        return Command(judge, skus=skus, reads=tuple(reads.values()))

    async def _began_at(self, conn: AsyncConnection) -> datetime | None:
        """When syncd began to answer for the channel; that never changes once it is written."""
        if self._since is None:
            cursor = await read_cursor(conn, self.name)
            self._since = cursor.since if cursor else None
        return self._since

    def _situation(
        self,
        rows: Mapping[str, Sequence[RowMapping]],
        view: View,
        listings: Mapping[ListingId, Listing],
        stocked: Mapping[str, Sku],
    ) -> Situation:
        beliefs = {ListingId(row["listing_id"]): belief_of(row) for row in rows["listings"]}
        offers: dict[Sku, list[UsableOffer]] = {}
        for row in rows.get("offers", ()):
            offer = offer_of(row)
            policy = self._options.suppliers.get(offer.supplier)
            if policy is not None:
                offers.setdefault(offer.sku, []).append(usable(offer, policy, view.now))
        demands = [demand_of(row) for row in rows["demands"]]
        return Situation(
            order=known_order(rows["orders"][0]) if rows["orders"] else None,
            lines={row["line_id"]: known_line(row) for row in rows["lines"]},
            demands={(one.line_id, one.sku): one for one in demands},
            reservations=[reservation_of(row) for row in rows["reservations"]],
            listings={key: replace(one, belief=beliefs.get(key, one.belief)) for key, one in listings.items()},
            stocked=stocked,
            balances=view.balances,
            offers=offers,
            lookalikes=lookalikes_of(rows.get("alike", ())),
        )

    def _writes(self, order: ChannelOrder, intake: Intake, situation: Situation, now: datetime) -> list[Write]:
        before_start, mark = intake.before_start, intake.copy_of
        writes = [save_order(self.name, order, intake.order_key, before_start=before_start, now=now, copy_of=mark)]
        writes += save_lines(self.name, order, intake.lines)
        writes += [drop_order(key) for key in sorted(_absorbed(order, intake, situation))]
        writes += [save_reservations(list(intake.reservations.values())), save_demands(intake.demands)]
        writes += [believe(key, belief) for key, belief in intake.beliefs.items()]
        explained = [key for key, belief in intake.beliefs.items() if not belief.unexplained]
        writes += [close(Topic.UNEXPLAINED_SALE, str(key), now) for key in explained]
        writes += [ask(question) for question in intake.questions]
        linked = [line for line in intake.lines if line.linked]
        return writes + [close(Topic.UNLINKED_ORDER_LINE, f"{self.name}:{line.line_id}", now) for line in linked]

    def _buy(self, order: ChannelOrder, bought: Purchasing, situation: Situation, intake: Intake) -> list[Write]:
        """What suppliers are asked for and no longer asked for; a merged order takes its purchase orders along."""
        if not self._options.suppliers:
            return []
        absorbed = _absorbed(order, intake, situation)
        writes = [adopt_purchases(absorbed, intake.order_key)] if absorbed else []
        for one in (*bought.changed, *bought.made):
            writes += save_purchase_order(one)
        if order.status is not OrderStatus.UNPAID:
            writes.append(release_purchases([intake.order_key], order.ship_to))
        return writes + [ask(question) for question in bought.questions]


def _is_linked(line: OrderLine, listings: Mapping[ListingId, Listing]) -> bool:
    listing = listings.get(line.listing_id) if line.listing_id else None
    return listing is not None and listing.is_linked


def _absorbed(order: ChannelOrder, intake: Intake, situation: Situation) -> set[str]:
    """Keys of orders all of whose lines are in this one now."""
    told = {line.line_id for line in order.lines}
    elsewhere = {line.order_key for line in situation.lines.values() if line.line_id not in told}
    return {line.order_key for line in situation.lines.values()} - elsewhere - {intake.order_key}
