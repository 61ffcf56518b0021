"""The daemon as a process of its own, its stand-in channels in others, and what can be seen of them from outside."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import signal
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

ROOT = Path(__file__).parents[3]
EBAY, SHOP = "ebay", "shop"
CONNECTORS = {EBAY: "ebay", SHOP: "woocommerce"}
READY_SECONDS_MAX = 120.0
SETTLED_SECONDS_MAX = 900.0
LISTINGS_AT_ONCE = 1000
"""Listings put on a stand-in by one request."""

UNLIMITED: Mapping[str, Mapping[str, int]] = {
    EBAY: {
        "calls_per_day": 10**9,
        "calls_per_window": 10**9,
        "seller_list_per_window": 10**9,
        "revisions_per_day": 10**9,
    },
    SHOP: {},
}
"""The stand-ins' own quotas, out of the way of what is measured: how fast a channel answers, not what it allows."""

_TOML = """\
[daemon]
name = "bench"
log_format = "json"
log_level = "info"

[database]
url = "sqlite:///bench.db"

[http]
port = 0

[push]
brake_listings_min = 1000000
"""

_CHANNEL = """
[channel.{name}]
connector = "{connector}"
mode = "live"
poll_interval_seconds = 60
sweep_interval_seconds = 86400
{cap}
{settings}
[channel.{name}.capabilities]
order_lag_seconds = 1
calls_per_second = "none"
calls_per_day = "none"
revisions_per_listing_per_day = "none"
"""


@dataclass(frozen=True, slots=True)
class Applied:
    """A number that a stand-in took for a SKU: by which of its calls, and when the request for it had come."""

    sku: str
    quantity: int
    call: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used so far: seconds of processor time, and resident memory now, in MB."""

    cpu_seconds: float
    resident_mb: float


@dataclass
class Whole:
    """Everything that runs, once `opened` has started it."""

    folder: Path
    http: aiohttp.ClientSession
    environment: dict[str, str] = field(default_factory=dict)
    toml: dict[str, str] = field(default_factory=dict)
    stand_ins: dict[str, str] = field(default_factory=dict)
    skus: dict[str, dict[str, str]] = field(default_factory=dict)
    """By channel, the SKU behind each listing id."""
    daemon: asyncio.subprocess.Process | None = None
    url: str = ""

    async def drive(self, channel: str, path: str, body: object) -> Any:
        """Do something at a stand-in."""
        async with self.http.post(f"{self.stand_ins[channel]}/_sandbox/{path}", json=body) as answer:
            told = await answer.json()
            if answer.status >= 400:
                raise RuntimeError(f"the stand-in {channel} refused {path}: {told}")
            return told

    async def list_on(self, channel: str, stock: Mapping[str, int]) -> None:
        """Put a listing for each SKU on a channel, showing what there is."""
        skus = self.skus.setdefault(channel, {})
        entries = [{"sku": sku, "title": sku, "quantity": units} for sku, units in stock.items()]
        for start in range(0, len(entries), LISTINGS_AT_ONCE):
            part = entries[start : start + LISTINGS_AT_ONCE]
            for entry, told in zip(part, await self.drive(channel, "listings", part), strict=True):
                skus[str(told.get("item_id") or told["listing_ids"][0])] = str(entry["sku"])

    async def applied(self, channel: str) -> list[Applied]:
        """Every number the stand-in has taken and still remembers, in the order in which the requests came."""
        skus = self.skus[channel]
        return [
            Applied(
                skus[_listing(one)],
                int(one.get("quantity", one.get("after"))),
                number,
                datetime.fromisoformat(call["at"]),
            )
            for number, call in enumerate(await self.calls(channel))
            for one in call["applied"]
        ]

    async def calls(self, channel: str) -> list[dict[str, Any]]:
        """The calls that the stand-in still remembers, oldest first."""
        async with self.http.get(f"{self.stand_ins[channel]}/_sandbox/state") as answer:
            calls: list[dict[str, Any]] = (await answer.json())["calls"]
        return calls

    async def sell(self, number: str, sku: str, units: int = 1) -> None:
        """Sell over the counter; returns once the movement is durable."""
        scan = {"scan_id": number, "kind": "counter_sale", "code": sku, "quantity": units, "location": "main"}
        async with self.http.post(f"{self.url}/api/v1/scans", json=scan) as answer:
            if answer.status != 201:
                raise RuntimeError(f"the scan {number} was not posted: {await answer.text()}")

    def usage(self) -> Usage:
        """Of the daemon."""
        assert self.daemon is not None
        process = Path("/proc") / str(self.daemon.pid)
        times = process.joinpath("stat").read_text().rpartition(")")[2].split()
        status = dict(line.split(":", 1) for line in process.joinpath("status").read_text().splitlines())
        seconds = (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
        return Usage(seconds, int(status["VmRSS"].split()[0]) / 1024)

    def asked(self, question: str) -> int:
        """One number from the daemon's store, read beside it."""
        with closing(sqlite3.connect(f"file:{self.folder / 'bench.db'}?mode=ro", uri=True)) as conn:
            return int(conn.execute(question).fetchone()[0])

    def recorded(self) -> dict[str, datetime]:
        """By scan, when the writer took its movement up."""
        with closing(sqlite3.connect(f"file:{self.folder / 'bench.db'}?mode=ro", uri=True)) as conn:
            rows = conn.execute("SELECT key, recorded_at FROM movement WHERE key LIKE 'scan:%'").fetchall()
        return {key.removeprefix("scan:"): datetime.fromisoformat(at).replace(tzinfo=UTC) for key, at in rows}

    async def until(self, question: str, wanted: int) -> float:
        """Wait until the store answers so; returns the seconds of processor time the daemon took meanwhile."""
        before = self.usage().cpu_seconds
        async with asyncio.timeout(SETTLED_SECONDS_MAX):
            while self.asked(question) != wanted:  # noqa: ASYNC110  another process answers
                await asyncio.sleep(0.1)
        return self.usage().cpu_seconds - before

    def told(self, event: str) -> list[dict[str, Any]]:
        """The daemon's log lines about one event, in order."""
        with (self.folder / "daemon.log").open(encoding="utf-8") as lines:
            read = (json.loads(line) for line in lines if event in line and line.startswith("{"))
            return [one for one in read if one["event"] == event]

    async def start_stand_in(self, channel: str, undo: AsyncExitStack) -> None:
        """Serve one in a process of its own."""
        process = await started("sandbox", CONNECTORS[channel], "--json", folder=self.folder, env=os.environ)
        undo.push_async_callback(ended, process)
        assert process.stdout is not None
        said = b""
        while not said.endswith(b"\n}\n"):
            said += await process.stdout.readline()
        told = json.loads(said)
        self.stand_ins[channel] = told["url"]
        self.environment |= told["environment"]
        settings = [
            line for line in told["toml"].splitlines() if "=" in line and not line.startswith(("connector", "mode"))
        ]
        self.toml[channel] = "\n".join(settings)
        if UNLIMITED[channel]:
            await self.drive(channel, "switches", UNLIMITED[channel])

    def configure(self, *, cap: int | None = None) -> None:
        """Write syncd.toml for the stand-ins that run."""
        stated = "" if cap is None else f"cap = {cap}"
        channels = [
            _CHANNEL.format(name=name, connector=CONNECTORS[name], settings=self.toml[name], cap=stated)
            for name in self.stand_ins
        ]
        (self.folder / "syncd.toml").write_text(_TOML + "".join(channels), encoding="utf-8")

    async def stock(self, stock: Mapping[str, int]) -> None:
        """Take an opening stock, as a merchant does on the first day."""
        path = self.folder / "opening.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("sku", "quantity", "location", "title"))
            rows.writerows((sku, units, "main", sku) for sku, units in stock.items())
        for words in (("migrate",), ("stock", "import", str(path), "--json")):
            process = await started(*words, folder=self.folder, env=self.environment)
            out, _ = await process.communicate()
            if process.returncode:
                raise RuntimeError(f"syncd {' '.join(words)} failed: {out.decode()[-500:]}")

    async def start_daemon(self) -> None:
        """Start `syncd run` and return once it serves."""
        log = self.folder / "daemon.log"
        seen = log.stat().st_size if log.exists() else 0
        with log.open("ab") as file:
            self.daemon = await started("run", folder=self.folder, env=self.environment, out=file)
        async with asyncio.timeout(READY_SECONDS_MAX):
            while not (url := _served(log, seen)):
                if self.daemon.returncode is not None:
                    raise RuntimeError(f"the daemon ended at once: {log.read_text()[-1000:]}")
                await asyncio.sleep(0.05)
        self.url = url

    async def end_daemon(self) -> None:
        """Stop it in order."""
        daemon, self.daemon = self.daemon, None
        if daemon is not None:
            await ended(daemon)


