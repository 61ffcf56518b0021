"""What systemd is to the daemon: a socket that hears its notifications, and a listening socket handed over."""

from __future__ import annotations

import os
import select
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE_SECONDS = 120.0
"""A machine that is busy with other tests starts a process slowly; nothing but a failure waits so long."""

HANDING_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.executable, [sys.executable, "-m", "syncd", *sys.argv[2:]])
"""
"""Becomes the daemon with a listening socket as its file descriptor 3; the process id must be the daemon's own."""


class Manager:
    """Hears `sd_notify` datagrams at a socket of its own."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self.heard: list[dict[str, str]] = []

    def until(self, word: str) -> dict[str, str]:
        """The next datagram that says this, as its assignments; fails where none comes."""
        while True:
            ready, _, _ = select.select([self._socket], [], [], PATIENCE_SECONDS)
            assert ready, f"systemd waited in vain for {word}; it heard {self.heard}"
            lines = self._socket.recv(4096).decode().splitlines()
            self.heard.append(dict(line.split("=", 1) for line in lines))
            if word in self.heard[-1]:
                return self.heard[-1]

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()


@contextmanager
def manager(folder: Path) -> Iterator[Manager]:
    """A service manager for one test."""
    opened = Manager(folder)
    try:
        yield opened
    finally:
        opened.close()


def handed_over(door: socket.socket, *words: str) -> list[str]:
    """The command that becomes `syncd WORDS…` with this socket handed over; give `pass_fds=[door.fileno()]` too."""
    os.set_inheritable(door.fileno(), True)
    return [sys.executable, "-c", HANDING_OVER, str(door.fileno()), *words]
