"""A buyer leaves eBay: its signed call comes over HTTP, and nothing of him is left in the store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest
from aiohttp import ClientSession
from sqlalchemy import text

from syncd.access.service import Gatekeeper
from syncd.channel.port import Address
from syncd.http.live import LiveFeed
from syncd.http.parts import HttpOptions, HttpParts
from syncd.http.server import HttpServer
from syncd.identity import ChannelName, SupplierName
from syncd.ledger.location import Locations
from syncd.letter.letter import Letter, LetterStatus
from syncd.letter.store import mark, put, read_letters
from syncd.orders.store import read_orders
from syncd.privacy.service import Eraser
from syncd.scanner.service import ScanDesk
from syncd.supply.purchase_order import PurchaseOrder, PurchaseStatus
from syncd.supply.store import save_purchase_order
from syncd.telemetry import Event, counts
from tests.support.http_rooms import EBAY, HttpRooms, http_rooms

BUYER = {
    "id": "grill_fan_77",
    "name": "Giuseppina Verdi",
    "email": "g.verdi@example.com",
    "street": "Via dei Pioppi 12",
    "phone": "+39 000 1234567",
}
PERSONAL = tuple(BUYER.values())


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[HttpRooms]:
    """Ten X on eBay; the buyer has bought one and another buyer one as well."""
    async with http_rooms(tmp_path) as opened:
        item = next(iter(opened.market.account.items))
        for buyer in (BUYER, {**BUYER, "id": "someone_else", "name": "Mario Bianchi"}):
            opened.market.sell([{"item_id": item, "quantity": 1}], buyer)
            opened.clock.advance(1)
        await opened.poll(200)
        yield opened


@pytest.fixture
async def hooks(rooms: HttpRooms) -> AsyncIterator[str]:
    """syncd's own server."""
    desk = ScanDesk(rooms.db, rooms.writer, rooms.clock, Locations.of(["main"]))
    parts = HttpParts(
        rooms.db,
        rooms.clock,
        desk,
        policies=rooms.policies,
        channels={ChannelName(EBAY): rooms.ebay},
        intakes={ChannelName(EBAY): rooms.intakes[EBAY]},
        modes={ChannelName(EBAY): "live"},
        eraser=Eraser(rooms.writer),
        gatekeeper=Gatekeeper(rooms.db, rooms.writer, rooms.clock),
        feed=LiveFeed(rooms.writer, rooms.clock),
    )
    server = HttpServer(HttpOptions(port=0), parts)
    yield f"{await server.start()}/hooks/{EBAY}"
    await server.aclose()


async def stored(rooms: HttpRooms) -> str:
    """Everything the store holds, as text."""
    async with rooms.db.read() as conn:
        names = [name for (name,) in await conn.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))]
        rows = [str(row) for name in names for row in await conn.execute(text(f'SELECT * FROM "{name}"'))]
    return "\n".join(rows)


async def announce(rooms: HttpRooms, url: str, who: dict[str, str], *, forged: bool = False) -> int:
    """Post what eBay would post."""
    body = rooms.market.commerce.message("MARKETPLACE_ACCOUNT_DELETION", who)
    header = rooms.market.commerce.signer.header(body + (b" " if forged else b""))
    async with ClientSession() as session, session.post(url, data=body, headers={"X-EBAY-SIGNATURE": header}) as answer:
        return answer.status


async def test_nothing_of_him_is_left(rooms: HttpRooms, hooks: str) -> None:
    """Orders, letters and purchase orders lose what was his; the sale and the other buyer stay as they were."""
    async with rooms.db.read() as conn:
        orders = await read_orders(conn)
    key = next(key for key, one in orders.items() if one.buyer.buyer_id == BUYER["id"])
    await leave_traces(rooms, key, orders[key].lines[0].line_id, rooms.clock.now())
    before = await stored(rooms)
    assert all(value in before for value in PERSONAL)
    told = counts()[Event.BUYER_FORGOTTEN]

    assert await announce(rooms, hooks, {"username": BUYER["id"], "userId": "x1"}) == 204

    after = await stored(rooms)
    assert not [value for value in (BUYER["id"], BUYER["name"]) if value in after]
    assert "Mario Bianchi" in after
    async with rooms.db.read() as conn:
        left = await read_orders(conn)
        assert await read_letters(conn, [LetterStatus.WAITING]) == []
        (sent,) = await read_letters(conn, [LetterStatus.SENT])
    assert (sent.subject, sent.body) == ("", "")
    assert left[key].ship_to is None
    assert [(one.line_id, one.quantity) for one in left[key].lines] == [
        (one.line_id, one.quantity) for one in orders[key].lines
    ]
    assert counts()[Event.BUYER_FORGOTTEN] == told + 1


async def leave_traces(rooms: HttpRooms, key: str, line_id: str, now: datetime) -> None:
    """A letter that went out, one that waits, and a purchase order to his address."""
    for number, words in enumerate(("gone", "waits")):
        reference = f"case/{number}"
        body = f"Buongiorno {BUYER['name']}, {words}"
        await rooms.writer.write(put(Letter(reference, ChannelName(EBAY), key, line_id, "it", "Ordine", body), now))
    await rooms.writer.write(mark("case/0", LetterStatus.SENT, now))
    place = Address(BUYER["name"], BUYER["street"], "Roma", "00100", "RM", "IT", BUYER["phone"])
    bought = PurchaseOrder("po-1", SupplierName("acme"), key, PurchaseStatus.ACCEPTED, now, (), place)
    await rooms.writer.write(*save_purchase_order(bought))


async def test_again_changes_nothing(rooms: HttpRooms, hooks: str) -> None:
    """eBay delivers twice, and for users who never bought here."""
    who = {"username": BUYER["id"]}
    assert await announce(rooms, hooks, who) == 204
    once = await stored(rooms)
    assert await announce(rooms, hooks, who) == 204
    assert await announce(rooms, hooks, {"username": "nobody_we_know"}) == 204
    assert await stored(rooms) == once


async def test_a_forged_call_forgets_nobody(rooms: HttpRooms, hooks: str) -> None:
    """The signature covers the body: without it the answer is 412 and everything stays."""
    before = await stored(rooms)
    assert await announce(rooms, hooks, {"username": BUYER["id"]}, forged=True) == 412
    assert await stored(rooms) == before


async def test_while_the_key_cannot_be_had_it_is_sent_again(rooms: HttpRooms, hooks: str) -> None:
    """503: eBay delivers again, and then it is done."""
    rooms.market.fail(
        "html_503", call=f"GET /commerce/notification/v1/public_key/{rooms.market.commerce.signer.key_id}"
    )
    assert await announce(rooms, hooks, {"username": BUYER["id"]}) == 503
    assert BUYER["name"] in await stored(rooms)
    assert await announce(rooms, hooks, {"username": BUYER["id"]}) == 204
    assert BUYER["name"] not in await stored(rooms)


async def test_a_poll_brings_nothing_back(rooms: HttpRooms, hooks: str) -> None:
    """The overlap shows the order again as it was: it is known already, and its buyer stays forgotten."""
    await announce(rooms, hooks, {"username": BUYER["id"]})
    await rooms.poll(200)
    assert BUYER["name"] not in await stored(rooms)
