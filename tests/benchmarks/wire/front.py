"""A stand-in server behind a front that counts, writes down and delays: a process of its own, so that its work is not
counted as the client's. Run as `python -m tests.benchmarks.wire.front CONNECTOR FOLDER`; ends when its input does.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import ssl
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

import aiohttp
import trustme
from aiohttp import web
from yarl import URL

from syncd.channel.registry import load_connector
from syncd.clock import SystemClock

BODY_BYTES_MAX = 64 * 1024 * 1024
_HOP = frozenset({"host", "content-length", "connection", "transfer-encoding", "content-encoding", "accept-encoding"})


class Front:
    """Passes everything on. `delay_seconds` is how long every answer takes besides."""

    def __init__(self, target: str, session: aiohttp.ClientSession) -> None:
        self._target = target
        self._session = session
        self._clock = SystemClock()
        self.delay_seconds = 0.0
        self.calls: list[dict[str, Any]] = []

    def application(self) -> web.Application:
        """Its own doors below /_front, everything else is the stand-in's."""
        application = web.Application(client_max_size=BODY_BYTES_MAX)
        application.router.add_post("/_front/delay", self._set_delay)
        application.router.add_get("/_front/calls", self._tell)
        application.router.add_delete("/_front/calls", self._forget)
        application.router.add_route("*", "/{path:.*}", self._pass_on)
        return application

    async def _set_delay(self, request: web.Request) -> web.Response:
        self.delay_seconds = float((await request.json())["seconds"])
        return web.json_response({})

    async def _tell(self, request: web.Request) -> web.Response:
        return web.json_response(self.calls)

    async def _forget(self, request: web.Request) -> web.Response:
        self.calls.clear()
        return web.json_response({})

    async def _pass_on(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        if not request.path.startswith("/_sandbox"):
            told = {"method": request.method, "path": request.raw_path, "headers": headers}
            self.calls.append(told | {"body": b64encode(body).decode()})
            if self.delay_seconds:
                await self._clock.sleep(self.delay_seconds)
        url = URL(self._target + request.raw_path, encoded=True)
        async with self._session.request(request.method, url, data=body, headers=headers, ssl=False) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)


async def serve(connector: str, folder: Path) -> None:
    """Both servers up until standard input ends; says where in one line of JSON."""
    module = load_connector(connector).sandbox_module()
    secure = "tls" in inspect.signature(module.start).parameters
    context: ssl.SSLContext | None = None
    if secure:
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        authority.cert_pem.write_to_path(folder / "ca.pem")
    sandbox = await module.start(**({"tls": context} if secure else {}))
    async with aiohttp.ClientSession(auto_decompress=True) as session:
        front = Front(sandbox.url, session)
        runner = web.AppRunner(front.application(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        port = runner.addresses[0][1]
        url = f"{'https' if secure else 'http'}://127.0.0.1:{port}"
        print(json.dumps({"url": url, "ca_file": str(folder / "ca.pem") if secure else None}), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await runner.cleanup()
    await sandbox.aclose()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2])))
