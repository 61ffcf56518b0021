"""A channel hears of every parcel, once, and of what it will not hear a person does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from syncd.attention.question import Topic
from syncd.channel.port import Shipment
from syncd.errors import ChannelRefused, ChannelUnavailable, RateLimited, RemoteError
from syncd.identity import ChannelName, Sku, SupplierName
from syncd.shipment.service import ShipmentService
from syncd.supply.parcel import Parcel, ParcelStatus
from syncd.supply.store_parcel import read_parcels, save_parcels
from syncd.testkit.fake_channel import FakeChannel
from tests.support.rooms import ONE, MarketChannel, Rooms

MARKET, NORD = ChannelName("market"), SupplierName("nord")


class Hearing(MarketChannel):
    """A market that can be told of parcels."""

    heard: dict[str, Shipment]
    faults: list[RemoteError]

    async def acknowledge_shipment(self, notice: Shipment) -> None:
        """Take it; the same reference is the same parcel."""
        self.heard[notice.reference] = notice
        if self.faults:
            raise self.faults.pop(0)


class House(Rooms):
    """Rooms whose market can be told, and one order on it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, ONE)
        channel = Hearing(self.shops["market"], name="market")
        channel.heard, channel.faults = {}, []
        self.channels["market"] = channel

    @property
    def channel(self) -> Hearing:
        """The market."""
        found = self.channels["market"]
        assert isinstance(found, Hearing)
        return found

    async def order(self, quantity: int) -> tuple[str, str]:
        """Somebody buys; the order's id and its line's."""
        await self.stock("X", 9)
        listing_id = await self.offer("market", "X", 9)
        await self.settle()
        order_id = self.shops["market"].sell(listing_id, quantity)
        self.clock.advance(600)
        await self.settle()
        return order_id, self.shops["market"].orders[order_id].lines[0].line_id

    async def send(self, line_id: str, **changes: object) -> Parcel:
        """A supplier's parcel comes to be known."""
        parcel = Parcel("p1", "po-1", NORD, MARKET, line_id, "N-1", Sku("X"), 2, self.clock.now(), "BRT", "1Z9")
        parcel = replace(parcel, **changes)  # type: ignore[arg-type]
        await self.writer.write(save_parcels([parcel]))
        return parcel

    async def tell(self, seconds: float = 0) -> dict[str, int]:
        """One run of the worker."""
        self.clock.advance(seconds)
        service = ShipmentService(self.db, self.writer, {MARKET: self.lines["market"]}, clock=self.clock)
        return await service.run_once(self.clock.now())

    async def parcels(self) -> list[Parcel]:
        """As written."""
        async with self.db.read() as conn:
            return await read_parcels(conn)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A market that can be told of parcels."""
    async with House(tmp_path) as opened:
        yield opened


async def test_a_parcel_is_told_once(house: House) -> None:
    """The channel gets order, lines, carrier and number; nothing is told again."""
    order_id, line_id = await house.order(2)
    await house.send(line_id)
    assert await house.tell() == {"told": 1}
    assert await house.tell(60) == {}
    (notice,) = house.channel.heard.values()
    assert (notice.order_id, notice.carrier, notice.tracking_number) == (order_id, "BRT", "1Z9")
    assert [(one.line_id, one.quantity) for one in notice.lines] == [(line_id, 2)]
    assert [one.status for one in await house.parcels()] == [ParcelStatus.TOLD]


async def test_lines_under_one_number_are_one_parcel(house: House) -> None:
    """Two purchase lines in one parcel are one notice; two numbers are two."""
    _, line_id = await house.order(2)
    await house.send(line_id, quantity=1)
    await house.send(line_id, parcel_id="p2", supplier_sku="N-2", quantity=1)
    await house.send(line_id, parcel_id="p3", tracking_number="1Z10", quantity=1)
    assert await house.tell() == {"told": 3}
    assert sorted(one.tracking_number for one in house.channel.heard.values()) == ["1Z10", "1Z9"]


async def test_a_number_told_later_replaces_the_notice_without_one(house: House) -> None:
    """One parcel, not two: an order of 2 of which 1 was sent must not look sent whole."""
    _, line_id = await house.order(2)
    await house.send(line_id, parcel_id="po-1|7|", quantity=1, tracking_number="")
    assert await house.tell() == {"told": 1}
    await house.send(line_id, parcel_id="po-1|7|", quantity=1, tracking_number="X9", status=ParcelStatus.WAITING)
    assert await house.tell() == {"told": 1}
    (notice,) = house.channel.heard.values()
    assert (notice.tracking_number, notice.lines[0].quantity) == ("X9", 1)


async def test_what_travels_under_a_known_number_is_told_beside_it(house: House) -> None:
    """A second line reported later under the same number takes nothing from the first."""
    _, line_id = await house.order(2)
    await house.send(line_id, parcel_id="po-1|7|X9", quantity=1, tracking_number="X9")
    await house.tell()
    await house.send(line_id, parcel_id="po-1|8|X9", supplier_sku="N-2", quantity=1, tracking_number="X9")
    await house.tell()
    assert [one.lines[0].quantity for one in house.channel.heard.values()] == [1, 1]


@pytest.mark.parametrize("error", [ChannelUnavailable, RateLimited])
async def test_a_channel_that_is_away_is_told_later(house: House, error: type[RemoteError]) -> None:
    """The same notice under the same reference: told twice, the buyer sees one parcel."""
    _, line_id = await house.order(2)
    await house.send(line_id)
    house.channel.faults = [error("market", "acknowledge_shipment", "away")]
    assert await house.tell() == {}
    assert [one.status for one in await house.parcels()] == [ParcelStatus.WAITING]
    assert await house.tell(3600) == {"told": 1}
    assert len(house.channel.heard) == 1


async def test_a_channel_that_refuses_leaves_it_to_a_person(house: House) -> None:
    """Refused for good: one question with everything needed to enter it by hand."""
    order_id, line_id = await house.order(2)
    await house.send(line_id)
    house.channel.faults = [ChannelRefused("market", "acknowledge_shipment", "no such carrier", "21916")]
    assert await house.tell() == {}
    (question,) = [one for one in await house.questions() if one.topic is Topic.SHIPMENT]
    for part in ("nord has sent goods", order_id, "BRT", "1Z9", "no such carrier"):
        assert part in question.sentence
    assert await house.tell(100_000) == {}


async def test_a_channel_that_cannot_be_told_leaves_it_to_a_person(house: House) -> None:
    """A channel without the ability: a person enters the number."""
    _, line_id = await house.order(2)
    house.channels["market"] = FakeChannel(house.shops["market"], name="market")
    house.lines["market"].channel = house.channels["market"]
    await house.send(line_id)
    assert await house.tell() == {}
    (question,) = [one for one in await house.questions() if one.topic is Topic.SHIPMENT]
    assert "market cannot be told by machine" in question.sentence


async def test_many_failures_end_with_a_person(house: House) -> None:
    """A channel that stays away is tried a bounded number of times."""
    _, line_id = await house.order(2)
    await house.send(line_id)
    house.channel.faults = [ChannelUnavailable("market", "acknowledge_shipment", "away") for _ in range(20)]
    for _ in range(12):
        await house.tell(4000)
    assert len(house.channel.faults) == 20 - 8
    assert [one.status for one in await house.parcels()] == [ParcelStatus.NEEDS_PERSON]
