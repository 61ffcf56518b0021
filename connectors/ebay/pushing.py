"""Sets numbers: the right eBay call for each listing, and what becomes of a listing that call does not serve.

ReviseInventoryStatus for up to four; ReviseFixedPriceItem where many variations of one item change; the Inventory API
for listings made with it (21919474); EndFixedPriceItem where eBay refuses 0 (515).
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NoReturn

from connectors.ebay import mapping, mapping_group, mapping_inventory, mapping_push
from connectors.ebay.calls import Calls
from connectors.ebay.client_rest import RestCall
from connectors.ebay.mapping_errors import ItemFault, item_fault
from connectors.ebay.mapping_inventory import Offer
from connectors.ebay.mapping_xml import Reply, Unreadable, text
from syncd.channel.port import PushOutcome, PushVerdict, QuantityUpdate
from syncd.errors import (
    ChannelAuthFailed,
    ChannelProtocolError,
    ChannelRefused,
    ChannelUnavailable,
    RateLimited,
)
from syncd.identity import ListingId

_PushOne = Callable[[QuantityUpdate], Awaitable[PushOutcome]]

OFFERS_REMEMBERED_MAX = 50_000
"""Listings of the Inventory API whose offer this process has looked up; beyond it the oldest is looked up again."""


class Pushing:
    """One account's."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._offers: OrderedDict[ListingId, Offer] = OrderedDict()
        self._items = ItemLocks()

    async def push(self, updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
        """One outcome for each, in their order. No item is revised by two calls at the same time."""
        async with self._items.hold(mapping.item_ids(update.listing_id for update in updates)):
            by_rest = [update for update in updates if update.listing_id in self._offers]
            others = [update for update in updates if update.listing_id not in self._offers]
            told = {outcome.listing_id: outcome for outcome in await self._by_trading(others)}
            for update in updates:
                outcome = told.get(update.listing_id)
                fault = item_fault(outcome.code) if outcome is not None and outcome.code else None
                if update in by_rest or fault is ItemFault.OTHER_API:
                    told[update.listing_id] = await self._safely(update, self._by_inventory)
                elif fault is ItemFault.ZERO_REFUSED and update.quantity == 0:
                    told[update.listing_id] = await self._safely(update, self._end)
        return [told[update.listing_id] for update in updates]

    async def _by_trading(self, updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
        if len(updates) > mapping_push.CONTAINERS_MAX:
            return await self._as_group(updates)
        if not updates:
            return []
        reply = await self._calls.call_for_outcomes("ReviseInventoryStatus", mapping_push.push_request(updates))
        return mapping_push.push_outcomes(reply, updates)

    async def _as_group(self, updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
        """ReviseFixedPriceItem: one revision for all variations; it looks the whole listing over again.

        So a fault that has nothing to do with stock can refuse it, for all of them: `ChannelRefused`, and they can be
        pushed four at a time, which asks for none of that. What concerns the item by whichever call is told of each.
        """
        (item_id,) = mapping.item_ids(update.listing_id for update in updates)
        reply = await self._calls.call_for_outcomes("GetItem", mapping_group.item_request(item_id))
        try:
            request = mapping_group.revise_request(reply, updates)
        except Unreadable as fault:
            self._calls.unreadable("GetItem", fault)
        if request is None and reply.is_good:
            said = f"listing {item_id} does not have all the variations that were to be set together"
            raise ChannelRefused(self._calls.name, "ReviseFixedPriceItem", said, "21916736")
        if request is not None:
            reply = await self._calls.call_for_outcomes("ReviseFixedPriceItem", request)
            if reply.is_good:
                return mapping_group.accepted(updates)
        return mapping_group.outcomes_of_all(reply, updates) or self._refuse_group(reply)

    def _refuse_group(self, reply: Reply) -> NoReturn:
        error = next((one for one in reply.errors if one.is_error), None)
        said = error.sentence if error else "the listing cannot be revised as a whole, and eBay does not say why"
        raise ChannelRefused(self._calls.name, "ReviseFixedPriceItem", said, error.code if error else "")

    async def _by_inventory(self, update: QuantityUpdate) -> PushOutcome:
        offer = self._offers.get(update.listing_id)
        if offer is None:
            offer = await self._find_offer(update.listing_id)
            if offer is None:
                said = "the listing is managed by eBay's Inventory API, which knows no offer for its SKU"
                return PushOutcome(update.listing_id, PushVerdict.REJECTED, "21919474", said)
            self._offers[update.listing_id] = offer
            if len(self._offers) > OFFERS_REMEMBERED_MAX:
                self._offers.popitem(last=False)
        body = mapping_inventory.quantity_request(offer, update.quantity)
        path = "/sell/inventory/v1/bulk_update_price_quantity"
        answer = await self._calls.rest(RestCall("bulkUpdatePriceQuantity", "POST", path, body))
        outcome = mapping_inventory.outcome(answer, offer, update)
        if outcome.verdict is PushVerdict.NOT_FOUND:
            del self._offers[update.listing_id]
        return outcome

    async def _find_offer(self, listing_id: ListingId) -> Offer | None:
        item_id, sku = mapping.split_listing_id(listing_id)
        if sku is None:
            reply = await self._calls.call("GetItem", mapping.item_request(item_id))
            sku = text(reply.root, "Item/SKU")
            if sku is None:
                return None
        answer = await self._calls.rest(RestCall("getOffers", "GET", mapping_inventory.offers_path(sku)))
        try:
            return mapping_inventory.offer_of(answer, sku, item_id)
        except Unreadable as fault:
            self._calls.unreadable("getOffers", fault)

    async def _end(self, update: QuantityUpdate) -> PushOutcome:
        item_id, _ = mapping.split_listing_id(update.listing_id)
        request = {"ItemID": item_id, "EndingReason": "NotAvailable"}
        reply = await self._calls.call_for_outcomes("EndFixedPriceItem", request)
        refused = next((error for error in reply.errors if error.is_error), None)
        if reply.is_good or (refused is not None and item_fault(refused.code) is ItemFault.ENDED):
            said = "the listing was ended: eBay refuses quantity 0 while the account's out-of-stock control is off"
            return PushOutcome(update.listing_id, PushVerdict.ACCEPTED, "515", said)
        sentence = refused.sentence if refused else "the listing could not be ended, and eBay does not say why"
        return PushOutcome(update.listing_id, PushVerdict.REJECTED, refused.code if refused else "515", sentence)

    async def _safely(self, update: QuantityUpdate, push: _PushOne) -> PushOutcome:
        """One listing's own call: its failure says nothing of the others in the push, which are settled already."""
        try:
            return await push(update)
        except (ChannelUnavailable, ChannelProtocolError) as fault:
            return PushOutcome(update.listing_id, PushVerdict.UNKNOWN, "", fault.message)
        except RateLimited as fault:
            return PushOutcome(update.listing_id, PushVerdict.DEFERRED, "", fault.message, fault.retry_after_seconds)
        except ChannelAuthFailed as fault:
            return PushOutcome(update.listing_id, PushVerdict.DEFERRED, "", fault.message)
        except ChannelRefused as fault:
            return PushOutcome(update.listing_id, PushVerdict.REJECTED, fault.code, fault.message)


class ItemLocks:
    """A lock for each item while a call of ours revises it; gone when nobody waits for it."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._users: Counter[str] = Counter()

    @asynccontextmanager
    async def hold(self, item_ids: Iterable[str]) -> AsyncIterator[None]:
        """Hold the items; always taken in the same order, so that two calls never wait for each other."""
        wanted = sorted(set(item_ids))
        self._users.update(wanted)
        try:
            async with AsyncExitStack() as stack:
                for item_id in wanted:
                    await stack.enter_async_context(self._locks.setdefault(item_id, asyncio.Lock()))
                yield
        finally:
            for item_id in wanted:
                self._users[item_id] -= 1
                if not self._users[item_id]:
                    del self._users[item_id]
                    self._locks.pop(item_id, None)
