"""What steers the rooms, read out of the configuration: the store, the policies of channels and suppliers, care."""

from __future__ import annotations

from syncd.availability.allocation import WHOLE, Share
from syncd.availability.ats import AvailabilityConfig, ChannelPolicy, Policies
from syncd.config.sections import ChannelConfig, Config
from syncd.db import Database
from syncd.goodwill.goodwill import GoodwillConfig
from syncd.reconcile.plan import DriftPolicy
from syncd.shortage.levels import ServiceConfig
from syncd.shortage.page import Links, PageConfig
from syncd.shortage.resolution import ShortageConfig
from syncd.shortage.service_affair import Rules
from syncd.supply.offer import SupplierPolicy


def open_database(config: Config) -> Database:
    """The configured store."""
    password = config.database.password
    return Database(config.database.url, password.get_secret_value() if password else None)


def care_rules(config: Config) -> Rules:
    """What steers cases, letters and customers' pages."""
    page, goodwill, service = config.room(PageConfig), config.room(GoodwillConfig), config.room(ServiceConfig)
    links = Links(config.http.public_url, page.link_secret)
    counting = frozenset(name for name, channel in config.channels.items() if channel.capabilities.cancelling_counts)
    return Rules(config.room(ShortageConfig), page, links, goodwill, counting, service)


def policies_of(config: Config) -> Policies:
    """What targets depend on besides stock, from the configuration."""
    channels = {name: _channel_policy(channel, config) for name, channel in config.channels.items()}
    suppliers = {
        name: SupplierPolicy(name, told.stale_after_seconds, told.confidence, told.lead_days)
        for name, told in ((name, supplier.options) for name, supplier in config.suppliers.items())
    }
    return Policies(channels, suppliers, config.room(AvailabilityConfig))


def _channel_policy(channel: ChannelConfig, config: Config) -> ChannelPolicy:
    options = channel.options
    return ChannelPolicy(
        channel.name,
        options.locations,
        options.cap,
        channel.capabilities.quantity_max,
        asks_before_raising=DriftPolicy(options.drift) is DriftPolicy.ASK,
        others={name: one.options.locations for name, one in config.channels.items() if name != channel.name},
        shares={name: _share(one) for name, one in config.channels.items()},
    )


def _share(channel: ChannelConfig) -> Share:
    share = channel.options.share
    return Share(None if share is None else int(share * WHOLE), channel.options.priority)
