"""Turns touched SKUs into marked listings with their new targets: the marks are all that is stored of what to push."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from syncd.availability.ats import Policies, SkuSupply, derive
from syncd.availability.derivation import Derivation
from syncd.availability.store import read_supplies
from syncd.db import Database
from syncd.identity import ListingKey, Sku
from syncd.journal.entry import Entry, Step
from syncd.journal.store import note
from syncd.ledger.service import Writer
from syncd.ledger.store import clear_touched, read_touched
from syncd.listing.listing import Listing
from syncd.listing.store import read_listings
from syncd.push.plan import PushState, pace_of, risk
from syncd.push.store import Mark, mark, read_states

PLANNED_SKUS_MAX = 1000
"""SKUs one run of the planner takes on."""


class Planner:
    """One per process."""

    def __init__(self, db: Database, writer: Writer, policies: Policies) -> None:
        self._db = db
        self._writer = writer
        self._policies = policies
        self._after = Sku("")

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Mark every linked listing of every touched SKU whose number may change; write down which targets did.

        SKUs are taken in turn, going on behind the last one: under load none waits for more than one round.
        """
        async with self._db.read() as conn:
            versions = await read_touched(conn, PLANNED_SKUS_MAX, after=self._after)
            if not versions:
                return {}
            listings = await read_listings(conn, skus=versions.keys())
            skus = sorted({sku for listing in listings.values() for sku in listing.skus})
            supplies = await read_supplies(conn, skus, self._policies.suppliers, now)
            states = await read_states(conn, keys=listings.keys())
        self._after = max(versions) if len(versions) == PLANNED_SKUS_MAX else Sku("")
        marks: dict[ListingKey, Mark] = {}
        entries: list[Entry] = []
        for key, listing in listings.items():
            derivation = self._derived(listing, supplies)
            if derivation is None:
                continue
            state = states.get(key)
            if state is None or state.target != derivation.target:
                entries.append(Entry(key, now, Step.TARGET, derivation.target, derivation.packed))
            if not _is_settled(listing, state, derivation.target):
                marks[key] = _mark(listing, derivation.target, supplies)
        writes = [
            *([note(entries)] if entries else []),
            *([mark(marks, now)] if marks else []),
            clear_touched(versions),
        ]
        await self._writer.write(*writes, lazy=True)  # lost together, the marks it takes away are there again
        return {"skus": len(versions), "listings": len(marks)}

    def _derived(self, listing: Listing, supplies: Mapping[Sku, SkuSupply]) -> Derivation | None:
        channel = self._policies.channels.get(listing.key.channel)
        return None if channel is None else derive(listing, supplies, channel, self._policies.availability)


def _mark(listing: Listing, target: int | None, supplies: Mapping[Sku, SkuSupply]) -> Mark:
    pace = pace_of(listing, supplies)
    return Mark(target, 0 if target is None else risk(listing.belief.expected, target, pace))


def _is_settled(listing: Listing, state: PushState | None, target: int | None) -> bool:
    """Whether the listing is known to show its target already: a change a cap hides needs no look at all."""
    if state is None or state.pending or state.uncertain or state.target != target:
        return False
    return target is not None and target == listing.belief.expected
