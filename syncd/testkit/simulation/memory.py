"""What a process remembers beside its store: found by walking the rooms, kept, put back, compared.

Rooms may keep a pause, a failure count, a time to look again. Everything that decides what is true is in the store; the
rest is found here, so that a simulation can return to an earlier moment without leaving a trace of the later one.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

PLAIN = (type(None), bool, int, float, str, date, datetime, timedelta)
"""Values that never change; a field that holds one is remembered as it is."""

CONTAINERS = (list, dict, set, deque)
"""Values that change in place; a copy of them is remembered."""

Kept = list[tuple[Any, str, Any]]


def remembered(roots: Iterable[object]) -> Kept:
    """Every field of our own objects, reached from `roots`, that holds a plain value or a container of such."""
    kept: Kept = []
    for owner in _objects(roots):
        for name, value in vars(owner).items():
            if isinstance(value, PLAIN):
                kept.append((owner, name, value))
            elif isinstance(value, CONTAINERS):
                kept.append((owner, name, copy.copy(value)))
    return kept


def put_back(kept: Kept) -> None:
    """Make the objects hold again what was remembered."""
    for owner, name, value in kept:
        object.__setattr__(owner, name, copy.copy(value) if isinstance(value, CONTAINERS) else value)


def _objects(roots: Iterable[object]) -> Iterator[object]:
    """Objects of the rooms' own classes, each once. Store, writer, clocks and channels are no memory of rooms."""
    waiting, known = list(roots), set[int]()
    while waiting:
        one = waiting.pop(0)
        if id(one) in known or not _is_ours(one):
            continue
        known.add(id(one))
        yield one
        waiting += [value for _, value in sorted(vars(one).items()) if not isinstance(value, (*PLAIN, *CONTAINERS))]


def _is_ours(one: object) -> bool:
    module = type(one).__module__
    apart = ("syncd.testkit", "syncd.db", "syncd.ledger", "syncd.config")
    return module.startswith("syncd.") and not module.startswith(apart) and hasattr(one, "__dict__")
