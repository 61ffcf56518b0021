"""The figures that tell whether syncd does its work: each with a name, a meaning and a unit, and how they are shown.

The same figures are what `/metrics` exposes, what `syncd status` shows and what the alert rules in `deploy/` name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, Self

from syncd.identity import ChannelName, SupplierName

Kind = Literal["gauge", "counter"]


class Figure(StrEnum):
    """Every figure read from the store, with what it counts and by which labels."""

    kind: Kind
    labels: tuple[str, ...]
    meaning: str

    def __new__(cls, value: str, kind: Kind, labels: tuple[str, ...], meaning: str) -> Self:
        """A figure; its text is the name."""
        figure = str.__new__(cls, value)
        figure._value_ = value
        figure.kind = kind
        figure.labels = labels
        figure.meaning = meaning
        return figure

    CHANNEL_LIVE = "syncd_channel_live", "gauge", ("channel",), "1: numbers are pushed; 0: it is only observed"
    CHANNEL_HELD = "syncd_channel_held", "gauge", ("channel",), "1: nothing is pushed until a person agrees (the brake)"
    ORDER_LAG = (
        *("syncd_order_lag_seconds", "gauge", ("channel",)),
        "how old the moment is up to which the channel's orders are known completely",
    )
    TOLD = "syncd_propagation_usual_seconds", "gauge", ("channel",), "how long numbers usually take to the channel"
    HEARD = "syncd_hearing_usual_seconds", "gauge", ("channel",), "how long news of a sale usually takes to us"
    CALLS_LEFT = "syncd_calls_left", "gauge", ("channel",), "calls of today's budget that are left, where there is one"
    LISTINGS = "syncd_listings", "gauge", ("channel",), "active listings"
    UNLINKED = "syncd_listings_unlinked", "gauge", ("channel",), "active listings that are linked to no SKU"
    WAITING = "syncd_listings_waiting", "gauge", ("channel",), "listings whose number is to be pushed"
    WAITING_AGE = "syncd_listings_waiting_seconds", "gauge", ("channel",), "for how long the oldest of them waits"
    PARKED = "syncd_listings_parked", "gauge", ("channel",), "listings that take no numbers until a person mends them"
    DRIFTED = "syncd_listings_drifted", "gauge", ("channel",), "listings that show what neither we nor a sale made them"
    RACES = (
        "syncd_race_cases_total",
        "counter",
        ("channel", "race"),
        "pushes that hid a sale, by race; each was put right",
    )
    RACE_UNITS = "syncd_race_units_total", "counter", ("channel", "race"), "units those pushes showed that were sold"
    FEED_AGE = "syncd_feed_age_seconds", "gauge", ("supplier",), "age of the supplier's list"
    FEED_STALE = "syncd_feed_stale", "gauge", ("supplier",), "1: his offers are too old and count as 0"
    FEED_HELD = "syncd_feed_held", "gauge", ("supplier",), "1: his list is not believed until a person agrees"
    CASES = "syncd_cases", "gauge", ("status",), "shortage cases that are not resolved"
    CASES_OVERDUE = (
        "syncd_cases_overdue",
        "gauge",
        (),
        "cases whose deadline has passed without the default carried out",
    )
    CASE_DEADLINE = (
        "syncd_case_deadline_seconds",
        "gauge",
        (),
        "time left until the next deadline of a case; below 0: past",
    )
    QUESTIONS = "syncd_questions", "gauge", ("topic",), "what waits for a person"
    QUESTION_AGE = "syncd_question_oldest_seconds", "gauge", (), "for how long the oldest of them waits"
    MOVEMENTS = "syncd_movements_total", "counter", (), "movements in the ledger"
    MOVEMENTS_HOUR = "syncd_movements_hour", "gauge", (), "movements of the last hour"


PROCESS_FIGURES = {
    "syncd_propagation_seconds": "From when a number could be sent to its acceptance by the channel (histogram)",
    "syncd_worker_stalled": "1: this worker hangs",
    "syncd_ready": "1: work can be taken on",
    "syncd_build_info": "always 1; the label says which syncd this is",
}
"""What only a running daemon can tell of itself, beside its events."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a figure; `labels` are the values of its labels, in order."""

    figure: Figure
    labels: tuple[str, ...]
    value: float


