"""Reads everything the report is made from, from one consistent state of the store."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from syncd.availability.ats import Policies
from syncd.availability.store import read_supplies
from syncd.db import Database
from syncd.identity import ChannelName, Sku
from syncd.listing.listing import Listing
from syncd.listing.store import read_listings
from syncd.product.store import read_products
from syncd.push.plan import PushConfig
from syncd.push.store import RaceCount, read_hold, read_races, read_states
from syncd.reconcile.report import ChannelReport, Situation, channel_report, offered_nowhere


@dataclass(frozen=True, slots=True)
class Report:
    """All channels asked for. `nowhere`: SKUs with stock that no channel offers. `races`: overwritten sales."""

    channels: tuple[ChannelReport, ...]
    nowhere: tuple[Sku, ...]
    races: tuple[RaceCount, ...]
    made_at: datetime

    @property
    def asks(self) -> bool:
        """Whether something waits for a person."""
        return any(one.asks for one in self.channels)


@dataclass(frozen=True, slots=True)
class ReportRules:
    """What a report judges by. `modes`: observe or live, by channel. `intended`: SKUs that may be listed twice."""

    policies: Policies
    modes: Mapping[ChannelName, str]
    push: PushConfig
    intended: Collection[str] = ()


async def report(db: Database, rules: ReportRules, now: datetime) -> Report:
    """How every configured channel stands."""
    policies = rules.policies
    async with db.read_at_length() as conn:
        by_key = await read_listings(conn)
        skus = sorted({*await read_products(conn), *(sku for one in by_key.values() for sku in one.skus)})
        supplies = await read_supplies(conn, skus, policies.suppliers, now)
        states = await read_states(conn)
        holds = {name: await read_hold(conn, name) for name in policies.channels}
        races = await read_races(conn)
    listings: dict[ChannelName, list[Listing]] = {name: [] for name in policies.channels}
    for key, one in by_key.items():
        listings.setdefault(key.channel, []).append(one)
    found: list[ChannelReport] = []
    for name, policy in policies.channels.items():
        hold = holds[name]
        own = {key: state for key, state in states.items() if key.channel == name}
        here = Situation(name, rules.modes.get(name, ""), hold.reason if hold else "", listings[name], own)
        made = channel_report(here, supplies, policy, policies.availability, rules.push, intended=rules.intended)
        found.append(made)
    return Report(tuple(found), offered_nowhere(found), tuple(races), now)
