"""The door's baseline, a process of its own: bare aiohttp, the same signature check, one durable row per call.

It reads nothing out of the body, follows nothing, and gathers rows into one commit as the daemon's writer does.
Prints its address and serves until it is ended.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import sys

import aiosqlite
from aiohttp import web

BATCH = 500
Row = tuple[str, bytes]


async def serve(path: str, secret: bytes) -> None:
    """Serve /hooks/shop on a free port of this machine."""
    queue: asyncio.Queue[tuple[Row, asyncio.Future[None]]] = asyncio.Queue()
    db = await aiosqlite.connect(path, isolation_level=None)
    for statement in (
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        "CREATE TABLE hint (delivery_key TEXT PRIMARY KEY, body BLOB)",
    ):
        await db.execute(statement)

    async def write() -> None:
        while True:
            batch = [await queue.get()]
            while len(batch) < BATCH and not queue.empty():
                batch.append(queue.get_nowait())
            await db.execute("BEGIN IMMEDIATE")
            await db.executemany("INSERT INTO hint VALUES (?,?) ON CONFLICT DO NOTHING", [row for row, _ in batch])
            await db.execute("COMMIT")
            for _, done in batch:
                done.set_result(None)

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        said = request.headers.get("X-WC-Webhook-Signature", "")
        signature = base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest())
        if not hmac.compare_digest(signature, said.encode()):
            return web.Response(status=401)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await queue.put(((hashlib.sha256(body).hexdigest(), body), done))
        await done
        return web.Response()

    app = web.Application()
    app.router.add_post("/hooks/shop", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    sys.stdout.write(f"http://127.0.0.1:{port}\n")
    sys.stdout.flush()
    await write()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2].encode()))
