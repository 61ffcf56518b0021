"""Answers read defensively: what stands before the JSON, what must not be told, how long to wait."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.woocommerce.answer import NotJsonError, decode, error_envelope, excerpt, redacted, retry_after_seconds
from connectors.woocommerce.fault import FailedAnswer, bare_fault, coded_fault, redirect_fault
from syncd.errors import (
    ChannelAuthFailed,
    ChannelBlocked,
    ChannelRefused,
    ChannelUnavailable,
    RateLimited,
    RemoteError,
)

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
NOTICE = b"<br />\n<b>Notice</b>: Undefined index: [x] in {closure} on line <b>12</b><br />\n"


@pytest.mark.parametrize("document", [b'{"id":31}', b'[{"id":31}]', b"[]", b'{"a":"[}{"}'])
@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", NOTICE, b"\xef\xbb\xbf" + NOTICE, b"Deprecated: [1] "])
def test_json_is_found_behind_notices_and_byte_order_marks(before: bytes, document: bytes) -> None:
    """PHP's warnings and badly saved plug-ins put text before the document; the document is read all the same."""
    assert decode(before + document + b"\n") == decode(document)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  ",
        b"<html></html>",
        b'{"id":31',
        b'[{"id":31},',
        b'{"id":NaN}',
        b"[" * 50_000,
        b"\xff\xfe",
        b"<p>{}</p>",
    ],
)
def test_what_is_no_json_is_said_to_be_none(body: bytes) -> None:
    """Cut, empty or other bodies raise one thing, however deep or broken."""
    with pytest.raises(NotJsonError):
        decode(body)


@pytest.mark.parametrize(
    ("document", "envelope"),
    [
        ({"code": "wp_die", "message": "Closed &amp; locked", "data": {"status": 503}}, ("wp_die", "Closed & locked")),
        ({"code": "x", "message": "y", "data": 500}, ("x", "y")),
        ([{"code": "x"}], ("", "")),
        ({"message": "y"}, ("", "")),
    ],
)
def test_error_forms_are_read_by_code_and_message(document: object, envelope: tuple[str, str]) -> None:
    """`data` is an object, a number or missing, and not needed."""
    assert error_envelope(document) == envelope


def test_nothing_personal_or_secret_is_repeated() -> None:
    """Addresses, keys and signatures are cut out, and nothing is long."""
    told = redacted(f"to mario.rossi@example.com with ck_{'1a' * 20} and ?oauth_signature=abc%3D " + "x" * 500)
    assert "mario" not in told
    assert "1a1a" not in told
    assert "abc" not in told
    assert len(told) <= 200


def test_an_excerpt_shows_a_pages_words_but_no_cut_json() -> None:
    """A web page's words help; the beginning of a list of orders would tell of customers."""
    assert excerpt(b"<html><style>p{}</style><h1>Access denied</h1></html>") == "Access denied"
    assert excerpt(b'[{"billing":{"first_name":"Mario"') == ""
    assert excerpt(b'<br/>Notice [{"billing":{"first_name":"Mario"') == ""


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("600", 600.0),
        ("0", 0.0),
        ("Mon, 04 May 2026 12:01:30 GMT", 90.0),
        ("Mon, 04 May 2026 11:00:00 GMT", 0.0),
        (None, None),
        ("soon", None),
        ("-5", None),
        ("9" * 20, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    """Both forms are read; what cannot be read is as if not said."""
    assert retry_after_seconds(header, NOW) == seconds


def failed(status: int, **headers: str) -> FailedAnswer:
    """An answer with this status."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return FailedAnswer("shop", "push_quantities", status, named, NOW)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "rest_invalid_param", ChannelRefused),
        (401, "woocommerce_rest_authentication_error", ChannelAuthFailed),
        (401, "woocommerce_rest_cannot_view", ChannelAuthFailed),
        (403, "woocommerce_rest_cannot_edit", ChannelAuthFailed),
        (404, "rest_no_route", ChannelUnavailable),
        (413, "woocommerce_rest_request_entity_too_large", ChannelRefused),
        (429, "rate_limited", RateLimited),
        (500, "woocommerce_rest_cannot_create_order_refund", ChannelRefused),
        (500, "woocommerce_rest_invalid_order_id", ChannelRefused),
        (500, "internal_server_error", ChannelUnavailable),
        (503, "wp_die", ChannelUnavailable),
    ],
)
def test_the_code_says_more_than_the_status(status: int, code: str, kind: type[RemoteError]) -> None:
    """WooCommerce refuses refunds for good with HTTP 500; a crash has the same status and another code."""
    fault = coded_fault(failed(status), code, "No.")
    assert type(fault) is kind
    assert code in str(fault)


def test_maintenance_waits_a_minute_at_most() -> None:
    """WordPress always says ten minutes and asks to check back in one: nothing was applied, and shops are back soon."""
    fault = coded_fault(failed(503, Retry_After="600"), "wp_die", "Briefly unavailable.")
    assert isinstance(fault, RateLimited)
    assert fault.retry_after_seconds == 60.0


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, ChannelBlocked),
        (202, ChannelBlocked),
        (401, ChannelAuthFailed),
        (403, ChannelBlocked),
        (404, ChannelUnavailable),
        (429, RateLimited),
        (500, ChannelUnavailable),
        (502, ChannelUnavailable),
    ],
)
def test_answers_without_json_are_judged_by_their_status(status: int, kind: type[RemoteError]) -> None:
    """Proxies, firewalls and crashed PHP answer with web pages."""
    assert type(bare_fault(failed(status), b"<h1>Sorry</h1>")) is kind


def test_a_redirect_names_the_address_but_not_the_query() -> None:
    """The target helps to correct the configuration; its query holds key and signature."""
    fault = redirect_fault(failed(301, Location="https://www.example.com/wp-json/?oauth_consumer_key=ck_1"))
    assert isinstance(fault, ChannelUnavailable)
    assert "https://www.example.com/wp-json/" in str(fault)
    assert "oauth" not in str(fault)


CHALLENGES = (
    b"<!DOCTYPE html>\n<html><head><title>Just a moment...</title></head><body></body></html>",
    b"\xef\xbb\xbf<!-- guard --><html><body>One moment, please... Your request is being verified</body></html>",
    b'<html><head><meta http-equiv="refresh" content="0;/captcha/?r=%2Fwp-json"></head></html>',
)


@pytest.mark.parametrize("page", CHALLENGES)
def test_a_page_that_asks_for_a_person_is_a_block(page: bytes) -> None:
    """Security plug-ins answer 200 or 202 with a page of their own: nobody knocks on as if the shop were only slow."""
    fault = bare_fault(failed(202), page)
    assert type(fault) is ChannelBlocked
    assert "let syncd's address pass" in str(fault)


@pytest.mark.parametrize("body", [b"", b"  ", b'{"id": 1, "name": "cut of', b"\x1f\x8b\x00garbage", b"Fatal error"])
def test_an_answer_cut_short_is_the_hosts_trouble(body: bytes) -> None:
    """PHP that dies on the way answers 200 with nothing or half of it: the work may be done, and nothing is parked."""
    assert type(bare_fault(failed(200), body)) is ChannelUnavailable
