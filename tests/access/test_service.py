"""The gatekeeper on a real store: what is kept, what opens, what closes, and what the audit says of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from syncd.access.role import LOCAL, Role
from syncd.access.service import Entry, Gatekeeper, Hashing
from syncd.access.store import read_deeds, read_tokens, read_user
from tests.support.doors import House, open_house
from tests.support.people import PASSWORD, gatekeeper


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A store nobody is known to."""
    async with open_house(tmp_path) as opened:
        yield opened


@pytest.fixture
async def gate(house: House) -> Gatekeeper:
    """Anna is an agent."""
    keeper = gatekeeper(house)
    await keeper.add_user("anna", Role.AGENT, PASSWORD, LOCAL)
    return keeper


async def test_secrets_are_not_kept(gate: Gatekeeper, house: House) -> None:
    """Neither a password, nor a token, nor a cookie stands anywhere in the store."""
    secret = (await gate.admit("anna", PASSWORD)).secret
    token, _ = await gate.issue_token("till", Role.SERVICE, None, LOCAL)
    kept = ""
    async with house.db.read() as conn:
        for table in ("staff_user", "api_token", "visit", "audit"):
            kept += str((await conn.execute(text(f"SELECT * FROM {table}"))).all())
    assert "anna" in kept
    assert not any(one in kept for one in (PASSWORD, secret, token))
    assert "$argon2id$" in kept


async def test_a_token_is_known_until_it_is_revoked_or_expires(gate: Gatekeeper, house: House) -> None:
    """Its role, and when it was last used, to the minute."""
    text_, token = await gate.issue_token("till", Role.WAREHOUSE, house.clock.now() + timedelta(days=1), LOCAL)
    found = await gate.by_token(text_)
    assert found is not None
    assert (found.name, found.role) == ("till", Role.WAREHOUSE)
    async with house.db.read() as conn:
        assert [one.last_used_at for one in await read_tokens(conn)] == [house.clock.now()]
    assert await gate.by_token(text_ + "x") is None
    await gate.revoke(token.token_id, LOCAL)
    assert await gate.by_token(text_) is None
    brief, _ = await gate.issue_token("till", Role.WAREHOUSE, house.clock.now() + timedelta(days=1), LOCAL)
    house.clock.advance(86400)
    assert await gate.by_token(brief) is None


async def test_wrong_passwords_close_an_account_for_a_while(gate: Gatekeeper, house: House) -> None:
    """The fifth closes it even to the right one; a minute later that opens it and forgives the rest."""
    for _ in range(4):
        assert (await gate.admit("anna", "wrong")).entry is Entry.WRONG
    assert (await gate.admit("anna", "wrong")).entry is Entry.LOCKED
    assert (await gate.admit("anna", PASSWORD)).entry is Entry.LOCKED
    house.clock.advance(60)
    assert (await gate.admit("anna", PASSWORD)).entry is Entry.IN
    async with house.db.read() as conn:
        anna = await read_user(conn, "anna")
    assert anna is not None
    assert (anna.failures, anna.locked_until) == (0, None)


async def test_nobody_learns_which_names_there_are(gate: Gatekeeper) -> None:
    """An unknown name and a disabled user are told what a wrong password is told."""
    assert (await gate.admit("nobody", PASSWORD)).entry is Entry.WRONG
    await gate.disable_user("anna", LOCAL)
    assert (await gate.admit("anna", PASSWORD)).entry is Entry.WRONG


async def test_a_new_password_signs_every_browser_out(gate: Gatekeeper) -> None:
    """As does disabling, and signing out for the one browser."""
    first, second = (await gate.admit("anna", PASSWORD)).secret, (await gate.admit("anna", PASSWORD)).secret
    await gate.dismiss(first)
    assert await gate.by_cookie(first) is None
    found = await gate.by_cookie(second)
    assert found is not None
    assert found.role is Role.AGENT
    user = (await gate.admit("anna", PASSWORD)).user
    assert user is not None
    await gate.change_password(user, "another four words", LOCAL)
    assert await gate.by_cookie(second) is None
    assert (await gate.admit("anna", PASSWORD)).entry is Entry.WRONG


class Watched(PasswordHasher):
    """Remembers in which threads it worked."""

    threads: ClassVar[set[int]] = set()

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.threads.add(threading.get_ident())
        return super().hash(password, salt=salt)

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002  the library's name
        self.threads.add(threading.get_ident())
        return super().verify(hash, password)


async def test_hashing_never_holds_the_loop(house: House) -> None:
    """Passwords are looked at in other threads; more than may wait are told to come back."""
    hashing = Hashing(Watched(time_cost=1, memory_cost=64, parallelism=1))
    keeper = Gatekeeper(house.db, house.writer, house.clock, hashing)
    await keeper.add_user("anna", Role.AGENT, PASSWORD, LOCAL)
    found = await asyncio.gather(*(keeper.admit("nobody", PASSWORD) for _ in range(40)))
    assert {one.entry for one in found} == {Entry.WRONG, Entry.BUSY}
    assert Watched.threads
    assert threading.get_ident() not in Watched.threads


async def test_the_audit_says_who_did_what(gate: Gatekeeper, house: House) -> None:
    """Newest first."""
    await gate.admit("anna", PASSWORD)
    _, token = await gate.issue_token("till", Role.SERVICE, None, LOCAL)
    await gate.revoke(token.token_id, LOCAL)
    async with house.db.read() as conn:
        deeds = await read_deeds(conn)
    assert [(one.who, one.did, one.subject) for one in deeds] == [
        ("this machine", "revoked token", token.token_id),
        ("this machine", "created token as service", token.token_id),
        ("anna", "signed in", ""),
        ("this machine", "added user as agent", "anna"),
    ]
