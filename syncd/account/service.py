"""Looks after the accounts we have on channels: whether each is set up for what we do, and when its credentials end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from syncd.account.standing import ending
from syncd.attention.question import Question, Topic
from syncd.attention.store import ask, close, open_subjects
from syncd.channel.port import KeepsCredentials
from syncd.channel.service import ChannelLine
from syncd.clock import Clock
from syncd.db import Database
from syncd.errors import ChannelRefused, RemoteError
from syncd.fence import covers_channel
from syncd.identity import ChannelName
from syncd.ledger.service import Writer
from syncd.telemetry import Event, log

CHECK_EVERY = timedelta(hours=12)
"""An account's settings change seldom, and checking costs a call; it is checked at every start as well."""


class AccountService:
    """Every channel's account. One per process."""

    def __init__(self, db: Database, writer: Writer, lines: Mapping[ChannelName, ChannelLine], *, clock: Clock) -> None:
        self._db = db
        self._writer = writer
        self._lines = lines
        self._clock = clock
        self._check_at: dict[ChannelName, datetime] = {}
        self._told: dict[tuple[Topic, ChannelName], str | None] = {}

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Check what is due; what the line itself tells of (down, refused credentials) is left to it."""
        checked = 0
        for name, line in self._lines.items():
            if not covers_channel(name, self._lines):
                self._forget(name)
                continue
            if self._check_at.get(name, now) <= now and line.refusal("check", now) is None:
                self._check_at[name] = now + CHECK_EVERY
                checked += await self._check(name, line)
            if isinstance(line.channel, KeepsCredentials):
                sentence = ending(name, line.channel.credentials_end, now)
                await self._tell(Topic.CREDENTIALS, name, sentence, Event.CREDENTIALS_ENDING)
        return {"checked": checked} if checked else {}

    def _forget(self, name: ChannelName) -> None:
        """Another node looks after it, and may tell otherwise."""
        self._told = {key: said for key, said in self._told.items() if key[1] != name}

    async def _check(self, name: ChannelName, line: ChannelLine) -> int:
        try:
            await line.call("check", line.channel.check)
        except ChannelRefused as fault:
            await self._tell(Topic.CHANNEL_SETUP, name, f"{name}: {fault.message}", Event.CHANNEL_UNFIT)
            return 1
        except RemoteError as fault:
            line.report(fault)
            del self._check_at[name]  # nothing was learned: again as soon as the line is open
            return 0
        await self._tell(Topic.CHANNEL_SETUP, name, None, Event.CHANNEL_UNFIT)
        return 1

    async def _tell(self, topic: Topic, name: ChannelName, sentence: str | None, event: Event) -> None:
        """Ask, or close what was asked; said once, and again when the words change."""
        if (topic, name) not in self._told:
            async with self._db.read() as conn:
                is_open = name in await open_subjects(conn, topic)
            self._told[topic, name] = "" if is_open else None
        if self._told[topic, name] == sentence:
            return
        now = self._clock.now()
        if sentence is None:
            await self._writer.write(close(topic, name, now))
        else:
            await self._writer.write(ask(Question(topic, name, sentence, now)))
            log(event, channel=name, explanation=sentence)
        self._told[topic, name] = sentence
