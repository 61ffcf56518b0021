"""What became of each movement: which call carried its number to the channel, and when that call was answered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.benchmarks.whole.stage import Applied


@dataclass(frozen=True, slots=True)
class Sold:
    """A unit sold over the counter, and what is left since. `committed_at` is when the writer took the movement up to
    commit it: the store's own moment, a little before it was durable. The scan was answered `answered_ms` after it was
    sent.
    """

    scan_id: str
    sku: str
    left: int
    committed_at: datetime
    answered_ms: float


@dataclass(frozen=True, slots=True)
class Journey:
    """Milliseconds from the commit to the request on the wire, and to the channel's acknowledgement (None: never)."""

    sold: Sold
    to_wire_ms: float | None
    to_acknowledged_ms: float | None


def journeys(
    sold: Iterable[Sold], applied: Sequence[Applied], answered: Mapping[str, Sequence[datetime]]
) -> list[Journey]:
    """Each sale with the first call that carried its number or a later one of its SKU.

    `answered` are the moments at which the daemon said that a SKU's number was accepted, in order: one request per
    listing is in flight at a time, so the n-th call on a SKU is the n-th acknowledged.
    """
    calls: dict[str, list[tuple[Applied, datetime | None]]] = defaultdict(list)
    for one in applied:
        before = len(calls[one.sku])
        heard = answered.get(one.sku, ())
        calls[one.sku].append((one, heard[before] if before < len(heard) else None))
    found: list[Journey] = []
    for sale in sold:
        carried = [
            pair for pair in calls[sale.sku] if pair[0].quantity <= sale.left and pair[0].at >= sale.committed_at
        ]
        first, heard_at = carried[0] if carried else (None, None)
        to_wire = None if first is None else _ms(first.at - sale.committed_at)
        found.append(Journey(sale, to_wire, None if heard_at is None else _ms(heard_at - sale.committed_at)))
    return found


def superseded_ms(sold: Iterable[Sold], applied: Sequence[Applied]) -> list[float]:
    """For each number on the wire, how long a newer one had been durable by then: 0 where it was the newest."""
    by_sku: dict[str, list[Sold]] = defaultdict(list)
    for sale in sold:
        by_sku[sale.sku].append(sale)
    found: list[float] = []
    for one in applied:
        later = [sale.committed_at for sale in by_sku[one.sku] if sale.left < one.quantity]
        newer = [moment for moment in later if moment <= one.at]
        found.append(_ms(one.at - min(newer)) if newer else 0.0)
    return found


POLLER_SECONDS = 900.0
"""How often the usual poller looks for what has changed."""


def polled_ms(share: float, call_seconds: float = 0.0) -> float:
    """What this share of the same sales would wait for a poller that looks every quarter of an hour and pushes at once
    whatever it finds, in calls that never queue: sales come at any moment between two looks, evenly.
    """
    return (share * POLLER_SECONDS + call_seconds) * 1000


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _ms(duration: timedelta) -> float:
    return duration.total_seconds() * 1000
