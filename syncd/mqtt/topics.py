"""The topics scanners and displays use: names, what they carry, and the broker's address. Pure.

`PREFIX/v1/scan/STATION` carries a scan in, as JSON; `PREFIX/v1/scan/STATION/result` its result out;
`PREFIX/v1/status` says, retained, whether syncd is there; `PREFIX/v1/availability/SKU` what there is of a SKU and
`PREFIX/v1/attention` what waits for a person, both retained; `PREFIX/v1/event/movement` every movement of stock.
`PREFIX/v1/told` is a note to ourselves, retained: up to which position of the log this broker was told everything.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from syncd.identity import Sku
from syncd.ledger.balance import StockLevel
from syncd.ledger.store import RecordedMovement
from syncd.scanner.scan import ScanResult, level_values, result_values

VERSION = "v1"
PORT_PLAIN = 1883
PORT_TLS = 8883

STATION_LENGTH_MAX = 100
"""Longest name of a station, in characters."""


@dataclass(frozen=True, slots=True)
class Topics:
    """Every topic under one prefix."""

    prefix: str

    @property
    def scans(self) -> str:
        """What syncd subscribes to: the scans of every station."""
        return f"{self.prefix}/{VERSION}/scan/+"

    @property
    def status(self) -> str:
        """Whether syncd is there."""
        return f"{self.prefix}/{VERSION}/status"

    @property
    def told(self) -> str:
        """How far this broker has been told, for ourselves."""
        return f"{self.prefix}/{VERSION}/told"

    @property
    def movements(self) -> str:
        """Every movement, in the order of the log."""
        return f"{self.prefix}/{VERSION}/event/movement"

    @property
    def attention(self) -> str:
        """How much waits for a person."""
        return f"{self.prefix}/{VERSION}/attention"

    def availability(self, sku: Sku) -> str:
        """What there is of a SKU; signs that mean something in a topic are written as in a URL (`/` is %2F)."""
        return f"{self.prefix}/{VERSION}/availability/{quote(sku, safe=' ')}"

    def result(self, station: str) -> str:
        """Where a station hears what became of its scans."""
        return f"{self.prefix}/{VERSION}/scan/{station}/result"

    def station(self, topic: str) -> str | None:
        """The station that a scan's topic names, or None if it is no such topic."""
        stem = f"{self.prefix}/{VERSION}/scan/"
        name = topic.removeprefix(stem)
        is_station = topic.startswith(stem) and name and "/" not in name
        return name if is_station and len(name) <= STATION_LENGTH_MAX else None


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is."""

    host: str
    port: int
    uses_tls: bool

    @classmethod
    def parse(cls, url: str) -> Broker:
        """From mqtt://HOST[:PORT] or mqtts://HOST[:PORT]. Raises ValueError with one clear sentence."""
        parts = urlsplit(url)
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise ValueError("a broker is written mqtt://HOST:PORT or mqtts://HOST:PORT")
        uses_tls = parts.scheme == "mqtts"
        return cls(parts.hostname, parts.port or (PORT_TLS if uses_tls else PORT_PLAIN), uses_tls)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def status_payload(*, is_online: bool) -> bytes:
    """What the status topic says."""
    return json.dumps({"status": "online" if is_online else "offline"}).encode()


def result_payload(result: ScanResult) -> bytes:
    """What a station hears of a scan that was judged."""
    return _encode(result_values(result))


def unread_payload(verdict: str, sentence: str, *, scan_id: str | None, problems: Sequence[str] = ()) -> bytes:
    """What a station hears of a scan that could not be read (`unreadable`) or not be written (`failed`)."""
    return _encode({"scan_id": scan_id, "verdict": verdict, "sentence": sentence, "problems": list(problems)})


def availability_payload(sku: Sku, title: str, levels: Sequence[StockLevel], position: int) -> bytes:
    """What there is of a SKU in all and at each place, as of a position of the log: of two messages the one with the
    higher position is true.
    """
    return _encode(
        {
            "position": position,
            "sku": sku,
            "title": title,
            "available": sum(level.available for level in levels),
            "on_hand": sum(level.on_hand for level in levels),
            "stock": [level_values(level) for level in levels],
        }
    )


def movement_payload(found: RecordedMovement) -> bytes:
    """One movement; `id` is its position in the log, the same however often it is told."""
    moved = found.movement
    return _encode(
        {
            "id": found.position,
            "event": "movement.posted",
            "sku": moved.sku,
            "quantity": moved.quantity,
            "from": str(moved.source),
            "to": str(moved.destination),
            "reason": moved.reason.value,
            "reference": moved.reference,
            "actor": moved.actor,
            "happened_at": moved.happened_at.isoformat(),
            "recorded_at": found.recorded_at.isoformat(),
        }
    )


def attention_payload(questions: int, cases: int) -> bytes:
    """How many questions and shortage cases are open."""
    return _encode({"questions": questions, "cases": cases})


def told_payload(position: int) -> bytes:
    """The note to ourselves."""
    return _encode({"position": position})


def told_position(payload: bytes) -> int | None:
    """What the note says; None where it is not one of ours."""
    try:
        position = json.loads(payload)["position"]
    except (ValueError, KeyError, TypeError):
        return None
    return position if isinstance(position, int) and not isinstance(position, bool) and position >= 0 else None


def _encode(values: dict[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode()
