"""What a movement is, and what can never be one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from syncd.ledger.movement import (
    CUSTOMER,
    KEY_LENGTH_MAX,
    QUANTITY_MAX,
    SUPPLIER,
    Account,
    Movement,
    Reason,
    State,
    available,
    in_flight,
    part_key,
    problem_of,
    reserved,
)
from tests.support.store import GLOVES, MAIN, moved, receipt

GOOD = receipt(2, key="scan-1")


@pytest.mark.parametrize(
    ("account", "text"),
    [
        (available("main"), "main/available"),
        (reserved("main"), "main/reserved"),
        (in_flight("north hall"), "north hall/in-flight"),
        (Account("main", State.UNAVAILABLE), "main/unavailable"),
        (SUPPLIER, "outside/supplier"),
        (CUSTOMER, "outside/customer"),
    ],
)
def test_an_account_is_written_and_read_alike(account: Account, text: str) -> None:
    """An account's text is LOCATION/STATE, and reading it gives the account back."""
    assert str(account) == text
    assert Account.parse(text) == account


@pytest.mark.parametrize(
    "text",
    ["", "main", "main/", "/available", "main/free", "main/supplier", "outside/available", "a/b/available", "outside/"],
)
def test_what_is_no_account_is_refused_with_what_to_write(text: str) -> None:
    """Text that names no account is refused in one sentence that lists the states allowed."""
    with pytest.raises(ValueError, match="is not an account; write LOCATION/STATE with one of: "):
        Account.parse(text)


@pytest.mark.parametrize(("location", "ours"), [("main", True), ("outside", False), ("Outside", True)])
def test_only_the_outside_is_not_ours(location: str, ours: bool) -> None:
    """Every location is ours but the one called exactly `outside`."""
    assert Account(location, State.AVAILABLE).is_ours is ours


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (replace(GOOD, key=""), "needs a key"),
        (replace(GOOD, key="k" * (KEY_LENGTH_MAX + 1)), "needs a key"),
        (replace(GOOD, quantity=0), "at least 1 unit, not 0"),
        (replace(GOOD, quantity=-1), "at least 1 unit, not -1"),
        (replace(GOOD, quantity=4006381333931), "not 4006381333931; is that a barcode"),
        (replace(GOOD, destination=SUPPLIER), "to itself moves nothing"),
        (replace(GOOD, happened_at=datetime(2026, 3, 2)), "has no time zone"),  # noqa: DTZ001
    ],
)
def test_what_can_never_be_posted_says_why(wrong: Movement, sentence: str) -> None:
    """A movement without key, sense, amount or time zone names its problem; a scanned barcode is no quantity."""
    assert sentence in (wrong.problem() or "")


@pytest.mark.parametrize("good", [GOOD, replace(GOOD, key="k" * KEY_LENGTH_MAX), replace(GOOD, quantity=QUANTITY_MAX)])
def test_the_limits_themselves_are_allowed(good: Movement) -> None:
    """The longest key and the largest quantity have no problem."""
    assert good.problem() is None


def test_a_key_twice_in_one_command_is_a_problem() -> None:
    """Two movements of one command with one key can never both be posted, and the sentence names the key."""
    assert problem_of([GOOD, replace(GOOD, quantity=3)]) == "the key scan-1 stands for two movements of one command"
    assert problem_of([GOOD, replace(GOOD, key="scan-2")]) is None


def test_the_first_problem_of_several_movements_is_told() -> None:
    """Movements are judged in order, and the first problem is the answer."""
    wrong = replace(GOOD, key="scan-2", quantity=0)
    assert problem_of([GOOD, wrong]) == wrong.problem()


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"actor": "Mario Rossi"}, True),
        ({"happened_at": datetime.fromisoformat("2026-03-03T08:00:00+00:00")}, True),
        ({"key": "scan-2"}, True),
        ({"quantity": 3}, False),
        ({"sku": "OTHER"}, False),
        ({"source": CUSTOMER}, False),
        ({"destination": reserved("main")}, False),
        ({"reason": Reason.RETURN}, False),
        ({"reference": "delivery 7"}, False),
    ],
)
def test_content_is_what_moved_and_why(change: dict[str, object], same: bool) -> None:
    """A repeat by another hand or a moment later is the same content; other units, places or reasons are not."""
    assert (replace(GOOD, **change).content == GOOD.content) is same  # type: ignore[arg-type]


def test_further_movements_of_a_command_have_numbered_keys() -> None:
    """The first movement has the caller's key itself, the second is number 2."""
    assert [part_key("scan-1", number) for number in range(3)] == ["scan-1", "scan-1#2", "scan-1#3"]


def test_moved_is_between_the_accounts_it_names() -> None:
    """The movements these tests are written with say what they seem to say."""
    one = moved(2, MAIN, CUSTOMER, key="k")
    assert (one.sku, one.quantity, str(one.source), str(one.destination)) == (
        GLOVES,
        2,
        "main/available",
        "outside/customer",
    )
