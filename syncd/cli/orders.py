"""Commands about what customers bought: each line with what it needs, what is reserved, bought and short.

No buyer's data: who ordered and where it goes stay in the store.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer

from syncd.attention.question import Topic
from syncd.attention.store import open_questions
from syncd.channel.port import ChannelOrder
from syncd.cli import order_answers
from syncd.cli.age import ago
from syncd.cli.options import Common, callback, command
from syncd.cli.screen import BAD, Cell, answer, counted, data, say, table
from syncd.cli.session import Session, in_session, unknown
from syncd.http import shape
from syncd.orders.combine import together
from syncd.orders.kin.store import read_copies, read_open_orders
from syncd.orders.store import channels_of, read_orders
from syncd.reservation.store import read_demands, read_reservations

ORDERS_READ_MAX = 500
"""How many of the newest orders are looked at."""


@dataclass(frozen=True)
class Order:
    """One order: as its channel told it, and as the API tells it. `unlinked` are lines nobody has said the SKU of."""

    key: str
    order: ChannelOrder
    told: shape.Json
    unlinked: frozenset[str]

    @property
    def short(self) -> int:
        """Units nothing covers."""
        return sum(need["short"] for line in self.told["lines"] for need in line["needs"])


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(help="What customers bought; `orders show KEY` for one.")
    callback(group)(orders)
    command(group, "show")(show)
    order_answers.register(group)
    app.add_typer(group, name="orders")


def orders(
    ctx: typer.Context,
    common: Common,
    channel: Annotated[str | None, typer.Option("--channel", help="Only this channel's.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=ORDERS_READ_MAX, help="How many at most.")] = 30,
) -> None:
    """Show the newest orders, and which of them are short of something.

    JSON: [ORDER, …], each as in `orders show`.
    """
    if ctx.invoked_subcommand is not None:
        return
    found, now = in_session(common.path, lambda session: _read(session, None, channel))
    found = found[:limit]
    if common.as_json:
        data([one.told for one in found])
        return
    short = sum(1 for one in found if one.short)
    said = f"{counted(len(found), 'order')}, newest first; " + (
        f"{short} short of something." if short else "none is short."
    )
    answer(said if found else "No order is known yet.", BAD if short else "")
    rows = [
        (
            *(one.key, one.order.status.value, ago(one.order.created_at, now)),
            ", ".join(f"{line.quantity} × {line.sku or line.title}" for line in one.order.lines),
            *(one.short or "", " ".join(one.told["together"])),
        )
        for one in found
    ]
    if rows:
        table(["Order", "Status", "Made", "What", ">Short", "Together with"], rows)


def show(
    key: Annotated[str, typer.Argument(metavar="KEY", help="As `syncd orders` shows it.")], common: Common
) -> None:
    """Show one order: each line with what is wanted, reserved, bought from suppliers and short.

    JSON: as the API's orders: {"order", "channel", "number", "status", "created_at", "total", "lines": [{"line_id",
    "sku", "title", "quantity", "needs": [{"sku", "need", "reserved", "shipped", "purchased", "short", "cause"}]}],
    "together": [other open orders of the same buyer and address], "copy_of"}
    """
    [found], now = in_session(common.path, lambda session: _read(session, key, None))
    if common.as_json:
        data(found.told)
        return
    told = f"{counted(found.short, 'unit')} short" if found.short else "nothing is short"
    made = ago(found.order.created_at, now)
    answer(f"{found.key}, {found.order.status.value}, made {made}: {told}.", BAD if found.short else "")
    table(["Line", "What…", "SKU", ">Wanted", ">Reserved", ">Shipped", ">Bought", ">Short"], _rows(found))
    if found.told["together"]:
        say(f"send it together with: {', '.join(found.told['together'])}")
    if found.told["copy_of"]:
        say(f"it takes no stock: a copy of another channel's order ({found.told['copy_of']})")
    causes = (need["cause"] for line in found.told["lines"] for need in line["needs"])
    for cause in dict.fromkeys(filter(None, causes)):
        say(f"short because: {cause}", BAD)


def _rows(found: Order) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for line in found.told["lines"]:
        what = f"{line['quantity']} × {line['title']}"
        if not line["needs"]:
            nothing = "unlinked" if line["line_id"] in found.unlinked else "takes nothing"
            rows.append((line["line_id"], what, nothing, "", "", "", "", ""))
        for need in line["needs"]:
            numbers = (need["need"], need["reserved"], need["shipped"], need["purchased"], need["short"])
            rows.append((line["line_id"], what, need["sku"], *numbers))
    return rows


async def _read(session: Session, key: str | None, channel: str | None) -> tuple[list[Order], datetime]:
    wanted = session.channel(channel).name if channel else None
    async with session.db.read() as conn:
        told = await read_orders(conn, None if key is None else [key], limit=ORDERS_READ_MAX)
        if key is not None and key not in told:
            raise unknown("order", key, await read_orders(conn, limit=ORDERS_READ_MAX))
        channels = await channels_of(conn, told)
        demands = await read_demands(conn, told)
        held = await read_reservations(conn, told)
        kin = together(await read_open_orders(conn, beside=list(told)))
        copies = await read_copies(conn, told)
        asked = {one.subject for one in await open_questions(conn) if one.topic is Topic.UNLINKED_ORDER_LINE}
    found: list[Order] = []
    for order_key, order in told.items():
        name = channels[order_key]
        if wanted is None or name == wanted:
            own = [one for one in demands if one.order_key == order_key]
            kept = [one for one in held if one.order_key == order_key]
            unlinked = frozenset(line.line_id for line in order.lines if f"{name}:{line.line_id}" in asked)
            shown = shape.order(order_key, name, order, own, kept)
            shown |= shape.kinship(kin.get(order_key, ()), copies.get(order_key, ""))
            found.append(Order(order_key, order, shown, unlinked))
    return found, session.clock.now()
