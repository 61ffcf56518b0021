"""The suite every channel connector passes: inherit it, give it a rig, run pytest.

    from syncd.testkit.channel_conformance import ChannelConformance

    class TestMyChannel(ChannelConformance):
        @pytest.fixture
        async def rig(self) -> AsyncIterator[ChannelRig]:
            ...
            yield MyRig(...)

Cases are gated by what the channel can do (the optional Protocols it implements, the facts it declares), never by
its name. What it does not declare is skipped visibly; what it declares and cannot do is red, and so is what it
does without declaring it.
"""

from __future__ import annotations

from syncd.testkit.channel_rig import ChannelRig, Fault

__all__ = ["ChannelConformance", "ChannelRig", "Fault"]


class ChannelConformance:
    """Every case of the kit. The author supplies the fixture `rig`."""
