"""The daemon as a process in a hostile world: whatever comes in or goes wrong, listings end true and nothing leaks."""

from __future__ import annotations

import asyncio
import io
import json
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from syncd.channel.registry import load_connector
from syncd.clock import SystemClock
from syncd.demo.stage import CONNECTORS, EBAY, SHOP, Stage

SKU = "GLOVE-X"
MEMORY_MB_MAX = 400
BUYER = {"id": "mrossi", "name": "Mario Rossi", "email": "mario.rossi@example.com"}
BILLING = {"first_name": "Anna", "last_name": "Bianchi", "email": "anna.bianchi@example.com"}
NOBODY_IS_NAMED = ("Mario", "Rossi", "mrossi", "Anna", "Bianchi", "@example.com")

DATES_THAT_DO_NOT_EXIST = """\
<Envelope><Body><GetItemResponse><Timestamp>0001-01-01T00:00:00+14:00</Timestamp></GetItemResponse></Body></Envelope>"""
BOMB = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>'

KNOCKS: list[tuple[str, bytes, int]] = [
    ("/hooks/ebay", b"", 400),
    ("/hooks/ebay", b"<html>", 400),
    ("/hooks/ebay", b"<a>" * 50_000, 400),
    ("/hooks/ebay", BOMB.encode(), 400),
    ("/hooks/ebay", DATES_THAT_DO_NOT_EXIST.encode(), 400),
    ("/hooks/ebay", b"x" * 10_000_000, 413),
    ("/hooks/shop", b'{"id": 1}', 401),
    ("/hooks/shop", b"x" * 10_000_000, 413),
    ("/hooks/nobody", b"{}", 404),
    ("/api/v1/scans", b"", 400),
    ("/api/v1/scans", b"\xff\xfe", 400),
    ("/api/v1/scans", b"[" * 50_000, 400),
    ("/api/v1/scans", b'{"quantity": ' + b"9" * 5000 + b"}", 400),
    ("/api/v1/scans", b'{"scan_id": "a", "scan_id": "b"}', 400),
    ("/api/v1/scans", b"x" * 10_000_000, 413),
]
"""What a stranger sends to which door, and the status he is answered with."""

EBAY_FAULTS = ("html_200", "cut_body", "empty", "huge", "wrong_root")
SHOP_FAULTS = ("redirect", "html", "not_json", "empty", "cut_middle")


@asynccontextmanager
async def opened_stage(quantity: int) -> AsyncIterator[Stage]:
    """Stand-ins with one listing each, that many units on the shelf, short patience, and the daemon running."""
    async with Stage(SystemClock()) as stage:
        file = stage.folder / "syncd.toml"
        file.write_text(re.sub(r"(?m)^timeout_seconds.*$", "timeout_seconds = 2", file.read_text(encoding="utf-8")))
        await stage.drive(EBAY, "switches", order_lag_seconds=0, refund_seconds=0.2)
        for channel in (EBAY, SHOP):
            await stage.drive(channel, "listings", title="Gloves", sku=SKU, price="19.90", quantity=quantity)
        opening = stage.folder / "opening.csv"
        opening.write_text(f"sku,quantity,title\n{SKU},{quantity},Gloves\n", encoding="utf-8")
        await stage.command("migrate")
        await stage.command("stock", "import", str(opening))
        await stage.start_daemon()
        await stage.drive(EBAY, "notifications", url=f"{stage.url}/hooks/{EBAY}")
        await settle(stage, quantity)
        yield stage


async def settle(stage: Stage, quantity: int) -> None:
    """Wait until both listings show this number, and nothing more is to be pushed."""

    async def settled() -> bool:
        item = (await stage.state(EBAY))["listings"][0]
        product = (await stage.state(SHOP))["products"][0]
        listings = (await stage.get("listings"))["items"]
        shown = (item["offers"][0]["available"], product["stock_quantity"])
        idle = len(listings) == 2 and all(one["push"] and not one["push"]["pending"] for one in listings)
        return shown == (quantity, quantity) and idle

    await stage.until(settled, 40, f"both channels to show {quantity}")


async def letters_and_doubts(stage: Stage) -> tuple[int, int]:
    """Letters that customers got, and questions about letters of which nobody knows whether they went."""
    ebay, shop = await stage.state(EBAY), await stage.state(SHOP)
    asked = [one for one in (await stage.get("questions"))["items"] if one["topic"] == "message"]
    return len(ebay["messages"]) + len(shop["mails"]), len(asked)


async def sell_on_both(stage: Stage) -> None:
    """A buyer on eBay and a customer in the shop, in the same instant."""
    item = (await stage.state(EBAY))["listings"][0]["item_id"]
    listing = (await stage.state(SHOP))["products"][0]["listing_id"]
    await asyncio.gather(
        stage.drive(EBAY, "sales", lines=[{"item_id": item, "quantity": 1}], buyer=BUYER, paid=True),
        stage.drive(SHOP, "sales", listing_id=listing, quantity=1, billing=BILLING),
    )


