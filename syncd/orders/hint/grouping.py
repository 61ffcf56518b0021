"""How many waiting hints are followed together: many that tell of one order cost one look at it."""

from __future__ import annotations

from collections.abc import Sequence

from syncd.channel.port import Hint


def how_many(hints: Sequence[Hint], things_max: int) -> int:
    """How many of these, from the first on, are about at most so many orders and listings. A hint that names neither
    counts for nothing: it asks for a poll, and one poll answers all of them.
    """
    things: set[tuple[str, str]] = set()
    for number, one in enumerate(hints):
        if one.order_id is not None:
            things.add(("order", one.order_id))
        if one.observation is not None:
            things.add(("listing", one.observation.listing_id))
        if len(things) > things_max:
            return max(1, number)
    return len(hints)
