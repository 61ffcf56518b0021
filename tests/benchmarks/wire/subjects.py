"""Each connector as it is measured: what lies on its stand-in, and one round of work through it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from syncd.channel.port import Channel, PushVerdict, QuantityUpdate
from syncd.channel.registry import Connector, load_connector
from syncd.clock import SystemClock
from syncd.identity import ListingId
from tests.benchmarks.wire.stage import Stage, Work, stage

LISTINGS = 500
VARIATIONS = 5
ROWS = 5_000

SINGLE, VARIED, LIST = "single listings", f"{VARIATIONS} variations each", "one list"


@dataclass(frozen=True)
class Subject:
    """A connector on its stage. `work` handles all its items once, `at_once` calls at a time."""

    stage: Stage
    work: Work
    items: int
    at_once: int


@dataclass(frozen=True)
class Kind:
    """How one kind of connector is put on its stage; the first shape is the one whose cost is measured."""

    shapes: tuple[str, ...]
    prepare: Callable[[Stage, str], Awaitable[None]]


async def _woocommerce(stage: Stage, shape: str) -> None:
    def product(number: int) -> dict[str, Any]:
        if shape == SINGLE:
            return {"sku": f"S{number}", "title": f"Thing {number}", "quantity": 5}
        variations = [{"sku": f"S{number}-{one}", "title": str(one), "quantity": 5} for one in range(VARIATIONS)]
        return {"title": f"Thing {number}", "variations": variations}

    amount = LISTINGS if shape == SINGLE else LISTINGS // VARIATIONS
    await stage.ask("POST", "/_sandbox/listings", [product(number) for number in range(amount)])


async def _ebay(stage: Stage, shape: str) -> None:
    quotas = ("calls_per_day", "calls_per_window", "seller_list_per_window", "revisions_per_day")
    await stage.ask("POST", "/_sandbox/switches", dict.fromkeys(quotas, 10**9))
    listings = [{"sku": f"S{number}", "title": f"Thing {number}", "quantity": 5} for number in range(LISTINGS)]
    await stage.ask("POST", "/_sandbox/listings", listings)


async def _dropship(stage: Stage, shape: str) -> None:
    offers = [{"sku": f"S{number}", "title": f"Thing {number}", "quantity": 5} for number in range(ROWS)]
    await stage.ask("POST", "/_sandbox/offers", {"offers": offers})


SUBJECTS: Mapping[str, Kind] = {
    "woocommerce": Kind((SINGLE, VARIED), _woocommerce),
    "ebay": Kind((SINGLE,), _ebay),
    "dropship": Kind((LIST,), _dropship),
}


@asynccontextmanager
async def opened(name: str, shape: str | None = None) -> AsyncIterator[Subject]:
    """A connector on its stage, given back at the end."""
    connector, kind = load_connector(name), SUBJECTS[name]
    async with stage(name) as on:
        await kind.prepare(on, shape or kind.shapes[0])
        module = connector.sandbox_module()
        told = {**module.settings_at(on.url), **module.EXAMPLE_SECRETS}
        if on.ca_file is not None:
            told["ca_file"] = on.ca_file
        settings = connector.settings_type.model_validate(told)
        if connector.kind == "supplier":
            supplier = connector.connect_supplier(settings, name=name, clock=SystemClock())
            async with aclosing(supplier):
                yield Subject(on, _reading(supplier), ROWS, 1)
            return
        channel = _channel(connector, settings, name)
        async with aclosing(channel):
            listings = await _listings(channel)
            assert len(listings) == LISTINGS, len(listings)
            yield Subject(on, _pushing(channel, listings), len(listings), channel.capabilities.calls_in_flight)


def _channel(connector: Connector, settings: Any, name: str) -> Channel:
    assert connector.capabilities is not None
    return connector.connect_channel(settings, name=name, clock=SystemClock(), capabilities=connector.capabilities)


async def _listings(channel: Channel) -> list[ListingId]:
    found: list[ListingId] = []
    cursor: str | None = None
    while True:
        page = await channel.fetch_listings(cursor)
        found += [one.listing_id for one in page.listings]
        cursor = page.cursor
        if cursor is None:
            return found


def _pushing(channel: Channel, listings: list[ListingId]) -> Work:
    """Another number for every listing, each time it is called."""
    facts, numbers = channel.capabilities, count(10)

    async def work() -> None:
        number, room = next(numbers), asyncio.Semaphore(facts.calls_in_flight)

        async def push(part: list[ListingId]) -> None:
            async with room:
                outcomes = await channel.push_quantities([QuantityUpdate(one, number) for one in part])
            refused = [one for one in outcomes if one.verdict is not PushVerdict.ACCEPTED]
            assert not refused, refused[:3]

        starts = range(0, len(listings), facts.batch_size)
        await asyncio.gather(*(push(listings[start : start + facts.batch_size]) for start in starts))

    return work


def _reading(supplier: Any) -> Work:
    async def work() -> None:
        snapshot = await supplier.fetch_offers(None)
        assert len(snapshot.rows) == ROWS, len(snapshot.rows)

    return work
