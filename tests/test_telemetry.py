"""What a log line looks like, what it never holds, and what is counted."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import structlog
from pydantic import BaseModel, SecretStr

from syncd import telemetry
from syncd.telemetry import Event, bound, counts, log


class StoppedClock:
    """Always the same moment, told in another zone than UTC."""

    def now(self) -> datetime:
        return datetime(2026, 11, 20, 19, 30, 15, 250_000, tzinfo=timezone(timedelta(hours=1)))

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody sleeps to log")


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """Log as JSON from debug upwards; afterwards everything is as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    telemetry.configure("json", "debug", clock=StoppedClock(), stream=stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_an_event_with_its_level_and_time(out: io.StringIO) -> None:
    """JSON: the event's name, its own level, UTC time, and the fields as given."""
    log(Event.PUSH_PARKED, channel="ebay", listing_id="1101", quantity=3)
    assert _lines(out) == [
        {
            "event": "push.parked",
            "level": "warning",
            "at": "2026-11-20T18:30:15.250Z",
            "channel": "ebay",
            "listing_id": "1101",
            "quantity": 3,
        }
    ]


def test_ids_are_bound_for_a_unit_of_work(out: io.StringIO) -> None:
    """Within the block every line carries the bound fields, after it none does."""
    with bound(order_id="12-3"), bound(channel="ebay"):
        log(Event.ORDER_ACCEPTED)
    log(Event.ORDER_ACCEPTED)
    inside, outside = _lines(out)
    assert (inside["order_id"], inside["channel"]) == ("12-3", "ebay")
    assert "order_id" not in outside


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("app_secret", "hunter2"),
        ("Authorization", "hunter2"),
        ("consumer_key", "hunter2"),
        ("buyer_email", "hunter2"),
        ("secret_holder", SecretStr("hunter2")),
        ("anything", SecretStr("hunter2")),
        ("headers", {"X-Token": "hunter2", "Cookie": ["hunter2"]}),
        ("deep", [{"a": {"password": "hunter2"}}]),
        ("url", "https://user:hunter2@example.com/feed.csv"),
        ("url", "https://example.com/feed.csv?key=hunter2&page=2"),
        ("header", "Authorization: Bearer hunter2-hunter2"),
        ("error", ConnectionError("GET https://example.com/?t=hunter2 failed")),
    ],
)
def test_secrets_never_reach_the_log(out: io.StringIO, name: str, value: object) -> None:
    """Known names, secret types and what opens doors in a URL are withheld, however deep."""
    log(Event.CHANNEL_UNAVAILABLE, **{name: value})
    assert "hunter2" not in out.getvalue()
    assert len(_lines(out)) == 1


def test_a_model_with_a_secret_is_shown_without_it(out: io.StringIO) -> None:
    """A configuration section may be logged whole."""

    class Section(BaseModel):
        host: str = "h"
        key: SecretStr = SecretStr("hunter2")

    log(Event.DAEMON_STARTED, section=Section())
    assert _lines(out)[0]["section"] == {"host": "h", "key": "(secret, set)"}


def test_a_traceback_holds_no_local_variables(out: io.StringIO) -> None:
    """A fault comes with its traceback, from which secrets in variables and URLs are absent."""
    hidden = "hunter2"
    try:
        raise OSError("no answer from https://u:hunter2@example.com")
    except OSError as error:
        log(Event.WORKER_FAILED, exc_info=error, length=len(hidden))
    shown = _lines(out)[0]["exception"]
    assert "OSError: no answer from https://(withheld)@example.com" in shown
    assert "in test_a_traceback_holds_no_local_variables" in shown


def test_the_console_shows_the_same_without_secrets() -> None:
    """On a console, too, a traceback is plain and secrets are withheld."""
    stream = io.StringIO()
    try:
        telemetry.configure("console", "info", clock=StoppedClock(), stream=stream)
        hidden = "hunter2"
        try:
            raise OSError("cut")
        except OSError as error:
            log(Event.WORKER_FAILED, exc_info=error, token=hidden)
    finally:
        structlog.reset_defaults()
        logging.getLogger().handlers.clear()
    assert "worker.failed" in stream.getvalue()
    assert "OSError: cut" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def test_long_values_are_cut(out: io.StringIO) -> None:
    """A line has a bound, whatever a channel answered."""
    log(Event.CHANNEL_UNAVAILABLE, answer="x" * 100_000, rows=list(range(100_000)))
    assert len(out.getvalue()) < 10_000


def test_quiet_levels_are_counted_but_not_written(out: io.StringIO) -> None:
    """The level decides what is written, never what is counted."""
    telemetry.configure("json", "warning", clock=StoppedClock(), stream=out)
    before = counts()[Event.MOVEMENT_POSTED]
    log(Event.MOVEMENT_POSTED)
    log(Event.CASE_OPENED)
    assert [line["event"] for line in _lines(out)] == ["case.opened"]
    assert counts()[Event.MOVEMENT_POSTED] == before + 1


def test_nothing_is_written_before_it_is_configured(capsys: pytest.CaptureFixture[str]) -> None:
    """A command of the CLI that does not log keeps its output clean; the event still counts."""
    structlog.reset_defaults()
    before = counts()[Event.ORDER_ACCEPTED]
    log(Event.ORDER_ACCEPTED, order_id="1")
    assert capsys.readouterr() == ("", "")
    assert counts()[Event.ORDER_ACCEPTED] == before + 1


def test_libraries_complain_through_the_same_door(out: io.StringIO) -> None:
    """A library's warning becomes an event with its own words; its chatter does not."""
    logging.getLogger("some.library").warning("retry %d of https://u:hunter2@example.com", 3)
    logging.getLogger("some.library").info("chatter")
    (line,) = _lines(out)
    assert line["event"] == "library.warned"
    assert line["library"] == "some.library"
    assert line["message"] == "retry 3 of https://(withheld)@example.com"


def test_an_event_that_is_not_registered_is_refused() -> None:
    """A name made up on the spot, or a field that every line has already, is a bug that tests find."""
    with pytest.raises(AssertionError, match="not in the registry"):
        log("order.accepted")  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="taken"):
        log(Event.ORDER_ACCEPTED, level="loud")


def test_events_are_nouns_with_participles_and_meanings() -> None:
    """Every event is `noun.past_participle`, says what it means in one sentence, and is named like its constant."""
    for event in Event:
        assert re.fullmatch(r"[a-z]+\.[a-z]+", event.value), event
        assert event.name == event.value.replace(".", "_").upper()
        assert 10 < len(event.meaning) < 100, event
        assert not event.meaning.endswith("."), event
        assert event.level in ("debug", "info", "warning", "error")


def test_the_clock_of_the_line_is_the_one_handed_in(out: io.StringIO) -> None:
    """The time of a line comes from the clock, in UTC."""
    log(Event.DAEMON_STARTED)
    at = datetime.fromisoformat(_lines(out)[0]["at"])
    assert at == StoppedClock().now().astimezone(UTC)
