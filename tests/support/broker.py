"""An MQTT broker for tests: the one at SYNCD_TEST_MQTT_URL, or one inside the test on a free port of loopback."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from amqtt.broker import Broker as EmbeddedBroker

from syncd.mqtt.topics import Broker

VARIABLE = "SYNCD_TEST_MQTT_URL"


def free_port() -> int:
    """A port of loopback nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def is_embedded() -> bool:
    """Whether the broker is the one inside the test, which does less than a real one."""
    return not os.environ.get(VARIABLE)


@asynccontextmanager
async def running_broker() -> AsyncIterator[Broker]:
    """The address of a broker that runs. The embedded one asks for a name: for nameless clients it keeps nothing."""
    if not is_embedded():
        yield Broker.parse(os.environ[VARIABLE])
        return
    port = free_port()
    config: dict[str, Any] = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": False}},
    }
    broker = EmbeddedBroker(config)
    await broker.start()
    try:
        yield Broker("127.0.0.1", port, uses_tls=False)
    finally:
        await broker.shutdown()
