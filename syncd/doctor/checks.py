"""Everything that must always hold, as a plain list of small checks; adding one is one line at the end of this file.

A finding names the rows and the command that repairs them by a compensating movement or a renewed decision, never by
an edit.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from syncd.identity import ListingKey, Sku
from syncd.ledger.location import Locations
from syncd.ledger.movement import Account, State
from syncd.listing.listing import Listing
from syncd.product.barcode import Barcode, known_as
from syncd.push.plan import PushState
from syncd.reservation.hold import Demand, HoldStatus, Reservation
from syncd.shortage.case import Case, CaseStatus

SkuAccount = tuple[Sku, Account]


@dataclass(frozen=True, slots=True)
class Timing:
    """A movement with what is odd about one of its moments."""

    position: int
    sku: Sku
    sentence: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The store at one moment. `fold` is computed from the log itself, `balances` is what is kept beside it.

    `positions` are the last movements the balances say they hold, `last_positions` those of the log itself. `timings`
    are those whose moments cannot be right, some of them if there are many. `orders` are the keys of all orders.
    """

    fold: Mapping[SkuAccount, int]
    balances: Mapping[SkuAccount, int]
    repeated_keys: Sequence[str]
    reservations: Sequence[Reservation]
    demands: Sequence[Demand]
    cases: Sequence[Case]
    listings: Mapping[ListingKey, Listing]
    pushes: Mapping[ListingKey, PushState]
    targets: Mapping[ListingKey, int | None]
    marked: frozenset[Sku]
    live_channels: frozenset[str]
    positions: Mapping[SkuAccount, int]
    last_positions: Mapping[SkuAccount, int]
    timings: Sequence[Timing]
    orders: frozenset[str]
    products: frozenset[Sku]
    barcodes: Sequence[tuple[Barcode, Sku]]
    locations: Locations


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not hold: which check, what it is about, one sentence, and what to type."""

    check: str
    subject: str
    sentence: str
    repair: str


Check = Callable[[Snapshot], Iterator[Finding]]


REBUILD = "syncd doctor --rebuild-balances"


def _settle(sku: Sku) -> str:
    return f"syncd doctor --settle {shlex.quote(sku)}"


def balances_are_the_fold(s: Snapshot) -> Iterator[Finding]:
    """Every balance is the sum of its movements."""
    for sku, account in sorted(set(s.fold) | set(s.balances)):
        folded, kept = s.fold.get((sku, account), 0), s.balances.get((sku, account), 0)
        if folded != kept:
            sentence = f"{account} holds {kept} in the books, its movements come to {folded}"
            yield Finding("balances_are_the_fold", f"{sku} {account}", sentence, REBUILD)


def sums_are_zero(s: Snapshot) -> Iterator[Finding]:
    """Every unit is always somewhere: the balances of a SKU add up to zero."""
    sums: dict[Sku, int] = {}
    for (sku, _), quantity in s.balances.items():
        sums[sku] = sums.get(sku, 0) + quantity
    for sku, total in sorted(sums.items()):
        if total:
            sentence = f"its accounts add up to {total}, not 0"
            yield Finding("sums_are_zero", sku, sentence, REBUILD)


def nothing_below_zero(s: Snapshot) -> Iterator[Finding]:
    """No account of ours holds less than nothing."""
    for (sku, account), quantity in sorted(s.balances.items()):
        if account.is_ours and quantity < 0:
            yield Finding("nothing_below_zero", f"{sku} {account}", f"holds {quantity}", REBUILD)


def accounts_exist(s: Snapshot) -> Iterator[Finding]:
    """Units lie in accounts that there are."""
    for (sku, account), quantity in sorted(s.balances.items()):
        if account.is_ours and quantity and account.state not in tuple(State):
            yield Finding("accounts_exist", f"{sku} {account}", f"holds {quantity}, and is no account", REBUILD)


def keys_are_unique(s: Snapshot) -> Iterator[Finding]:
    """No movement was posted twice. The store itself refuses that, so somebody took its unique index away."""
    for key in s.repeated_keys:
        sentence = "stands in the log more than once, which the store's own unique index would have refused"
        yield Finding("keys_are_unique", key, sentence, "put back a copy of the store from before, then: syncd doctor")


def reservations_are_held(s: Snapshot) -> Iterator[Finding]:
    """What is reserved in the ledger is exactly what open reservations hold."""
    promised: dict[tuple[Sku, str], int] = {}
    for one in s.reservations:
        promised[(one.sku, one.location)] = promised.get((one.sku, one.location), 0) + one.open
    held = {
        (sku, account.location): quantity
        for (sku, account), quantity in s.balances.items()
        if account.state == State.RESERVED
    }
    for sku, location in sorted(set(promised) | set(held)):
        there, wanted = held.get((sku, location), 0), promised.get((sku, location), 0)
        if there != wanted:
            sentence = f"{there} are reserved at {location}, open reservations hold {wanted}"
            yield Finding("reservations_are_held", sku, sentence, _settle(sku))


def endings_are_true(s: Snapshot) -> Iterator[Finding]:
    """A reservation is held while something of it is open, and ended once nothing is."""
    for one in s.reservations:
        if one.open < 0 or (one.open == 0) == (one.status is HoldStatus.HELD):
            sentence = f"is {one.status} with {one.open} of {one.quantity} open"
            yield Finding("endings_are_true", one.reservation_id, sentence, _settle(one.sku))


def in_flight_is_explained(s: Snapshot) -> Iterator[Finding]:
    """Units in flight in the ledger are those listings are waiting for orders of."""
    expected: dict[Sku, int] = {}
    for listing in s.listings.values():
        for part in listing.components:
            expected[part.sku] = expected.get(part.sku, 0) + listing.belief.in_flight * part.units
    held: dict[Sku, int] = {}
    for (sku, account), quantity in s.balances.items():
        if account.state == State.IN_FLIGHT:
            held[sku] = held.get(sku, 0) + quantity
    for sku in sorted(set(expected) | set(held)):
        there, wanted = held.get(sku, 0), expected.get(sku, 0)
        if there != wanted:
            sentence = f"{there} are in flight, listings wait for orders of {wanted}"
            yield Finding("in_flight_is_explained", sku, sentence, _settle(sku))


def demands_are_covered(s: Snapshot) -> Iterator[Finding]:
    """What an order line needs is reserved, bought, known to be short, or was let go unpaid."""
    covered: dict[tuple[str, str, Sku], int] = {}
    expired: set[tuple[str, str, Sku]] = set()
    for one in s.reservations:
        key = (one.channel, one.line_id, one.sku)
        covered[key] = covered.get(key, 0) + one.quantity - one.released
        if one.status is HoldStatus.EXPIRED:
            expired.add(key)
    for demand in s.demands:
        key = (demand.channel, demand.line_id, demand.sku)
        total = covered.get(key, 0) + demand.purchased + demand.short
        if total != demand.need and key not in expired:
            sentence = f"order line {demand.line_id} needs {demand.need}, {total} are accounted for"
            yield Finding("demands_are_covered", f"{demand.sku} {demand.order_key}", sentence, _settle(demand.sku))


def shortages_have_a_case(s: Snapshot) -> Iterator[Finding]:
    """Every broken promise has an open case: somebody is told."""
    open_cases = {(c.channel, c.line_id, c.sku) for c in s.cases if c.status is not CaseStatus.RESOLVED}
    for demand in s.demands:
        if demand.short and (demand.channel, demand.line_id, demand.sku) not in open_cases:
            sentence = (
                f"order line {demand.line_id} is short of {demand.short} and no case is open: the daemon opens it"
            )
            yield Finding("shortages_have_a_case", demand.sku, sentence, "syncd run")


def listings_show_their_target(s: Snapshot) -> Iterator[Finding]:
    """A listing either shows its target, or is marked to be looked at, or a person knows why not."""
    for key, target in sorted(s.targets.items()):
        listing, push = s.listings[key], s.pushes.get(key)
        waits = bool(listing.skus & s.marked) or (push is not None and (push.pending or bool(push.parked)))
        shown = listing.belief.expected
        if key.channel in s.live_channels and target is not None and shown != target and not waits:
            sentence = f"shows {shown}, should show {target}, and nothing is about to change it"
            yield Finding("listings_show_their_target", str(key), sentence, f"syncd enforce {shlex.quote(str(key))}")


def balances_hold_known_movements(s: Snapshot) -> Iterator[Finding]:
    """Every balance says which movement was the last of it."""
    for (sku, account), position in sorted(s.positions.items()):
        last = s.last_positions.get((sku, account), 0)
        if position != last:
            sentence = f"says that movement {position} was its last one; it is {last}"
            yield Finding("balances_hold_known_movements", f"{sku} {account}", sentence, REBUILD)


def times_can_be_right(s: Snapshot) -> Iterator[Finding]:
    """No movement is from the future, and none was written down long before the one it follows."""
    for one in s.timings:
        repair = f"set the machine's clock, then look: syncd stock history {shlex.quote(one.sku)} --by recorded"
        yield Finding("times_can_be_right", f"movement {one.position}", f"{one.sku}: {one.sentence}", repair)


def promises_have_an_order(s: Snapshot) -> Iterator[Finding]:
    """What is promised is promised to an order we know."""
    for one in s.reservations:
        if one.open > 0 and one.order_key not in s.orders:
            sentence = f"holds {one.open} × {one.sku} for order {one.order_key}, which is not in the books"
            yield Finding("promises_have_an_order", one.reservation_id, sentence, _settle(one.sku))
    for demand in s.demands:
        if demand.short and demand.order_key not in s.orders:
            sentence = f"line {demand.line_id} of order {demand.order_key}, which is not in the books, is short"
            yield Finding("promises_have_an_order", demand.sku, sentence, _settle(demand.sku))


def promises_have_a_demand(s: Snapshot) -> Iterator[Finding]:
    """What is promised is promised because an order line needs it."""
    needed = {(one.channel, one.line_id, one.sku) for one in s.demands}
    for one in s.reservations:
        if one.open > 0 and one.order_key in s.orders and (one.channel, one.line_id, one.sku) not in needed:
            sentence = f"holds {one.open} × {one.sku} for line {one.line_id}, of which no need is in the books"
            yield Finding("promises_have_a_demand", one.reservation_id, sentence, _settle(one.sku))


def listings_hold_known_products(s: Snapshot) -> Iterator[Finding]:
    """What a listing sells is a product we know."""
    for key, listing in sorted(s.listings.items()):
        for sku in sorted(listing.skus - s.products):
            repair = f"syncd product add {shlex.quote(sku)} --title {shlex.quote(listing.title or sku)}"
            yield Finding("listings_hold_known_products", str(key), f"sells {sku}, which is no product", repair)


def barcodes_mean_a_product(s: Snapshot) -> Iterator[Finding]:
    """Every barcode means a product we know, and is kept as it is looked up."""
    for code, sku in s.barcodes:
        remove = f"syncd product barcode remove {shlex.quote(code.code)}"
        if sku not in s.products:
            yield Finding("barcodes_mean_a_product", code.shown, f"means {sku}, which is no product", remove)
        elif known_as(code.code) != code.code:
            sentence = f"means {sku}, but {Barcode(known_as(code.code)).shown} is the same GTIN and goes before it"
            yield Finding("barcodes_mean_a_product", code.code, sentence, remove)


def stock_lies_at_known_places(s: Snapshot) -> Iterator[Finding]:
    """Whatever is on hand lies at a place syncd.toml names, so that it can be counted and carried."""
    for (sku, account), quantity in sorted(s.balances.items()):
        if not (account.is_ours and quantity > 0) or account.location in s.locations.names:
            continue
        sentence = f"{quantity} lie where [daemon] locations names no place: name it there, or empty it"
        there, home = shlex.quote(str(account)), f"{s.locations.default}/{account.state}"
        repair = f"syncd stock post {shlex.quote(sku)} {quantity} --reason transfer --from {there} --to {home}"
        if account.state in (State.RESERVED, State.IN_FLIGHT):
            sentence = f"{quantity} are promised where [daemon] locations names no place: name it there"
            repair = "syncd doctor"
        yield Finding("stock_lies_at_known_places", f"{sku} {account}", sentence, repair)


def stock_is_of_known_products(s: Snapshot) -> Iterator[Finding]:
    """Whatever is on hand is of a product we know, so that it is shown."""
    held: dict[Sku, int] = {}
    for (sku, account), quantity in s.balances.items():
        if account.is_ours and quantity and sku not in s.products:
            held[sku] = held.get(sku, 0) + quantity
    for sku, quantity in sorted(held.items()):
        repair = f"syncd product add {shlex.quote(sku)} --title {shlex.quote(sku)}"
        yield Finding("stock_is_of_known_products", sku, f"{quantity} are on hand of what is no product", repair)


CHECKS: tuple[Check, ...] = (
    balances_are_the_fold,
    sums_are_zero,
    nothing_below_zero,
    accounts_exist,
    keys_are_unique,
    balances_hold_known_movements,
    times_can_be_right,
    stock_lies_at_known_places,
    stock_is_of_known_products,
    promises_have_an_order,
    promises_have_a_demand,
    reservations_are_held,
    endings_are_true,
    in_flight_is_explained,
    demands_are_covered,
    shortages_have_a_case,
    listings_hold_known_products,
    barcodes_mean_a_product,
    listings_show_their_target,
)


def examine(snapshot: Snapshot) -> list[Finding]:
    """Run every check."""
    return [finding for check in CHECKS for finding in check(snapshot)]
