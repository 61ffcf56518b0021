"""The broker inside the daemon: accounts, rules, TLS, and the daemon with nothing but `broker = "embedded"`."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
import trustme
from pydantic import SecretStr

from syncd.app import App
from syncd.clock import SystemClock
from syncd.config.load import load_config
from syncd.errors import OperatorError
from syncd.migrations import schema
from syncd.mqtt.embedded import EmbeddedBroker, EmbeddedOptions
from syncd.mqtt.topics import Topics
from tests.support.broker import free_port
from tests.support.line import SECONDS_MAX

TOPICS = Topics("syncd")
PASSWORD = "gloves-in-the-cold"

REFUSED = 0x80
"""What a broker answers to a subscription it does not grant (MQTT 3.1.1, section 3.9.3)."""


def options(port: int, **more: Any) -> EmbeddedOptions:
    """An account, and any free port of loopback."""
    return EmbeddedOptions(f"127.0.0.1:{port}", TOPICS, "stations", SecretStr(PASSWORD), **more)


@asynccontextmanager
async def embedded(**more: Any) -> AsyncIterator[EmbeddedBroker]:
    """It runs."""
    broker = EmbeddedBroker(options(free_port(), **more))
    await broker.start()
    try:
        yield broker
    finally:
        await broker.aclose()
        await broker.aclose()  # twice is once


def client(port: int, **more: Any) -> aiomqtt.Client:
    """A station's connection."""
    told: dict[str, Any] = {"username": "stations", "password": PASSWORD}
    return aiomqtt.Client("127.0.0.1", port, **told | more)


async def listening_at(port: int, running: asyncio.Task[None]) -> None:
    """Wait until the broker listens, or whoever starts it has failed."""
    async with asyncio.timeout(SECONDS_MAX):
        while not running.done():
            try:
                async with client(port):
                    return
            except aiomqtt.MqttError:
                await asyncio.sleep(0.02)
        running.result()


async def told(one: aiomqtt.Client, topic: str) -> Any:
    """The next message on a topic."""
    async with asyncio.timeout(SECONDS_MAX):
        async for message in one.messages:
            if str(message.topic) == topic:
                assert isinstance(message.payload, bytes)
                return json.loads(message.payload)
    raise AssertionError("messages end only with the connection")


@pytest.mark.parametrize(
    "account",
    [
        {"password": "wrong"},
        {"password": ""},
        {"username": None, "password": None},
        {"username": "nobody", "password": ""},
        {"username": "syncd-daemon", "password": ""},
    ],
)
async def test_only_the_right_password_gets_in(account: dict[str, Any]) -> None:
    """Nobody without one, and not under the daemon's own name."""
    async with embedded() as broker:
        async with client(broker.address.port):
            pass
        with pytest.raises(aiomqtt.MqttError):
            async with client(broker.address.port, **account):
                pass


async def test_stations_send_scans_and_say_nothing_else() -> None:
    """What syncd says only syncd may say; everybody under the prefix may hear it, and nothing beside it."""
    async with embedded() as broker:
        port = broker.address.port
        name, password = broker.own_account
        ours = {"username": name, "password": password.get_secret_value()}
        async with client(port) as station, client(port, **ours) as daemon:
            await daemon.subscribe("#", qos=1)
            await station.subscribe("syncd/v1/availability/+", qos=1)
            await station.publish("syncd/v1/availability/X", b'"forged"', qos=1)
            await station.publish("syncd/v1/status", b'"forged"', qos=1, retain=True)
            await station.publish("syncd/v1/scan/till-1", b'"a scan"', qos=1)
            assert await told(daemon, "syncd/v1/scan/till-1") == "a scan"
            assert len(daemon.messages) == 0
            await daemon.publish("syncd/v1/availability/X", b'"true"', qos=1, retain=True)
            assert await told(station, "syncd/v1/availability/X") == "true"
            for filter_ in ("other/#", "#"):
                granted = await station.subscribe(filter_, qos=1)
                assert granted[0] == REFUSED


async def test_with_a_certificate_it_speaks_tls_only(tmp_path: Path) -> None:
    """A station that trusts the shop's authority gets in; one that speaks in the clear does not."""
    ca = trustme.CA()
    issued = ca.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    context = ssl.create_default_context()
    ca.configure_trust(context)
    async with embedded(certificate=tmp_path / "cert.pem", private_key=tmp_path / "key.pem") as broker:
        assert broker.address.uses_tls
        async with client(broker.address.port, tls_context=context):
            pass
        with pytest.raises(aiomqtt.MqttError):
            async with client(broker.address.port, timeout=2.0):
                pass


async def test_what_is_missing_or_taken_is_said() -> None:
    """No account, and an address somebody else has."""
    without = EmbeddedOptions("127.0.0.1:1883", TOPICS, "stations", None)
    with pytest.raises(OperatorError, match="needs an account for the stations"):
        await EmbeddedBroker(without).start()
    async with embedded() as broker:
        with pytest.raises(OperatorError, match=r"\[mqtt\] listen: cannot listen on 127.0.0.1:"):
            await EmbeddedBroker(options(broker.address.port)).start()


async def test_the_daemon_serves_a_shop_that_has_no_broker(tmp_path: Path) -> None:
    """Four lines of syncd.toml: a station scans, hears its result, and a display reads what is left."""
    port = free_port()
    toml = tmp_path / "syncd.toml"
    toml.write_text(
        f'[http]\nport = 0\n[daemon]\nlocations = ["main"]\n[mqtt]\nbroker = "embedded"\nlisten = "127.0.0.1:{port}"\n'
        'username = "stations"\npassword_env = "STATIONS"\n',
        encoding="utf-8",
    )
    environ = {"STATIONS": PASSWORD}
    app = App(load_config(toml, environ=environ), SystemClock(), environ)
    await schema.migrate(app.db)
    running = asyncio.create_task(app.run())
    try:
        await listening_at(port, running)
        async with asyncio.timeout(SECONDS_MAX), client(port) as station:
            await station.subscribe("syncd/v1/#", qos=1)
            assert await told(station, TOPICS.status) == {"status": "online"}
            scan = {"scan_id": "till-1:1", "kind": "receipt", "code": "GLOVE-X", "quantity": 3}
            await station.publish("syncd/v1/scan/till-1", json.dumps(scan), qos=1)
            assert (await told(station, TOPICS.result("till-1")))["verdict"] == "unknown_code"
    finally:
        app.stop()
        await running
