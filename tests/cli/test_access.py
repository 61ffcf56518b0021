"""Users and tokens as an operator types them, on both kinds of store."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from syncd.cli.main import app
from tests.support.cli import Shop

PASSWORD = "four plain words here"


def typed(shop: Shop, *words: str, password: str = PASSWORD) -> tuple[int, str]:
    """A command that reads a password, and what it said."""
    result = CliRunner().invoke(app, ["-c", str(shop.config), *words], env=shop.environ, input=f"{password}\n")
    return result.exit_code, result.output


@pytest.mark.both_stores
def test_a_user_is_added_listed_and_disabled(shop: Shop) -> None:
    """The list says what to type while nobody is there; no password is ever told."""
    assert "syncd user add NAME --role manager" in shop.done("user", "list")
    assert typed(shop, "user", "add", "mara", "--role", "manager") == (0, "mara can sign in as manager.\n")
    assert "already" in typed(shop, "user", "add", "mara", "--role", "agent")[1]
    assert typed(shop, "user", "password", "mara", password="other words here")[0] == 0
    shop.done("user", "disable", "mara")
    [user] = shop.told("user", "list")
    assert (user["user"], user["role"], user["disabled_at"] is None) == ("mara", "manager", False)
    assert PASSWORD not in str(user)
    assert typed(shop, "user", "add", "mara", "--role", "agent")[0] == 0


def test_a_weak_password_and_an_unknown_name_are_refused(shop: Shop) -> None:
    """One sentence each, the second with the nearest name."""
    assert "at least 10 characters" in typed(shop, "user", "add", "mara", "-r", "agent", password="short")[1]
    typed(shop, "user", "add", "mara", "-r", "agent")
    assert "did you mean mara?" in shop.refused("user", "disable", "mata")


@pytest.mark.both_stores
def test_a_token_is_shown_once_and_revoked(shop: Shop) -> None:
    """Created with its text; listed without it; revoked by its id."""
    made = shop.told("token", "create", "till", "--role", "warehouse", "--days", "30")
    assert made["token"].startswith("syncd_")
    listed = shop.done("token", "list")
    assert "1 of 1 token open" in listed
    assert made["token"] not in listed
    shop.done("token", "revoke", made["id"])
    [token] = shop.told("token", "list")
    assert (token["name"], token["role"], token["revoked_at"] is None) == ("till", "warehouse", False)
    assert "there is no token" in shop.refused("token", "revoke", "nothing")
