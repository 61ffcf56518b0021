"""A running stand-in, and channels connected to it over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from connectors.ebay.channel import EbayChannel, connect
from connectors.ebay.sandbox import EXAMPLE_SECRETS, EXAMPLE_SETTINGS, EbaySandbox, start
from connectors.ebay.settings import Settings
from syncd.channel.registry import load_connector
from syncd.testkit.fake_clock import FakeClock

Connect = Callable[..., EbayChannel]


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
