"""How true listings are kept, and at what cost: the daemon against its stand-in channels, each its own process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from tests.benchmarks.figures import Figure
from tests.benchmarks.whole.door import door
from tests.benchmarks.whole.load import idle, loaded
from tests.benchmarks.whole.size import size

MEASURES: Mapping[str, Callable[[], Awaitable[list[Figure]]]] = {
    "idle": idle,
    "load 80": partial(loaded, 0.8),
    "load 200": partial(loaded, 2.0),
    "door": door,
    "size": size,
}
PARTS = tuple(MEASURES)


async def figures(parts: Sequence[str] = PARTS) -> list[Figure]:
    """One sale at a time; at 80 % and at twice of what the channels can take; webhooks; many listings."""
    return [figure for part in parts for figure in await MEASURES[part]()]
