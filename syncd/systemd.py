"""Tells systemd how the daemon fares, as sd_notify(3) defines it, and takes from it what sd_listen_fds(3) hands over.

Without systemd nothing is sent and nothing is taken.
"""

from __future__ import annotations

import os
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


def watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    """How long systemd waits for a sign of life before it ends the process; None where it waits for none."""
    told, of_process = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", str(os.getpid()))
    if not told.isdecimal() or int(told) == 0 or of_process != str(os.getpid()):
        return None
    return int(told) / 1_000_000


FIRST_LISTENING = 3
"""The number of the first file descriptor that systemd hands over; sd_listen_fds(3)."""


def listening(environ: Mapping[str, str]) -> socket.socket | None:
    """The listening socket that a socket unit hands over, or None. Raises ValueError when it hands over several."""
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID") != str(os.getpid()) or not count.isdecimal() or int(count) == 0:
        return None
    if int(count) > 1:
        raise ValueError(f"the socket unit hands over {count} sockets; syncd listens on one")
    os.set_inheritable(FIRST_LISTENING, False)  # a program we start must not keep the door open
    return socket.socket(fileno=FIRST_LISTENING)


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
