"""What systemd is told, received on a real datagram socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from syncd import systemd


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    """A socket like the one systemd opens for a service."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
        opened.bind(str(tmp_path / "notify"))
        opened.settimeout(5)
        yield opened


def _environ(listener: socket.socket) -> dict[str, str]:
    return {"NOTIFY_SOCKET": str(listener.getsockname())}


def test_every_message_is_one_datagram(listener: socket.socket) -> None:
    """Each call sends exactly what sd_notify(3) defines."""
    environ = _environ(listener)
    assert systemd.ready(environ)
    assert systemd.ready(environ, status="2 channels")
    assert systemd.reloading(environ, monotonic_seconds=12.3456789)
    assert systemd.status(environ, "ebay is\nunavailable")
    assert systemd.watchdog(environ)
    assert systemd.stopping(environ)
    assert [listener.recv(4096) for _ in range(6)] == [
        b"READY=1",
        b"READY=1\nSTATUS=2 channels",
        b"RELOADING=1\nMONOTONIC_USEC=12345678",
        b"STATUS=ebay is unavailable",
        b"WATCHDOG=1",
        b"STOPPING=1",
    ]


def test_an_abstract_socket_is_reached() -> None:
    """An address beginning with @ lives outside the file system."""
    name = f"syncd-test-{uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        listener.settimeout(5)
        assert systemd.ready({"NOTIFY_SOCKET": f"@{name}"})
        assert listener.recv(4096) == b"READY=1"


def test_without_systemd_nothing_happens() -> None:
    """Started by hand, the daemon tells nobody and minds nothing."""
    assert systemd.ready({}) is False
    assert systemd.stopping({"NOTIFY_SOCKET": ""}) is False


def test_a_socket_that_is_gone_is_a_fault(tmp_path: Path) -> None:
    """When systemd asked and cannot be told, it is not hidden."""
    with pytest.raises(FileNotFoundError):
        systemd.ready({"NOTIFY_SOCKET": str(tmp_path / "gone")})


def test_the_unit_waits_for_the_word(request: pytest.FixtureRequest) -> None:
    """The unit that is shipped counts the service as started and as alive only when it says so."""
    unit = (request.config.rootpath / "deploy" / "syncd.service").read_text(encoding="utf-8").splitlines()
    for line in ("Type=notify", "DynamicUser=yes", "StateDirectory=syncd", "ProtectSystem=strict"):
        assert line in unit
    assert any(line.startswith("WatchdogSec=") for line in unit)
