"""The gatekeeper: knows who is asking, signs people in and out, and keeps users, tokens and the audit."""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from syncd.access.role import Principal, Role
from syncd.access.secret import TOKEN_PREFIX, csrf_of, digest, token_id
from syncd.access.store import (
    Deed,
    change_user,
    end_visit,
    end_visits_of,
    note_deed,
    read_token,
    read_tokens,
    read_user,
    read_users,
    read_visit,
    revoke_token,
    save_token,
    save_user,
    save_visit,
    select_user,
    token_used,
    user_of,
    visit_seen,
)
from syncd.access.visit import SEEN_EVERY, Token, User, locked_until
from syncd.clock import Clock
from syncd.db import Database
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, Plan, View

SECRET_BYTES = 32

HASHING_AT_ONCE = 2
"""Passwords looked at together: each takes 64 MB and some tens of milliseconds of a core, beside the event loop."""

WAITING_MAX = 16
"""Passwords that may wait to be looked at; who comes then is told to try again."""


class Entry(StrEnum):
    """How an attempt to sign in ended."""

    IN = "in"
    WRONG = "wrong"
    """The name, the password, or the account is closed: nobody is told which."""
    LOCKED = "locked"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Admission:
    """What an attempt to sign in came to; `secret` is the new cookie of who is in."""

    entry: Entry
    secret: str = ""
    user: User | None = None
    until: datetime | None = None


