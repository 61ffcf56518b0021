"""A line to a broker for tests: the client under test through a cable that can be cut, a station's own past it."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiomqtt
import pytest

from syncd.mqtt.client import MqttOptions, ScanListener
from syncd.mqtt.herald import Herald
from syncd.mqtt.topics import Broker, Topics
from syncd.scanner.service import ScanDesk
from tests.support.cable import Cable, cable_to
from tests.support.doors import House

SECONDS_MAX = 20


@dataclass
class Line:
    """A listener that reaches a broker through a cable, and the station's own connection past the cable."""

    house: House
    cable: Cable
    options: MqttOptions
    station: aiomqtt.Client
    topics: Topics

    def listener(self, desk: ScanDesk | None = None) -> ScanListener:
        """A listener, not running yet; several of them are one after the other the same client to the broker."""
        house = self.house
        herald = Herald(house.db, house.writer, self.topics, house.clock)
        return ScanListener(self.options, desk or house.desk, herald, house.clock)

    async def send(self, payload: object, station: str = "till-1") -> None:
        """Publish a scan, as JSON unless it is bytes."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        await self.station.publish(f"{self.topics.prefix}/v1/scan/{station}", body, qos=1)

    async def heard(self) -> tuple[str, Any]:
        """The next message for the station: the topic's last parts, and the JSON."""
        async with asyncio.timeout(SECONDS_MAX):
            message = await anext(self.station.messages)
        assert isinstance(message.payload, bytes)
        return str(message.topic).removeprefix(f"{self.topics.prefix}/v1/"), json.loads(message.payload)

    async def ask(self, payload: object, station: str = "till-1") -> Any:
        """Send a scan and return what is told about it."""
        await self.send(payload, station)
        topic, told = await self.heard()
        assert topic == f"scan/{station}/result"
        return told


@asynccontextmanager
async def line_to(house: House, broker: Broker, **options: Any) -> AsyncIterator[Line]:
    """A line to a broker that runs, with nothing running on it yet; every line has a prefix of its own."""
    prefix = f"test-{uuid.uuid4().hex[:12]}"
    async with cable_to(broker.host, broker.port) as cable:
        near = replace(broker, host="127.0.0.1", port=cable.port)
        told = MqttOptions(near, Topics(prefix), client_id=prefix, username="syncd", **options)
        async with aiomqtt.Client(broker.host, broker.port, identifier=f"{prefix}-till", username="till") as station:
            await station.subscribe(f"{prefix}/v1/scan/+/result", qos=1)
            yield Line(house, cable, told, station, Topics(prefix))


@asynccontextmanager
async def listening(listener: ScanListener) -> AsyncIterator[asyncio.Task[None]]:
    """The listener runs and is connected; at the end it is stopped in order."""
    running = asyncio.create_task(listener.run())
    try:
        async with asyncio.timeout(SECONDS_MAX):
            await listener.connected.wait()
        yield running
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
