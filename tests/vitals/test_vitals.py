"""How everything stands, as the store tells it and as Prometheus and the terminal are shown it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask
from syncd.availability.store import save_delays
from syncd.availability.velocity import Delay, Way
from syncd.channel.store import book
from syncd.db import Database
from syncd.http.metrics import event_metric, metric_names
from syncd.http.parts import HttpOptions
from syncd.http.server import HttpServer
from syncd.identity import ChannelName, ListingId, ListingKey, Sku, SupplierName
from syncd.measure import propagated
from syncd.migrations.tables import schema
from syncd.orders.store import Cursor, save_cursor
from syncd.push.plan import Hold, PushState
from syncd.push.store import count_race, hold_channel, mark_pending, save_state
from syncd.shortage.case import Case, CaseStatus
from syncd.shortage.store import save_case
from syncd.supply.store import Feed, save_feed
from syncd.telemetry import Event, log
from syncd.vitals.figure import ChannelVitals, Figure, Watched
from syncd.vitals.store import read_vitals
from tests.support.doors import GLOVE, SHOP, TOKEN, House, open_house

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
MAKER = SupplierName("toolmaker")
WATCHED = Watched({SHOP: True, ChannelName("plain"): False}, {SHOP: 100}, (MAKER,))

Told = dict[tuple[str, tuple[str, ...]], float]


async def burden(house: House) -> None:
    """Something of everything, ten minutes old."""
    now = house.clock.now()
    then = now - timedelta(minutes=10)
    waiting, parked = ListingKey(SHOP, ListingId("1001")), ListingKey(SHOP, ListingId("1002"))
    await house.learn_listing()
    case = Case("shop:l1/x/1", SHOP, "shop:o", "l1", GLOVE, 1, "none left", CaseStatus.OPEN, then)
    asked = case.to(CaseStatus.ASKED, deadline_at=now - timedelta(minutes=1))
    later = replace(case, case_id="shop:l2/x/1", line_id="l2", sku=Sku("OTHER"))
    await house.writer.write(
        mark_pending({waiting: 3, parked: 2}, then),
        save_cursor(Cursor(SHOP, then, None, then)),
        save_delays({SHOP: Delay(2.5, 1.0)}, Way.TOLD, now),
        book({SHOP: (now.date(), 40)}),
        count_race(SHOP, "R3", 2, now),
        hold_channel(Hold(SHOP, "30 of 40 would fall to 0", then)),
        save_feed(Feed(MAKER, "v1", then, then, stale=True)),
        save_case(asked),
        save_case(later),
        ask(Question(Topic.UNLINKED_LISTING, "shop:7", "link it", then)),
    )
    await house.writer.write(save_state(PushState(parked, target=2, parked="refused", pending=True), seen_version=1))


EXPECTED: Told = {
    ("syncd_channel_live", ("shop",)): 1,
    ("syncd_channel_live", ("plain",)): 0,
    ("syncd_channel_held", ("shop",)): 1,
    ("syncd_order_lag_seconds", ("shop",)): 600,
    ("syncd_propagation_usual_seconds", ("shop",)): 2.5,
    ("syncd_calls_left", ("shop",)): 60,
    ("syncd_listings", ("shop",)): 1,
    ("syncd_listings_unlinked", ("shop",)): 0,
    ("syncd_listings_waiting", ("shop",)): 1,
    ("syncd_listings_waiting_seconds", ("shop",)): 600,
    ("syncd_listings_parked", ("shop",)): 1,
    ("syncd_listings_drifted", ("shop",)): 0,
    ("syncd_race_cases_total", ("shop", "R3")): 1,
    ("syncd_race_units_total", ("shop", "R3")): 2,
    ("syncd_feed_age_seconds", ("toolmaker",)): 600,
    ("syncd_feed_stale", ("toolmaker",)): 1,
    ("syncd_feed_held", ("toolmaker",)): 0,
    ("syncd_cases", ("asked",)): 1,
    ("syncd_cases", ("open",)): 1,
    ("syncd_cases_overdue", ()): 1,
    ("syncd_case_deadline_seconds", ()): -60,
    ("syncd_questions", ("unlinked_listing",)): 1,
    ("syncd_question_oldest_seconds", ()): 600,
    ("syncd_movements_total", ()): 1,
    ("syncd_movements_hour", ()): 1,
}


@asynccontextmanager
async def metrics(house: House, token: str | None = None) -> AsyncIterator[str]:
    """The address of /metrics of a server over the house."""
    parts = replace(house.parts(), watched=WATCHED, stalled=lambda: ["push shop"])
    server = HttpServer(HttpOptions(port=0, api_token=SecretStr(token) if token else None), parts)
    try:
        yield f"{await server.start()}/metrics"
    finally:
        await server.aclose()


def told(text: str) -> Told:
    """What the text says, as Prometheus would read it."""
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_prometheus_reads_every_figure(tmp_path: Path) -> None:
    """Each figure with its labels; events as counters, latency as a histogram, the process; no name is made up."""
    async with open_house(tmp_path, gloves=10) as house, metrics(house) as url, ClientSession() as http:
        await burden(house)
        propagated("shop", 0.2)
        log(Event.FEED_STALE)
        async with http.get(url) as answer:
            assert answer.status == 200
            found = told(await answer.text())
    assert {key: found.get(key) for key in EXPECTED} == EXPECTED
    assert found["syncd_propagation_seconds_count", ("shop",)] >= 1
    assert found[event_metric(Event.FEED_STALE), ()] >= 1
    assert found["syncd_worker_stalled", ("push shop",)] == 1
    assert found["syncd_ready", ()] == 1
    assert found["process_open_fds", ()] > 0
    ours = {name for name, _ in found if name.startswith("syncd_") and not name.endswith("_created")}
    assert ours <= metric_names()


async def test_who_may_not_ask_the_api_may_not_ask_for_metrics(tmp_path: Path) -> None:
    """With a token, whoever shows it; without one, no web page of this machine's browser."""
    async with open_house(tmp_path) as house, ClientSession() as http:
        async with metrics(house, TOKEN) as url:
            async with http.get(url) as answer:
                assert answer.status == 401
            async with http.get(url, headers={"Authorization": f"Bearer {TOKEN}"}) as answer:
                assert answer.status == 200
        async with metrics(house) as url, http.get(url, headers={"Host": "evil.example"}) as answer:
            assert answer.status == 403


async def test_a_store_that_is_new_has_figures_too(store_url: str) -> None:
    """On both stores, with nothing in them: what is unknown has no figure, what is none is 0."""
    db = Database(store_url)
    try:
        await db.transact(schema().create_all)
        async with db.read_at_length() as conn:
            vitals = await read_vitals(conn, WATCHED, NOW)
    finally:
        await db.aclose()
    assert vitals.channels[0] == ChannelVitals("shop", is_live=True, calls_left=100)
    figures = {sample.figure for sample in vitals.samples()}
    assert Figure.ORDER_LAG not in figures
    assert Figure.FEED_AGE not in figures
    assert Figure.CASES_OVERDUE in figures


async def test_calls_of_another_day_are_not_this_days(tmp_path: Path) -> None:
    """What was written down yesterday leaves today's budget whole."""
    async with open_house(tmp_path) as house:
        await house.writer.write(book({SHOP: (date(2020, 1, 1), 90)}))
        async with house.db.read_at_length() as conn:
            assert (await read_vitals(conn, WATCHED, NOW)).channels[0].calls_left == 100
