"""Scans through a real broker: posted once, told to their station, through every loss of the connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from syncd.mqtt.client import BACKOFF_LONGEST_SECONDS, MqttOptions, ScanListener
from syncd.mqtt.herald import Herald
from syncd.mqtt.topics import Broker, Topics
from syncd.scanner.scan import Scan, ScanResult
from syncd.scanner.service import ScanDesk
from syncd.telemetry import Event, counts
from tests.support.broker import free_port, is_embedded, running_broker
from tests.support.doors import GLOVE, LOCATIONS, House, open_house, until
from tests.support.line import SECONDS_MAX, Line, line_to, listening
from tests.support.store import writing_held

SALE: dict[str, Any] = {"scan_id": "till-1:1", "kind": "counter_sale", "code": GLOVE}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Ten gloves at main."""
    async with open_house(tmp_path, gloves=10) as opened:
        yield opened


@pytest.fixture
async def line(house: House) -> AsyncIterator[Line]:
    """The line, with nothing running on it yet."""
    async with running_broker() as broker, line_to(house, broker) as opened:
        yield opened


async def test_a_scan_is_posted_and_its_station_told(line: Line) -> None:
    """The result comes on the station's own topic; the station is the actor unless the scan names one."""
    async with listening(line.listener()):
        told = await line.ask(SALE)
    assert (told["verdict"], told["scan_id"], told["stock"][0]["available"]) == ("posted", "till-1:1", 9)
    assert (await line.house.movements())[-1].actor == "till-1"


async def test_a_scan_sent_twice_sells_once(line: Line) -> None:
    """The second copy hears that the first was posted."""
    async with listening(line.listener()):
        assert (await line.ask(SALE))["verdict"] == "posted"
        assert (await line.ask(SALE))["verdict"] == "duplicate"
    assert (await line.house.level()).available == 9


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        (b"\xff\x00", "the scan cannot be read: it is not UTF-8 text"),
        (b"{", "the scan cannot be read: it is not JSON"),
        (b"", "the scan cannot be read: it is not JSON"),
        (b'{"scan_id": "a", "scan_id": "b"}', "the scan cannot be read: it gives 'scan_id' twice"),
        (b" " * 70_000, "the scan cannot be read: it is larger than 65536 bytes"),
        ([SALE], "the scan is not a JSON object"),
        ({**SALE, "quantity": "many"}, "quantity: must be a whole number"),
    ],
)
async def test_a_scan_that_cannot_be_read_is_told_why(line: Line, payload: object, sentence: str) -> None:
    """One sentence to the station, nothing written, and the next scan is served."""
    before = await line.house.movements()
    async with listening(line.listener()):
        told = await line.ask(payload)
        assert told["verdict"] == "unreadable"
        assert told["sentence"].startswith(sentence)
        assert await line.house.movements() == before
        assert (await line.ask(SALE))["verdict"] == "posted"


async def test_scans_of_one_station_keep_their_order(line: Line) -> None:
    """A delivery scanned before its sale is booked before it, however many other stations scan."""
    async with listening(line.listener()):
        await line.ask({**SALE, "scan_id": "all", "quantity": 10})
        for number in range(10):
            for station in ("till-1", "till-2", "till-3"):
                await line.send({**SALE, "scan_id": f"{station}:r{number}", "kind": "receipt"}, station)
                await line.send({**SALE, "scan_id": f"{station}:s{number}"}, station)
        told = [(await line.heard())[1] for _ in range(60)]
    assert {one["verdict"] for one in told} == {"posted"}
    own = [one["scan_id"] for one in told if one["scan_id"].startswith("till-2:")]
    assert own == [f"till-2:{kind}{number}" for number in range(10) for kind in "rs"]


async def test_the_status_tells_whether_we_are_there(line: Line) -> None:
    """Online while connected, offline after an orderly stop, and by the last will when the line is cut."""
    await line.station.subscribe(line.topics.status, qos=1)
    listener = line.listener()
    async with listening(listener):
        assert await line.heard() == ("status", {"status": "online"})
    assert await line.heard() == ("status", {"status": "offline"})
    async with listening(line.listener()):
        assert await line.heard() == ("status", {"status": "online"})
        line.cable.cut()
        assert await line.heard() == ("status", {"status": "offline"})


async def test_a_lost_broker_is_said_once_and_found_again(line: Line) -> None:
    """Cut for many attempts: one word when it goes, one when it is back; scans sent meanwhile arrive."""
    lost, found = counts()[Event.BROKER_LOST], counts()[Event.BROKER_CONNECTED]
    listener = line.listener()
    async with listening(listener):
        line.cable.cut()
        await until(lambda: not listener.connected.is_set(), "the loss")  # the herald sleeps now and then too
        for _ in range(4):
            await until(lambda: line.house.clock.sleepers == 1, "a pause before the next attempt")
            line.house.clock.wake_next()
        await until(lambda: line.house.clock.sleepers == 1, "a pause before the next attempt")
        assert counts()[Event.BROKER_LOST] == lost + 1
        await line.send(SALE)
        await line.cable.mend()
        line.house.clock.wake_next()
        assert (await line.heard())[1]["verdict"] == "posted"
    assert counts()[Event.BROKER_LOST] == lost + 1
    assert counts()[Event.BROKER_CONNECTED] == found + 2


async def test_pauses_grow_and_are_bounded(house: House) -> None:
    """Nobody listens at the broker's address: each attempt waits longer, a minute at most, and nothing else waits."""
    options = MqttOptions(Broker("127.0.0.1", free_port(), uses_tls=False), Topics("test"), client_id="test")
    herald = Herald(house.db, house.writer, options.topics, house.clock)
    running = asyncio.create_task(ScanListener(options, house.desk, herald, house.clock).run())
    pauses = []
    for _ in range(9):
        await until(lambda: house.clock.sleepers == 1, "a pause before the next attempt")
        before = house.clock.monotonic()
        house.clock.wake_next()
        pauses.append(house.clock.monotonic() - before)
        await until(lambda: house.clock.sleepers in (0, 1), "the attempt")
    assert (await house.scan("counter_sale")).verdict == "posted"
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert max(pauses) == BACKOFF_LONGEST_SECONDS


class _Witness(ScanDesk):
    """A desk that tells when a scan has reached it."""

    reached: asyncio.Event

    async def post(self, scan: Scan) -> ScanResult:
        """As ever."""
        self.reached.set()
        return await super().post(scan)


@pytest.mark.skipif(is_embedded(), reason="the embedded broker never sends an unacknowledged message again")
async def test_a_scan_cut_off_before_it_was_told_comes_again(line: Line) -> None:
    """The line breaks while a scan is being written: the broker brings it again, it is booked once, and it is told."""
    house = line.house
    desk = _Witness(house.db, house.writer, house.clock, LOCATIONS)
    desk.reached = asyncio.Event()
    listener = line.listener(desk)
    running = asyncio.create_task(listener.run())
    await until(listener.connected.is_set, "the connection")
    async with writing_held(house.db), asyncio.timeout(SECONDS_MAX):
        await line.send(SALE)
        await desk.reached.wait()
        line.cable.cut()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    await line.cable.mend()
    async with listening(line.listener()):
        assert (await line.heard())[1]["verdict"] in ("posted", "duplicate")
    assert (await house.level()).available == 9
