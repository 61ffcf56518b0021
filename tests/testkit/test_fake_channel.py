"""The fake channel passes the kit, with every way of counting that a channel can declare."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from syncd.testkit.channel_conformance import ChannelConformance, ChannelRig
from syncd.testkit.fake_channel import PlainFakeChannel
from syncd.testkit.fake_rig import FakeRig
from syncd.testkit.shop_record import EVERYTHING

FACTS = {
    "everything": EVERYTHING,
    "like a marketplace": replace(EVERYTHING, order_lag_seconds=120, names_buyer_language=False),
    "like a webshop": replace(
        EVERYTHING, batch_size=20, sold_counter=False, decrements_unpaid=False, holds_unpaid=True
    ),
    "without mercy": replace(EVERYTHING, batch_size=1, restocks_cancelled=False, zero_keeps_listing=False),
}


class TestFakeChannel(ChannelConformance):
    """The kit's first subject."""

    @pytest.fixture(params=FACTS)
    async def rig(self, request: pytest.FixtureRequest) -> AsyncIterator[ChannelRig]:
        """A fake channel over an empty shop."""
        async with FakeRig(FACTS[request.param]) as rig:
            yield rig


class TestPlainFakeChannel(ChannelConformance):
    """A channel without any optional ability passes too."""

    @pytest.fixture
    async def rig(self) -> AsyncIterator[ChannelRig]:
        """The smallest legal channel over an empty shop."""
        async with FakeRig(EVERYTHING, PlainFakeChannel) as rig:
            yield rig