class Hashing:
    """Argon2, beside the event loop: the library lets go of the interpreter while it works."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._threads = ThreadPoolExecutor(HASHING_AT_ONCE, thread_name_prefix="argon2")
        self._waiting = 0
        self._nobody = ""

    @property
    def is_busy(self) -> bool:
        """Whether as many wait as may."""
        return self._waiting >= WAITING_MAX

    async def make(self, password: str) -> str:
        """What is kept of a password."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._hasher.hash, password)

    async def is_right(self, kept: str | None, password: str) -> bool:
        """Whether it is the password; without one kept it takes as long, and is not."""
        self._waiting += 1
        try:
            if kept is None:
                self._nobody = self._nobody or await self.make(secrets.token_urlsafe(SECRET_BYTES))
            against = self._nobody if kept is None else kept
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._matches, against, password) and kept is not None
        finally:
            self._waiting -= 1

    def _matches(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False


class Gatekeeper:
    """One per process."""

    def __init__(self, db: Database, writer: Writer, clock: Clock, hashing: Hashing | None = None) -> None:
        self._db = db
        self._writer = writer
        self._clock = clock
        self._hashing = hashing or Hashing()

    async def by_token(self, token: str) -> Principal | None:
        """Whose token it is; None for one that opens nothing. A revoked one opens nothing from the commit on."""
        if not token.startswith(TOKEN_PREFIX):
            return None
        now = self._clock.now()
        async with self._db.read() as conn:
            found = await read_token(conn, digest(token))
        if found is None or not found.is_good(now):
            return None
        if found.last_used_at is None or now - found.last_used_at >= SEEN_EVERY:
            await self._writer.write(token_used(found.token_id, now))
        return Principal(found.name, found.role)

    async def by_cookie(self, secret: str) -> Principal | None:
        """Who signed in with this browser; None when nobody did, or not any more."""
        now, key = self._clock.now(), digest(secret)
        async with self._db.read() as conn:
            found = await read_visit(conn, key)
        if found is None or not found.is_good(now):
            return None
        if now - found.seen_at >= SEEN_EVERY:
            await self._writer.write(visit_seen(key, now))
        return Principal(found.user.name, found.user.role, found.user.language, csrf_of(secret))

    async def admit(self, name: str, password: str) -> Admission:
        """Sign a browser in. The password is looked at unless the account is closed for a while."""
        now = self._clock.now()
        async with self._db.read() as conn:
            user = await read_user(conn, name)
        if user is not None and not user.may_try(now):
            return Admission(Entry.LOCKED, until=user.locked_until)
        if self._hashing.is_busy:
            return Admission(Entry.BUSY)
        is_right = await self._hashing.is_right(user.password_hash if user else None, password)
        if user is None:
            return Admission(Entry.WRONG)
        if not is_right or user.disabled_at is not None:
            until = (await self._writer.submit(_failed(name))).value
            return Admission(Entry.LOCKED if until else Entry.WRONG, until=until)
        secret = secrets.token_urlsafe(SECRET_BYTES)
        forgiven = change_user(name, failures=0, locked_until=None)
        deed = note_deed(Deed(now, name, user.role.value, "signed in", ""))
        await self._writer.write(*save_visit(digest(secret), name, now), forgiven, deed)
        return Admission(Entry.IN, secret, user)

    async def dismiss(self, secret: str) -> None:
        """Sign a browser out."""
        await self._writer.write(end_visit(digest(secret)))

    async def has_users(self) -> bool:
        """Whether anybody could sign in."""
        async with self._db.read() as conn:
            return any(user.disabled_at is None for user in await read_users(conn))

    async def has_keys(self) -> bool:
        """Whether anybody but this machine's programs could come in: a user, or a token that opens something."""
        now = self._clock.now()
        async with self._db.read() as conn:
            tokens = await read_tokens(conn)
        return any(one.is_good(now) for one in tokens) or await self.has_users()

    async def speak(self, name: str, language: str) -> None:
        """Remember a user's language."""
        await self._writer.write(change_user(name, language=language))

    async def note(self, who: Principal, did: str, subject: str) -> None:
        """Write down who did what."""
        await self._writer.write(note_deed(Deed(self._clock.now(), who.name, who.role.value, did, subject)))

    async def add_user(self, name: str, role: Role, password: str, by: Principal) -> None:
        """Make a user known, or one of that name again: with this role and password, and no browser signed in."""
        now = self._clock.now()
        user = User(name, role, await self._hashing.make(password), now)
        deed = note_deed(Deed(now, by.name, by.role.value, f"added user as {role.value}", name))
        await self._writer.write(save_user(user), end_visits_of(name), deed)

    async def change_password(self, user: User, password: str, by: Principal) -> None:
        """Another password; every browser of his is signed out, and a closed account opens."""
        now = self._clock.now()
        again = replace(user, password_hash=await self._hashing.make(password), failures=0, locked_until=None)
        deed = note_deed(Deed(now, by.name, by.role.value, "changed password", user.name))
        await self._writer.write(save_user(again), end_visits_of(user.name), deed)

    async def disable_user(self, name: str, by: Principal) -> None:
        """He cannot sign in any more, and is signed out now; what he did stays in the audit."""
        now = self._clock.now()
        deed = note_deed(Deed(now, by.name, by.role.value, "disabled user", name))
        await self._writer.write(change_user(name, disabled_at=now), end_visits_of(name), deed)

    async def issue_token(self, name: str, role: Role, expires_at: datetime | None, by: Principal) -> tuple[str, Token]:
        """A new token. The text is given this once: only its digest is kept."""
        now = self._clock.now()
        text = TOKEN_PREFIX + secrets.token_urlsafe(SECRET_BYTES)
        token = Token(token_id(text), name, role, by.name, now, expires_at)
        deed = note_deed(Deed(now, by.name, by.role.value, f"created token as {role.value}", token.token_id))
        await self._writer.write(save_token(digest(text), token), deed)
        return text, token

    async def revoke(self, token_id: str, by: Principal) -> None:
        """It opens nothing any more."""
        now = self._clock.now()
        deed = note_deed(Deed(now, by.name, by.role.value, "revoked token", token_id))
        await self._writer.write(revoke_token(token_id, now), deed)


def _failed(name: str) -> Command[datetime | None]:
    """Count a wrong password; tells until when the account is closed, if it is now."""

    def decide(view: View) -> Plan[datetime | None]:
        for row in view.rows[0]:
            failures = user_of(row).failures + 1
            until = locked_until(failures, view.now)
            return Plan(until, writes=(change_user(name, failures=failures, locked_until=until),))
        return Plan(None)

    return Command(decide, reads=(select_user(name),))
