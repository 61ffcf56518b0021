"""What syncd tells about itself: the registry of log events, the one way to log, and a count of every event.

An event is `noun.past_participle`; its fields use the words of the glossary. Each has one level and one meaning, so
that a reader, an alert and a metric name the same thing. Until `configure` is called events are counted, not written.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections import Counter
from collections.abc import Mapping, MutableMapping
from contextlib import AbstractContextManager
from datetime import UTC
from enum import StrEnum
from typing import Any, Literal, Self, TextIO

import structlog

from syncd.clock import Clock
from syncd.redaction import WITHHELD, is_private, redacted

Level = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["console", "json", "auto"]

RESERVED_FIELDS = frozenset({"event", "level", "at"})
"""Names every log line has; no event may bring fields of these names."""


class Event(StrEnum):
    """Every event, with its level and what it means."""

    level: Level
    meaning: str

    def __new__(cls, value: str, level: Level, meaning: str) -> Self:
        """An event; its text is the value."""
        event = str.__new__(cls, value)
        event._value_ = value
        event.level = level
        event.meaning = meaning
        return event

    DAEMON_STARTED = "daemon.started", "info", "everything is built and listening"
    DAEMON_STOPPED = "daemon.stopped", "info", "all work has ended and everything is given back"
    CONFIG_REFUSED = (
        "config.refused",
        "error",
        "a changed syncd.toml cannot be used; the daemon goes on with the one before",
    )
    CONFIG_RELOADED = "config.reloaded", "info", "syncd.toml was read again; the daemon goes on with it"
    CHECKPOINT_FAILED = "checkpoint.failed", "warning", "SQLite's log was not put in its place beside the writer"
    DATABASE_MIGRATED = "database.migrated", "info", "the tables were brought to this version"
    INVARIANT_BROKEN = "invariant.broken", "error", "something that must always hold does not: a bug of ours"
    WORKER_FAILED = "worker.failed", "error", "a background worker ended by a fault nobody expected"
    WORKER_RESTARTED = "worker.restarted", "warning", "the supervisor started a failed worker again"
    WORKER_STALLED = "worker.stalled", "error", "a background worker hangs; systemd is told no more that all is well"
    SYSTEMD_UNREACHED = "systemd.unreached", "warning", "systemd asked to be told how we fare and cannot be; said once"
    RUN_COMPLETED = (
        "run.completed",
        "info",
        "one run of a worker did something: its counts and how long it took",
    )
    RUN_FENCED = "run.fenced", "warning", "a run ended because its lease was not surely ours any more; nothing is lost"
    LEASE_TAKEN = "lease.taken", "info", "this node does a part of the work from now on"
    LEASE_GIVEN = "lease.given", "info", "this node gave a part of the work back, for another"
    LEASE_LOST = "lease.lost", "warning", "this node could not keep a lease, or was silent for too long"
    LEASES_UNKEPT = "leases.unkept", "warning", "leases could not be renewed: the store does not answer; said once"
    STORE_LOST = "store.lost", "error", "the store cannot be reached or written to; everything waits; said once"
    STORE_FOUND = "store.found", "info", "the store answers again; said once"
    LIBRARY_WARNED = "library.warned", "warning", "a library beneath us complained in its own words"
    REQUEST_REFUSED = "request.refused", "info", "an HTTP request was answered with an error of the caller's"
    REQUEST_FAILED = "request.failed", "error", "an HTTP request met a fault of ours"

    MOVEMENT_POSTED = "movement.posted", "debug", "units went from one account to another"
    MOVEMENT_REFUSED = (
        "movement.refused",
        "warning",
        "a command was not posted: short, or its key has other content",
    )
    COUNT_POSTED = "count.posted", "info", "a shelf was counted and the difference posted"
    SCAN_ACCEPTED = "scan.accepted", "debug", "a scan was posted"
    SCAN_WITHDRAWN = "scan.withdrawn", "info", "who made a scan took it back within a minute"
    SCAN_REFUSED = "scan.refused", "warning", "a scan could not be posted"
    RESERVATION_HELD = "reservation.held", "debug", "units were promised to an order"
    RESERVATION_FULFILLED = "reservation.fulfilled", "debug", "promised units were shipped"
    RESERVATION_RELEASED = "reservation.released", "info", "a promise was taken back and its units are free"
    RESERVATION_EXPIRED = "reservation.expired", "info", "a promise ran out and its units are free"
    RESERVATION_BROKEN = "reservation.broken", "warning", "a promise could not be kept and a case was opened"

    ORDER_ACCEPTED = (
        "order.accepted",
        "info",
        "an order was taken in, its units reserved as far as there are any",
    )
    ORDER_CHANGED = "order.changed", "info", "an order known already came again with other content"
    ORDER_CANCELLED = "order.cancelled", "info", "an order ended before it was shipped"
    ORDER_REFUSED = (
        "order.refused",
        "warning",
        "an order could not be read; it stays on the channel and is named",
    )
    LINE_UNLINKED = "line.unlinked", "warning", "an order line names no SKU of ours; a person must link it"
    HINT_RECEIVED = "hint.received", "debug", "a channel called: something may have changed"
    HINT_REFUSED = (
        "hint.refused",
        "warning",
        "a call that claims to be a channel's was forged, stale or unreadable",
    )

    BUYER_FORGOTTEN = "buyer.forgotten", "info", "a channel asked for a buyer's personal data to be forgotten; it was"
    CHANNEL_UNFIT = "channel.unfit", "warning", "a channel answers but is not set up for what we do; a person must look"
    CREDENTIALS_ENDING = "credentials.ending", "warning", "a channel's credentials end soon; a person must renew them"
    WEBHOOK_MENDED = (
        "webhook.mended",
        "info",
        "a channel had stopped calling us, or never did, and was asked to",
    )
    WEBHOOK_LOST = (
        "webhook.lost",
        "warning",
        "a channel does not call us and mending is no use; orders are found by polling",
    )

    LISTING_FOUND = "listing.found", "info", "a channel shows a listing we did not know"
    LISTING_LINKED = "listing.linked", "info", "a listing was linked to a SKU"
    LISTING_UNLINKED = "listing.unlinked", "warning", "a listing sells something that is linked to no SKU"
    LISTING_ENDED = "listing.ended", "info", "a listing is gone from its channel"
    PUSH_ACKNOWLEDGED = "push.acknowledged", "info", "a channel accepted what a listing should show"
    PUSH_DEFERRED = "push.deferred", "info", "a push was not applied and will be tried again"
    PUSH_PARKED = "push.parked", "warning", "a push was refused for good; a person must look"
    PUSH_CORRECTED = (
        "push.corrected",
        "warning",
        "a read-back showed that our push had hidden a sale; put right",
    )
    PUSH_BRAKED = (
        "push.braked",
        "error",
        "one run would change too much at once; it is held until a person agrees",
    )
    SALE_UNEXPLAINED = (
        "sale.unexplained",
        "warning",
        "a channel counts a sale whose order has not come; kept held",
    )
    DRIFT_FOUND = "drift.found", "warning", "a listing shows what neither we nor a sale made it show"
    DRIFT_RESOLVED = "drift.resolved", "info", "a listing that had drifted shows its target again"
    CHANNEL_UNAVAILABLE = "channel.unavailable", "warning", "a channel stopped answering; said once"
    CHANNEL_RECOVERED = "channel.recovered", "info", "a channel answers again; said once"
    CHANNEL_LIMITED = "channel.limited", "warning", "a channel asked us to slow down"
    CHANNEL_CONFUSED = "channel.confused", "warning", "a channel answered what its protocol does not promise; said once"
    CHANNEL_PAUSED = "channel.paused", "error", "a channel refuses our credentials; a person must renew them"

    FEED_READ = "feed.read", "info", "a supplier's feed was read"
    FEED_STALE = "feed.stale", "warning", "a supplier's offers are too old to be promised; they count as 0"
    FEED_REFUSED = "feed.refused", "warning", "a supplier's feed, or rows of it, could not be used"
    SUPPLIER_UNAVAILABLE = "supplier.unavailable", "warning", "a supplier stopped answering; said once"
    SUPPLIER_RECOVERED = "supplier.recovered", "info", "a supplier answers again; said once"
    PURCHASE_SENT = "purchase.sent", "info", "a purchase order was accepted by a supplier"
    PURCHASE_DISPATCHED = (
        "purchase.dispatched",
        "info",
        "a purchase order is on its way to a supplier, who answers later",
    )
    ANSWER_HEARD = "answer.heard", "info", "a supplier said what becomes of a purchase order"
    ANSWER_REFUSED = "answer.refused", "warning", "what a supplier answered could not be used"
    SUPPLIER_JUDGED = "supplier.judged", "info", "a supplier's record changes how much of his offers is believed"
    PARCEL_TOLD = "parcel.told", "info", "a channel knows of a parcel a supplier sent"
    PARCEL_REFUSED = "parcel.refused", "warning", "a channel could not be told of a parcel; a person must"
    PURCHASE_REFUSED = "purchase.refused", "warning", "a supplier refused a purchase order, or part of it"

    INVOICE_SENT = "invoice.sent", "info", "unpaid orders of one buyer were offered as one invoice"
    INVOICE_REFUSED = "invoice.refused", "warning", "an invoice could not be sent; a person must offer it"

    CASE_OPENED = "case.opened", "warning", "a promise exceeds the stock: somebody must choose"
    CASE_RESOLVED = "case.resolved", "info", "a shortage case has its answer"
    CHOICE_MADE = "choice.made", "info", "a customer chose"
    REFUND_MADE = "refund.made", "info", "money went back to a customer"
    COUPON_ISSUED = "coupon.issued", "info", "a channel made a coupon for one customer"
    COUPON_REFUSED = "coupon.refused", "warning", "a coupon could not be made; a person was asked"
    CASE_ESCALATED = "case.escalated", "warning", "a case comes close to a deadline of ours; a person was asked"
    REFUND_REFUSED = "refund.refused", "error", "a refund could not be made; a person must make it"
    MESSAGE_SENT = "message.sent", "info", "a customer was told"
    MESSAGE_DEFERRED = "message.deferred", "info", "a message to a customer was not taken yet and is tried again"
    MESSAGE_REFUSED = (
        "message.refused",
        "warning",
        "a message to a customer was not taken; a person must tell him",
    )

    BROKER_CONNECTED = "broker.connected", "info", "the MQTT broker was reached"
    BROKER_LOST = "broker.lost", "warning", "the MQTT broker stopped answering; said once"


_RANKS: Mapping[Level, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class _Shown:
    """From which level on lines are written."""

    rank = 0


_shown = _Shown()
_counts: Counter[Event] = Counter()
_counts_lock = threading.Lock()


def log(event: Event, **fields: object) -> None:
    """Count the event and write its line. `error=exc` shows the fault's text, `exc_info=exc` its traceback too."""
    assert isinstance(event, Event), f"{event!r} is not in the registry of events"  # noqa: S101
    assert RESERVED_FIELDS.isdisjoint(fields), f"{event}: these fields are taken: {RESERVED_FIELDS}"  # noqa: S101
    with _counts_lock:
        _counts[event] += 1
    if _RANKS[event.level] >= _shown.rank and structlog.is_configured():  # most are asked for by nobody: cheap
        getattr(structlog.get_logger(), event.level)(event.value, **fields)


