"""The topics scanners use: names, what they carry, and the broker's address. Pure.

`PREFIX/v1/scan/STATION` carries a scan in, as JSON; `PREFIX/v1/scan/STATION/result` its result out;
`PREFIX/v1/status` says, retained, whether syncd is there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from syncd.scanner.scan import ScanResult, result_values

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


def _encode(values: dict[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode()
