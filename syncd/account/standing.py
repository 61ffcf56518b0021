"""When a person has to be asked about a channel's account before anything fails, and in which words."""

from __future__ import annotations

from datetime import datetime, timedelta

from syncd.channel.port import CredentialsEnd
from syncd.identity import ChannelName

ASKED_BEFORE = timedelta(days=30)
"""How long before the end of its credentials a person is asked: renewing may need somebody who is on holiday."""


def ending(name: ChannelName, end: CredentialsEnd | None, now: datetime) -> str | None:
    """What to ask about credentials that end soon, or None."""
    if end is None or end.ends_at - now > ASKED_BEFORE:
        return None
    day = end.ends_at.date().isoformat()
    if end.ends_at <= now:
        return f"the credentials of {name} ended on {day}: {end.advice}"
    days = (end.ends_at - now).days
    return f"the credentials of {name} end on {day}, in {days} days; then nothing works there any more: {end.advice}"