@dataclass(frozen=True, slots=True)
class Watched:
    """What is configured. `live`: whether a channel is pushed to; `calls_per_day`: None where there is no limit."""

    live: Mapping[ChannelName, bool]
    calls_per_day: Mapping[ChannelName, int | None]
    suppliers: tuple[SupplierName, ...]


@dataclass(frozen=True, slots=True)
class ChannelVitals:
    """How one channel stands. None: not known yet, or there is no such limit."""

    channel: str
    is_live: bool
    held: str = ""
    watermark_at: datetime | None = None
    told_seconds: float | None = None
    heard_seconds: float | None = None
    calls_left: int | None = None
    listings: int = 0
    unlinked: int = 0
    waiting: int = 0
    waiting_since: datetime | None = None
    parked: int = 0
    drifted: int = 0
    races: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """By race: cases, units."""


@dataclass(frozen=True, slots=True)
class SupplierVitals:
    """How one supplier's list stands; `as_of` is None until it was read."""

    supplier: str
    as_of: datetime | None = None
    is_stale: bool = False
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class Vitals:
    """How everything stands at one moment."""

    at: datetime
    channels: tuple[ChannelVitals, ...]
    suppliers: tuple[SupplierVitals, ...]
    cases: Mapping[str, int]
    overdue: int
    next_deadline_at: datetime | None
    questions: Mapping[str, int]
    oldest_question_at: datetime | None
    movements: int
    movements_hour: int

    def samples(self) -> Iterator[Sample]:
        """Every figure that has a value; what is unknown has none."""
        for channel in self.channels:
            yield from _channel(channel, self.at)
        for one in self.suppliers:
            name = (one.supplier,)
            if one.as_of is not None:
                yield Sample(Figure.FEED_AGE, name, (self.at - one.as_of).total_seconds())
            yield Sample(Figure.FEED_STALE, name, one.is_stale)
            yield Sample(Figure.FEED_HELD, name, one.is_held)
        yield from (Sample(Figure.CASES, (status,), count) for status, count in self.cases.items())
        yield Sample(Figure.CASES_OVERDUE, (), self.overdue)
        if self.next_deadline_at is not None:
            yield Sample(Figure.CASE_DEADLINE, (), (self.next_deadline_at - self.at).total_seconds())
        yield from (Sample(Figure.QUESTIONS, (topic,), count) for topic, count in self.questions.items())
        if self.oldest_question_at is not None:
            yield Sample(Figure.QUESTION_AGE, (), (self.at - self.oldest_question_at).total_seconds())
        yield Sample(Figure.MOVEMENTS, (), self.movements)
        yield Sample(Figure.MOVEMENTS_HOUR, (), self.movements_hour)


def _channel(one: ChannelVitals, at: datetime) -> Iterator[Sample]:
    name = (one.channel,)
    known: dict[Figure, float | None] = {
        Figure.CHANNEL_LIVE: one.is_live,
        Figure.CHANNEL_HELD: bool(one.held),
        Figure.ORDER_LAG: _age(one.watermark_at, at),
        Figure.TOLD: one.told_seconds,
        Figure.HEARD: one.heard_seconds,
        Figure.CALLS_LEFT: one.calls_left,
        Figure.LISTINGS: one.listings,
        Figure.UNLINKED: one.unlinked,
        Figure.WAITING: one.waiting,
        Figure.WAITING_AGE: _age(one.waiting_since, at) or 0.0,
        Figure.PARKED: one.parked,
        Figure.DRIFTED: one.drifted,
    }
    yield from (Sample(figure, name, value) for figure, value in known.items() if value is not None)
    for race, (cases, units) in one.races.items():
        yield Sample(Figure.RACES, (one.channel, race), cases)
        yield Sample(Figure.RACE_UNITS, (one.channel, race), units)


def _age(moment: datetime | None, at: datetime) -> float | None:
    return None if moment is None else max(0.0, (at - moment).total_seconds())
