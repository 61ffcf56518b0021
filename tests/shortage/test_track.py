"""Where an order is: what its lines come to, by table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pydantic import SecretStr, ValidationError

from syncd.channel.port import Buyer, ChannelOrder, OrderLine, OrderStatus
from syncd.identity import ChannelName, ListingId, Money, Sku, SupplierName
from syncd.reservation.hold import Demand, HoldStatus, Reservation
from syncd.shortage.page import TRACKABLE, Links, PageConfig
from syncd.shortage.track import Due, Piece, Place, Stock, Where, due, pieces_of, steps, where
from syncd.supply.parcel import Parcel

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
MARKET, X, Y, Z = ChannelName("market"), Sku("X"), Sku("Y"), Sku("Z")
PRICE = Money(Decimal(10), "EUR")
SECRET = SecretStr("0123456789abcdef0123456789abcdef")


def line(quantity: int = 2, *, cancelled: int = 0, refunded: int = 0) -> OrderLine:
    """A line of the order."""
    return OrderLine("l1", ListingId("1"), "X", "Gloves", quantity, PRICE, cancelled, refunded)


def order(status: OrderStatus, *lines: OrderLine) -> ChannelOrder:
    """The order, with one line of two unless others are named."""
    return ChannelOrder("o1", "4711", status, NOW, NOW, lines or (line(),), Buyer("b"), None, PRICE)


def need(
    units: int, sku: Sku = X, *, bought: int = 0, short: int = 0, forgone: int = 0, instead_of: str = ""
) -> Demand:
    """What the line needs."""
    return Demand(MARKET, "l1", sku, "k", units, short, bought, forgone=forgone, instead_of=instead_of)


def held(units: int, sku: Sku = X, *, sent: int = 0) -> Reservation:
    """Units put aside for the line, some of them sent."""
    return Reservation(f"r{sku}", MARKET, "l1", "k", sku, "main", units, sent, 0, HoldStatus.HELD, NOW)


def parcel(units: int) -> Parcel:
    """What a supplier sent."""
    return Parcel("p", "po", SupplierName("north"), MARKET, "l1", "x", X, units, NOW, "DHL", "T1")


def stock(*found: Demand | Reservation | Parcel, per_unit: dict[Sku, int] | None = None) -> Stock:
    """What we keep about the line."""
    return Stock(
        [one for one in found if isinstance(one, Demand)],
        [one for one in found if isinstance(one, Reservation)],
        [one for one in found if isinstance(one, Parcel)],
        {Y: "Gloves Y"},
        {("l1", sku): units for sku, units in (per_unit or {}).items()},
    )


PAID, SHIPPED, UNPAID = OrderStatus.PAID, OrderStatus.SHIPPED, OrderStatus.UNPAID
PART_BUNDLE = {X: 1, Z: 2}

TABLE = [
    ("put aside", order(PAID), stock(need(2), held(2)), {Place.PACKING: 2}, Where.PACKING),
    ("not paid", order(UNPAID), stock(need(2), held(2)), {Place.UNPAID: 2}, Where.UNPAID),
    ("hold ran out", order(UNPAID), stock(need(2)), {Place.UNPAID: 2}, Where.UNPAID),
    ("bought", order(PAID), stock(need(2, bought=2)), {Place.SUPPLIER: 2}, Where.SUPPLIER),
    ("half bought", order(PAID), stock(need(2, bought=1), held(1)), dict.fromkeys((Place.PACKING, Place.SUPPLIER), 1),
     Where.PACKING),
    ("one parcel", order(PAID), stock(need(2, bought=2), parcel(1)), dict.fromkeys((Place.SENT, Place.SUPPLIER), 1),
     Where.PART_SENT),
    ("told twice", order(PAID), stock(need(2, bought=2), parcel(5)), {Place.SENT: 2}, Where.SENT),
    ("we sent one", order(PAID), stock(need(2), held(2, sent=1)), dict.fromkeys((Place.SENT, Place.PACKING), 1),
     Where.PART_SENT),
    ("short", order(PAID), stock(need(2, short=2)), {Place.MISSING: 2}, Where.MISSING),
    ("one short", order(PAID), stock(need(2, short=1), held(1)), dict.fromkeys((Place.PACKING, Place.MISSING), 1),
     Where.PACKING),
    ("sent", order(SHIPPED), stock(need(2), held(2, sent=2)), {Place.SENT: 2}, Where.SENT),
    ("never in our books", order(SHIPPED), stock(need(0, forgone=2)), {Place.SENT: 2}, Where.SENT),
    ("one sent, one paid back", order(SHIPPED, line(refunded=1)), stock(need(1, forgone=1), held(1, sent=1)),
     dict.fromkeys((Place.SENT, Place.BACK), 1), Where.SENT),
    ("returned after it was sent", order(SHIPPED, line(refunded=2)), stock(need(2), held(2, sent=2)),
     {Place.SENT: 2}, Where.SENT),
    ("one paid back", order(PAID, line(refunded=1)), stock(need(1), held(1)),
     dict.fromkeys((Place.PACKING, Place.BACK), 1), Where.PACKING),
    ("all paid back", order(PAID), stock(need(0, forgone=2)), {Place.BACK: 2}, Where.BACK),
    ("cancelled", order(OrderStatus.CANCELLED), stock(need(2), held(2)), {Place.BACK: 2}, Where.BACK),
    ("one cancelled", order(PAID, line(cancelled=1)), stock(need(1), held(1)),
     dict.fromkeys((Place.PACKING, Place.BACK), 1), Where.PACKING),
    ("not linked", order(PAID), stock(), {Place.PAID: 2}, Where.PACKING),
    ("not linked, sent", order(SHIPPED), stock(), {Place.SENT: 2}, Where.SENT),
    ("something else", order(PAID), stock(need(0, forgone=2), need(2, Y, instead_of="X"), held(2, Y)),
     {Place.PACKING: 2}, Where.PACKING),
    ("packs of six", order(PAID), stock(need(12), held(11), per_unit={X: 6}),
     dict.fromkeys((Place.PACKING, Place.MISSING), 1), Where.PACKING),
    ("a bundle is as far as its last part", order(PAID),
     stock(need(2), held(2), need(4, Z, bought=2), held(2, Z), per_unit=PART_BUNDLE),
     dict.fromkeys((Place.PACKING, Place.SUPPLIER), 1), Where.PACKING),
]  # fmt: skip


@pytest.mark.parametrize(("told", "kept", "places", "at"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_where_it_is(told: ChannelOrder, kept: Stock, places: dict[Place, int], at: Where) -> None:
    """Every unit ordered is in exactly one place, and the page says first where the whole is."""
    pieces = pieces_of(told, kept)
    assert {one.place: one.units for one in pieces} == places
    assert sum(one.units for one in pieces) == told.lines[0].quantity
    assert where(pieces) is at


def test_what_he_chose_instead_is_named() -> None:
    """By its title; what is paid back has nothing in its place."""
    kept = stock(need(0, forgone=2), need(1, Y, instead_of="X"), held(1, Y))
    assert pieces_of(order(PAID), kept) == (
        Piece("Gloves", 1, Place.PACKING, "Gloves Y"),
        Piece("Gloves", 1, Place.BACK),
    )


@pytest.mark.parametrize(
    ("at", "marks"),
    [
        (Where.UNPAID, "dn.."),
        (Where.PACKING, "ddn."),
        (Where.SUPPLIER, "ddn."),
        (Where.MISSING, "ddn."),
        (Where.PART_SENT, "ddnn"),
        (Where.SENT, "dddd"),
        (Where.BACK, ""),
    ],
)
def test_the_way_it_goes(at: Where, marks: str) -> None:
    """What is done, what is under way, what is to come; a way that leads nowhere is not shown."""
    assert "".join("d" if one.is_done else "n" if one.is_now else "." for one in steps(at)) == marks


DAY = date(2026, 12, 3)


@pytest.mark.parametrize(
    ("place", "later", "today", "expected"),
    [
        (Place.PACKING, [], date(2026, 12, 3), Due(DAY, is_late=False)),
        (Place.PACKING, [], date(2026, 12, 4), Due(DAY, is_late=True)),
        (Place.SUPPLIER, [date(2026, 12, 9)], date(2026, 12, 4), Due(date(2026, 12, 9), is_late=False)),
        (Place.SUPPLIER, [date(2026, 12, 2)], date(2026, 12, 2), Due(DAY, is_late=False)),
        (Place.MISSING, [], date(2026, 12, 9), Due(None, is_late=False)),
        (Place.MISSING, [date(2026, 12, 9)], date(2026, 12, 4), Due(date(2026, 12, 9), is_late=False)),
        (Place.UNPAID, [], date(2026, 12, 9), Due(None, is_late=False)),
        (Place.SENT, [], date(2026, 12, 9), Due(None, is_late=False)),
    ],
)
def test_by_when(place: Place, later: list[date], today: date, expected: Due) -> None:
    """The promised day, or a later one that was told; no day where nobody stands for one."""
    assert due([Piece("Gloves", 1, place)], DAY, later, today) == expected


def test_no_day_is_promised_for_what_is_missing() -> None:
    """Of two lines one is missing: the day holds for the other alone, unless he waits for it until a day."""
    pieces = [Piece("Gloves", 1, Place.PACKING), Piece("Tongs", 1, Place.MISSING)]
    assert not due(pieces, DAY, [], DAY).is_whole
    assert due(pieces, DAY, [date(2026, 12, 9)], DAY).is_whole


def test_a_link_names_one_order_and_ends() -> None:
    """It is read back whole; neither another secret nor the link of a case opens it."""
    links = Links("https://shop.example", SECRET)
    token = links.order_url(MARKET, "l1", NOW).removeprefix("https://shop.example/t/")
    trail = links.read_trail(token)
    assert trail is not None
    assert (trail.channel, trail.line_id, trail.expires_at) == (MARKET, "l1", NOW + TRACKABLE)
    assert links.read(token) is None
    assert Links("https://shop.example", SecretStr("f" * 32)).read_trail(token) is None
    assert links.read_trail(token[:-1]) is None
    assert links.read_trail("x" * 5000) is None
    assert Links(None, SECRET).order_url(MARKET, "l1", NOW) == ""


@pytest.mark.parametrize(
    "address",
    [
        "http://dhl.example/{number}",
        "javascript:alert({number})",
        "https://dhl.example/",
        "https://{number}.example/",
        "https://a@dhl.example/{number}",
        "//dhl.example/{number}",
    ],
)
def test_a_carrier_is_linked_over_https_alone(address: str) -> None:
    """Anything else is refused when syncd.toml is read."""
    with pytest.raises(ValidationError, match="DHL: must"):
        PageConfig(carriers={"DHL": address})


def test_a_number_never_leaves_its_place_in_the_address() -> None:
    """What a supplier writes as number is text; a carrier nobody configured has no link."""
    page = knowing("https://dhl.example/track?n={number}&l=it")
    assert page.carrier_link("dhl ", "T 1/../&x=#") == "https://dhl.example/track?n=T%201%2F..%2F%26x%3D%23&l=it"
    assert (page.carrier_link("BRT", "T1"), page.carrier_link("DHL", "")) == ("", "")


def knowing(address: str) -> PageConfig:
    """A page that knows one carrier."""
    return PageConfig(carriers={"DHL": address})


def test_a_title_is_the_channels_else_ours() -> None:
    """A line without words of its own has those of the product, else the SKU."""
    told = order(PAID, replace(line(), title=""))
    assert [one.title for one in pieces_of(told, stock(need(2, Y), held(2, Y)))] == ["Gloves Y"]
    assert [one.title for one in pieces_of(told, stock())] == ["X"]
