"""Runs single cases of the kit against channels that are broken on purpose."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable

import pytest

from syncd.channel.port import Capabilities
from syncd.errors import RemoteError
from syncd.testkit.channel_conformance import ChannelConformance
from syncd.testkit.channel_reading import all_orders
from syncd.testkit.fake_channel import FakeChannel
from syncd.testkit.fake_rig import FakeRig
from syncd.testkit.shop_record import EVERYTHING

IsRed = Callable[..., Awaitable[bool]]

TEST_FAILED = pytest.fail.Exception
"""What `pytest.fail` raises."""


@pytest.fixture
def is_red() -> IsRed:
    """Whether a channel fails a case, given by name and with its parameters."""

    async def run(
        channel_type: type[FakeChannel], case: str, capabilities: Capabilities = EVERYTHING, **given: object
    ) -> bool:
        try:
            async with FakeRig(capabilities, channel_type) as rig:
                method = getattr(ChannelConformance(), case)
                wanted = inspect.signature(method).parameters
                if "gloves" in wanted:
                    given["gloves"] = await rig.add_listing("GLOVE-X", 100)
                if "sale" in wanted:
                    listing_id = await rig.add_listing("GLOVE-X", 5)
                    given["sale"] = (listing_id, await rig.sell(listing_id, 1))
                if "order" in wanted:
                    order_id = await rig.sell(await rig.add_listing("GLOVE-X", 10), 3)
                    given["order"] = (await all_orders(rig))[order_id]
                await method(rig, **given)
        except (AssertionError, TEST_FAILED, RemoteError, ValueError, RuntimeError):
            return True
        return False

    return run
