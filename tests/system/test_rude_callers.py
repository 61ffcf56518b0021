"""The daemon's own door, without a proxy before it: malformed, ambiguous, slow and oversized callers on raw sockets."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from aiohttp import ClientSession

from syncd.http.doorkeeper import HEADER_SECONDS_MAX, Doorkeeper
from syncd.http.parts import HttpOptions
from syncd.http.server import HttpServer
from syncd.testkit.fake_clock import FakeClock
from tests.support.doors import open_house, until
from tests.support.systemd import manager

SLOW_CALLERS = 150

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

RUDE = {
    "two lengths": b"POST /hooks/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n",
    "length and chunks": b"POST /hooks/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 44\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "odd chunks": b"POST /hooks/x HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "space before the colon": b"POST /hooks/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length : 44\r\n\r\n",
    "a folded header": b"POST /hooks/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n"
    b" Transfer-Encoding: x\r\n\r\n",
    "a length with a sign": b"POST /hooks/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: +44\r\n\r\n",
    "a bad chunk": b"POST /hooks/x HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0x5\r\nhello\r\n0\r\n\r\n",
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40),
    "a header without end": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 100_000,
    "a path without end": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n",
}
"""What two readers may understand differently, or nobody should read to its end. A second request follows each."""


@dataclass
class Running:
    """A daemon without channels."""

    process: subprocess.Popen[str]
    port: int

    def get(self, path: str) -> int:
        """The status of a polite request."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            return int(answer.status)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The real daemon, ended in order."""
    folder = tmp_path_factory.mktemp("rude")
    config = folder / "syncd.toml"
    config.write_text('[daemon]\nlog_format = "json"\n[http]\nport = 0\n', encoding="utf-8")
    syncd = [sys.executable, "-m", "syncd", "-c", str(config)]
    subprocess.run([*syncd, "migrate"], check=True, capture_output=True)
    with manager(folder) as systemd, (folder / "log").open("w+") as log:
        environ = {**os.environ, "NOTIFY_SOCKET": systemd.address}
        with subprocess.Popen([*syncd, "run"], env=environ, stderr=log, text=True) as running:
            try:
                url = systemd.until("READY")["STATUS"].split(",")[0]
                yield Running(running, int(url.rpartition(":")[2]))
            finally:
                running.send_signal(signal.SIGTERM)
                running.wait(120)
        log.seek(0)
        lines = [json.loads(line) for line in log]
    assert running.returncode == 0
    assert [line for line in lines if line["event"] in ("request.failed", "worker.failed", "library.warned")] == []


@pytest.mark.parametrize("what", sorted(RUDE))
def test_an_ambiguous_request_is_refused_and_nothing_behind_it_is_heard(daemon: Running, what: str) -> None:
    """One answer, 400, and the connection is closed: a request smuggled in behind it gets none."""
    with socket.create_connection(("127.0.0.1", daemon.port), 60) as caller:
        told = b""
        try:
            caller.sendall(RUDE[what] + SMUGGLED)
            caller.shutdown(socket.SHUT_WR)
            while chunk := caller.recv(65_536):
                told += chunk
        except ConnectionError:  # it closed while we were still sending
            pass
    statuses = re.findall(rb"HTTP/1\.[01] (\d+) ", told)
    assert statuses in ([], [b"400"]), told
    assert daemon.get("/healthz") == 200


def test_many_slow_callers_keep_nobody_out(daemon: Running) -> None:
    """Requests that come byte by byte hold their places; polite callers are answered meanwhile."""
    with ExitStack() as open_sockets:
        slow = [
            open_sockets.enter_context(socket.create_connection(("127.0.0.1", daemon.port), 60))
            for _ in range(SLOW_CALLERS)
        ]
        for sent in (b"GET / HT", b"TP/1.1\r\n", b"X-Slow: a"):
            for caller in slow:
                caller.sendall(sent)
            assert daemon.get("/healthz") == 200
            assert daemon.get("/readyz") == 200


async def test_who_never_finishes_his_request_is_shown_out(tmp_path: Path) -> None:
    """After the time there is for headers his connection ends; one that has asked before stays."""
    async with open_house(tmp_path) as house, ClientSession() as http:
        server = HttpServer(HttpOptions(port=0), house.parts())
        url = await server.start()
        keeper = Doorkeeper(lambda: server.connections, clock := FakeClock(datetime.fromisoformat("2026-03-02T08:00Z")))
        try:
            async with http.get(f"{url}/healthz") as answer:
                assert answer.status == 200
            polite = set(server.connections)
            for one in polite:
                keeper.know(one)
            with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 60) as slow:
                slow.sendall(b"GET / HT")
                await until(lambda: len(server.connections) == 2, "both to be connected")
                assert keeper.look() == 0
                clock.advance(HEADER_SECONDS_MAX)
                assert keeper.look() == 1
                await until(lambda: set(server.connections) == polite, "the slow one to be gone")
        finally:
            await server.aclose()
