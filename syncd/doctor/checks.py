"""Everything that must always hold, as a plain list of small checks; adding one is one line at the end of this file.

A finding names the rows and the command that repairs them by a compensating movement or a renewed decision, never by
an edit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from syncd.identity import ListingKey, Sku
from syncd.ledger.movement import Account, State
from syncd.listing.listing import Listing
from syncd.push.plan import PushState
from syncd.reservation.hold import Demand, HoldStatus, Reservation
from syncd.shortage.case import Case, CaseStatus

SkuAccount = tuple[Sku, Account]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The store at one moment. `fold` is computed from the log itself, `balances` is what is kept beside it."""

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


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not hold: which check, what it is about, one sentence, and what to type."""

    check: str
    subject: str
    sentence: str
    repair: str


Check = Callable[[Snapshot], Iterator[Finding]]


def balances_are_the_fold(s: Snapshot) -> Iterator[Finding]:
    """Every balance is the sum of its movements."""
    for sku, account in sorted(set(s.fold) | set(s.balances)):
        folded, kept = s.fold.get((sku, account), 0), s.balances.get((sku, account), 0)
        if folded != kept:
            sentence = f"{account} holds {kept} in the books, its movements come to {folded}"
            yield Finding("balances_are_the_fold", f"{sku} {account}", sentence, "syncd doctor --rebuild-balances")


def sums_are_zero(s: Snapshot) -> Iterator[Finding]:
    """Every unit is always somewhere: the balances of a SKU add up to zero."""
    sums: dict[Sku, int] = {}
    for (sku, _), quantity in s.balances.items():
        sums[sku] = sums.get(sku, 0) + quantity
    for sku, total in sorted(sums.items()):
        if total:
            sentence = f"its accounts add up to {total}, not 0"
            yield Finding("sums_are_zero", sku, sentence, "syncd doctor --rebuild-balances")


def nothing_below_zero(s: Snapshot) -> Iterator[Finding]:
    """No account of ours holds less than nothing."""
    for (sku, account), quantity in sorted(s.balances.items()):
        if account.is_ours and quantity < 0:
            yield Finding("nothing_below_zero", f"{sku} {account}", f"holds {quantity}", f"syncd stock count {sku} N")


def keys_are_unique(s: Snapshot) -> Iterator[Finding]:
    """No movement was posted twice."""
    for key in s.repeated_keys:
        yield Finding(
            "keys_are_unique", key, "stands in the log more than once", "restore the unique index: syncd migrate"
        )


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
            yield Finding("reservations_are_held", sku, sentence, f"syncd stock history {sku}")


def endings_are_true(s: Snapshot) -> Iterator[Finding]:
    """A reservation is held while something of it is open, and ended once nothing is."""
    for one in s.reservations:
        if one.open < 0 or (one.open == 0) == (one.status is HoldStatus.HELD):
            sentence = f"is {one.status} with {one.open} of {one.quantity} open"
            yield Finding("endings_are_true", one.reservation_id, sentence, f"syncd orders show {one.order_key}")


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
            yield Finding("in_flight_is_explained", sku, sentence, f"syncd stock history {sku}")


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
            yield Finding("demands_are_covered", f"{demand.sku} {demand.order_key}", sentence, "syncd orders")


def shortages_have_a_case(s: Snapshot) -> Iterator[Finding]:
    """Every broken promise has an open case: somebody is told."""
    open_cases = {(c.channel, c.line_id, c.sku) for c in s.cases if c.status is not CaseStatus.RESOLVED}
    for demand in s.demands:
        if demand.short and (demand.channel, demand.line_id, demand.sku) not in open_cases:
            sentence = f"order line {demand.line_id} is short of {demand.short} and no case is open"
            yield Finding("shortages_have_a_case", demand.sku, sentence, "start the daemon: syncd run")


def listings_show_their_target(s: Snapshot) -> Iterator[Finding]:
    """A listing either shows its target, or is marked to be looked at, or a person knows why not."""
    for key, target in sorted(s.targets.items()):
        listing, push = s.listings[key], s.pushes.get(key)
        waits = bool(listing.skus & s.marked) or (push is not None and (push.pending or bool(push.parked)))
        shown = listing.belief.expected
        if key.channel in s.live_channels and target is not None and shown != target and not waits:
            sentence = f"shows {shown}, should show {target}, and nothing is about to change it"
            yield Finding("listings_show_their_target", str(key), sentence, f"syncd enforce {key}")


CHECKS: tuple[Check, ...] = (
    balances_are_the_fold,
    sums_are_zero,
    nothing_below_zero,
    keys_are_unique,
    reservations_are_held,
    endings_are_true,
    in_flight_is_explained,
    demands_are_covered,
    shortages_have_a_case,
    listings_show_their_target,
)


def examine(snapshot: Snapshot) -> list[Finding]:
    """Run every check."""
    return [finding for check in CHECKS for finding in check(snapshot)]
