"""A real Mosquitto of a test's own, with the configuration of deploy/ or with none. Without one the tests are left out
and say what to install; CI has one and leaves nothing out."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from syncd.clock import SystemClock
from syncd.mqtt.topics import Broker
from tests.support.broker import free_port

DEPLOY = Path(__file__).parents[2] / "deploy"

ACCOUNTS = {"syncd": "p-syncd", "till-1": "p-till-1", "till-2": "p-till-2", "display": "p-display"}

SECONDS_MAX = 20


def program(name: str) -> str:
    """Where a program of Mosquitto's is."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if not found:
        pytest.skip(f"no {name}: apt-get install mosquitto")
    return found


@dataclass
class Mosquitto:
    """One broker that may be killed and started again on the same folder."""

    config: Path
    broker: Broker
    ca: Path | None = None
    _process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start; returns once it listens."""
        log = (self.config.parent / "mosquitto.log").open("ab")
        command = [program("mosquitto"), "-c", str(self.config)]
        self._process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: ASYNC220  it goes on by itself
        log.close()
        clock = SystemClock()
        deadline = clock.monotonic() + SECONDS_MAX
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.broker.port)
            except OSError:
                log_text = (self.config.parent / "mosquitto.log").read_text(errors="replace")
                assert self._process.poll() is None, log_text
                assert clock.monotonic() < deadline, log_text
                await clock.sleep(0.02)
                continue
            writer.close()
            return

    def end(self, how: signal.Signals) -> None:
        """End it; returns once it is gone."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(SECONDS_MAX)
            self._process = None


@asynccontextmanager
async def as_deployed(folder: Path) -> AsyncIterator[Mosquitto]:
    """The configuration of deploy/, its paths and port changed for this folder and nothing else."""
    port, ca = free_port(), trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    issued = ca.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(folder / "server.key")
    for number, part in enumerate(issued.cert_chain_pems):
        part.write_to_path(folder / "server.pem", append=bool(number))
    shutil.copy(DEPLOY / "mosquitto.acl", folder / "acl")
    _make_accounts(folder / "passwords")
    text = (DEPLOY / "mosquitto.conf").read_text(encoding="utf-8")
    for there, here in (
        ("listener 8883", f"listener {port} 127.0.0.1"),
        ("/etc/mosquitto/syncd/", f"{folder}/"),
        ("/var/lib/mosquitto/", f"{folder}/"),
    ):
        assert there in text
        text = text.replace(there, here)
    async with _running(folder, text, Broker("127.0.0.1", port, uses_tls=True), folder / "ca.pem") as found:
        yield found


def _make_accounts(file: Path) -> None:
    for number, (name, password) in enumerate(ACCOUNTS.items()):
        create = [] if number else ["-c"]
        told = [program("mosquitto_passwd"), *create, "-b", str(file), name, password]
        subprocess.run(told, check=True, capture_output=True)


@asynccontextmanager
async def by_default(folder: Path) -> AsyncIterator[Mosquitto]:
    """A Mosquitto that was told nothing but where to listen."""
    port = free_port()
    text = f"listener {port} 127.0.0.1\nallow_anonymous true\n"
    async with _running(folder, text, Broker("127.0.0.1", port, uses_tls=False), None) as found:
        yield found


@asynccontextmanager
async def _running(folder: Path, text: str, broker: Broker, ca: Path | None) -> AsyncIterator[Mosquitto]:
    config = folder / "mosquitto.conf"
    as_root = "user root\n" if os.getuid() == 0 else ""  # else it would change to an account that cannot read here
    config.write_text(text + as_root, encoding="utf-8")
    found = Mosquitto(config, broker, ca)
    await found.start()
    try:
        yield found
    finally:
        found.end(signal.SIGTERM)
