"""Commands about suppliers: show says how fresh each feed is, release lets a doubted one in, preview reads one."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from syncd.attention.question import Topic
from syncd.attention.store import close
from syncd.cli import purchase, scorecard
from syncd.cli.age import ago
from syncd.cli.options import Common, command
from syncd.cli.preview import preview
from syncd.cli.screen import GOOD, LOOK, answer, counted, data, say, table
from syncd.cli.session import Session, in_session, unknown
from syncd.config.sections import SupplierConfig
from syncd.errors import OperatorError
from syncd.identity import SupplierName
from syncd.supply.purchase_order import PurchaseOrder
from syncd.supply.store import Feed, read_feed, read_offers, read_purchase_orders, save_feed


@dataclass(frozen=True)
class Standing:
    """How one supplier stands. `usable`: his offers are young enough to be promised."""

    supplier: SupplierConfig
    feed: Feed | None
    offers: int
    orders: list[PurchaseOrder]
    usable: bool

    @property
    def said(self) -> str:
        """The state in a few words."""
        if self.feed is None:
            return "never read"
        if self.feed.held_version and self.feed.held_version != self.feed.released_version:
            return "held: a new feed is not believed"
        return "fresh" if self.usable else "stale: counts as 0"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(no_args_is_help=True, help="What suppliers say they have, and what we buy from them.")
    command(group, "show")(show)
    command(group, "release")(release)
    command(group, "preview")(preview)
    purchase.register(group)
    scorecard.register(group)
    app.add_typer(group, name="supplier")


def _supplier(session: Session, name: str) -> SupplierConfig:
    found = session.config.suppliers.get(SupplierName(name))
    if found is None:
        raise unknown("supplier", name, session.config.suppliers)
    return found


def show(
    common: Common, name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this one.")] = None
) -> None:
    """Show each supplier: how old his word is, how many offers, which purchase orders are not settled.

    JSON: [{"name", "state", "offers", "feed": {"version", "as_of", "fetched_at", "stale", "held_version",
    "released_version"}, "purchase_orders": [{"reference", "status", "order_key", "created_at", "message"}]}, …]
    """
    standings, now = in_session(common.path, lambda session: _read(session, name))
    if common.as_json:
        data([_shape(one) for one in standings])
        return
    doubtful = sum(1 for one in standings if one.said != "fresh")
    said = (
        f"{doubtful} of {counted(len(standings), 'supplier')} to look at."
        if doubtful
        else f"{counted(len(standings), 'supplier')}, all fresh."
    )
    answer(said if standings else "No supplier is configured.", LOOK if doubtful else "")
    rows = [
        (
            *(one.supplier.name, one.said, one.offers, ago(one.feed.as_of if one.feed else None, now)),
            *(ago(one.feed.fetched_at if one.feed else None, now), len(one.orders)),
        )
        for one in standings
    ]
    if rows:
        table(["Supplier", "State", ">Offers", "His word is from", "Read", ">Purchase orders"], rows)


async def _read(session: Session, name: str | None) -> tuple[list[Standing], datetime]:
    now = session.clock.now()
    chosen = [_supplier(session, name)] if name else list(session.config.suppliers.values())
    standings: list[Standing] = []
    async with session.db.read() as conn:
        for supplier in chosen:
            feed = await read_feed(conn, supplier.name)
            offers = await read_offers(conn, supplier=supplier.name)
            orders = await read_purchase_orders(conn, supplier=supplier.name)
            limit = timedelta(seconds=supplier.options.stale_after_seconds)
            usable = feed is not None and now - feed.as_of <= limit
            standings.append(Standing(supplier, feed, sum(map(len, offers.values())), orders, usable))
    return standings, now


def _shape(one: Standing) -> dict[str, Any]:
    feed = {key: value for key, value in asdict(one.feed).items() if key != "supplier"} if one.feed else None
    orders = [
        {
            "reference": order.reference,
            "status": order.status.value,
            "order_key": order.order_key,
            "created_at": order.created_at,
            "message": order.message,
        }
        for order in one.orders
    ]
    return {"name": one.supplier.name, "state": one.said, "offers": one.offers, "feed": feed, "purchase_orders": orders}


def release(name: Annotated[str, typer.Argument(metavar="NAME")], common: Common) -> None:
    """Believe the feed that was held back because too much had changed at once.

    JSON: {"supplier", "released_version"}
    """

    async def work(session: Session) -> str:
        supplier = _supplier(session, name)
        async with session.db.read() as conn:
            feed = await read_feed(conn, supplier.name)
        if feed is None or not feed.held_version or feed.held_version == feed.released_version:
            raise OperatorError(f"no feed of {supplier.name} is held")
        released = replace(feed, released_version=feed.held_version)
        await session.writer.write(save_feed(released), close(Topic.FEED_HELD, supplier.name, session.clock.now()))
        return released.released_version

    version = in_session(common.path, work)
    if common.as_json:
        data({"supplier": name, "released_version": version})
        return
    answer(f"The feed of {name} is believed from its next reading.", GOOD)
    say("If the supplier has sent another one by then, that one is judged anew.")
