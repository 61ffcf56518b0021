"""What a channel is to tell us by itself, and whether it does: part of the port; plug-ins import it from there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SubscriptionStatus(StrEnum):
    """Whether the channel tells."""

    ACTIVE = "active"
    PAUSED = "paused"
    """A person has stopped it: nobody but a person starts it again."""
    DISABLED = "disabled"
    """The channel has stopped it by itself, after failures."""
    MISSING = "missing"
    """The channel knows of no such wish of ours."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One topic in the channel's own words. `subscription_ids` are all the channel has for it, the one meant first."""

    topic: str
    status: SubscriptionStatus
    subscription_ids: tuple[str, ...] = ()
