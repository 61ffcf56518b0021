"""Everything that can happen in a small world is enumerated, none sampled; and the search finds what is made wrong."""

from __future__ import annotations

import os
from datetime import datetime

import pytest

from syncd.channel.port import ChannelOrder
from syncd.orders.intake import decide
from syncd.orders.situation import Intake, IntakePolicy, Situation
from syncd.testkit.simulation.explore import Explored, explore
from syncd.testkit.simulation.loop import simulate
from tests.simulation.stage import put_in_place

UNITS = 3

SALES = ["market sells one", "shop sells one"]
ORDERS = ["market's orders are read", "shop's orders are read"]
PUSHES = ["market's pusher goes on", "shop's pusher goes on"]

DEEPER = int(os.environ.get("SYNCD_SCOPE_DEEPER", "0"))
"""How many events longer than usual the histories are: for a machine that has the night."""

LENGTH = 8 + DEEPER
"""Longest histories of sales, imports and pushes; one more event costs about three times the time."""

LENGTH_OF_ALL = 4 + DEEPER
"""Longest histories of all events there are; one more costs about five times the time."""


def explored(length: int, events: list[str] | None = None) -> Explored:
    """What enumerating the small world comes to; shown with -rP."""
    found = simulate(lambda: explore(length, UNITS, events))
    print(found.report())
    return found


@pytest.mark.parametrize(
    ("events", "length"), [([*SALES, *ORDERS, *PUSHES], LENGTH), (None, LENGTH_OF_ALL)], ids=["core", "all"]
)
def test_every_history_ends_true(events: list[str] | None, length: int) -> None:
    """Two channels, three units: in whatever order sales, imports and the two ends of every push come, and for shorter
    histories also cancellations, units on and off the shelf, readings and lost answers.

    From every state the world comes to rest with every listing at its target and the books sound, and no channel sells
    a unit after a push could have told it that the unit was gone.
    """
    found = explored(length, events)
    assert found.counterexample is None, found.report()
    assert [one.events for one in found.lengths] == list(range(1, length + 1))


def test_the_search_finds_and_tells_the_shortest_history_that_ends_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where orders of the webshop are not taken in, its first sale is enough, and no longer history is told."""

    def market_only(told: ChannelOrder, situation: Situation, policy: IntakePolicy, now: datetime) -> Intake:
        if policy.channel == "shop":
            return Intake(f"{policy.channel}:{told.order_id}", False)
        return decide(told, situation, policy, now)

    put_in_place(monkeypatch, decide, market_only)
    found = explored(2, [*SALES, *PUSHES])
    assert found.counterexample == ("shop sells one",)
    assert "the shortest history that ends wrong:\n  1. shop sells one\n  then: " in found.report()
