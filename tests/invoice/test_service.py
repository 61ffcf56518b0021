"""Combined invoices against eBay's stand-in over HTTP: exactly once, asked about or by itself, void when overtaken."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from syncd.attention.question import Topic
from syncd.channel.port import InvoiceRequest
from syncd.errors import ChannelUnavailable
from syncd.identity import ChannelName
from syncd.invoice.invoice import InvoiceConfig, InvoiceStatus
from syncd.invoice.service import InvoiceService, answer_invoice
from syncd.invoice.store import read_invoices
from syncd.orders.combine import together
from syncd.orders.kin.store import read_open_orders
from syncd.testkit.fake_channel import FakeChannel
from syncd.testkit.fake_shop import FakeShop
from tests.support.http_rooms import HttpRooms, http_rooms
from tests.support.rooms import ONE, Rooms

RULE = {"shipping_service": "IT_ExpressCourier", "shipping_first": "6.90", "shipping_further": "1.50"}
ANNA = {"id": "anna"}


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[HttpRooms]:
    """Both servers, ten X on the shelf and shown on each."""
    async with http_rooms(tmp_path) as made:
        yield made


async def two_orders(rooms: HttpRooms) -> list[str]:
    """Anna buys twice without paying; both are taken in and old enough."""
    item_id = next(iter(rooms.market.account.items))
    lines = []
    for _ in range(2):
        order = rooms.market.sell([{"item_id": item_id, "quantity": 1}], ANNA, False)
        lines.append(order["lines"][0]["line_id"])
        rooms.clock.advance(60)
    rooms.market.sell([{"item_id": item_id, "quantity": 1}], {"id": "bruno"}, False)
    await rooms.poll(1900)
    return lines


async def run(rooms: HttpRooms, service: InvoiceService, times: int = 1, seconds: float = 20) -> dict[str, int]:
    """Some runs of the worker, time between them."""
    done: dict[str, int] = {}
    for _ in range(times):
        rooms.clock.advance(seconds)
        done |= await service.run_once(rooms.clock.now())
    return done


async def statuses(rooms: HttpRooms) -> list[InvoiceStatus]:
    """How the invoices stand."""
    async with rooms.db.read() as conn:
        return [one.status for one in await read_invoices(conn)]


async def test_by_itself_once_and_the_orders_stay_one(rooms: HttpRooms) -> None:
    """One invoice goes out, however often the worker runs; the merged order keeps both promises and is one order."""
    await two_orders(rooms)
    service = rooms.invoices(combine="auto", **RULE)
    assert await run(rooms, service) == {"offered": 1, "invoiced": 1}
    assert await run(rooms, service, 5) == {}
    for _ in range(3):
        await rooms.poll()
        assert await run(rooms, service) == {}
    assert [(one["shipping"], len(one["lines"])) for one in rooms.market.state()["invoices"]] == [("8.40", 2)]
    assert await rooms.held() == {"available": 7, "reserved": 3}
    async with rooms.db.read() as conn:
        assert len(await read_open_orders(conn)) == 2
    await rooms.assert_sound()


async def test_a_person_is_asked_first(rooms: HttpRooms) -> None:
    """Nothing is sent before he agrees, nothing twice after it; the question closes. Nobody's name is in it."""
    await two_orders(rooms)
    service = rooms.invoices(**RULE)
    await run(rooms, service, 3)
    (question,) = await rooms.questions()
    assert question.topic is Topic.INVOICE
    assert "syncd orders invoice ebay:" in question.sentence
    assert "anna" not in question.sentence.lower()
    assert rooms.market.state()["invoices"] == []
    assert (await rooms.writer.submit(answer_invoice(question.subject, agreed=True))).value is InvoiceStatus.WAITING
    assert (await rooms.writer.submit(answer_invoice(question.subject, agreed=True))).value is None
    await run(rooms, service, 3)
    assert (len(rooms.market.state()["invoices"]), await rooms.questions()) == (1, [])


async def test_a_person_may_decline(rooms: HttpRooms) -> None:
    """Declined it stays declined."""
    await two_orders(rooms)
    service = rooms.invoices(**RULE)
    await run(rooms, service)
    (question,) = await rooms.questions()
    await rooms.writer.submit(answer_invoice(question.subject, agreed=False))
    await run(rooms, service, 3)
    assert (rooms.market.state()["invoices"], await rooms.questions()) == ([], [])


