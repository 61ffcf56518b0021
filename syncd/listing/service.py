"""Reads one channel's listings and takes what they show into account, for whoever asks: push, sweep or hint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from syncd.channel.port import ListingObservation, ReadsQuantities
from syncd.channel.service import ChannelLine
from syncd.channel.throttle import Urgency
from syncd.clock import Clock
from syncd.errors import ChannelProtocolError, ChannelRefused, RemoteError
from syncd.identity import ListingId
from syncd.journal.entry import Entry, Step
from syncd.journal.store import note
from syncd.ledger.service import Writer
from syncd.listing.listing import Listing
from syncd.listing.observation import Finding, Manner
from syncd.listing.store import observe
from syncd.telemetry import Event, log


@dataclass(frozen=True, slots=True)
class Readings:
    """What one batch of listings was read to show, when the answer came, and why some of them cannot be read."""

    seen: tuple[ListingObservation, ...]
    at: datetime
    faults: Mapping[ListingId, RemoteError]


class Observer:
    """The one door for what a channel's listings were seen to show."""

    def __init__(
        self,
        writer: Writer,
        line: ChannelLine,
        locations: Sequence[str],
        *,
        clock: Clock,
        adopts_drift: bool = False,
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._line = line
        self._locations = tuple(locations)
        self._adopts_drift = adopts_drift

    async def read(self, operation: str, ids: Sequence[ListingId], urgency: Urgency = Urgency.ROUTINE) -> Readings:
        """Read a batch of listings. If it fails as a whole each is read alone: one bad listing spoils no other.

        Raises the fault if none of them can be read, and any fault that is the channel's and not an item's.
        """
        channel = self._line.channel
        if not isinstance(channel, ReadsQuantities):
            return Readings((), self._clock.now(), {})
        try:
            cost = len(ids) if self._line.capabilities.reads_singly else 1
            seen = await self._line.call(operation, lambda: channel.read_quantities(ids), urgency, calls=cost)
            return Readings(tuple(seen), self._clock.now(), {})
        except (ChannelRefused, ChannelProtocolError):
            if len(ids) == 1:
                raise
        faults: dict[ListingId, RemoteError] = {}
        found: list[ListingObservation] = []
        for one in ids:
            try:
                found += (await self.read(operation, [one], urgency)).seen
            except (ChannelRefused, ChannelProtocolError) as fault:
                faults[one] = fault
        if len(faults) == len(ids):
            raise faults[ids[0]]
        return Readings(tuple(found), self._clock.now(), faults)

    async def take(
        self,
        listing: Listing,
        seen: ListingObservation,
        *,
        at: datetime,
        trusted: bool = True,
        unsure: bool = False,
        proved: bool = False,
    ) -> Finding | None:
        """Move the belief, hold what the channel's counter says was sold, say so once. `at`: when the answer came.

        `unsure`: a number of ours may or may not have arrived. `proved`: a read-back has said why it shows this.
        """
        manner = Manner(
            at=at,
            trusted=trusted,
            lag_seconds=self._line.capabilities.order_lag_seconds,
            locations=self._locations,
            adopts_drift=self._adopts_drift,
            unsure=unsure,
            restocks=self._line.capabilities.restocks_cancelled,
            said_at=seen.asked_at,
        )
        command = observe(listing, seen, manner)
        finding = (await self._writer.submit(command)).value
        if finding is not None and finding.held_short:
            # Sold more than any shelf holds: a supplier's offer may cover it. Intake asks if the order does not come.
            fields = {"channel": listing.key.channel, "listing_id": listing.key.listing_id}
            log(Event.SALE_UNEXPLAINED, **fields, quantity=finding.held_short)
        if finding is not None and finding.cause is not None and not proved:
            await self._drifted(listing, finding, at)
        return finding

    async def _drifted(self, listing: Listing, finding: Finding, at: datetime) -> None:
        """Say it, with its likely cause; the pusher repairs it, down at once, up when the orders since are in."""
        cause, key = str(finding.cause), listing.key
        fields = {"channel": key.channel, "listing_id": key.listing_id}
        log(Event.DRIFT_FOUND, **fields, quantity=finding.drift, cause=cause)
        await self._writer.write(note([Entry(key, at, Step.DRIFT, finding.drift, cause)]))
