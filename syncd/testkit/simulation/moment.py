"""One moment of a simulated house that can be returned to, and its canonical form, by which two moments are compared.

Two moments are the same if the same can happen after both. What makes no difference to that is left out or renamed:

- Moments in time become their rank among all moments of their channel, now included. Rooms compare moments of one
  channel with each other and with limits of a second or more, and never moments of two channels. Between two quiet
  times a story takes some milliseconds, so a limit is passed by all of it or by none of it, and the order is all that
  is left to compare.
- What an order says of people and money, when it was taken in, and when a number was to be sent: nothing is decided
  from them where each channel has one listing.
- The log of movements, and the other logs: the balances are their fold, and nothing else is decided from them. A key
  that was used before comes again only with the same order line in the same revision, and these are compared.
- Versions: they tell a mark that came later from one that was seen. Who has seen one is under way, and what is under
  way is compared by what it began from; with nobody under way a version means nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any

from sqlmodel import SQLModel

from syncd.db import UtcDateTime
from syncd.identity import ListingId
from syncd.testkit.fake_shop import FakeShop
from syncd.testkit.shop_record import OrderChange, ShopListing
from syncd.testkit.simulation.house import House
from syncd.testkit.simulation.memory import Kept, put_back, remembered
from syncd.testkit.simulation.shop import Past, Sale
from syncd.testkit.simulation.store import Rows

LOGS = frozenset({"movement", "journal", "delay", "race", "hint"})
"""Tables that tell what happened and from which nothing is decided in these stories."""

LEFT_OUT = frozenset(
    {"version", "position", "recorded_at", "message", "sentence", "imported_at", "held_at", "seen_at", "target_at"}
    | {"revised", "revised_on", "risk"}
    | {
        "buyer_id",
        "buyer_name",
        "buyer_email",
        "buyer_language",
        "ship_to",
        "total",
        "unit_price",
        "currency",
        "price",
        "title",
    }
)
"""Columns that say nothing about what can happen next."""

FORGOTTEN = frozenset(
    {
        "_poll_at",
        "_sweep_at",
        "_link_at",
        "spent_today",
        "unmetered",
        "day_starts_at",
        "recent_at",
        "last_fault",
        "_saved_at",
        "since",
        "_told_at",
        "_after",
    }
)
"""Fields of rooms that say nothing about what can happen next where polls are always due, calls are not counted and
every listing is linked."""


Kinds = Sequence[tuple[str, bool]]
"""Name of each column of a table, and whether it holds moments."""


@dataclass(frozen=True)
class ShopThen:
    """A shop as it was."""

    listings: dict[ListingId, ShopListing]
    orders: dict[str, Any]
    changes: list[OrderChange]
    unpaid: dict[str, None]
    sales: list[Sale]
    past: dict[ListingId, list[Past]]


@dataclass(frozen=True)
class Moment:
    """Everything a house was: its store, its shops, its process's memory, its time."""

    seconds: float
    now: datetime
    rows: dict[str, Rows]
    shops: dict[str, ShopThen]
    memory: Kept

    def canonical(self, columns: dict[str, tuple[tuple[str, bool], ...]], more: Mapping[str, Any]) -> tuple[Any, ...]:
        """The form in which moments are compared. `columns`: name and whether it is a time, for every table.

        `more`: by channel, what else is part of the moment.
        """
        ranks = {name: _Ranks(self.now) for name in ("", *self.shops)}
        watermarks = {row[0]: row[-1] for row in self.rows.get("order_cursor", ())}
        parts: list[Any] = []
        for table, rows in self.rows.items():
            if table not in LOGS:
                kinds = columns[table]
                at = next((place for place, (column, _) in enumerate(kinds) if column == "channel"), None)
                meant = (_meaning(table, row, kinds, watermarks) for row in rows)
                for row in filter(None, meant):
                    own = ranks["" if at is None else row[at]]
                    parts.append((table, *_row(row, kinds, own)))
        for name, shop in self.shops.items():
            parts += [(name, one.listing_id, one.stored, one.sold, one.ended) for one in shop.listings.values()]
            parts += [_plain(order, ranks[name]) for order in shop.orders.values()]
        for owner, field, value in self.memory:
            if field not in FORGOTTEN:
                own = ranks.get(str(getattr(owner, "name", "")), ranks[""])
                parts.append((type(owner).__name__, field, _plain(value, own)))
        parts += [_plain(one, ranks[name]) for name, one in more.items()]
        for one in ranks.values():
            one.rank()
        return tuple(_settled(part) for part in parts)


