"""A connector that says wrong things of its account, or does by asking, is caught by the kit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest

from syncd.channel.port import CallMeter, Cancellability, CredentialsEnd, Shipment
from syncd.errors import ChannelRefused
from syncd.identity import ListingId
from syncd.testkit.fake_channel import FakeChannel

IsRed = Callable[..., Awaitable[bool]]


class Metered(FakeChannel):
    """A fake with everything this file is about, done rightly."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.spent = 0
        self.told: list[str] = []

    async def check(self) -> None:
        self.spent += 1
        await super().check()

    async def read_meter(self) -> CallMeter | None:
        return CallMeter(100, 100 - self.spent, self.shop.clock.now() + timedelta(hours=1))

    @property
    def credentials_end(self) -> CredentialsEnd | None:
        return CredentialsEnd(self.shop.clock.now() + timedelta(days=9), "renew them")

    @property
    def group_size(self) -> int:
        return 10_000

    @property
    def calls_per_group(self) -> int:
        return 2

    def group_of(self, listing_id: ListingId) -> str:
        return str(listing_id)

    async def acknowledge_shipment(self, shipment: Shipment) -> None:
        self.told.append(shipment.reference)

    async def check_cancellation(self, order_id: str) -> Cancellability:
        return Cancellability(True)


class MeterCosts(Metered):
    """Asking the meter is counted by the meter."""

    async def read_meter(self) -> CallMeter | None:
        self.spent += 1
        return await super().read_meter()


class MeterStands(Metered):
    """The meter never moves."""

    async def read_meter(self) -> CallMeter | None:
        return CallMeter(100, 100, self.shop.clock.now() + timedelta(hours=1))


class EndWithoutZone(Metered):
    """A moment nobody can compare."""

    @property
    def credentials_end(self) -> CredentialsEnd | None:
        return CredentialsEnd(datetime(2027, 1, 1), "renew them")  # noqa: DTZ001 - the mistake


class OneGroup(Metered):
    """Takes all listings for variations of one."""

    def group_of(self, listing_id: ListingId) -> str:
        return ""


class SmallGroups(Metered):
    """Groups that save no call."""

    @property
    def group_size(self) -> int:
        return 1


class OnceOnly(Metered):
    """Takes the same shipment again for a mistake."""

    async def acknowledge_shipment(self, shipment: Shipment) -> None:
        if shipment.reference in self.told:
            raise ChannelRefused(self.name, "acknowledge_shipment", "shipped already")
        await super().acknowledge_shipment(shipment)


class CancelsByAsking(Metered):
    """Does what it is asked about."""

    async def check_cancellation(self, order_id: str) -> Cancellability:
        self.shop.cancel_order(order_id)
        return Cancellability(True)


class NoWithoutReason(Metered):
    """Says no and nothing else."""

    async def check_cancellation(self, order_id: str) -> Cancellability:
        return Cancellability(False)


@pytest.mark.parametrize(
    ("channel_type", "case"),
    [
        (MeterCosts, "test_reading_the_meter_costs_nothing_it_counts"),
        (MeterStands, "test_reading_the_meter_costs_nothing_it_counts"),
        (EndWithoutZone, "test_the_end_of_credentials_is_a_moment"),
        (OneGroup, "test_a_group_is_more_than_a_batch"),
        (SmallGroups, "test_a_group_is_more_than_a_batch"),
        (OnceOnly, "test_a_shipment_may_be_told_twice"),
        (CancelsByAsking, "test_asking_about_a_cancellation_cancels_nothing"),
        (NoWithoutReason, "test_asking_about_a_cancellation_cancels_nothing"),
    ],
)
async def test_a_broken_account_turns_its_case_red(is_red: IsRed, channel_type: type[FakeChannel], case: str) -> None:
    """Each mistake fails the case that is about it; the right one, and a channel without the ability, pass."""
    assert not await is_red(FakeChannel, case)
    assert not await is_red(Metered, case)
    assert await is_red(channel_type, case)
