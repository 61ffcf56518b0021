"""Our own clocks: a person hears of one that runs out before it has, once, and nobody is asked when it is met."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from syncd.attention.question import Topic
from syncd.identity import ChannelName, Sku
from syncd.shortage.case import Case, CaseStatus
from syncd.shortage.levels import Level, ServiceConfig, Watched, running, to_escalate
from syncd.shortage.resolution import OptionKind
from syncd.testkit.channel_rig import Fault
from tests.support.care import LAG_SECONDS, THINK_SECONDS, Care

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
DAY = 86_400.0
CONFIG = ServiceConfig(notice_within_seconds=1000, decide_within_seconds=2 * DAY, refund_within_seconds=7 * DAY)
CASE = Case("m:1/X/1", ChannelName("m"), "m:1", "1", Sku("X"), 1, "no stock", CaseStatus.ASKED, AT)


def watched(status: CaseStatus, *, told: bool = True, paid: bool = True, **changes: object) -> Watched:
    """A case in some state since an hour after it was opened."""
    case = replace(CASE, status=status, **changes)  # type: ignore[arg-type]
    return Watched(case, AT + timedelta(hours=1), AT if told else None, paid)


@pytest.mark.parametrize(
    ("case", "levels"),
    [
        (watched(CaseStatus.OPEN, told=False), {Level.NOTICE}),
        (watched(CaseStatus.OPEN, told=False, paid=False), set()),
        (watched(CaseStatus.ASKED, told=False), {Level.NOTICE}),
        (watched(CaseStatus.ASKED), set()),
        (watched(CaseStatus.WAITING), set()),
        (watched(CaseStatus.ACTING, chosen=OptionKind.REFUND), {Level.REFUND}),
        (watched(CaseStatus.ACTING, chosen=OptionKind.SUBSTITUTE), set()),
        (watched(CaseStatus.NEEDS_PERSON), {Level.DECISION, Level.REFUND}),
        (watched(CaseStatus.NEEDS_PERSON, chosen=OptionKind.PART_NOW), {Level.DECISION, Level.REFUND}),
        (watched(CaseStatus.RESOLVED), set()),
    ],
)
def test_which_clocks_run(case: Watched, levels: set[Level]) -> None:
    """Telling him, deciding, paying: each runs while it is owed, and no longer."""
    assert {one.level for one in running(case, CONFIG)} == levels


def test_a_person_hears_before_it_is_missed() -> None:
    """At three quarters; and going to and fro between machine and person does not start the money's clock anew."""
    case = watched(CaseStatus.OPEN, told=False)
    assert to_escalate([case], CONFIG, AT + timedelta(seconds=749)) == []
    assert [one.due_at for one in to_escalate([case], CONFIG, AT + timedelta(seconds=750))] == [
        AT + timedelta(seconds=1000)
    ]
    fro = watched(CaseStatus.NEEDS_PERSON, deadline_at=AT)
    (money,) = (one for one in running(fro, CONFIG) if one.level is Level.REFUND)
    assert money.due_at == AT + timedelta(days=7)


@pytest.mark.parametrize("name", ["decide_within_seconds", "refund_within_seconds"])
def test_the_law_is_the_outer_bound(name: str) -> None:
    """No merchant can promise himself more than 14 days."""
    assert ServiceConfig.model_validate({name: 14 * DAY})
    with pytest.raises(ValidationError):
        ServiceConfig.model_validate({name: 14 * DAY + 1})


@pytest.fixture
async def care(tmp_path: Path) -> AsyncIterator[Care]:
    """A market, and everybody who looks after its customers."""
    async with Care(tmp_path) as made:
        yield made


async def deadlines(care: Care) -> list[str]:
    """What a person was told of deadlines and has not been done yet."""
    return [one.subject.rpartition("/")[2] for one in await care.questions() if one.topic is Topic.DEADLINE]


async def test_a_case_nobody_decides_is_told_of_in_time(care: Care) -> None:
    """Two days may pass with a person; after a day and a half he hears of it, once; when it is decided it is over."""
    await care.oversold()
    (case,) = await care.cases()
    care.shops["market"].fail_next(Fault.HTML_BODY, operation="refund")
    await care.tend_for(THINK_SECONDS)
    await care.tend_for(1.4 * DAY)
    assert ([one.status for one in await care.cases()], await deadlines(care)) == ([CaseStatus.NEEDS_PERSON], [])
    for _ in range(2):
        await care.tend_for(0.15 * DAY)
        assert await deadlines(care) == ["decision"]
    assert await care.shortage.choose(case.case_id, OptionKind.REFUND, by="agent") is None
    await care.tend_for(LAG_SECONDS)
    assert (await care.questions(), [one.status for one in await care.cases()]) == ([], [CaseStatus.RESOLVED])


async def test_a_letter_that_does_not_go_out_is_told_of(care: Care) -> None:
    """The channel takes no messages for a while: before the notice is late a person hears of it."""
    care.shops["market"].fail_next(Fault.HTML_BODY, operation="message_buyer")
    await care.oversold()
    assert await deadlines(care) == []
    await care.tend_for(700)
    assert await deadlines(care) == ["notice"]
