"""The shop's products and variations: listing them, reading their numbers, setting them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from connectors.woocommerce.client import Call, WooClient
from connectors.woocommerce.mapping import (
    NOT_FOUND_CODES,
    NOT_SOLD_FROM_STOCK,
    PRODUCT_FIELDS,
    JsonObject,
    ListingTarget,
    batch_item,
    identifier,
    listing,
    observation,
    parent_managed_outcome,
    push_outcome,
    variation_listings,
)
from connectors.woocommerce.stock_owner import StockOwners
from syncd.channel.port import (
    Capabilities,
    ChannelListing,
    ListingObservation,
    ListingPage,
    PushOutcome,
    PushVerdict,
    QuantityUpdate,
)
from syncd.clock import Clock
from syncd.errors import ChannelAuthFailed, ChannelRefused, RateLimited, RemoteError
from syncd.identity import ListingId

PAGES_MAX = 100
"""Most pages of one product's variations, or of the waste bin, that are read."""

_T = TypeVar("_T")
PushItem = tuple[QuantityUpdate, ListingTarget]


class ShopStock:
    """Listings and their numbers, through a client that the channel owns."""

    def __init__(self, client: WooClient, clock: Clock, *, currency: str, page_size: int, facts: Capabilities) -> None:
        self._client = client
        self._clock = clock
        self._currency = currency
        self._page_size = page_size
        self._facts = facts
        self._owners = StockOwners()

    async def fetch_listings(self, cursor: str | None) -> ListingPage:
        """One page of published products with their variations, in the order of their ids."""
        page, asked_at = int(cursor) if cursor else 1, self._clock.now()
        query = {"orderby": "id", "order": "asc", "status": "publish", "_fields": PRODUCT_FIELDS}
        products = await self._get("products", "fetch_listings", query | self._page(page))
        listings: list[ChannelListing] = []
        problems: list[str] = []
        for product in products:
            try:
                if product.get("type") == "variable":
                    listings += await self._variable_listings(product)
                elif product.get("type") not in NOT_SOLD_FROM_STOCK:
                    target, title = ListingTarget(identifier(product)), str(product.get("name") or "")
                    listings.append(listing(target, product, title=title, currency=self._currency, asked_at=asked_at))
            except ValueError as error:
                problems.append(f"product {product.get('id')!r} could not be read: {error}")
        more = len(products) >= self._page_size
        return ListingPage(tuple(listings), str(page + 1) if more else None, tuple(problems))

    async def _variable_listings(self, product: JsonObject) -> list[ChannelListing]:
        asked_at = self._clock.now()
        variations = await self._variations(identifier(product), "fetch_listings", {"status": "publish"})
        return variation_listings(product, variations, currency=self._currency, asked_at=asked_at)

    async def read_quantities(self, listing_ids: Sequence[ListingId]) -> list[ListingObservation]:
        """One observation for each listing that exists."""
        targets = [target for listing_id in listing_ids if (target := ListingTarget.parse(listing_id))]
        observed: list[ListingObservation] = []
        for chunk in _chunks(dict.fromkeys(t.product_id for t in targets if not t.variation_id), self._page_size):
            asked_at = self._clock.now()
            query = {"include": _list(chunk), "_fields": PRODUCT_FIELDS} | self._page(1)
            for row in await self._get("products", "read_quantities", query):
                observed.append(observation(ListingTarget(self._id(row, "read_quantities")), row, asked_at))
        for parent_id, ids in _by_parent(targets).items():
            for chunk in _chunks(ids, self._page_size):
                asked_at = self._clock.now()
                for row in await self._variations(parent_id, "read_quantities", {"include": _list(chunk)}):
                    target = ListingTarget(parent_id, self._id(row, "read_quantities"))
                    observed.append(observation(target, row, asked_at))
        return observed

    async def parent_managed(self, targets: Collection[ListingTarget], operation: str) -> frozenset[ListingTarget]:
        """Which of these variations draw on their parent's stock; asks the shop about those unknown to us."""
        unknown = self._owners.unknown(targets, self._clock.monotonic())
        for parent_id, ids in _by_parent(unknown).items():
            for chunk in _chunks(ids, self._page_size):
                await self._variations(parent_id, operation, {"include": _list(chunk)})
        for target in self._owners.unknown(unknown, self._clock.monotonic()):
            self._owners.note_gone(target, self._clock.monotonic())
        return self._owners.parent_managed(targets)

    async def push_quantities(self, updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
        """One batch of products, then one of each parent's variations. Raises ValueError for too many updates.

        A fault of the first call is raised; later ones become outcomes, so that what is known is not lost.
        """
        if len(updates) > self._facts.batch_size:
            raise ValueError(f"{len(updates)} updates at once; the limit is {self._facts.batch_size}")
        outcomes: list[PushOutcome] = []
        items: list[PushItem] = []
        for update in updates:
            target = ListingTarget.parse(update.listing_id)
            if target is None:
                message = "it is not an id of a WooCommerce product"
                outcomes.append(PushOutcome(update.listing_id, PushVerdict.NOT_FOUND, message=message))
            elif not 0 <= update.quantity <= self._facts.quantity_max:
                message = f"{update.quantity} is not between 0 and {self._facts.quantity_max}"
                outcomes.append(PushOutcome(update.listing_id, PushVerdict.REJECTED, message=message))
            else:
                items.append((update, target))
        parent_managed = await self.parent_managed({t for _, t in items if t.variation_id}, "push_quantities")
        outcomes += [parent_managed_outcome(update) for update, target in items if target in parent_managed]
        batches: dict[str, list[PushItem]] = defaultdict(list)
        for update, target in items:
            if target not in parent_managed:
                batches[_batch_endpoint(target)].append((update, target))
        return outcomes + await self._push_batches(list(batches.items()))

    async def _push_batches(self, batches: Sequence[tuple[str, list[PushItem]]]) -> list[PushOutcome]:
        outcomes: list[PushOutcome] = []
        for number, (endpoint, batch) in enumerate(batches):
            try:
                outcomes += await self._push_batch(endpoint, batch)
            except ChannelRefused as refused:
                if len(batches) == 1:
                    raise
                outcomes += _all(batch, PushVerdict.REJECTED, refused.message, refused.code)
            except RemoteError as fault:
                if number == 0:
                    raise
                sent = not isinstance(fault, RateLimited | ChannelAuthFailed)
                outcomes += _all(batch, PushVerdict.UNKNOWN if sent else PushVerdict.DEFERRED, fault.message)
                for _, rest in batches[number + 1 :]:
                    outcomes += _all(rest, PushVerdict.DEFERRED, f"not sent: {fault.message}")
                break
        return outcomes

    async def _push_batch(self, endpoint: str, batch: Sequence[PushItem]) -> list[PushOutcome]:
        body = {"update": [batch_item(target, update.quantity) for update, target in batch]}
        echoed = (await self._client.record(Call("POST", endpoint, "push_quantities", body=body))).get("update")
        if not isinstance(echoed, list):
            message = "the shop's answer to a batch does not list what it updated"
            raise self._client.unreadable("push_quantities", message)
        outcomes = []
        for position, (update, target) in enumerate(batch):
            # The answer keeps the order of the request, failed items included.
            item = echoed[position] if position < len(echoed) else None
            expected = target.variation_id or target.product_id
            if not isinstance(item, dict) or item.get("id") != expected:
                item = None
            elif target.variation_id:
                self._owners.note(target.product_id, item, self._clock.monotonic())
            outcomes.append(push_outcome(update, item))
        return outcomes

    async def _variations(self, parent_id: int, operation: str, query: dict[str, str]) -> list[JsonObject]:
        found: list[JsonObject] = []
        for page in range(1, PAGES_MAX + 1):
            asked = query | self._page(page) | {"orderby": "id", "order": "asc", "_fields": PRODUCT_FIELDS}
            try:
                rows = await self._get(f"products/{parent_id}/variations", operation, asked)
            except ChannelRefused as refused:
                if refused.code not in NOT_FOUND_CODES:
                    raise
                break
            found += rows
            if len(rows) < self._page_size:
                break
        for row in found:
            self._owners.note(parent_id, row, self._clock.monotonic())
        return found

    async def _get(self, endpoint: str, operation: str, query: dict[str, str]) -> list[JsonObject]:
        return await self._client.rows(Call("GET", endpoint, operation, query))

    def _page(self, page: int) -> dict[str, str]:
        return {"page": str(page), "per_page": str(self._page_size)}

    def _id(self, row: JsonObject, operation: str) -> int:
        try:
            return identifier(row)
        except ValueError as error:
            raise self._client.unreadable(operation, f"a product could not be read: {error}") from None


def _all(batch: Sequence[PushItem], verdict: PushVerdict, message: str, code: str = "") -> list[PushOutcome]:
    return [PushOutcome(update.listing_id, verdict, code, message) for update, _ in batch]


def _batch_endpoint(target: ListingTarget) -> str:
    return f"products/{target.product_id}/variations/batch" if target.variation_id else "products/batch"


def _by_parent(targets: Iterable[ListingTarget]) -> dict[int, list[int]]:
    grouped: dict[int, list[int]] = defaultdict(list)
    for target in dict.fromkeys(targets):
        if target.variation_id:
            grouped[target.product_id].append(target.variation_id)
    return grouped


def _list(ids: Iterable[int]) -> str:
    return ",".join(str(number) for number in ids)


def _chunks(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
