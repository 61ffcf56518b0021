"""The daemon as a process: it stops in order, and a kill at any moment loses nothing and doubles nothing."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator

import aiohttp
import pytest

from syncd.clock import SystemClock
from syncd.demo.stage import EBAY, SHOP, Stage

SKU = "GLOVE-X"
OPENING = 200


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """Stand-ins with one listing each, an opening stock, and the daemon running."""
    async with Stage(SystemClock()) as stage:
        await stage.drive(EBAY, "switches", order_lag_seconds=0)
        await stage.drive(EBAY, "listings", title="Gloves", sku=SKU, price="19.90", quantity=OPENING)
        await stage.drive(SHOP, "listings", title="Gloves", sku=SKU, price="19.90", quantity=OPENING)
        opening = stage.folder / "opening.csv"
        opening.write_text(f"sku,quantity,title\n{SKU},{OPENING},Gloves\n", encoding="utf-8")
        await stage.command("migrate")
        await stage.command("stock", "import", str(opening))
        await stage.start_daemon()
        await stage.drive(EBAY, "notifications", url=f"{stage.url}/hooks/{EBAY}")
        yield stage


async def shown(stage: Stage) -> tuple[int, int]:
    """What eBay and the shop show."""
    item = (await stage.state(EBAY))["listings"][0]
    product = (await stage.state(SHOP))["products"][0]
    return item["offers"][0]["available"], product["stock_quantity"]


async def available(stage: Stage) -> int:
    """What the ledger has free, asked of the command line beside the daemon."""
    told = await stage.command("stock", "show", SKU)
    return sum(int(one["available"]) for one in told)


async def test_sigterm_ends_the_daemon_in_order(stage: Stage) -> None:
    """SIGTERM: exit code 0, and the log's last word is that it stopped."""
    assert await stage.end_daemon(signal.SIGTERM) == 0
    log = (stage.folder / "daemon.log").read_text(encoding="utf-8").strip().splitlines()
    assert "daemon.stopped" in log[-1]


async def test_kills_under_load_lose_nothing_and_double_nothing(stage: Stage) -> None:
    """Scans and sales go on while the daemon is killed and started again; afterwards everything adds up."""
    rng = random.Random(20)
    acknowledged: set[str] = set()
    sent: list[str] = []
    sold = 0

    async def scan(scan_id: str) -> None:
        told = await stage.scan(scan_id=scan_id, kind="counter_sale", code=SKU, quantity=1, location="main")
        if told.get("verdict") in ("posted", "duplicate"):
            acknowledged.add(scan_id)

    for round_ in range(4):
        for number in range(10):
            scan_id = f"r{round_}-{number}"
            sent.append(scan_id)
        burst = [asyncio.create_task(scan(scan_id)) for scan_id in sent[-10:]]
        item = (await stage.state(EBAY))["listings"][0]["item_id"]
        await stage.drive(EBAY, "sales", lines=[{"item_id": item, "quantity": 1}], paid=True)
        listing = (await stage.state(SHOP))["products"][0]["listing_id"]
        await stage.drive(SHOP, "sales", listing_id=listing, quantity=1, billing={"email": "a.bianchi@example.com"})
        sold += 2
        await asyncio.sleep(rng.random() * 0.3)
        await stage.end_daemon(signal.SIGKILL)
        faults = await asyncio.gather(*burst, return_exceptions=True)
        assert all(fault is None or isinstance(fault, aiohttp.ClientError) for fault in faults), faults
        await stage.start_daemon()

    for scan_id in sent:  # the scanner repeats what was not acknowledged, and what was
        await scan(scan_id)
    assert acknowledged == set(sent)
    left = OPENING - len(sent) - sold

    async def all_true() -> bool:
        return await shown(stage) == (left, left)

    await stage.until(all_true, 30, f"both channels to show {left}")
    assert await available(stage) == left
    assert (await stage.command("doctor"))["findings"] == []
