"""Every check finds what it is for, and every finding names a command that can be typed."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest
import typer

from syncd.cli.main import app
from syncd.doctor.checks import CHECKS, Finding, Snapshot, Timing, examine
from syncd.identity import ChannelName, ListingKey, Sku
from syncd.ledger.location import Locations
from syncd.ledger.movement import SUPPLIER, Account, available, in_flight, reserved
from syncd.listing.belief import Belief
from syncd.listing.listing import Component
from syncd.product.barcode import barcode
from syncd.reservation.hold import Demand, HoldStatus, Reservation
from tests.support.situations import CHANNEL, L1, T0, X, listing

SKU = Sku("GLOVE X; rm -r")
"""A SKU that a shell would take apart."""
KEY = ListingKey(CHANNEL, L1)
MAIN = available("main")
SOUND = Snapshot(
    fold={(X, MAIN): 2, (X, SUPPLIER): -2},
    balances={(X, MAIN): 2, (X, SUPPLIER): -2},
    repeated_keys=(),
    reservations=(),
    demands=(),
    cases=(),
    listings={KEY: listing(Component(X), belief=Belief(shown=2, shown_at=T0))},
    pushes={},
    targets={KEY: 2},
    marked=frozenset(),
    live_channels=frozenset({CHANNEL}),
    positions={(X, MAIN): 1},
    last_positions={(X, MAIN): 1},
    timings=(),
    orders=frozenset({"o1"}),
    products=frozenset({X}),
    barcodes=((barcode("4006381333931"), X),),
    locations=Locations(("main",)),
)


def held(units: int, sku: Sku = X, order_key: str = "o1", **changes: object) -> Reservation:
    """A promise at main."""
    one = Reservation(*("r1", CHANNEL, "l1", order_key, sku, "main"), units, 0, 0, status=HoldStatus.HELD, held_at=T0)
    return replace(one, **changes)  # type: ignore[arg-type]


def with_stock(account: Account, units: int, sku: Sku = SKU) -> Snapshot:
    """The sound one with so much in one account, as the log says too."""
    there = {(sku, account): units, (sku, SUPPLIER): -units}
    return replace(SOUND, fold={**SOUND.fold, **there}, balances={**SOUND.balances, **there})


BROKEN: dict[str, Snapshot] = {
    "balances_are_the_fold": replace(SOUND, fold={}),
    "sums_are_zero": replace(SOUND, balances={(SKU, MAIN): 3}),
    "nothing_below_zero": with_stock(Account("main", "unavailable"), -2),
    "accounts_exist": with_stock(Account("main", "somewhere"), 2),
    "keys_are_unique": replace(SOUND, repeated_keys=("k",)),
    "balances_hold_known_movements": replace(SOUND, positions={(X, MAIN): 9}),
    "times_can_be_right": replace(SOUND, timings=(Timing(1, SKU, "happened in the future"),)),
    "stock_lies_at_known_places": with_stock(available("attic"), 2),
    "promises_have_a_demand": replace(SOUND, reservations=(held(1, SKU),)),
    "promises_have_an_order": replace(SOUND, reservations=(held(1, SKU, "gone"),)),
    "reservations_are_held": with_stock(reserved("main"), 2),
    "endings_are_true": replace(SOUND, reservations=(held(1, SKU, status=HoldStatus.RELEASED),)),
    "in_flight_is_explained": with_stock(in_flight("main"), 2),
    "demands_are_covered": replace(SOUND, demands=(Demand(CHANNEL, "l1", SKU, "o1", need=2),)),
    "shortages_have_a_case": replace(SOUND, demands=(Demand(CHANNEL, "l1", SKU, "o1", need=1, short=1),)),
    "stock_is_of_known_products": replace(with_stock(MAIN, 2), products=frozenset()),
    "listings_hold_known_products": replace(SOUND, products=frozenset()),
    "barcodes_mean_a_product": replace(SOUND, barcodes=((barcode("A 12"), SKU),)),
    "listings_show_their_target": replace(SOUND, targets={KEY: 1}),
}


def test_a_sound_store_has_no_finding() -> None:
    """Nothing is wrong where everything agrees."""
    assert examine(SOUND) == []


def test_every_check_is_tested() -> None:
    """A check that is added has its broken store here."""
    assert set(BROKEN) == {check.__name__ for check in CHECKS}


@pytest.mark.parametrize("name", BROKEN)
def test_every_check_finds_what_it_is_for(name: str) -> None:
    """Its own broken store is found, under its own name, with rows and a sentence."""
    found = [finding for finding in examine(BROKEN[name]) if finding.check == name]
    assert found
    assert all(finding.subject and finding.sentence for finding in found)


def findings() -> list[Finding]:
    """Everything any check says, and the repairs of the states that are repaired in another way."""
    more = [with_stock(MAIN, -1), with_stock(reserved("main"), -1)]
    demand = Demand(ChannelName("c"), "l9", SKU, "gone", need=1, short=1)
    spelled = replace(barcode("4006381333931"), code="4006381333931")
    more += [replace(SOUND, demands=(demand,)), replace(SOUND, barcodes=((spelled, X),))]
    return [finding for snapshot in (*BROKEN.values(), *more) for finding in examine(snapshot)]


@pytest.mark.parametrize("repair", sorted({finding.repair for finding in findings()}))
def test_every_repair_can_be_typed(repair: str) -> None:
    """The command in the text exists and takes exactly these words."""
    _, _, text = repair.partition("syncd ")
    words = shlex.split(text)
    assert words, repair
    command = typer.main.get_command(app)
    context = command.make_context("syncd", list(words))
    while hasattr(command, "resolve_command"):
        rest = [*context._protected_args, *context.args]
        assert rest, f"{repair} names no whole command"
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
    assert context.info_name != "syncd"
