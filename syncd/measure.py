"""What is measured as it happens and is worth more than a mean: histograms, in a registry of our own.

What can be counted again from the store is no measurement and stands in `syncd/vitals`; events are counted by
`syncd/telemetry.py`.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram

REGISTRY = CollectorRegistry()
"""Ours alone: the library's own registry would show whatever another library puts there."""

PROPAGATION_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)

PROPAGATION = Histogram(
    "syncd_propagation_seconds",
    "From when a number could be sent to its acceptance by the channel, for numbers that are not raised.",
    ["channel"],
    buckets=PROPAGATION_BUCKETS,
    registry=REGISTRY,
)


def propagated(channel: str, seconds: float) -> None:
    """A channel has accepted a number, so many seconds after it could be sent."""
    PROPAGATION.labels(channel).observe(seconds)
