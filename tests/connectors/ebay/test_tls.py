"""TLS as it is in production: one kept connection per worker, never shared by calls in flight, certificates checked."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from connectors.ebay.channel import EbayChannel
from connectors.ebay.mapping_xml import parse_document, text
from syncd.errors import ChannelUnavailable

Connect = Callable[..., EbayChannel]


class SecureServer:
    """Answers GetUserPreferences over https and remembers who called on which connection."""

    def __init__(self) -> None:
        self.url = ""
        self.connections: set[object] = set()
        self.in_flight: dict[object, int] = {}
        self.shared = 0
        self.most = 0

    async def answer(self, request: web.Request) -> web.Response:
        """Slow enough that calls overlap; echoes the MessageID, so that a mixed-up answer would be told."""
        assert request.transport is not None
        peer = request.transport.get_extra_info("peername")
        self.connections.add(peer)
        self.in_flight[peer] = self.in_flight.get(peer, 0) + 1
        self.shared += self.in_flight[peer] > 1
        self.most = max(self.most, sum(self.in_flight.values()))
        message_id = text(parse_document(await request.read()), "MessageID")
        await asyncio.sleep(0.01)
        self.in_flight[peer] -= 1
        body = (
            '<GetUserPreferencesResponse xmlns="urn:ebay:apis:eBLBaseComponents"><Ack>Success</Ack>'
            f"<CorrelationID>{message_id}</CorrelationID>"
            "<OutOfStockControlPreference>true</OutOfStockControlPreference></GetUserPreferencesResponse>"
        )
        return web.Response(text=body, content_type="text/xml")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[SecureServer]:
    """An https server with a certificate of its own authority, written to ca.pem."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    made = SecureServer()
    app = web.Application()
    app.router.add_post("/ws/api.dll", made.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    made.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


async def test_kept_sessions_are_never_shared(
    server: SecureServer, open_channel: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred and twenty calls, sixteen at a time: at most sixteen handshakes, no connection with two calls on it."""
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(tmp_path / "ca.pem"))
    channel = open_channel(endpoint_url=server.url, timeout_seconds=10.0)
    await asyncio.gather(*(channel.check() for _ in range(120)))
    assert server.most > 1
    assert server.shared == 0
    assert len(server.connections) <= channel.capabilities.calls_in_flight


async def test_an_unknown_certificate_is_not_trusted(server: SecureServer, open_channel: Connect) -> None:
    """Nothing is sent to a server whose certificate nobody vouches for."""
    with pytest.raises(ChannelUnavailable, match="SSLError"):
        await open_channel(endpoint_url=server.url).check()
    assert not server.connections
