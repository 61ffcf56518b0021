"""Webhooks a second through the daemon's door, beside bare aiohttp that checks and keeps them as durably, in turns."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from tests.benchmarks.figures import Figure, at_least, at_most
from tests.benchmarks.whole.load import settle
from tests.benchmarks.whole.movements import percentile
from tests.benchmarks.whole.stage import ROOT, SHOP, ended, opened

CALLERS = 32
TURNS = 8
TURN_SECONDS = 1.0
ORDERS = 20
"""Orders the calls are about; each call tells of another change of one of them."""


def _requests(host: str, secret: str, start: int) -> Iterator[bytes]:
    """Signed deliveries, byte for byte as the shop sends them, each with a body of its own."""
    number = start
    while True:
        number += 1
        changed = f"2026-01-01T00:00:{number % 60:02d}"
        order = {"id": number % ORDERS + 1, "status": "processing", "date_modified_gmt": changed, "revision": number}
        body = json.dumps(order).encode()
        signature = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
        head = (
            f"POST /hooks/shop HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"X-WC-Webhook-Topic: order.updated\r\nX-WC-Webhook-Resource: order\r\nX-WC-Webhook-Event: updated\r\n"
            f"X-WC-Webhook-Signature: {signature}\r\nX-WC-Webhook-ID: 1\r\nX-WC-Webhook-Delivery-ID: d{number}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body


async def _turn(url: str, requests: Iterator[bytes], waits: list[float]) -> float:
    """So many callers, each one call after the other, for one turn; returns the seconds it took."""
    address = urlsplit(url)
    began = time.perf_counter()

    async def caller() -> None:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        while time.perf_counter() < began + TURN_SECONDS:
            asked = time.perf_counter()
            writer.write(next(requests))
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"a webhook was answered {head.splitlines()[0]!r}")
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length or 0))
            waits.append((time.perf_counter() - asked) * 1000)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return time.perf_counter() - began


async def door() -> list[Figure]:
    """Both doors on this machine, one after the other, turn by turn."""
    async with AsyncExitStack() as undo:
        whole = await undo.enter_async_context(opened((SHOP,)))
        await settle(whole, {SHOP: {"SKU-1": 10}})
        secret = whole.environment["WOOCOMMERCE_WEBHOOK_SECRET"]
        command = (sys.executable, "-m", "tests.benchmarks.whole.bare_door", str(whole.folder / "bare.db"), secret)
        bare = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        undo.push_async_callback(ended, bare)
        assert bare.stdout is not None
        urls = {"bare": (await bare.stdout.readline()).decode().strip(), "ours": whole.url}
        waits: dict[str, list[float]] = {name: [] for name in urls}
        seconds = dict.fromkeys(urls, 0.0)
        calls = {name: _requests(urlsplit(url).netloc, secret, 0) for name, url in urls.items()}
        for _ in range(TURNS):
            for name, url in urls.items():
                seconds[name] += await _turn(url, calls[name], waits[name])
        rates = {name: len(waits[name]) / seconds[name] for name in urls}
        kept = whole.asked("SELECT count(*) FROM hint")
        return [
            Figure("webhooks taken", rates["ours"], "per second", rates["bare"], at_least(0.6, of="ratio")),
            Figure("webhooks taken p50", percentile(waits["ours"], 0.5), "ms", percentile(waits["bare"], 0.5)),
            Figure("webhooks taken p99", percentile(waits["ours"], 0.99), "ms", percentile(waits["bare"], 0.99)),
            Figure("webhooks answered 200 and not kept", len(waits["ours"]) - kept, "calls", goal=at_most(0)),
        ]
