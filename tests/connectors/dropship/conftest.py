"""A stand-in supplier, connected suppliers, and servers of one handler each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from connectors.dropship import sandbox
from connectors.dropship.feed import FeedSupplier, Settings, connect
from connectors.dropship.sandbox import Offer, Sandbox
from syncd.testkit.fake_clock import FakeClock
from tests.connectors.dropship.servers import Connect, Handler, Serve


@pytest.fixture
async def server() -> AsyncIterator[Sandbox]:
    """A stand-in supplier whose clock stands still."""
    running = await sandbox.start(clock=FakeClock())
    running.set_offers([Offer("GLOVE-X", 12, "Guanti", "9,90")])
    yield running
    await running.aclose()


@pytest.fixture
async def connected() -> AsyncIterator[Connect]:
    """Connects suppliers by settings and closes them afterwards."""
    opened: list[FeedSupplier] = []

    def make(clock: FakeClock | None = None, **values: Any) -> FeedSupplier:
        columns = {"sku": "Codice", "quantity": "Disponibilità"}
        settings = Settings.model_validate({"columns": columns, "timeout_seconds": 5.0, **values})
        supplier = connect(settings, name="rossi", clock=clock or FakeClock())
        assert isinstance(supplier, FeedSupplier)
        opened.append(supplier)
        return supplier

    yield make
    for supplier in opened:
        await supplier.aclose()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serves one handler for every request and gives its address."""
    runners: list[web.AppRunner] = []

    async def start(handler: Handler) -> str:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", handler)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        return f"http://{host}:{port}"

    yield start
    for runner in runners:
        await runner.cleanup()
