"""Calls per second and their latencies, measured in short turns, so that what is compared meets the same noise."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

TURN_SECONDS = 0.5

Post = Callable[[str, str], Awaitable[None]]
"""Takes a key and a SKU, returns once the movement is durable."""


@dataclass
class Measured:
    """What came of all turns of one kind."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Per second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Milliseconds that this share of the calls did not exceed."""
        return sorted(self.latencies)[int(len(self.latencies) * share)]

    async def turn(self, call: Post, callers: int, skus: int, name: str) -> None:
        """So many callers, each posting one movement after the other, for one turn."""
        rng = random.Random(7)
        until = time.perf_counter() + TURN_SECONDS
        serial = iter(range(10**9))

        async def one() -> None:
            while time.perf_counter() < until:
                began = time.perf_counter()
                await call(f"{name}-{next(serial)}", f"SKU-{rng.randrange(skus):05d}")
                self.latencies.append((time.perf_counter() - began) * 1000)

        started = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(callers)))
        self.seconds += time.perf_counter() - started
