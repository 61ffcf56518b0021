"""What a merchant reads before a channel goes live: what is linked, what would change, and what asks for a person."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from syncd.availability.ats import AvailabilityConfig, ChannelPolicy, SkuSupply, derive
from syncd.channel.port import ListingStatus
from syncd.identity import ChannelName, ListingKey, Sku
from syncd.listing.listing import Listing
from syncd.push.plan import Changes, PushConfig, PushState, brake

NO_POLICY = AvailabilityConfig(oversell_chance=0.0)


@dataclass(frozen=True, slots=True)
class Change:
    """A listing that would show another number. `there`: what it could show if nothing were kept back from it."""

    listing: Listing
    shown: int
    target: int
    there: int

    @property
    def is_oversold(self) -> bool:
        """Whether it shows units that are not there, whatever the policy."""
        return self.shown > self.there


@dataclass(frozen=True, slots=True)
class Twin:
    """Listings of one channel that sell exactly the same: each sale of one leaves the others showing too much."""

    sells: str
    keys: tuple[ListingKey, ...]


@dataclass(frozen=True, slots=True)
class Situation:
    """What a report on one channel is made from. `offered`: SKUs that active listings of the channel hold."""

    channel: ChannelName
    mode: str
    held: str
    listings: Sequence[Listing]
    states: Mapping[ListingKey, PushState]


@dataclass(frozen=True, slots=True)
class ChannelReport:
    """One channel. `raised`, `lowered` and `zeroed` would change if it were live; `unread` were never read.

    `unmanaged`: the channel keeps no number for them. `not_offered` are SKUs there is stock of that no active listing
    here holds. `braked`: why the first live run would hold and ask, or ''.
    """

    channel: ChannelName
    mode: str
    held: str
    in_sync: int
    linked: int
    unread: int
    ended: int
    unmanaged: tuple[Listing, ...]
    unlinked: tuple[Listing, ...]
    twins: tuple[Twin, ...]
    not_offered: tuple[Sku, ...]
    raised: tuple[Change, ...]
    lowered: tuple[Change, ...]
    zeroed: tuple[Change, ...]
    parked: tuple[tuple[Listing, str], ...]
    drifted: tuple[Listing, ...]
    braked: str

    @property
    def oversold(self) -> tuple[Change, ...]:
        """What customers can buy now that is not there."""
        return tuple(one for one in (*self.zeroed, *self.lowered) if one.is_oversold)

    @property
    def asks(self) -> bool:
        """Whether something waits for a person."""
        waiting = (
            self.unmanaged,
            self.unlinked,
            self.twins,
            self.oversold,
            self.parked,
            self.drifted,
            self.braked,
            self.held,
        )
        return any(waiting) or not (self.linked or self.unlinked)


def channel_report(
    here: Situation,
    supplies: Mapping[Sku, SkuSupply],
    policy: ChannelPolicy,
    availability: AvailabilityConfig,
    rules: PushConfig,
    *,
    intended: Collection[str] = (),
) -> ChannelReport:
    """The report on one channel. `supplies`: of every SKU known. `intended`: SKUs that may be listed twice."""
    active = [one for one in here.listings if one.status is ListingStatus.ACTIVE]
    linked = [one for one in active if one.is_linked]
    changes = [found for one in linked if (found := _change(one, supplies, policy, availability)) is not None]
    unmanaged = tuple(one for one in linked if one.belief.is_unmanaged)
    unread = sum(1 for one in linked if one.belief.expected is None) - len(unmanaged)
    zeroed = [one for one in changes if one.target == 0]
    raised = [one for one in changes if one.target > one.shown]
    lowered = [one for one in changes if 0 < one.target < one.shown]
    offered = {sku for one in linked for sku in one.skus}
    would = Changes(len(raised), len(zeroed))
    return ChannelReport(
        here.channel,
        here.mode,
        here.held,
        in_sync=len(linked) - len(changes) - unread - len(unmanaged),
        linked=len(linked),
        unread=unread,
        ended=len(here.listings) - len(active),
        unmanaged=unmanaged,
        unlinked=tuple(one for one in active if not one.is_linked),
        twins=twins(linked, intended),
        not_offered=tuple(sku for sku in sorted(supplies) if sku not in offered and _free(supplies[sku], policy) > 0),
        raised=tuple(raised),
        lowered=tuple(lowered),
        zeroed=tuple(zeroed),
        parked=tuple((one, why) for one in linked if (why := _parked(here.states.get(one.key)))),
        drifted=tuple(one for one in linked if one.belief.drift),
        braked=brake(would, len(here.listings), rules) or "",
    )


def twins(listings: Sequence[Listing], intended: Collection[str]) -> tuple[Twin, ...]:
    """Listings that sell the same units of the same SKUs; packs of another size are something else."""
    same: dict[tuple[tuple[Sku, int], ...], list[ListingKey]] = {}
    for one in listings:
        same.setdefault(tuple(sorted((part.sku, part.units) for part in one.components)), []).append(one.key)
    return tuple(
        Twin(" ".join(f"{sku}:{units}" if units > 1 else sku for sku, units in sells), tuple(sorted(keys)))
        for sells, keys in sorted(same.items())
        if len(keys) > 1 and not {sku for sku, _ in sells} <= set(intended)
    )


def offered_nowhere(reports: Sequence[ChannelReport]) -> tuple[Sku, ...]:
    """SKUs there is stock of that no channel offers."""
    missing = [set(one.not_offered) for one in reports]
    return tuple(sorted(set.intersection(*missing))) if missing else ()


def _change(
    one: Listing, supplies: Mapping[Sku, SkuSupply], policy: ChannelPolicy, availability: AvailabilityConfig
) -> Change | None:
    shown, target = one.belief.expected, derive(one, supplies, policy, availability).target
    if shown is None or target is None or shown == target:
        return None
    alone = replace(policy, cap=None, shares={})
    return Change(one, shown, target, derive(one, supplies, alone, NO_POLICY).target or 0)


def _free(supply: SkuSupply, policy: ChannelPolicy) -> int:
    return sum(supply.available.get(place, 0) for place in policy.locations) + sum(one.units for one in supply.offers)


def _parked(state: PushState | None) -> str:
    return state.parked if state is not None else ""