async def test_paid_meanwhile_it_is_void(rooms: HttpRooms) -> None:
    """The buyer pays one of them before anybody agreed: the question closes and nothing is sent."""
    lines = await two_orders(rooms)
    service = rooms.invoices(**RULE)
    await run(rooms, service)
    rooms.market.change_order(lines[0], "pay")
    await rooms.poll()
    await run(rooms, service)
    assert (await statuses(rooms), await rooms.questions()) == ([InvoiceStatus.VOID], [])
    async with rooms.db.read() as conn:
        kept = together(await read_open_orders(conn))
    assert sorted(map(len, kept.values())) == [1, 1], "one paid, one not: still one parcel"


@pytest.mark.parametrize("call", ["AddOrder", "SendInvoice"])
@pytest.mark.parametrize("kind", ["cut_before", "cut_after"])
async def test_a_lost_answer_or_a_crash_sends_one_invoice(rooms: HttpRooms, call: str, kind: str) -> None:
    """Whatever was applied before the connection broke, and although a new process goes on: one invoice."""
    await two_orders(rooms)
    service = rooms.invoices(combine="auto", **RULE)
    rooms.market.fail(kind, call=call)
    await run(rooms, service)
    assert await statuses(rooms) == [InvoiceStatus.SENDING]
    await rooms.poll()
    await rooms.writer.stop()
    rooms.start()
    await run(rooms, rooms.invoices(combine="auto", **RULE), 3, seconds=70)
    assert (await statuses(rooms), len(rooms.market.state()["invoices"])) == ([InvoiceStatus.SENT], 1)


async def test_what_ebay_refuses_is_a_persons_task(rooms: HttpRooms) -> None:
    """An order paid on eBay whose payment we have not read yet: refused in words, asked about, never tried again."""
    lines = await two_orders(rooms)
    rooms.market.change_order(lines[0], "pay")
    service = rooms.invoices(combine="auto", **RULE)
    await run(rooms, service, 3)
    assert await statuses(rooms) == [InvoiceStatus.NEEDS_PERSON]
    (question,) = await rooms.questions()
    assert "no longer unpaid" in question.sentence
    assert rooms.market.state()["invoices"] == []


async def test_a_channel_that_cannot_is_left_alone(rooms: HttpRooms) -> None:
    """The webshop's orders are grouped and never invoiced."""
    for _ in range(2):
        await rooms.web.sell(sku="X", quantity=1, paid=False)
    await rooms.poll(1900)
    assert await run(rooms, rooms.invoices(combine="auto", **RULE), 2) == {}
    async with rooms.db.read() as conn:
        assert sorted(map(len, together(await read_open_orders(conn)).values())) == [1, 1]


class Inviting(FakeChannel):
    """A channel that combines whatever it is asked to, and mails the buyer each time."""

    def __init__(self, shop: FakeShop, *, name: str) -> None:
        super().__init__(shop, name=name)
        self.mailed: list[InvoiceRequest] = []
        self.loses_answers = True

    async def send_invoice(self, request: InvoiceRequest) -> None:
        """Mail the buyer; the first answer is lost."""
        self.mailed.append(request)
        if self.loses_answers:
            self.loses_answers = False
            raise ChannelUnavailable(self.name, "send_invoice", "cut")

    async def is_invoiced(self, request: InvoiceRequest) -> bool:
        """Whether it was mailed."""
        return request in self.mailed


async def test_a_channel_that_does_not_recognise_a_repeat_is_asked_first(tmp_path: Path) -> None:
    """The answer was lost: before anything is sent again the channel is asked whether it was sent."""
    rooms = Rooms(tmp_path, ONE)
    channel = Inviting(rooms.shops["market"], name="market")
    rooms.channels["market"] = channel
    async with rooms:
        listing = await rooms.at_rest(5)
        for _ in range(2):
            rooms.shops["market"].sell(listing, 1, paid=False)
        await rooms.quiet(2000)
        config = InvoiceConfig.model_validate({"combine": "auto", **RULE})
        lines = {ChannelName("market"): rooms.lines["market"]}
        service = InvoiceService(rooms.db, rooms.writer, lines, config=config, clock=rooms.clock)
        for _ in range(4):
            await service.run_once(rooms.clock.now())
            rooms.clock.advance(120)
        async with rooms.db.read() as conn:
            assert [one.status for one in await read_invoices(conn)] == [InvoiceStatus.SENT]
        assert len(channel.mailed) == 1