async def scan_sale(stage: Stage, scan_id: str) -> None:
    """One unit goes over the counter."""
    told = await stage.scan(scan_id=scan_id, kind="counter_sale", code=SKU, quantity=1, location="main")
    assert told["verdict"] == "posted", told


async def assert_sound(stage: Stage) -> None:
    """The doctor finds nothing; the log holds JSON lines only, and in them no traceback, secret or buyer."""
    assert (await stage.command("doctor"))["findings"] == []
    text = (stage.folder / "daemon.log").read_text(encoding="utf-8")
    secrets = [
        secret
        for connector in CONNECTORS.values()
        for secret in load_connector(connector).sandbox_module().EXAMPLE_SECRETS.values()
    ]
    assert [word for word in (*secrets, *NOBODY_IS_NAMED) if word in text] == []
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line for line in lines if "exception" in line or line["event"] == "worker.failed"] == []


async def knock(stage: Stage) -> list[tuple[str, bytes, int]]:
    """Send every stranger's message; returns those that were answered otherwise than they should be."""
    wrong = []
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession() as http:
        for path, body, status in KNOCKS:
            try:
                async with http.post(stage.url + path, data=io.BytesIO(body), headers=headers) as answer:
                    told = answer.status
            except aiohttp.ClientConnectionError:  # a body that is far too large is not even listened to
                told = 413
            if told != status:
                wrong.append((path, body[:60], told))
    return wrong


async def test_nonsense_from_everywhere_changes_nothing() -> None:
    """Strangers at every door, garbage from both channels, a wait of ages: listings end true, and nobody is asked."""
    async with opened_stage(20) as stage:
        assert await knock(stage) == []
        for number, (ebay, shop) in enumerate(zip(EBAY_FAULTS, SHOP_FAULTS, strict=True)):
            await stage.drive(EBAY, "faults", kind=ebay, call="ReviseInventoryStatus")
            await stage.drive(SHOP, "faults", mode=shop, method="POST", match="batch")
            await scan_sale(stage, f"sale-{number}")
            await settle(stage, 19 - number)
        assert (await stage.get("questions"))["items"] == []
        await assert_sound(stage)
        assert memory_mb(stage) < MEMORY_MB_MAX


async def test_killed_at_awkward_moments_pays_and_writes_once() -> None:
    """Killed with pushes on their way, with a letter, with a refund: each happened once, nothing is forgotten."""
    async with opened_stage(2) as stage:
        await stage.drive(EBAY, "faults", kind="hang_after", call="ReviseInventoryStatus")
        await stage.drive(SHOP, "faults", mode="hang_after", method="POST", match="batch")
        await scan_sale(stage, "sale")
        await stage.until(lambda: pushed(stage), 10, "both numbers to be on their way")
        await stage.end_daemon(signal.SIGKILL)
        await sell_on_both(stage)  # one unit is left
        await stage.start_daemon()
        await stage.until(lambda: has_case(stage, "asked"), 20, "the loser's case")
        await stage.end_daemon(signal.SIGKILL)
        await stage.start_daemon()
        await stage.until(lambda: has_case(stage, "acting"), 20, "his refund to be decided")
        await stage.end_daemon(signal.SIGKILL)
        await stage.start_daemon()
        await stage.until(lambda: has_case(stage, "resolved"), 30, "his case to be resolved")
        await settle(stage, 0)
        assert len(await refunds(stage)) == 1

        async def told() -> bool:
            return sum(await letters_and_doubts(stage)) >= 2

        await stage.until(told, 20, "both letters to be sent, or asked about")
        letters, doubtful = await letters_and_doubts(stage)
        assert letters + doubtful <= 3  # one that may have gone is a person's, and is never sent again
        assert letters <= 2
        await assert_sound(stage)


async def pushed(stage: Stage) -> bool:
    """Whether both channels have been told a number that nobody heard them accept."""
    ebay = [call for call in (await stage.state(EBAY))["calls"] if call.get("fault") == "hang_after"]
    shop = [call for call in (await stage.state(SHOP))["calls"] if call.get("fault") == "hang_after"]
    return bool(ebay and shop)


async def has_case(stage: Stage, status: str) -> bool:
    """Whether the one case has come so far."""
    order = ["open", "asked", "acting", "resolved"]
    found = [case["status"] for case in (await stage.get("cases"))["items"]]
    assert "needs_person" not in found
    return bool(found) and order.index(found[0]) >= order.index(status)


async def refunds(stage: Stage) -> list[Any]:
    """Every refund either channel has made."""
    ebay = [order for order in (await stage.state(EBAY))["orders"] if float(order["refunded"]) > 0]
    return ebay + [refund for order in (await stage.state(SHOP))["orders"] for refund in order["refunds"]]


def memory_mb(stage: Stage) -> int:
    """What the daemon holds in memory."""
    pid = stage.daemon_pid
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) // 1024
