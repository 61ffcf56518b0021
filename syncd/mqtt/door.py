"""The door for scanners and displays: a line to the operator's broker, or to one that the daemon brings along."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from syncd.clock import Clock
from syncd.db import Database
from syncd.ledger.service import Writer
from syncd.mqtt.client import MqttOptions, ScanListener
from syncd.mqtt.embedded import EmbeddedBroker, EmbeddedOptions
from syncd.mqtt.herald import Herald
from syncd.mqtt.topics import Broker, Topics
from syncd.scanner.service import ScanDesk

EMBEDDED = "embedded"
"""In the place of a broker's address: the one the daemon brings along."""


@dataclass(frozen=True)
class DoorSettings:
    """[mqtt] of syncd.toml, and the name of this installation."""

    name: str
    broker: str
    topic_prefix: str
    username: str | None
    password: SecretStr | None
    ca: Path | None
    listen: str
    certificate: Path | None
    private_key: Path | None


class MqttDoor:
    """One per process."""

    def __init__(self, settings: DoorSettings, desk: ScanDesk, db: Database, writer: Writer, clock: Clock) -> None:
        topics = Topics(settings.topic_prefix)
        account = settings.username, settings.password
        self._broker: EmbeddedBroker | None = None
        if settings.broker == EMBEDDED:
            certificate = settings.certificate, settings.private_key
            self._broker = EmbeddedBroker(EmbeddedOptions(settings.listen, topics, *account, *certificate))
            options = MqttOptions(self._broker.address, topics, settings.name, *self._broker.own_account, is_own=True)
        else:
            options = MqttOptions(Broker.parse(settings.broker), topics, settings.name, *account, settings.ca)
        self._listener = ScanListener(options, desk, Herald(db, writer, topics, clock), clock)

    async def start(self) -> None:
        """The embedded broker listens from now on. Raises OperatorError where it cannot."""
        if self._broker is not None:
            await self._broker.start()

    async def run(self) -> None:
        """Serve stations until cancelled."""
        await self._listener.run()

    async def aclose(self) -> None:
        """Give the address back. May be called twice."""
        if self._broker is not None:
            await self._broker.aclose()
