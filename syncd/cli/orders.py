"""Commands about what customers bought: each line with what is wanted, reserved, bought and short. No buyer's data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import typer

from syncd.attention.question import Topic
from syncd.attention.store import open_questions
from syncd.channel.port import ChannelOrder, OrderLine
from syncd.cli.age import ago
from syncd.cli.options import Common, callback, command
from syncd.cli.screen import BAD, Cell, answer, data, table
from syncd.cli.session import Session, in_session, unknown
from syncd.identity import ChannelName
from syncd.orders.store import channels_of, read_orders
from syncd.reservation.hold import Demand, Reservation
from syncd.reservation.store import read_demands, read_reservations


@dataclass(frozen=True)
class Part:
    """What an order line needs of one SKU, in base units."""

    demand: Demand
    reserved: int
    shipped: int


@dataclass(frozen=True)
class Line:
    """One line: what was bought, and what it takes off the shelf. `unlinked`: nobody has said what it sells."""

    line: OrderLine
    parts: tuple[Part, ...]
    unlinked: bool


@dataclass(frozen=True)
class Order:
    """One order with everything stock has to do with it."""

    key: str
    channel: ChannelName
    order: ChannelOrder
    lines: tuple[Line, ...]

    @property
    def short(self) -> int:
        """Units nothing covers."""
        return sum(part.demand.short for line in self.lines for part in line.parts)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(help="What customers bought; `orders show KEY` for one.")
    callback(group)(orders)
    command(group, "show")(show)
    app.add_typer(group, name="orders")


def orders(
    ctx: typer.Context,
    common: Common,
    channel: Annotated[str | None, typer.Option("--channel", help="Only this channel's.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="How many at most.")] = 30,
) -> None:
    """Show the newest orders, and which of them are short of something.

    JSON: {"orders": [ORDER, …]} with each order as in `orders show`.
    """
    if ctx.invoked_subcommand is not None:
        return
    found, now = in_session(common.path, lambda session: _read(session, None, channel))
    found = found[:limit]
    if common.as_json:
        data({"orders": [_shape(one) for one in found]})
        return
    short = sum(1 for one in found if one.short)
    said = f"{len(found)} orders, newest first; " + (f"{short} short of something." if short else "none is short.")
    answer(said if found else "No order is known yet.", BAD if short else "")
    rows = [
        (
            *(one.key, one.order.status.value, ago(one.order.created_at, now)),
            ", ".join(f"{line.line.quantity} × {line.line.sku or line.line.title}" for line in one.lines),
            one.short or "",
        )
        for one in found
    ]
    if rows:
        table(["Order", "Status", "Made", "What", ">Short"], rows)


def show(
    key: Annotated[str, typer.Argument(metavar="KEY", help="As `syncd orders` shows it.")], common: Common
) -> None:
    """Show one order: each line with what is wanted, reserved, bought from suppliers and short.

    JSON: {"order_key", "channel", "number", "status", "created_at", "modified_at", "total", "currency", "short",
    "lines": [{"line_id", "listing", "sku_on_channel", "title", "quantity", "cancelled", "refunded", "unlinked",
    "parts": [{"sku", "wanted", "reserved", "shipped", "bought", "short", "cause"}]}]}
    """
    [found], now = in_session(common.path, lambda session: _read(session, key, None))
    if common.as_json:
        data(_shape(found))
        return
    told = f"{found.short} units short" if found.short else "nothing is short"
    answer(
        f"{found.key}, {found.order.status.value}, {ago(found.order.created_at, now)}: {told}.",
        BAD if found.short else "",
    )
    table(["Line", "What…", "SKU", ">Wanted", ">Reserved", ">Shipped", ">Bought", ">Short"], _rows(found))
    for cause in dict.fromkeys(p.demand.cause for line in found.lines for p in line.parts if p.demand.short):
        answer(f"short because: {cause}", BAD)


def _rows(found: Order) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for one in found.lines:
        what = f"{one.line.quantity} × {one.line.title}"
        if not one.parts:
            rows.append((one.line.line_id, what, "unlinked" if one.unlinked else "takes nothing off the shelf"))
        for part in one.parts:
            demand = part.demand
            numbers = (demand.need, part.reserved, part.shipped, demand.purchased, demand.short)
            rows.append((one.line.line_id, what, demand.sku, *numbers))
    return rows


async def _read(session: Session, key: str | None, channel: str | None) -> tuple[list[Order], datetime]:
    wanted = session.channel(channel).name if channel else None
    async with session.db.read() as conn:
        told = await read_orders(conn, None if key is None else [key])
        if key is not None and key not in told:
            raise unknown("order", key, await read_orders(conn))
        channels = await channels_of(conn, told)
        demands = await read_demands(conn, told)
        reservations = await read_reservations(conn, told)
        asked = {one.subject for one in await open_questions(conn) if one.topic is Topic.UNLINKED_ORDER_LINE}
    found = [
        Order(
            key_,
            channels[key_],
            order,
            tuple(
                Line(
                    line,
                    _parts(line, [d for d in demands if d.order_key == key_], reservations),
                    f"{channels[key_]}:{line.line_id}" in asked,
                )
                for line in order.lines
            ),
        )
        for key_, order in told.items()
        if wanted is None or channels[key_] == wanted
    ]
    return found, session.clock.now()


def _parts(line: OrderLine, demands: list[Demand], reservations: list[Reservation]) -> tuple[Part, ...]:
    parts: list[Part] = []
    for demand in demands:
        if demand.line_id == line.line_id:
            own = [
                r for r in reservations if (r.channel, r.line_id, r.sku) == (demand.channel, demand.line_id, demand.sku)
            ]
            parts.append(Part(demand, sum(r.open for r in own), sum(r.fulfilled for r in own)))
    return tuple(parts)


def _shape(one: Order) -> dict[str, Any]:
    order = one.order
    return {
        "order_key": one.key,
        "channel": one.channel,
        "number": order.number,
        "status": order.status.value,
        "created_at": order.created_at,
        "modified_at": order.modified_at,
        "total": order.total.amount,
        "currency": order.total.currency,
        "short": one.short,
        "lines": [_line_shape(one, line) for line in one.lines],
    }


def _line_shape(one: Order, line: Line) -> dict[str, Any]:
    told = line.line
    return {
        "line_id": told.line_id,
        "listing": f"{one.channel}:{told.listing_id}" if told.listing_id else None,
        "sku_on_channel": told.sku,
        "title": told.title,
        "quantity": told.quantity,
        "cancelled": told.cancelled,
        "refunded": told.refunded,
        "unlinked": line.unlinked,
        "parts": [
            {
                "sku": part.demand.sku,
                "wanted": part.demand.need,
                "reserved": part.reserved,
                "shipped": part.shipped,
                "bought": part.demand.purchased,
                "short": part.demand.short,
                "cause": part.demand.cause,
            }
            for part in line.parts
        ],
    }
