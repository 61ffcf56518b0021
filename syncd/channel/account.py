"""What a channel's account is subject to: its call meter and its credentials' end. Part of the channel port."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class CallMeter:
    """What the channel itself counts of the day's calls.

    `limit`: calls a day that are ours to make. `remaining`: calls left until `resets_at` to everybody who shares the
    account, ourselves included.
    """

    limit: int
    remaining: int
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class CredentialsEnd:
    """When the credentials in use stop for good unless a person renews them, and what he has to do then."""

    ends_at: datetime
    advice: str


@dataclass(frozen=True, slots=True)
class WebhookCare:
    """What was found of the channel's webhooks to us.

    `mended`: what was registered or switched on again just now, each in the channel's own word for it. `calls_at_once`:
    whether the channel calls us at once when a webhook is registered, so that a silence means it cannot.
    """

    mended: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    """What a person must do, a sentence each."""
    calls_at_once: bool = False
