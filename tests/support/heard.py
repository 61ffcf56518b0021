"""A broker's memory for tests of the herald: what it retains, and the events in the order they came."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from syncd.mqtt.herald import Herald, Message


@dataclass
class Heard:
    """What was published: retained messages by topic, all others as events."""

    retained: dict[str, Any] = field(default_factory=dict)
    events: list[Any] = field(default_factory=list)

    @property
    def note(self) -> bytes | None:
        """The retained note of how far it was told."""
        found = next((value for topic, value in self.retained.items() if topic.endswith("/v1/told")), None)
        return None if found is None else json.dumps(found).encode()

    async def take(self, message: Message) -> None:
        """As a broker does."""
        if message.is_retained:
            self.retained[message.topic] = json.loads(message.payload)
        else:
            self.events.append(json.loads(message.payload))

    @asynccontextmanager
    async def telling(self, herald: Herald, note: bytes | None = None) -> AsyncIterator[None]:
        """A connection: the herald speaks until the block ends."""
        running = asyncio.create_task(herald.run(self.note if note is None else note, self.take))
        try:
            yield
        finally:
            assert not running.done() or running.exception() is None
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
