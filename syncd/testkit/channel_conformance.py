"""The suite every channel connector passes: inherit it, give it a rig, run pytest.

    from syncd.testkit.channel_conformance import ChannelConformance, ChannelRig

    class TestMyChannel(ChannelConformance):
        @pytest.fixture
        async def rig(self) -> AsyncIterator[ChannelRig]:
            ...
            yield MyRig(...)

Cases are gated by what the channel can do (the optional Protocols it implements, the facts it declares),
never by its name. What it declares and cannot do is red, and so is what it does without declaring it. Nothing
is skipped: a case about an ability that the channel lacks checks that it lacks it.
"""

from __future__ import annotations

import pytest

PARTS = ("reading", "listing_cases", "order_cases", "push_cases", "fault_cases", "webhook_cases")
# Without this the assertions of the kit would fail without showing their values.
pytest.register_assert_rewrite(
    *(f"syncd.testkit.channel_{part}" for part in (*PARTS, "care_cases", "fact_cases", "account_cases"))
)

from syncd.testkit.channel_account_cases import AccountCases  # noqa: E402
from syncd.testkit.channel_care_cases import CareCases  # noqa: E402
from syncd.testkit.channel_fact_cases import FactCases  # noqa: E402
from syncd.testkit.channel_fault_cases import FaultCases  # noqa: E402
from syncd.testkit.channel_listing_cases import ListingCases  # noqa: E402
from syncd.testkit.channel_order_cases import OrderCases  # noqa: E402
from syncd.testkit.channel_push_cases import PushCases  # noqa: E402
from syncd.testkit.channel_rig import ChannelRig, Fault  # noqa: E402
from syncd.testkit.channel_webhook_cases import WebhookCases  # noqa: E402

__all__ = ["ChannelConformance", "ChannelRig", "Fault"]


class ChannelConformance(
    FactCases, AccountCases, ListingCases, OrderCases, PushCases, FaultCases, WebhookCases, CareCases
):
    """Every case of the kit. The author supplies the fixture `rig`, which yields a `ChannelRig`."""
