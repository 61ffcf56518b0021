"""Tells systemd how the daemon fares, as sd_notify(3) defines it; without systemd nothing is sent."""

from __future__ import annotations

import socket
from collections.abc import Mapping


def ready(environ: Mapping[str, str], status: str = "") -> bool:
    """Everything is built: systemd may count the service as started."""
    return notify(environ, "READY=1", *([f"STATUS={status}"] if status else []))


def stopping(environ: Mapping[str, str]) -> bool:
    """The orderly stop has begun."""
    return notify(environ, "STOPPING=1")


def reloading(environ: Mapping[str, str], *, monotonic_seconds: float) -> bool:
    """The configuration is being read again; `ready` ends it. systemd wants the monotonic time of the beginning."""
    return notify(environ, "RELOADING=1", f"MONOTONIC_USEC={int(monotonic_seconds * 1_000_000)}")


def status(environ: Mapping[str, str], sentence: str) -> bool:
    """What `systemctl status` shows: one line for a person."""
    return notify(environ, f"STATUS={sentence}")


def watchdog(environ: Mapping[str, str]) -> bool:
    """Still alive and working; to be said at least every WatchdogSec/2 when the unit sets it."""
    return notify(environ, "WATCHDOG=1")


def notify(environ: Mapping[str, str], *assignments: str) -> bool:
    """Send the assignments as one datagram. False when nobody asked (no NOTIFY_SOCKET); OSError when it cannot go."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    lines = [assignment.replace("\n", " ") for assignment in assignments]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(address)
        sender.sendall("\n".join(lines).encode())
    return True
