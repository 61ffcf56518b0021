"""The daemon under a service manager: ready when it works, alive while it does, reloaded without refusing anybody."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from syncd.systemd import watchdog_seconds
from tests.support.systemd import Manager, handed_over, manager

QUIET = '[daemon]\nlog_format = "json"\n[http]\nport = 0\n'


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Manager]:
    """Who is told."""
    with manager(tmp_path) as opened:
        yield opened


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A daemon without channels, its tables made."""
    path = tmp_path / "syncd.toml"
    path.write_text(QUIET, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "syncd", "-c", str(path), "migrate"], check=True, capture_output=True)
    return path


@contextmanager
def daemon(
    systemd: Manager, command: Sequence[str], *, fds: Sequence[int] = (), **environ: str
) -> Iterator[subprocess.Popen[str]]:
    """The daemon as systemd would start it; killed at the end if it has not ended by then."""
    told = {**os.environ, "NOTIFY_SOCKET": systemd.address, **environ}
    with subprocess.Popen(command, env=told, stderr=subprocess.PIPE, text=True, pass_fds=fds) as running:
        try:
            yield running
        finally:
            if running.poll() is None:
                running.kill()


def syncd(config: Path) -> list[str]:
    """The command."""
    return [sys.executable, "-m", "syncd", "-c", str(config), "run"]


def url_of(status: str) -> str:
    """The address in a status line."""
    return status.split(",")[0].removeprefix("serving ")


def is_ready(url: str) -> bool:
    """Whether the daemon says so itself."""
    with urllib.request.urlopen(f"{url}/readyz", timeout=60) as answer:
        return bool(answer.status == 200)


def end(running: subprocess.Popen[str]) -> list[dict[str, object]]:
    """End it in order; its log."""
    running.send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    return [json.loads(line) for line in err.splitlines()]


def reload(running: subprocess.Popen[str], systemd: Manager, config: Path, toml: str) -> str:
    """Have it read another configuration; the status it goes on with."""
    config.write_text(toml, encoding="utf-8")
    running.send_signal(signal.SIGHUP)
    assert "MONOTONIC_USEC" in systemd.until("RELOADING")
    return systemd.until("READY")["STATUS"]


def test_it_is_ready_alive_and_reloaded(systemd: Manager, config: Path) -> None:
    """READY with a status line, WATCHDOG again and again; SIGHUP takes a right configuration and refuses a wrong one.

    Wrong are a slip of the pen and a store without tables: the old one goes on, and log and status say why.
    """
    with daemon(systemd, syncd(config), WATCHDOG_USEC="300000") as running:
        ready = systemd.until("READY")
        assert ready["STATUS"].endswith(", 0 channels")
        url = url_of(ready["STATUS"])
        assert is_ready(url)
        for _ in range(3):
            systemd.until("WATCHDOG")
        for wrong in ("[availability]\nsafety_stok = 2\n", '[database]\nurl = "sqlite:///other.db"\n'):
            assert "the old one goes on" in reload(running, systemd, config, QUIET + wrong)
            assert is_ready(url)
        right = QUIET.replace("port = 0", "port = 1") + "[availability]\nsafety_stock = 2\n"
        assert url_of(reload(running, systemd, config, right)) == url
        assert is_ready(url)
        log = end(running)
        systemd.until("STOPPING")
    slip, store = (json.dumps(line) for line in log if line["event"] == "config.refused")
    assert "did you mean 'safety_stock'" in slip
    assert "syncd migrate" in store
    [reloaded] = [line for line in log if line["event"] == "config.reloaded"]
    assert reloaded["sections"] == ["[availability]", "[http]"]
    assert reloaded["waits_for_restart"] == ["[http] port"]
    assert [line["event"] for line in log].count("daemon.started") == 2


def test_only_the_watchdog_of_this_process_counts() -> None:
    """How long systemd waits; another process's, nonsense and 0 are none."""
    mine = str(os.getpid())
    assert watchdog_seconds({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": mine}) == 30
    assert watchdog_seconds({"WATCHDOG_USEC": "30000000"}) == 30
    for told in (
        {},
        {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "x"},
    ):
        assert watchdog_seconds(told) is None


def test_a_socket_handed_over_is_served(systemd: Manager, config: Path) -> None:
    """With a socket unit the daemon serves systemd's socket, whatever [http] says: callers wait over a restart."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        command = handed_over(door, "-c", str(config), "run")
        with daemon(systemd, command, fds=[door.fileno()]) as running:
            assert url_of(systemd.until("READY")["STATUS"]) == f"http://127.0.0.1:{port}"
            assert is_ready(f"http://127.0.0.1:{port}")
            end(running)
        with socket.create_connection(("127.0.0.1", port), 20):  # waits for the next daemon instead of being refused
            pass


def test_a_socket_that_others_can_reach_needs_a_token(systemd: Manager, config: Path) -> None:
    """Where the socket really listens decides: an open address without a token is refused, host = 127.0.0.1 or not."""
    with socket.create_server(("0.0.0.0", 0)) as door:
        command = handed_over(door, "-c", str(config), "run")
        with daemon(systemd, command, fds=[door.fileno()]) as running:
            _, err = running.communicate(timeout=120)
        assert running.returncode == 1
        assert "needs a token" in err
