"""/metrics for Prometheus: events counted, figures of the store, histograms, and the process itself.

An event `push.acknowledged` is the counter `syncd_push_acknowledged_total`: a log line, an alert and a metric name the
same thing. The store is read beside the event loop and at most every `FRESH_SECONDS`, however often it is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector

from syncd.access.role import OFFICE
from syncd.http.door import Door
from syncd.http.parts import PARTS, HttpParts
from syncd.measure import REGISTRY
from syncd.telemetry import Event, counts
from syncd.vitals.figure import PROCESS_FIGURES, Figure, Vitals
from syncd.vitals.store import read_vitals

METRICS_PATH = "/metrics"

FRESH_SECONDS = 5.0
"""A reading of the store so young is told again."""


def event_metric(event: Event) -> str:
    """The counter of an event."""
    return f"syncd_{event.value.replace('.', '_')}_total"


def metric_names() -> frozenset[str]:
    """Every name of ours, as rules and dashboards may use it."""
    histogram = {f"syncd_propagation_seconds_{part}" for part in ("bucket", "count", "sum")}
    return frozenset({*map(event_metric, Event), *map(str, Figure), *PROCESS_FIGURES, *histogram})


def doors() -> tuple[Door, ...]:
    """/metrics, with one server's own memory behind it."""
    return (Door("GET", METRICS_PATH, _Metrics().get, OFFICE),)


class _Metrics:
    """One server's, with its last reading of the store."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._vitals: Vitals | None = None
        self._read_at = 0.0

    async def get(self, request: web.Request) -> web.Response:
        """Everything, as text."""
        parts = request.app[PARTS]
        vitals = await self._fresh(parts)
        registry = CollectorRegistry()
        registry.register(_Families([*_of_store(vitals), *_of_events(), *_of_process(parts)]))
        ProcessCollector(registry=registry)
        text = generate_latest(REGISTRY) + generate_latest(registry)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _fresh(self, parts: HttpParts) -> Vitals:
        async with self._lock:  # who asks meanwhile is told the same
            now = parts.clock.monotonic()
            if self._vitals is None or now - self._read_at >= FRESH_SECONDS:
                async with parts.db.read_at_length() as conn:
                    self._vitals = await read_vitals(conn, parts.watched, parts.clock.now())
                self._read_at = now
            return self._vitals


class _Families:
    """Metrics that are made already, as the library wants to be given them."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterator[Metric]:
        """All of them."""
        yield from self._families


def _of_store(vitals: Vitals) -> Iterator[Metric]:
    families: dict[Figure, Metric] = {figure: _family(figure) for figure in Figure}
    for sample in vitals.samples():
        families[sample.figure].add_metric(sample.labels, sample.value)  # type: ignore[attr-defined]
    yield from families.values()


def _family(figure: Figure) -> Metric:
    kind = CounterMetricFamily if figure.kind == "counter" else GaugeMetricFamily
    return kind(figure.value, figure.meaning, labels=figure.labels)


def _of_events() -> Iterator[Metric]:
    for event, count in counts().items():
        yield CounterMetricFamily(event_metric(event), event.meaning, value=count)


def _of_process(parts: HttpParts) -> Iterator[Metric]:
    stalled = GaugeMetricFamily("syncd_worker_stalled", PROCESS_FIGURES["syncd_worker_stalled"], labels=("worker",))
    for name in parts.stalled():
        stalled.add_metric((name,), 1)
    yield stalled
    yield GaugeMetricFamily("syncd_ready", PROCESS_FIGURES["syncd_ready"], value=not parts.unready())
    build = GaugeMetricFamily("syncd_build_info", PROCESS_FIGURES["syncd_build_info"], labels=("version",))
    build.add_metric((_version(),), 1)
    yield build


def _version() -> str:
    try:
        return version("syncd")
    except PackageNotFoundError:
        return ""
