"""The real Mosquitto, as `deploy/` configures it: TLS, accounts, rules, and nothing dropped in a burst."""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from pydantic import SecretStr

from syncd.mqtt.client import MqttOptions, ScanListener
from syncd.mqtt.herald import Herald
from syncd.mqtt.topics import Topics
from tests.support.doors import GLOVE, House, open_house, until
from tests.support.line import SECONDS_MAX, listening
from tests.support.mosquitto import ACCOUNTS, Mosquitto, as_deployed, by_default

BURST = 7_900
"""As many as were once sent to a Mosquitto as it comes, which dropped 5,732 of them."""

TOPICS = Topics("syncd")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Ten gloves at main."""
    async with open_house(tmp_path, gloves=10) as opened:
        yield opened


@pytest.fixture
async def mosquitto(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    """As deployed."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    async with as_deployed(folder) as running:
        yield running


def client(mosquitto: Mosquitto, name: str, **more: Any) -> aiomqtt.Client:
    """A connection of one account."""
    broker = mosquitto.broker
    context = ssl.create_default_context(cafile=mosquitto.ca) if broker.uses_tls else None
    told: dict[str, Any] = {"username": name, "password": ACCOUNTS[name], "identifier": name, "tls_context": context}
    found = aiomqtt.Client(broker.host, broker.port, **told | more)
    found.pending_calls_threshold = BURST
    return found


@asynccontextmanager
async def syncd(house: House, mosquitto: Mosquitto) -> AsyncIterator[ScanListener]:
    """The daemon's own connection."""
    password = SecretStr(ACCOUNTS["syncd"])
    options = MqttOptions(mosquitto.broker, TOPICS, "syncd", "syncd", password, mosquitto.ca)
    herald = Herald(house.db, house.writer, TOPICS, house.clock)
    listener = ScanListener(options, house.desk, herald, house.clock)
    async with listening(listener):
        yield listener


def scan(number: int) -> bytes:
    """A delivery of one."""
    return json.dumps({"scan_id": f"till-1:{number}", "kind": "receipt", "code": GLOVE}).encode()


async def told(messages: aiomqtt.client.MessagesIterator, topic: str) -> Any:
    """The next message on a topic."""
    async with asyncio.timeout(SECONDS_MAX):
        async for message in messages:
            if str(message.topic) == topic:
                assert isinstance(message.payload, bytes)
                return json.loads(message.payload)
    raise AssertionError("messages end only with the connection")


async def kept_for_one_who_is_away(mosquitto: Mosquitto, count: int) -> int:
    """How many of so many acknowledged messages a receiver gets who was away while they came."""
    away: dict[str, Any] = {"clean_session": False, "max_queued_incoming_messages": 0}
    async with client(mosquitto, "display", **away) as display:
        await display.subscribe(TOPICS.movements, qos=1)
    async with client(mosquitto, "syncd", max_inflight_messages=200) as sender:
        for start in range(0, count, 200):
            numbers = range(start, min(count, start + 200))
            await asyncio.gather(*(sender.publish(TOPICS.movements, str(number), qos=1) for number in numbers))
        await sender.publish(TOPICS.status, "end", qos=1, retain=True)
    got: set[bytes] = set()
    async with client(mosquitto, "display", **away) as display:
        await display.subscribe(TOPICS.status, qos=1)
        async with asyncio.timeout(60):
            async for message in display.messages:
                if str(message.topic) == TOPICS.status and got:
                    break  # the retained word comes after what waited
                got.add(bytes(message.payload))
    return len(got)


async def test_a_burst_is_kept_whole_and_by_default_it_is_not(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """7,900 acknowledged messages for one who is away: our configuration keeps them, Mosquitto's own does not."""
    assert await kept_for_one_who_is_away(mosquitto, BURST) == BURST
    async with by_default(tmp_path) as plain:
        assert await kept_for_one_who_is_away(plain, 2_000) < 2_000


async def test_a_broker_killed_in_the_middle_is_told_the_truth_again(house: House, mosquitto: Mosquitto) -> None:
    """SIGKILL before anything was saved: what was retained is gone; when it is back, a display reads what is there."""
    async with syncd(house, mosquitto) as listener:
        async with client(mosquitto, "display") as display:
            await display.subscribe("syncd/v1/#", qos=1)
            assert (await told(display.messages, TOPICS.availability(GLOVE)))["available"] == 10
        mosquitto.end(signal.SIGKILL)
        await until(lambda: not listener.connected.is_set(), "the loss")
        await until(lambda: house.clock.sleepers == 1, "a pause before the next attempt")
        assert (await house.scan("counter_sale", quantity=3)).verdict == "posted"  # nothing else waits
        await mosquitto.start()
        async with client(mosquitto, "display") as display:
            await display.subscribe("syncd/v1/#", qos=1)
            house.clock.wake_next()
            assert (await told(display.messages, TOPICS.movements))["quantity"] == 3
        async with client(mosquitto, "display") as late:
            await late.subscribe(TOPICS.availability(GLOVE), qos=1)
            assert (await told(late.messages, TOPICS.availability(GLOVE)))["available"] == 7


async def test_a_station_may_scan_as_itself_and_as_nobody_else(house: House, mosquitto: Mosquitto) -> None:
    """Its own topic in, its own results out: another's scans it neither sends nor hears, and it forges no stock."""
    async with syncd(house, mosquitto), client(mosquitto, "till-1") as till, client(mosquitto, "till-2") as other:
        await other.subscribe("syncd/v1/scan/till-1/result", qos=1)
        await other.publish("syncd/v1/scan/till-1", scan(1), qos=1)
        await other.publish(TOPICS.availability(GLOVE), b"{}", qos=1, retain=True)
        await till.subscribe("syncd/v1/scan/till-1/result", qos=1)
        await till.publish("syncd/v1/scan/till-1", scan(2), qos=1)
        result = await told(till.messages, "syncd/v1/scan/till-1/result")
        assert (result["scan_id"], result["verdict"]) == ("till-1:2", "posted")
        await other.subscribe(TOPICS.availability(GLOVE), qos=1)
        assert (await told(other.messages, TOPICS.availability(GLOVE)))["available"] in (10, 11)
        assert len(other.messages) == 0
    assert (await house.level()).available == 11


async def test_without_the_right_password_nobody_gets_in(mosquitto: Mosquitto) -> None:
    """A wrong one, and none."""
    for account in ({"password": "wrong"}, {"username": None, "password": None}):
        with pytest.raises(aiomqtt.MqttError, match=r"[Nn]ot authori"):
            async with client(mosquitto, "till-1", **account):
                pass


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # paho leaves its socket to the collector
async def test_a_broker_with_a_certificate_nobody_vouches_for_is_not_spoken_to(
    house: House, mosquitto: Mosquitto
) -> None:
    """Without `ca` the machine's own authorities decide: no password is sent, and it is tried again later."""
    options = MqttOptions(mosquitto.broker, TOPICS, "syncd", "syncd", SecretStr("x"))
    herald = Herald(house.db, house.writer, TOPICS, house.clock)
    listener = ScanListener(options, house.desk, herald, house.clock)
    running = asyncio.create_task(listener.run())
    await until(lambda: house.clock.sleepers == 1, "a pause before the next attempt")
    assert not listener.connected.is_set()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
