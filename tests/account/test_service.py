"""A channel's account: looked at when syncd starts, and a person is asked before its credentials end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from syncd.account.service import CHECK_EVERY, AccountService
from syncd.attention.question import Topic
from syncd.channel.port import CredentialsEnd
from syncd.errors import ChannelRefused
from syncd.identity import ChannelName
from syncd.telemetry import Event, counts
from syncd.testkit.channel_rig import Fault
from syncd.testkit.fake_channel import FakeChannel
from tests.support.rooms import ONE, Rooms


class Account(FakeChannel):
    """A channel whose account can be set up wrongly, and whose credentials end."""

    is_fit = True
    credentials_end: CredentialsEnd | None = None

    async def check(self) -> None:
        await super().check()
        if not self.is_fit:
            raise ChannelRefused(self.name, "check", "out-of-stock control is off; switch it on", "515")


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    """A market."""
    made = Rooms(tmp_path, ONE)
    made.channels = {"market": Account(made.shops["market"], name="market")}  # type: ignore[dict-item]
    async with made:
        yield made


def account(rooms: Rooms) -> Account:
    """The market's channel."""
    found = rooms.channels["market"]
    assert isinstance(found, Account)
    return found


def service(rooms: Rooms) -> AccountService:
    """As a process starts it."""
    lines = {ChannelName(name): line for name, line in rooms.lines.items()}
    return AccountService(rooms.db, rooms.writer, lines, clock=rooms.clock)


async def asked(rooms: Rooms, topic: Topic) -> list[str]:
    """The sentences of open questions of one kind."""
    return [one.sentence for one in await rooms.questions() if one.topic is topic]


async def test_a_wrong_setting_is_asked_about_until_it_is_right(rooms: Rooms) -> None:
    """At the start and twice a day; the question closes by itself once it is mended."""
    made = service(rooms)
    account(rooms).is_fit = False
    assert await made.run_once(rooms.clock.now()) == {"checked": 1}
    assert await asked(rooms, Topic.CHANNEL_SETUP) == ["market: out-of-stock control is off; switch it on"]
    account(rooms).is_fit = True
    assert await made.run_once(rooms.clock.now()) == {}, "not at every run: a check costs a call"
    rooms.clock.advance(CHECK_EVERY.total_seconds())
    await made.run_once(rooms.clock.now())
    assert await asked(rooms, Topic.CHANNEL_SETUP) == []


async def test_a_question_of_an_earlier_process_is_closed(rooms: Rooms) -> None:
    """Mended while syncd was down: the next start finds it right."""
    account(rooms).is_fit = False
    await service(rooms).run_once(rooms.clock.now())
    account(rooms).is_fit = True
    await service(rooms).run_once(rooms.clock.now())
    assert await asked(rooms, Topic.CHANNEL_SETUP) == []


async def test_a_channel_that_is_down_is_checked_when_it_is_back(rooms: Rooms) -> None:
    """Nothing was learned, so nothing is asked, and the check is not put off for half a day."""
    made = service(rooms)
    account(rooms).is_fit = False
    rooms.shops["market"].fail_next(Fault.SERVER_ERROR)
    await made.run_once(rooms.clock.now())
    assert await asked(rooms, Topic.CHANNEL_SETUP) == []
    rooms.clock.advance(60)
    await made.run_once(rooms.clock.now())
    assert len(await asked(rooms, Topic.CHANNEL_SETUP)) == 1


async def test_the_end_of_credentials_is_announced_once_a_day_and_closed(rooms: Rooms) -> None:
    """Thirty days before: asked, with the day and what to do; renewed: closed."""
    made = service(rooms)
    ends_at = rooms.clock.now() + timedelta(days=31)
    account(rooms).credentials_end = CredentialsEnd(ends_at, "consent again")
    await made.run_once(rooms.clock.now())
    assert await asked(rooms, Topic.CREDENTIALS) == []
    rooms.clock.advance(86_400 + 60)
    told = counts()[Event.CREDENTIALS_ENDING]
    for _ in range(5):
        await made.run_once(rooms.clock.now())
    (sentence,) = await asked(rooms, Topic.CREDENTIALS)
    assert ends_at.date().isoformat() in sentence
    assert "in 29 days" in sentence
    assert sentence.endswith("consent again")
    assert counts()[Event.CREDENTIALS_ENDING] == told + 1
    rooms.clock.advance(40 * 86_400)
    await made.run_once(rooms.clock.now())
    (sentence,) = await asked(rooms, Topic.CREDENTIALS)
    assert "ended on" in sentence
    account(rooms).credentials_end = CredentialsEnd(rooms.clock.now() + timedelta(days=540), "")
    await made.run_once(rooms.clock.now())
    assert await asked(rooms, Topic.CREDENTIALS) == []
