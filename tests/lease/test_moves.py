"""How duties are shared out among nodes: by a table, and for any number of nodes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.lease.lease import Lease, Moves, moves

DUTIES = ("channel ebay", "channel shop", "house", "supplier toolmaker")


def leases(**held: str) -> list[Lease]:
    """Every duty, free unless somebody is named for it."""
    found = {name.replace(" ", "_"): name for name in DUTIES}
    return [Lease(name, held.get(key, ""), 1, None, None, key not in held) for key, name in sorted(found.items())]


@pytest.mark.parametrize(
    ("held", "alive", "expected"),
    [
        ({}, ["a"], Moves(DUTIES)),
        ({}, ["a", "b"], Moves(DUTIES[:2])),
        ({"house": "b"}, ["a", "b"], Moves(("channel ebay", "channel shop"))),
        ({"channel_ebay": "a", "channel_shop": "a"}, ["a", "b"], Moves()),
        ({"channel_ebay": "a", "channel_shop": "a", "house": "a"}, ["a", "b"], Moves((), ("house",))),
        ({"channel_ebay": "a", "channel_shop": "a", "house": "a"}, ["a"], Moves(("supplier toolmaker",))),
    ],
)
def test_what_is_taken_and_given(held: dict[str, str], alive: list[str], expected: Moves) -> None:
    """Free duties are taken up to a fair share, what is more is given back."""
    assert moves(leases(**held), alive, "a", DUTIES) == expected


def test_a_node_takes_only_what_it_is_set_up_for() -> None:
    """A duty that this node's configuration does not know is left to others."""
    assert moves(leases(), ["a"], "a", ["house"]) == Moves(("house",))


@given(nodes=st.integers(1, 6), duties=st.integers(1, 9))
def test_sharing_out_ends_with_everything_held_and_nobody_moving(nodes: int, duties: int) -> None:
    """Whatever their number: after a few rounds each duty is held once, in fair parts, and then nothing moves."""
    names = [f"duty {number}" for number in range(duties)]
    alive = [f"node {number}" for number in range(nodes)]
    holder = dict.fromkeys(names, alive[0])
    for _ in range(duties * nodes + 2):
        for me in alive:
            held = [Lease(name, who, 1, None, None, not who) for name, who in holder.items()]
            todo = moves(held, alive, me, names)
            holder |= dict.fromkeys(todo.give, "") | dict.fromkeys(todo.take, me)
    assert all(holder.values())
    assert max(list(holder.values()).count(me) for me in alive) <= -(-duties // nodes)
    held = [Lease(name, who, 1, None, None, False) for name, who in holder.items()]
    assert all(moves(held, alive, me, names) == Moves() for me in alive)
