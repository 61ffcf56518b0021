"""A channel's section may make its capabilities more careful, never less."""

from __future__ import annotations

from dataclasses import fields

import pytest

from syncd.channel.port import Capabilities
from syncd.config.tightening import DIRECTIONS
from tests.config.conftest import Load, Problems

ENVIRON = {"S": "s"}


def _channel(line: str, url: str = "https://shop.example.com") -> str:
    return (
        f'[channel.acme]\nconnector = "acme"\nurl = "{url}"\napp_id = "a"\napp_secret_env = "S"\n'
        f"[channel.acme.capabilities]\n{line}\n"
    )


def test_every_capability_has_a_direction() -> None:
    """A capability that is added to the port must be told which way is careful."""
    assert set(DIRECTIONS) == {field.name for field in fields(Capabilities)}


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("batch_size = 1", "batch_size", 1),
        ("calls_per_second = 1", "calls_per_second", 1),
        ("calls_per_second = 0.5", "calls_per_second", 0.5),
        ("revisions_per_listing_per_day = 250", "revisions_per_listing_per_day", 250),
        ("order_lag_seconds = 600", "order_lag_seconds", 600),
        ("unpaid_expires_seconds = 'none'", "unpaid_expires_seconds", None),
        ("sold_counter = false", "sold_counter", False),
        ("holds_unpaid = false", "holds_unpaid", False),
    ],
)
def test_more_careful_is_taken(load: Load, line: str, name: str, value: object) -> None:
    """The capability in force is the section's; the connector's own stays what it is."""
    channel = load(_channel(line), ENVIRON).channels["acme"]
    assert getattr(channel.capabilities, name) == value
    assert channel.connector.capabilities is not None
    assert channel.connector.capabilities.batch_size == 4


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("batch_size = 5", "'batch_size' may be lowered here, not raised above the connector's 4"),
        ("batch_size = 0", "'batch_size' must be at least 1"),
        ("batch_size = 2.5", "'batch_size' must be a whole number"),
        ("batch_size = true", "'batch_size' must be a whole number"),
        ("batch_size = 'none'", "'batch_size' must be a whole number"),
        (
            "calls_per_day = 'none'",
            "'calls_per_day' may be lowered here, not raised above the connector's 5000",
        ),
        ("calls_per_day = 'many'", "'calls_per_day' must be a number or \"none\""),
        ("calls_per_second = 0", "'calls_per_second' must be greater than 0"),
        ("calls_per_second = nan", "'calls_per_second' must be greater than 0"),
        (
            "order_lag_seconds = 60",
            "'order_lag_seconds' may be raised here, not lowered under the connector's 120",
        ),
        ("order_lag_seconds = -1", "'order_lag_seconds' must be at least 0"),
        ("order_lag_seconds = 999999999999999", "'order_lag_seconds' must be at most 1000000000"),
        (
            "unpaid_expires_seconds = 60",
            "'unpaid_expires_seconds' may be raised here, not lowered under the ",
        ),
        (
            "decrements_unpaid = false",
            "'decrements_unpaid' is what the channel does and cannot be set here (it is true)",
        ),
        ("names_buyer_language = true", "'names_buyer_language' can be switched off here, not on"),
        ("sold_counter = 1", "'sold_counter' must be true or false"),
        ("sold_cuonter = false", "unknown key 'sold_cuonter'; did you mean 'sold_counter'?"),
    ],
)
def test_less_careful_is_refused(problems: Problems, line: str, said: str) -> None:
    """The sentence says which way the capability may go, or what is wrong with the value."""
    found = problems(_channel(line), ENVIRON)
    assert len(found) == 1, found
    assert found[0].startswith(f"syncd.toml:7: [channel.acme.capabilities] {said}")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8001", "http://localhost", "http://[::1]:9/x"])
def test_a_stand_in_may_be_quicker(load: Load, url: str) -> None:
    """Only a server on this machine can list orders sooner, or take more calls, than the real channel does."""
    quick = 'order_lag_seconds = 0\ncalls_per_second = "none"\ncalls_per_day = "none"'
    capabilities = load(_channel(quick, url), ENVIRON).channels["acme"].capabilities
    assert capabilities.order_lag_seconds == 0
    assert (capabilities.calls_per_second, capabilities.calls_per_day) == (None, None)


@pytest.mark.parametrize("url", ["http://127.0.0.1.example.com", "https://10.0.0.1", "http://localhost.example.com"])
def test_nothing_else_may_be_quicker(problems: Problems, url: str) -> None:
    """A name that only looks like this machine does not count."""
    assert "may be raised here" in problems(_channel("order_lag_seconds = 0", url), ENVIRON)[0]


def test_a_stand_in_has_no_other_freedom(problems: Problems) -> None:
    """On this machine, too, the other capabilities only tighten, and a lag is never negative."""
    found = problems(_channel("batch_size = 9\norder_lag_seconds = -1", "http://127.0.0.1"), ENVIRON)
    assert len(found) == 2
