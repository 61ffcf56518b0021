"""How long a browser stays signed in, and when an account is closed for a while after wrong passwords."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from syncd.access.role import Role
from syncd.clock import doubled

IDLE = timedelta(hours=12)
"""Who did nothing for so long signs in again: a shift."""

LIFETIME = timedelta(days=7)
"""Who signed in so long ago signs in again."""

SEEN_EVERY = timedelta(minutes=1)
"""That somebody was here is written down at most so often."""

FAILURES_FREE = 5
"""So many wrong passwords in a row close nothing."""

LOCK_FIRST_SECONDS = 60.0
LOCK_LONGEST_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in. Of the password only its argon2 hash is known."""

    name: str
    role: Role
    password_hash: str
    created_at: datetime
    language: str = ""
    disabled_at: datetime | None = None
    failures: int = 0
    locked_until: datetime | None = None

    def may_try(self, now: datetime) -> bool:
        """Whether a password is looked at now."""
        return self.locked_until is None or now >= self.locked_until


@dataclass(frozen=True, slots=True)
class Token:
    """A program's key. The key itself was shown once and is not kept."""

    token_id: str
    name: str
    role: Role
    created_by: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    def is_good(self, now: datetime) -> bool:
        """Whether it opens anything."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser that is signed in, and as whom."""

    user: User
    began_at: datetime
    seen_at: datetime

    def is_good(self, now: datetime) -> bool:
        """Whether it is still believed."""
        return self.user.disabled_at is None and now < self.seen_at + IDLE and now < self.began_at + LIFETIME


def locked_until(failures: int, now: datetime) -> datetime | None:
    """Until when an account is closed after so many wrong passwords in a row; the pause doubles with each further."""
    if failures < FAILURES_FREE:
        return None
    return now + timedelta(seconds=doubled(LOCK_FIRST_SECONDS, failures - FAILURES_FREE, LOCK_LONGEST_SECONDS))
