"""The WooCommerce connector against the kit that every connector passes."""

from syncd.testkit.channel_conformance import ChannelConformance


class TestWooCommerce(ChannelConformance):
    """Every case, over the rig of conftest.py."""
