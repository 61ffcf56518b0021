"""A supplier leads us nowhere inside: not by a redirect, not by a name, not by an address written oddly."""

from __future__ import annotations

import pytest
from aiohttp import web

from connectors.dropship.mapping_address import Reach, is_inner
from syncd.errors import ChannelProtocolError
from tests.connectors.dropship.servers import Connect, Serve

LIST = b"Codice;Disponibilit\xc3\xa0\nGLOVE-X;3\n"

INNER = [
    *("127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.5.5", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
    *("::1", "::", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "224.0.0.1"),
    *("255.255.255.255", "192.0.2.7", "ff02::1"),
]
OUTER = ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", INNER)
def test_addresses_within(address: str) -> None:
    """Loopback, private, link-local (a cloud's own service among them), shared, and IPv4 in the clothes of IPv6."""
    assert is_inner(address)


@pytest.mark.parametrize("address", OUTER)
def test_addresses_without(address: str) -> None:
    """The Internet."""
    assert not is_inner(address)


def test_who_is_named_may_lie_within() -> None:
    """An inner address in syncd.toml is meant as it stands; a name is believed only with private_hosts, or outside."""
    urls = ("http://192.168.1.20/list.csv", "https://nas.example/orders", "")
    reach, wide = (Reach.of(urls, private_hosts=private) for private in (False, True))
    assert not reach.refuses_literal("192.168.1.20")
    assert reach.refuses_literal("192.168.1.21")
    assert reach.refuses("nas.example", "192.168.1.20")
    assert not reach.refuses("nas.example", "8.8.8.8")
    assert not wide.refuses("NAS.example", "192.168.1.20")
    assert wide.refuses("elsewhere.example", "192.168.1.20")
    assert Reach.of(["http://[::1]:80/"], private_hosts=False).refuses_literal("[::1]") is False


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2", "[::1]", "2130706433", "0x7f.1", "169.254.169.254"])
async def test_a_redirect_leads_nowhere_within(serve: Serve, connected: Connect, host: str) -> None:
    """His server is on an address the merchant wrote down; it sends us elsewhere inside, where nobody hears of us."""
    asked: list[str] = []

    async def within(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(body=LIST)

    port = (await serve(within)).rpartition(":")[2]

    async def moved(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": f"http://{host}:{port}/list.csv"})

    with pytest.raises(ChannelProtocolError, match=r"private network|is not a URL"):
        await connected(feed_url=await serve(moved)).fetch_offers(None)
    assert asked == []
