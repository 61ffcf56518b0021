"""A running stand-in, and channels connected to it over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from xml.etree.ElementTree import Element

import aiohttp
import pytest

from connectors.ebay.channel import EbayChannel, connect
from connectors.ebay.mapping_xml import parse_document
from connectors.ebay.sandbox import EXAMPLE_SECRETS, EXAMPLE_SETTINGS, EbaySandbox, start
from connectors.ebay.settings import Settings
from syncd.channel.registry import load_connector
from syncd.testkit.fake_clock import FakeClock

Connect = Callable[..., EbayChannel]
Call = Callable[..., Awaitable[Element]]
Drive = Callable[..., Awaitable[tuple[int, Any]]]


@pytest.fixture
def clock() -> FakeClock:
    """Time that connector and stand-in share."""
    return FakeClock()


@pytest.fixture
async def sandbox(clock: FakeClock) -> AsyncIterator[EbaySandbox]:
    """A stand-in without listings or orders."""
    running = await start(clock=clock)
    yield running
    await running.aclose()


@pytest.fixture
async def open_channel(sandbox: EbaySandbox, clock: FakeClock) -> AsyncIterator[Connect]:
    """Opens channels to the stand-in, with settings changed as asked, and closes them at the end."""
    opened: list[EbayChannel] = []

    def open_one(**changes: object) -> EbayChannel:
        values = {"endpoint_url": sandbox.url, **EXAMPLE_SETTINGS, **EXAMPLE_SECRETS, "timeout_seconds": 0.5, **changes}
        settings = Settings.model_validate(values)
        capabilities = load_connector("ebay").capabilities
        assert capabilities is not None
        channel = connect(settings, name="ebay", clock=clock, capabilities=capabilities)
        opened.append(channel)
        return channel

    yield open_one
    for channel in opened:
        await channel.aclose()


@pytest.fixture
def channel(open_channel: Connect) -> EbayChannel:
    """A channel with the stand-in's own credentials."""
    return open_channel()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A plain HTTP client."""
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def call(sandbox: EbaySandbox, session: aiohttp.ClientSession) -> Call:
    """Makes a Trading call and returns the root of the answer."""

    async def make(verb: str, inner: str = "", **headers: str) -> Element:
        body = f'<{verb}Request xmlns="urn:ebay:apis:eBLBaseComponents">{inner}</{verb}Request>'
        sent = {
            "X-EBAY-API-CALL-NAME": verb,
            "X-EBAY-API-COMPATIBILITY-LEVEL": "1423",
            "X-EBAY-API-IAF-TOKEN": EXAMPLE_SECRETS["iaf_token"],
            **headers,
        }
        async with session.post(f"{sandbox.url}/ws/api.dll", data=body.encode(), headers=sent) as response:
            assert response.status == 200
            return parse_document(await response.read())

    return make


@pytest.fixture
def drive(sandbox: EbaySandbox, session: aiohttp.ClientSession) -> Drive:
    """Drives the stand-in under /_sandbox/ as another process would."""

    async def make(method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async with session.request(method, f"{sandbox.url}/_sandbox/{path}", json=body) as response:
            return response.status, await response.json()

    return make
