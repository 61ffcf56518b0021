"""How true listings are kept, and at what cost: the daemon against its stand-in channels, each its own process."""

from __future__ import annotations

from tests.benchmarks.figures import Figure
from tests.benchmarks.whole import load


async def figures() -> list[Figure]:
    """Idle, at 80 % of what the channels can take, and at twice that."""
    return [*await load.idle(), *await load.loaded(0.8), *await load.loaded(2.0)]