def bound(**fields: object) -> AbstractContextManager[None]:
    """Within the block every event of this task also carries these fields (ids, once per unit of work)."""
    return structlog.contextvars.bound_contextvars(**fields)


def counts() -> dict[Event, int]:
    """How often each event happened since the process started; an event that never did is 0."""
    with _counts_lock:
        return {event: _counts[event] for event in Event}


def configure(log_format: LogFormat, log_level: Level, *, clock: Clock, stream: TextIO | None = None) -> None:
    """Begin to write: JSON lines or a console's, to standard error unless `stream` says otherwise.

    Warnings of libraries come out the same way, as `library.warned`.
    """
    out = stream or sys.stderr
    _shown.rank = _RANKS[log_level]
    is_console = log_format == "console" or (log_format == "auto" and out.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _timestamps(clock),
            structlog.processors.format_exc_info,
            _redact,
            _console(colors=out.isatty()) if is_console else structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(log_level),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_LibraryHandler(logging.WARNING)], level=logging.WARNING, force=True)


def _console(*, colors: bool) -> structlog.dev.ConsoleRenderer:
    # The plain formatter: the others print local variables, and with them secrets.
    return structlog.dev.ConsoleRenderer(
        colors=colors, timestamp_key="at", exception_formatter=structlog.dev.plain_traceback
    )


def _timestamps(clock: Clock) -> structlog.typing.Processor:
    def stamp(_logger: object, _method: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
        now = clock.now().astimezone(UTC)
        line["at"] = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return line

    return stamp


def _redact(_logger: object, _method: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    return {name: WITHHELD if is_private(name) else redacted(value) for name, value in line.items()}


class _LibraryHandler(logging.Handler):
    """Turns what libraries say through the standard logging into an event."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the record as `library.warned`."""
        log(
            Event.LIBRARY_WARNED,
            library=record.name,
            severity=record.levelname.lower(),
            message=record.getMessage(),
            exc_info=record.exc_info or None,
        )
