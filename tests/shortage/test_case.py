"""The table of states: every step there is, and none besides."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from syncd.identity import ChannelName, Sku
from syncd.shortage.case import TRANSITIONS, Case, CaseStatus

OPEN, ASKED, ACTING = CaseStatus.OPEN, CaseStatus.ASKED, CaseStatus.ACTING
WAITING, PERSON, RESOLVED = CaseStatus.WAITING, CaseStatus.NEEDS_PERSON, CaseStatus.RESOLVED

STEPS = [
    (OPEN, ASKED),
    (OPEN, RESOLVED),
    (ASKED, ACTING),
    (ASKED, WAITING),
    (ASKED, PERSON),
    (ASKED, RESOLVED),
    (WAITING, ASKED),
    (WAITING, ACTING),
    (WAITING, RESOLVED),
    (ACTING, PERSON),
    (ACTING, RESOLVED),
    (PERSON, ACTING),
    (PERSON, RESOLVED),
]
"""Written out a second time on purpose: whoever changes the table has to mean it."""


def a_case(status: CaseStatus) -> Case:
    """A case in some state."""
    at = datetime(2026, 3, 2, tzinfo=UTC)
    return Case("m:1/X/1", ChannelName("m"), "m:1", "1", Sku("X"), 1, "no stock", status, at)


@pytest.mark.parametrize("seen", list(CaseStatus))
@pytest.mark.parametrize("then", list(CaseStatus))
def test_only_the_steps_of_the_table_are_taken(seen: CaseStatus, then: CaseStatus) -> None:
    """A step the table does not know is a fault of ours, said with both states."""
    if (seen, then) in STEPS:
        assert a_case(seen).to(then).status is then
    else:
        with pytest.raises(ValueError, match=f"from {seen} to {then}"):
            a_case(seen).to(then)


@pytest.mark.parametrize("status", [one for one in CaseStatus if one is not RESOLVED])
def test_every_state_is_reached_and_left(status: CaseStatus) -> None:
    """No state is a dead end, and from each the case can end."""
    assert RESOLVED in TRANSITIONS[status]
    assert status is OPEN or any(status in ways for ways in TRANSITIONS.values())
