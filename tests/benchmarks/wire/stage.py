"""What a connector is measured with: its stand-in in another process, and plain aiohttp sending the same bytes."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import tempfile
import time
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

ROOT = Path(__file__).parents[3]
TICK_SECONDS = 0.001

Work = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Stage:
    """A stand-in behind its front. `session` is plain aiohttp's, kept as the connector keeps its own."""

    url: str
    ca_file: str | None
    session: aiohttp.ClientSession

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        """A call to the front's or the stand-in's own door."""
        async with self.session.request(method, self.url + path, json=body) as answer:
            text = await answer.text()
            assert answer.status < 300, f"{method} {path}: {answer.status} {text[:300]}"
            return json.loads(text or "null")

    async def delay(self, seconds: float) -> None:
        """From now on every answer takes so much longer."""
        await self.ask("POST", "/_front/delay", {"seconds": seconds})

    async def calls_of(self, work: Work) -> list[Call]:
        """What reaches the front while this is done."""
        await self.ask("DELETE", "/_front/calls")
        await work()
        told = await self.ask("GET", "/_front/calls")
        return [Call(one["method"], one["path"], one["headers"], b64decode(one["body"])) for one in told]

    async def replay(self, calls: Sequence[Call], at_once: int) -> None:
        """The same bytes again by plain aiohttp, which reads every answer to its end: JSON by its own `json()`, for
        without that nobody knows what was accepted, anything else as bytes.
        """
        room = asyncio.Semaphore(at_once)

        async def one(call: Call) -> None:
            async with room:
                url = URL(self.url + call.path, encoded=True)
                async with self.session.request(
                    call.method, url, data=call.body or None, headers=call.headers
                ) as answer:
                    await (answer.json() if answer.content_type == "application/json" else answer.read())
                    assert answer.status < 300, f"{call.method} {call.path}: {answer.status}"

        await asyncio.gather(*(one(call) for call in calls))


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass
class Turns:
    """What came of all turns of one kind."""

    items: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    held_ms: list[float] = field(default_factory=list)

    async def turn(self, work: Work, items: int) -> None:
        """Do it once; so many items."""
        began, cpu = time.perf_counter(), time.process_time()
        await work()
        self.seconds += time.perf_counter() - began
        self.cpu_seconds += time.process_time() - cpu
        self.items += items

    async def watch(self, work: Work) -> None:
        """Do it once beside a task that wakes every millisecond and sees how long the loop was held."""
        ticking = asyncio.create_task(self._tick())
        await work()
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)

    async def _tick(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(TICK_SECONDS)
            self.held_ms.append((time.perf_counter() - began - TICK_SECONDS) * 1000)

    @property
    def rate(self) -> float:
        """Items per second."""
        return self.items / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of processor time for one item."""
        return self.cpu_seconds * 1000 / self.items

    @property
    def held_p99_ms(self) -> float:
        """Milliseconds that 99 of 100 wakings of the loop were late by at most."""
        return sorted(self.held_ms)[int(len(self.held_ms) * 0.99)]


@asynccontextmanager
async def stage(connector: str) -> AsyncIterator[Stage]:
    """The stand-in of a connector in a process of its own, stopped at the end."""
    with tempfile.TemporaryDirectory() as folder:
        command = (sys.executable, "-m", "tests.benchmarks.wire.front", connector, folder)
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe)
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            said = json.loads(await process.stdout.readline())
            trusted = ssl.create_default_context(cafile=said["ca_file"]) if said["ca_file"] else True
            connection = aiohttp.TCPConnector(ssl=trusted)
            async with aiohttp.ClientSession(connector=connection, auto_decompress=True) as session:
                yield Stage(said["url"], said["ca_file"], session)
        finally:
            process.stdin.close()
            await process.wait()