class _Ranks:
    """Collects every moment of one channel; each stands in the form as a place that is filled with its rank."""

    def __init__(self, now: datetime) -> None:
        self._places: dict[datetime, _Place] = {now: _Place()}

    def see(self, at: datetime) -> _Place:
        return self._places.setdefault(at, _Place())

    def rank(self) -> None:
        for number, at in enumerate(sorted(self._places)):
            self._places[at].rank = number


class _Place:
    """Where the rank of a moment will stand."""

    __slots__ = ("rank",)

    def __init__(self) -> None:
        self.rank = -1


def _settled(part: Any) -> Any:
    if isinstance(part, _Place):
        return part.rank
    return tuple(_settled(one) for one in part) if isinstance(part, tuple) else part


def _meaning(table: str, row: Sequence[Any], kinds: Kinds, watermarks: Mapping[str, Any]) -> Sequence[Any]:
    """The row without what decides nothing any more.

    An account is as good as none when it is empty; a disagreement when the orders up to it are in; what a number rested
    on when it is proved. (Moments are compared as the store writes them: as texts of one length, in UTC.)
    """
    named = dict(zip((column for column, _ in kinds), row, strict=True))
    if table == "balance" and not named["quantity"]:
        return ()
    if table == "listing":
        complete = watermarks.get(named["channel"])
        if named["disagreed_at"] is not None and complete is not None and named["disagreed_at"] <= complete:
            named["disagreed_at"] = None
    if table == "push" and not named["uncertain"]:
        named["counted"] = named["replaced"] = None
    return tuple(named.values())


def _row(row: Sequence[Any], kinds: Kinds, ranks: _Ranks) -> Iterator[Any]:
    for value, (column, is_time) in zip(row, kinds, strict=True):
        if column in LEFT_OUT:
            continue
        yield ranks.see(datetime.fromisoformat(f"{value}+00:00")) if is_time and value is not None else value


def _plain(value: Any, ranks: _Ranks) -> Any:
    match value:
        case datetime():
            return ranks.see(value)
        case Enum():
            return value.value
        case list() | tuple() | set() | frozenset():
            return tuple(_plain(one, ranks) for one in value)
        case dict():
            return tuple((_plain(k, ranks), _plain(v, ranks)) for k, v in value.items())
    if is_dataclass(value) and not isinstance(value, type):
        return tuple(_plain(getattr(value, one.name), ranks) for one in fields(value) if one.name not in UNTOLD)
    return value


UNTOLD = frozenset({"buyer", "ship_to", "title", "unit_price", "total", "number"})
"""Fields of orders that stock does not depend on."""


def columns_of() -> dict[str, tuple[tuple[str, bool], ...]]:
    """Name and whether it is a time, for every column of every table."""
    return {
        table.name: tuple((column.name, isinstance(column.type, UtcDateTime)) for column in table.columns)
        for table in SQLModel.metadata.sorted_tables
    }


def moment_of(house: House) -> Moment:
    """Remember everything. Nobody may be under way."""
    roots = [*house.services(), *house.rooms.lines.values()]
    shops = {name: _then(shop) for name, shop in house.shops.items()}
    return Moment(house.clock.monotonic(), house.clock.now(), house.db.dump(), shops, remembered(roots))


def return_to(house: House, moment: Moment) -> None:
    """Make everything as it was. Nobody may be under way."""
    house.clock.turn_back(moment.seconds)
    house.db.restore(moment.rows)
    put_back(moment.memory)
    for name, then in moment.shops.items():
        shop = house.shops[name]
        shop.listings = {key: replace(one) for key, one in then.listings.items()}
        shop.orders, shop.order_changes = dict(then.orders), list(then.changes)
        shop.sales, shop.past = list(then.sales), {key: list(one) for key, one in then.past.items()}
        shop.calls.clear()
        _unpaid(shop).clear()
        _unpaid(shop).update(then.unpaid)


def _then(shop: Any) -> ShopThen:
    listings = {key: replace(one) for key, one in shop.listings.items()}
    past = {key: list(one) for key, one in shop.past.items()}
    return ShopThen(listings, dict(shop.orders), list(shop.order_changes), dict(_unpaid(shop)), list(shop.sales), past)


def _unpaid(shop: FakeShop) -> dict[str, None]:
    return shop._unpaid