@asynccontextmanager
async def opened(channels: Sequence[str]) -> AsyncIterator[Whole]:
    """Stand-ins for these channels, and a folder; everything is ended and removed afterwards."""
    async with AsyncExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="syncd-bench-")))
        connector = aiohttp.TCPConnector(limit=0)
        http = await undo.enter_async_context(aiohttp.ClientSession(connector=connector))
        whole = Whole(folder, http, dict(os.environ))
        for channel in channels:
            await whole.start_stand_in(channel, undo)
        undo.push_async_callback(whole.end_daemon)
        yield whole


async def started(
    *words: str, folder: Path, env: Mapping[str, str], out: Any = asyncio.subprocess.PIPE
) -> asyncio.subprocess.Process:
    """`syncd WORDS…` in a folder."""
    command = (sys.executable, "-m", "syncd", "--config", str(folder / "syncd.toml"), *words)
    return await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=dict(env), stdout=out, stderr=asyncio.subprocess.STDOUT
    )


async def ended(process: asyncio.subprocess.Process) -> None:
    """Ask it to stop, and see it stop."""
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), 30)
        except TimeoutError:
            process.kill()
            await process.wait()


def _served(log: Path, start: int) -> str:
    with log.open(encoding="utf-8") as lines:
        lines.seek(start)
        for line in lines:
            if '"daemon.started"' in line:
                return str(json.loads(line)["url"])
    return ""


def _listing(applied: Mapping[str, Any]) -> str:
    return str(applied.get("item_id") or applied["listing_id"])
