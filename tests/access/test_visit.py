"""Lock-out, names and passwords, decided by tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from syncd.access.role import Role, name_objection
from syncd.access.secret import csrf_of, is_csrf, password_objection
from syncd.access.visit import IDLE, LIFETIME, Token, User, Visit, locked_until

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
USER = User("anna", Role.AGENT, "", NOW)


@pytest.mark.parametrize(("failures", "seconds"), [(4, None), (5, 60), (6, 60), (7, 120), (11, 1920), (99, 3600)])
def test_an_account_closes_for_longer_and_longer(failures: int, seconds: int | None) -> None:
    """Four wrong passwords close nothing; then a minute, doubling, an hour at most."""
    until = locked_until(failures, NOW)
    assert until == (None if seconds is None else NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("began", "seen", "disabled", "is_good"),
    [
        (timedelta(0), timedelta(0), False, True),
        (IDLE, IDLE - timedelta(seconds=1), False, True),
        (IDLE, IDLE, False, False),
        (LIFETIME, timedelta(0), False, False),
        (timedelta(0), timedelta(0), True, False),
    ],
)
def test_a_session_ends(began: timedelta, seen: timedelta, disabled: bool, is_good: bool) -> None:
    """After a shift of nothing, after a week in any case, and at once for a disabled user."""
    user = replace(USER, disabled_at=NOW) if disabled else USER
    assert Visit(user, NOW - began, NOW - seen).is_good(NOW) is is_good


def test_a_token_expires_and_is_revoked() -> None:
    """It opens nothing from its last moment on, nor once revoked."""
    token = Token("1", "till", Role.SERVICE, "cli", NOW, expires_at=NOW)
    assert not token.is_good(NOW)
    assert token.is_good(NOW - timedelta(seconds=1))
    assert not replace(token, expires_at=None, revoked_at=NOW).is_good(NOW)


@pytest.mark.parametrize("name", ["", " anna", "a:b", "a\nb", "x" * 61])
def test_a_bad_name_is_refused(name: str) -> None:
    """It stands in logs and before colons."""
    assert name_objection(name)
    assert not name_objection("Anna B.")


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaa", "Anna-is-my-name", "x" * 201])
def test_a_weak_password_is_refused(password: str) -> None:
    """Short, of hardly any different characters, or with the name in it."""
    assert password_objection(password, "anna")
    assert not password_objection("four plain words", "anna")


def test_a_page_belongs_to_one_cookie() -> None:
    """What was made for one browser is nothing to another."""
    assert is_csrf("cookie", csrf_of("cookie"))
    assert not is_csrf("other", csrf_of("cookie"))
    assert not is_csrf("cookie", "")
