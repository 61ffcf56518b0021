"""Takes observations of one channel's listings into account, wherever they come from: a push, a sweep or a hint."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask
from syncd.channel.port import ListingObservation
from syncd.channel.service import ChannelLine
from syncd.ledger.service import Writer
from syncd.listing.listing import Listing
from syncd.listing.observation import Finding, Manner
from syncd.listing.store import observe
from syncd.telemetry import Event, log


class Observer:
    """The one door for what a channel's listings were seen to show."""

    def __init__(
        self, writer: Writer, line: ChannelLine, locations: Sequence[str], *, adopts_drift: bool = False
    ) -> None:
        self._writer = writer
        self._line = line
        self._locations = tuple(locations)
        self._adopts_drift = adopts_drift

    async def take(
        self, listing: Listing, seen: ListingObservation, *, at: datetime, trusted: bool = True
    ) -> Finding | None:
        """Move the belief, hold what the channel's counter says was sold, say so once. `at`: when the answer came."""
        manner = Manner(
            at=at,
            trusted=trusted,
            lag_seconds=self._line.capabilities.order_lag_seconds,
            locations=self._locations,
            adopts_drift=self._adopts_drift,
        )
        command = observe(listing, seen, manner)
        finding = (await self._writer.submit(command)).value
        if finding is not None and finding.held_short:
            await self._oversold(listing, finding.held_short, at)
        return finding

    async def _oversold(self, listing: Listing, units: int, at: datetime) -> None:
        """The channel has sold more than any shelf holds; the order, once imported, opens its case."""
        sentence = (
            f"{listing.key} has sold {units} more than the shelves hold; when its order comes, a supplier is "
            f"asked or a case opens, by itself"
        )
        question = Question(Topic.UNEXPLAINED_SALE, str(listing.key), sentence, at)
        await self._writer.write(ask(question))
        log(Event.SALE_UNEXPLAINED, channel=listing.key.channel, listing_id=listing.key.listing_id, quantity=units)
