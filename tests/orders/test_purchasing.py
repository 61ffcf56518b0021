"""Purchase orders follow the order they were made for: lowered, withdrawn, called off, merged and sent elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from syncd.attention.question import Topic
from syncd.channel.port import ChannelOrder, OrderStatus
from syncd.ledger.store import Verdict
from syncd.supply.desk.service import PurchaseDesk
from syncd.supply.offer import SupplyConfig
from syncd.supply.port import OfferRow, PurchaseOutcome, PurchaseRequest
from syncd.supply.purchase_order import PurchaseOrder, PurchaseStatus, call_off
from syncd.supply.service import SupplierOptions, SupplyService
from syncd.supply.store import read_purchase_orders
from syncd.testkit.fake_supplier import FakeOrderingSupplier, FakeSupplier
from syncd.testkit.shop_record import SHIP_TO
from tests.support.desk import DRAFT
from tests.support.rooms import ACME, MARKET, Rooms, Setup, telling
from tests.support.situations import T0, line, order

CANCELLED = OrderStatus.CANCELLED


class House:
    """A market that sells what only a supplier has."""

    def __init__(self, rooms: Rooms, listing: str) -> None:
        self.rooms = rooms
        self.listing = listing
        self.created = (rooms.clock.now() - T0).total_seconds()
        self.supplier: FakeSupplier = FakeOrderingSupplier(ACME.name, clock=rooms.clock)
        self.desk = PurchaseDesk(rooms.db, rooms.writer, actor="test")

    def told(self, quantity: int, after: float, **changes: object) -> ChannelOrder:
        """The customer's order as it is some seconds after it was made."""
        status = changes.get("status", OrderStatus.PAID)
        cancelled = quantity if status is CANCELLED else 0
        made = order(
            line("l1", quantity, self.listing, cancelled=cancelled),  # type: ignore[arg-type]
            created=self.created,
            modified=self.created + after,
        )
        return replace(made, **changes)  # type: ignore[arg-type]

    async def hear(self, *orders: ChannelOrder) -> None:
        """The channel tells of these orders."""
        telling(self.rooms, *orders)
        await self.rooms.settle()

    async def order(self) -> None:
        """The worker of the supplier runs once."""
        options = SupplierOptions(ACME, 1e9, {})
        service = SupplyService(
            self.rooms.db,
            self.rooms.writer,
            self.supplier,
            options=options,
            config=SupplyConfig(),
            clock=self.rooms.clock,
        )
        service._fetch_at = self.rooms.clock.now().replace(year=2100)  # what he offers was said by `supply`
        await service.run_once(self.rooms.clock.now())

    async def bought(self) -> list[PurchaseOrder]:
        """Every purchase order."""
        async with self.rooms.db.read() as conn:
            return await read_purchase_orders(conn)

    async def asked(self) -> list[tuple[Topic, str]]:
        """What waits for a person."""
        return [(one.topic, one.subject) for one in await self.rooms.questions()]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Five X at the supplier, none on the shelf."""
    async with Rooms(tmp_path, Setup({"market": MARKET}, supplier=ACME)) as rooms:
        await rooms.supply("X", 5)
        listing = await rooms.offer("market", "X", 5)
        await rooms.settle()
        yield House(rooms, listing)


def _row(units: int) -> OfferRow:
    return OfferRow("s-X", units)


class _Slow(FakeOrderingSupplier):
    """A supplier who is still thinking when the customer cancels."""

    def __init__(self, house: House) -> None:
        super().__init__(ACME.name, clock=house.rooms.clock)
        self._house = house

    async def place_order(self, request: PurchaseRequest) -> PurchaseOutcome:
        """The order is cancelled on the channel while he is asked."""
        await self._house.hear(self._house.told(3, 5, status=CANCELLED))
        return await super().place_order(request)


async def test_a_draft_nobody_has_seen_is_withdrawn_with_the_order(house: House) -> None:
    """Cancelled before it was sent: withdrawn in the same transaction, nobody is asked, his units are free again."""
    await house.hear(house.told(3, 0))
    await house.hear(house.told(3, 5, status=CANCELLED))
    (one,) = await house.bought()
    assert (one.status, await house.asked()) == (PurchaseStatus.WITHDRAWN, [])
    assert [target for target, _ in (await house.rooms.targets()).values()] == [5]
    await house.order()
    assert isinstance(house.supplier, FakeOrderingSupplier)
    assert house.supplier.orders == {}
    await house.rooms.assert_sound()


async def test_a_draft_is_lowered_with_the_order(house: House) -> None:
    """Three became one before anything was sent: one is bought."""
    await house.hear(house.told(3, 0))
    await house.hear(house.told(1, 5))
    (one,) = await house.bought()
    assert (one.status, [p.quantity for p in one.purchases]) == (PurchaseStatus.DRAFT, [1])


async def test_what_the_supplier_agreed_to_is_called_off_by_a_person(house: House) -> None:
    """Sent and accepted, then cancelled: the question names the purchase order and the command that settles it."""
    house.supplier.set_offers([_row(5)])
    await house.hear(house.told(3, 0))
    await house.order()
    await house.hear(house.told(3, 5, status=CANCELLED))
    (one,) = await house.bought()
    assert one.status is PurchaseStatus.ACCEPTED
    assert await house.asked() == [(Topic.PURCHASE_ORDER, one.reference)]
    assert f"syncd supplier calloff {one.reference}" in (await house.rooms.questions())[0].sentence
    outcome = await house.desk.call_off(one)
    assert outcome.value is not None
    assert (outcome.value.status, await house.asked()) == (PurchaseStatus.WITHDRAWN, [])
    again = await house.desk.call_off(one)
    assert (again.verdict, "nothing is left" in again.explanation) == (Verdict.REFUSED, True)
    await house.rooms.assert_sound()


async def test_cancelled_while_the_supplier_was_being_asked(house: House) -> None:
    """His answer comes after the cancellation: what he agreed to and nobody wants is asked about at once."""
    house.supplier = _Slow(house)
    house.supplier.set_offers([_row(5)])
    await house.hear(house.told(3, 0))
    await house.order()
    (one,) = await house.bought()
    assert one.status is PurchaseStatus.ACCEPTED
    assert await house.asked() == [(Topic.PURCHASE_ORDER, one.reference)]


async def test_goods_that_came_to_us_go_to_the_order_they_were_bought_for(house: House) -> None:
    """Received: what is still wanted is reserved, the rest lies on the shelf, and it is received once."""
    house.supplier = FakeSupplier(ACME.name, clock=house.rooms.clock)  # takes no orders by machine
    await house.hear(house.told(3, 0))
    await house.order()
    (one,) = await house.bought()
    assert (one.status, await house.asked()) == (PurchaseStatus.BY_HAND, [(Topic.PURCHASE_ORDER, one.reference)])
    confirmed = (await house.desk.confirm(one, {})).value
    assert confirmed is not None
    assert (confirmed.status, await house.asked()) == (PurchaseStatus.ACCEPTED, [])
    await house.hear(house.told(2, 5))
    assert await house.asked() == [(Topic.PURCHASE_ORDER, one.reference)]
    received = (await house.desk.receive(confirmed, "main")).value
    assert received is not None
    assert (received.status, await house.asked()) == (PurchaseStatus.RECEIVED, [])
    assert await house.rooms.held() == {"available": 1, "reserved": 2}
    assert (await house.desk.receive(confirmed, "main")).verdict is Verdict.REFUSED
    assert await house.rooms.held() == {"available": 1, "reserved": 2}
    await house.hear(house.told(2, 9, status=OrderStatus.SHIPPED))
    assert (await house.rooms.held(), await house.rooms.sent()) == ({"available": 1}, 2)
    await house.rooms.assert_sound()


async def test_what_he_will_not_send_is_short(house: House) -> None:
    """Confirmed all but one, then refused altogether: what is still wanted becomes short, and a case can open."""
    house.supplier = FakeSupplier(ACME.name, clock=house.rooms.clock)
    await house.hear(house.told(3, 0))
    await house.order()
    (one,) = await house.bought()
    partial = (await house.desk.confirm(one, {one.purchases[0].sku: 1})).value
    assert partial is not None
    assert partial.status is PurchaseStatus.PARTIAL
    assert [(d.purchased, d.short) for d in (await house.rooms.promises())[1]] == [(2, 1)]
    refused = (await house.desk.refuse(partial)).value
    assert refused is not None
    assert refused.status is PurchaseStatus.REFUSED
    assert [(d.purchased, d.short) for d in (await house.rooms.promises())[1]] == [(0, 3)]
    await house.rooms.assert_sound()


async def test_an_order_answered_by_machine_is_not_answered_by_hand(house: House) -> None:
    """A draft still to be sent cannot be confirmed past the machine."""
    await house.hear(house.told(3, 0))
    (one,) = await house.bought()
    outcome = await house.desk.confirm(one, {})
    assert (outcome.verdict, "ordered by hand" in outcome.explanation) == (Verdict.REFUSED, True)


async def test_a_new_address_reaches_what_is_not_sent_yet(house: House) -> None:
    """Before it is sent the purchase order goes to the new address; afterwards a person tells the supplier, once."""
    house.supplier.set_offers([_row(5)])
    await house.hear(house.told(1, 0))
    moved = replace(SHIP_TO, street="Via Nuova 9")
    await house.hear(house.told(1, 5, ship_to=moved))
    assert [one.ship_to for one in await house.bought()] == [moved]
    await house.order()
    for after in (9, 10):
        await house.hear(house.told(1, after, ship_to=replace(SHIP_TO, street="Via Ultima 1")))
    (one,) = await house.bought()
    assert await house.asked() == [(Topic.PURCHASE_ORDER, f"{one.reference}/address")]
    assert "Via" not in (await house.rooms.questions())[0].sentence


async def test_purchase_orders_go_along_when_orders_merge(house: House) -> None:
    """Two unpaid orders become one and are paid: what waited for the payment of each is ordered."""
    unpaid, made = OrderStatus.UNPAID, house.created
    parts = [line(f"l{n}", 1, house.listing) for n in (1, 2)]  # type: ignore[arg-type]
    await house.hear(*(order(p, order_id=p.line_id, status=unpaid, created=made) for p in parts))
    await house.hear(order(*parts, order_id="whole", status=unpaid, created=made, modified=made + 5))
    await house.hear(order(*parts, order_id="paid", created=made, modified=made + 9))
    assert {one.status for one in await house.bought()} == {PurchaseStatus.DRAFT}
    gone = tuple(replace(p, cancelled=1) for p in parts)
    await house.hear(order(*gone, order_id="paid", status=CANCELLED, created=made, modified=made + 12))
    assert {one.status for one in await house.bought()} == {PurchaseStatus.WITHDRAWN}


def test_first_what_no_supplier_knows_of() -> None:
    """Called off are drafts before what was sent, the newest first, never more than is coming."""
    sent = replace(DRAFT, reference="sent", status=PurchaseStatus.ACCEPTED)
    draft, tried = replace(DRAFT, reference="draft"), replace(DRAFT, reference="tried", attempts=1)
    sku = DRAFT.purchases[0].sku
    off = call_off([sent, draft], {("l1", sku): 4})
    assert [(one.reference, one.status) for one in off.changed] == [("draft", PurchaseStatus.WITHDRAWN)]
    assert off.sent == {"sent": {sku: 1}}
    unsure = call_off([tried], {("l1", sku): 9})
    assert (unsure.changed[0].status, unsure.sent) == (PurchaseStatus.WITHDRAWN, {"tried": {sku: 3}})
    assert call_off([replace(sent, status=PurchaseStatus.REFUSED)], {("l1", sku): 1}).sent == {}
