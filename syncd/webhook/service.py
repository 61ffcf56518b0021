"""Keeps channels calling us: looks at their webhooks every few minutes, has them mended, and asks when that is no use.

Orders are found by polling all the same; a webhook that is off only makes them later, and nothing else would tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask, close, open_subjects
from syncd.channel.port import RegistersWebhooks, WebhookCare
from syncd.channel.service import ChannelLine
from syncd.clock import Clock
from syncd.db import Database
from syncd.errors import ChannelProtocolError, ChannelRefused, RemoteError
from syncd.fence import covers_channel
from syncd.identity import ChannelName
from syncd.ledger.service import Writer
from syncd.telemetry import Event, log
from syncd.webhook.care import MENDS_MAX, Mends

LOOK_EVERY = timedelta(minutes=5)


class WebhookService:
    """Every live channel's webhooks. Without a `public_url` nobody can reach us, and no channel is asked to call."""

    def __init__(
        self,
        db: Database,
        writer: Writer,
        lines: Mapping[ChannelName, ChannelLine],
        *,
        public_url: str | None,
        clock: Clock,
    ) -> None:
        self._db = db
        self._writer = writer
        self._lines = lines if public_url else {}
        self._public_url = (public_url or "").rstrip("/")
        self._clock = clock
        self._look_at: dict[ChannelName, datetime] = {}
        self._mends: dict[ChannelName, Mends] = {}
        self._silent_since: dict[ChannelName, datetime] = {}

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Look where it is time; returns how many webhooks were mended."""
        mended = 0
        for name, line in self._lines.items():
            if not covers_channel(name, self._lines):
                continue
            due = self._look_at.get(name, now) <= now and line.refusal("care_for_webhooks", now) is None
            if due and isinstance(line.channel, RegistersWebhooks):
                self._look_at[name] = now + LOOK_EVERY
                mended += await self._look(name, line, line.channel)
        return {"mended": mended} if mended else {}

    async def _look(self, name: ChannelName, line: ChannelLine, channel: RegistersWebhooks) -> int:
        url, asked_at = f"{self._public_url}/hooks/{name}", self._clock.now()
        mends = self._mends.get(name, Mends())
        care = WebhookCare()
        if not mends.worn_out(asked_at):
            try:
                care = await line.call("care_for_webhooks", partial(channel.care_for_webhooks, url))
            except (ChannelRefused, ChannelProtocolError) as fault:
                line.report(fault)
                return 0
            except RemoteError:
                return 0  # the line tells of it, and is closed for as long as it takes
        self._mends[name] = mends = mends.with_more(care.mended, asked_at)
        if care.mended:
            log(Event.WEBHOOK_MENDED, channel=name, webhooks=sorted(care.mended))
        if care.mended and care.calls_at_once:
            self._silent_since[name] = asked_at
        problems = [*care.problems, *self._worn_out(mends, asked_at), *self._silence(name, line)]
        await self._tell(name, url, problems)
        return len(care.mended)

    def _worn_out(self, mends: Mends, now: datetime) -> list[str]:
        worn = mends.worn_out(now)
        if not worn:
            return []
        return [f"within a day {', '.join(worn)} had to be mended {MENDS_MAX} times, so they rest until tomorrow"]

    def _silence(self, name: ChannelName, line: ChannelLine) -> list[str]:
        """A channel that calls at once when a webhook is made, and was not heard, cannot reach us."""
        since = self._silent_since.get(name)
        if since is None:
            return []
        if line.reached_at is not None and line.reached_at >= since:
            del self._silent_since[name]
            return []
        return ["its webhooks stand, but no call of it has come here yet"]

    async def _tell(self, name: ChannelName, url: str, problems: list[str]) -> None:
        async with self._db.read() as conn:
            is_open = name in await open_subjects(conn, Topic.WEBHOOK)
        if problems:
            if not is_open:
                log(Event.WEBHOOK_LOST, channel=name, explanation="; ".join(problems))
            sentence = (
                f"{name} does not tell of its orders by itself: {'; '.join(problems)}; they are found by asking "
                f"meanwhile, only later; see that {url} can be reached from outside with a trusted certificate"
            )
            await self._writer.write(ask(Question(Topic.WEBHOOK, name, sentence, self._clock.now())))
        elif is_open:
            await self._writer.write(close(Topic.WEBHOOK, name, self._clock.now()))
