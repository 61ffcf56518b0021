"""Several daemons as processes on one PostgreSQL, beside the demo's stand-in channels."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from syncd.clock import SystemClock
from syncd.db import Database
from syncd.demo.stage import EBAY, SHOP, Stage
from syncd.lease.store import Holdings, read_holdings
from tests.support.broker import free_port

SKU = "GLOVE-X"
START_SECONDS = 120.0
PATIENCE_SECONDS = 60.0


class Node:
    """One daemon with a configuration of its own, all else shared."""

    def __init__(self, stage: Stage, name: str, database: str) -> None:
        self.name = name
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.file = stage.folder / f"{name}.toml"
        self.log = stage.folder / f"{name}.log"
        text = (stage.folder / "syncd.toml").read_text(encoding="utf-8")
        text = re.sub(r"(?m)^url = .*$", f'url = "{database}"', text, count=1)
        text = re.sub(r"(?m)^port = .*$", f"port = {self.port}", text, count=1)
        text = re.sub(r"(?m)^name = .*$", f'name = "{name}"', text, count=1)
        text = re.sub(r"(?m)^timeout_seconds.*\n", "", text)
        text = text.replace("[channel.shop]\n", "[channel.shop]\ntimeout_seconds = 2\n", 1)
        self.file.write_text(text, encoding="utf-8")
        self._stage = stage
        self.said = ""
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process id of the daemon."""
        assert self._process is not None
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the daemon is no more."""
        return self._process is None or self._process.returncode is not None

    async def start(self, *, ready: bool = True) -> None:
        """Start the daemon, and wait until it says it is ready."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "syncd", "--config", str(self.file), "run", stdout=log, stderr=log
            )
        if ready:
            try:
                await self._stage.until(self.is_ready, START_SECONDS, f"{self.name} to be ready")
            except TimeoutError:
                raise AssertionError(f"{self.said}\n{last_lines(self.log)}") from None

    async def is_ready(self) -> bool:
        """Whether it takes work."""
        assert not self.has_ended, self.log.read_text(encoding="utf-8")[-3000:]
        try:
            async with aiohttp.ClientSession() as http, http.get(f"{self.url}/readyz") as answer:
                self.said = await answer.text()
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    async def end(self, number: signal.Signals) -> int:
        """Send it a signal and wait for its end; returns its exit code."""
        self.signal(number)
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), PATIENCE_SECONDS)

    async def scan(self, scan_id: str, quantity: int = 1) -> dict[str, Any]:
        """One unit goes over the counter, told to this node."""
        body = {"scan_id": scan_id, "kind": "counter_sale", "code": SKU, "quantity": quantity, "location": "main"}
        async with aiohttp.ClientSession() as http, http.post(f"{self.url}/api/v1/scans", json=body) as answer:
            told: dict[str, Any] = await answer.json()
            return told

    def events(self, name: str) -> list[str]:
        """Its log lines of one event."""
        text = self.log.read_text(encoding="utf-8") if self.log.exists() else ""
        return [line for line in text.splitlines() if f'"{name}"' in line]


class House:
    """The stand-ins, the store and its nodes."""

    def __init__(self, stage: Stage, database: str) -> None:
        self.stage = stage
        self.database = database
        self.nodes: list[Node] = []
        self._db = Database(database)

    def node(self, name: str, database: str | None = None) -> Node:
        """One more node, not started yet."""
        node = Node(self.stage, name, database or self.database)
        self.nodes.append(node)
        return node

    async def command(self, *words: str) -> Any:
        """Run a command with the first node's configuration."""
        (self.stage.folder / "syncd.toml").write_bytes(self.nodes[0].file.read_bytes())
        return await self.stage.command(*words)

    async def holdings(self) -> Holdings:
        """Who holds what."""
        async with self._db.read() as conn:
            return await read_holdings(conn)

    async def holder_of(self, duty: str) -> Node | None:
        """The node that holds a duty."""
        found = await self.holdings()
        held = {one.duty: one.holder for one in found.leases if not one.is_free}
        by_pid = {f"/{one.pid}/": one for one in self.nodes if not one.has_ended}
        return next((one for pid, one in by_pid.items() if pid in held.get(duty, "")), None)

    async def all_held_by(self, *nodes: Node) -> bool:
        """Whether every duty is held by one of these, and each holds some."""
        found = await self.holdings()
        holders = {one.holder for one in found.leases if not one.is_free}
        spoken = {one.name for one in nodes for holder in holders if f"/{one.pid}/" in holder}
        free = [one for one in found.leases if one.is_free]
        return bool(found.leases) and not free and spoken == {one.name for one in nodes} and len(holders) == len(nodes)

    async def shown(self) -> tuple[int, int]:
        """What eBay and the shop show."""
        item = (await self.stage.state(EBAY))["listings"][0]
        product = (await self.stage.state(SHOP))["products"][0]
        return item["offers"][0]["available"], product["stock_quantity"]

    async def settle(self, quantity: int, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until both channels show this number."""

        async def settled() -> bool:
            return await self.shown() == (quantity, quantity)

        await self.stage.until(settled, seconds, f"both channels to show {quantity}")

    async def until(self, condition: Callable[[], Any], what: str) -> float:
        """Wait for a condition."""
        return await self.stage.until(condition, PATIENCE_SECONDS, what)

    async def aclose(self) -> None:
        """End every node."""
        for node in self.nodes:
            if not node.has_ended:
                node.signal(signal.SIGCONT)
                node.signal(signal.SIGKILL)
                await node.end(signal.SIGKILL)
        await self._db.aclose()


@asynccontextmanager
async def opened_house(database: str, quantity: int) -> AsyncIterator[House]:
    """Stand-ins with one listing each, a store with that many units on the shelf, and no node running yet."""
    async with Stage(SystemClock()) as stage:
        await stage.drive(EBAY, "switches", order_lag_seconds=0)
        for channel in (EBAY, SHOP):
            await stage.drive(channel, "listings", title="Gloves", sku=SKU, price="19.90", quantity=quantity)
        house = House(stage, database)
        try:
            house.node("anna")
            opening = stage.folder / "opening.csv"
            opening.write_text(f"sku,quantity,title\n{SKU},{quantity},Gloves\n", encoding="utf-8")
            await house.command("migrate")
            await house.command("stock", "import", str(opening))
            yield house
        finally:
            await house.aclose()


def last_lines(path: Path) -> str:
    """The end of a log, for a test's complaint."""
    return path.read_text(encoding="utf-8")[-3000:] if path.exists() else ""
