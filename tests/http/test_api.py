"""The API over real HTTP: what it tells, what it refuses and how, and who may ask."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask
from syncd.availability.derivation import Derivation, Term
from syncd.errors import OperatorError
from syncd.http.parts import HttpOptions
from syncd.http.server import HttpServer
from syncd.identity import ListingId, ListingKey, Sku
from syncd.journal.entry import Entry, Step
from syncd.journal.store import note
from syncd.product.product import Product
from syncd.product.store import save
from syncd.push.store import mark_pending
from syncd.shortage.case import Case, CaseStatus
from syncd.shortage.store import save_case
from syncd.telemetry import Event, counts
from syncd.testkit.shop_record import BUYER, SHIP_TO
from tests.support.doors import GLOVE, SHOP, TOKEN, House, open_house, serving

SALE: dict[str, Any] = {"scan_id": "till-1:1", "kind": "counter_sale", "code": GLOVE}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Ten gloves at main."""
    async with open_house(tmp_path, gloves=10) as opened:
        yield opened


@pytest.fixture
async def api(house: House) -> AsyncIterator[Api]:
    """The API of the house, asked from this machine."""
    async with serving(house) as url, ClientSession() as session:
        yield Api(session, url)


class Api:
    """Asks and expects JSON."""

    def __init__(self, session: ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def get(self, path: str, **headers: str) -> tuple[int, Any]:
        """Status and JSON of a GET under /api/v1."""
        async with self.session.get(f"{self.url}/api/v1/{path}", headers=headers) as answer:
            assert answer.content_type in ("application/json", "application/problem+json")
            return answer.status, await answer.json()

    async def scan(self, payload: object) -> tuple[int, Any]:
        """Status and JSON of a posted scan."""
        async with self.session.post(f"{self.url}/api/v1/scans", json=payload) as answer:
            return answer.status, await answer.json()

    async def pages(self, path: str) -> list[list[Any]]:
        """Every page of a list, following `next`."""
        found, after = [], ""
        while True:
            status, page = await self.get(f"{path}{after}")
            assert status == 200, page
            found.append(page["items"])
            if page["next"] is None:
                return found
            after = f"&after={page['next']}"


async def test_a_scan_is_posted_and_told(api: Api) -> None:
    """201 with the stock as it is now; the same again is 200 with the same words."""
    status, first = await api.scan(SALE)
    assert (status, first["verdict"], first["sku"]) == (201, "posted", GLOVE)
    assert first["sentence"] == "sold 1 × GLOVE-X over the counter at main"
    assert first["stock"] == [
        {
            "sku": GLOVE,
            "location": "main",
            "on_hand": 9,
            "available": 9,
            "reserved": 0,
            "in_flight": 0,
            "unavailable": 0,
        }
    ]
    status, again = await api.scan(SALE)
    assert (status, again) == (200, {**first, "verdict": "duplicate"})


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"quantity": 11}, 409, "scan_refused"),
        ({"scan_id": "opening", "kind": "receipt", "quantity": 3}, 409, "scan_conflict"),
        ({"code": "NOBODY"}, 422, "unknown_code"),
        ({"quantity": -1}, 422, "scan_unreadable"),
        ({"kind": None, "x": 1}, 422, "scan_unreadable"),
    ],
)
async def test_a_scan_that_is_not_posted_is_a_problem(
    api: Api, house: House, changes: dict[str, object], status: int, code: str
) -> None:
    """A stable code for programs, a sentence for people, and nothing written."""
    before = await house.movements()
    answered, problem = await api.scan({**SALE, **changes})
    assert (answered, problem["status"], problem["code"]) == (status, status, code)
    assert problem["detail"]
    assert await house.movements() == before


async def test_every_problem_of_a_scan_is_told(api: Api) -> None:
    """All of them at once, each naming its field."""
    _, problem = await api.scan({"kind": "count", "code": GLOVE})
    assert problem["problems"] == ["scan_id: is missing", "quantity: is missing; a count needs one"]


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "bad_json"),
        (b"\xff", "application/json", 400, "bad_json"),
        (b"[" * 60_000, "application/json", 400, "bad_json"),
        (b'{"quantity": NaN}', "application/json", 400, "bad_json"),
        (b"[]", "application/json", 422, "scan_unreadable"),
        (json.dumps(SALE).encode(), "text/plain", 415, "not_json"),
        (json.dumps(SALE).encode(), "application/x-www-form-urlencoded", 415, "not_json"),
        (b" " * 70_000, "application/json", 413, "body_too_large"),
    ],
)
async def test_a_body_that_is_no_scan_is_refused(
    api: Api, house: House, body: bytes, content_type: str, status: int, code: str
) -> None:
    """Cut, packed, huge, or sent as a web page's form could: one problem, nothing written."""
    before = await house.movements()
    headers = {"Content-Type": content_type}
    async with api.session.post(f"{api.url}/api/v1/scans", data=body, headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (status, code)
    assert await house.movements() == before


async def test_the_same_scan_from_many_hands_sells_once(api: Api, house: House) -> None:
    """Twenty copies at once: one is posted, the others hear that it was."""
    answers = await asyncio.gather(*(api.scan(SALE) for _ in range(20)))
    assert sorted(status for status, _ in answers) == [200] * 19 + [201]
    assert (await house.level()).available == 9


async def test_stock_is_told_by_sku_and_location(api: Api, house: House) -> None:
    """Every place that ever held the SKU, with the four states."""
    await house.scan("transfer", quantity=4, to_location="shop-2")
    status, found = await api.get(f"stock?sku={GLOVE}")
    assert status == 200
    [glove] = found["items"]
    assert (glove["sku"], glove["title"]) == (GLOVE, "Barbecue gloves")
    assert {one["location"]: one["available"] for one in glove["stock"]} == {"main": 6, "shop-2": 4}


async def test_lists_come_in_pages_without_gap_or_repeat(api: Api, house: House) -> None:
    """Following `next` to the end shows every entry once, in order, however small the page."""
    skus = [Sku(f"THING-{n}") for n in range(7)]
    await house.writer.write(*save([Product(sku, sku) for sku in skus]))
    for sku in skus:
        await house.scan("receipt", code=sku)
    for n in range(7):
        house.clock.advance(0 if n % 2 else 60)  # some orders and cases share their moment
        now = house.clock.now()
        await house.writer.write(ask(Question(Topic.DRIFT, f"shop:{n}", "look", now)), save_case(_case(n, house)))
        house.shop.add_listing(f"THING-{n}", 5)
        await house.learn_listing(str(1001 + n))
    for _ in range(2):
        house.shop.sell(ListingId("1001"), 1)
        house.shop.sell(ListingId("1001"), 1)
        await house.take_in()
    for path, size, key in (
        ("stock?limit=3", 8, "sku"),
        ("listings?limit=3", 7, "listing"),
        ("orders?limit=1", 4, "order"),
        ("cases?limit=3", 7, "case"),
        ("questions?limit=3", 7, "subject"),
    ):
        pages = await api.pages(path)
        limit = int(path[-1])
        entries = [entry[key] for page in pages for entry in page]
        assert len(entries) == len(set(entries)) == size, path
        assert all(len(page) == limit for page in pages[:-1]), path


def _case(number: int, house: House) -> Case:
    opened_at = house.clock.now()
    return Case(f"shop:l{number}/x/1", SHOP, "shop:o", f"l{number}", GLOVE, 1, "none left", CaseStatus.OPEN, opened_at)


async def test_orders_tell_what_is_reserved_and_short_but_not_who_bought(api: Api, house: House) -> None:
    """An agent sees the line's needs; the buyer's name, mail and street stay in the store."""
    await house.sell_on_channel(10)
    await house.scan("counter_sale", quantity=3)
    status, found = await api.get("orders")
    [line] = found["items"][0]["lines"]
    assert (status, found["items"][0]["channel"], found["items"][0]["status"]) == (200, SHOP, "paid")
    assert line["needs"] == [
        {
            "sku": GLOVE,
            "need": 10,
            "reserved": 7,
            "shipped": 0,
            "purchased": 0,
            "short": 3,
            "cause": "sold over the counter",
        }
    ]
    told = json.dumps(found)
    for private in (BUYER.name, BUYER.email, BUYER.buyer_id, SHIP_TO.street, SHIP_TO.phone):
        assert private not in told


async def test_cases_are_chosen_by_status(api: Api, house: House) -> None:
    """An open case is listed as open, with its units and cause, and not among the resolved."""
    await house.writer.write(save_case(_case(1, house)))
    _, found = await api.get("cases?status=open")
    assert [(one["case"], one["units"], one["cause"]) for one in found["items"]] == [("shop:l1/x/1", 1, "none left")]
    assert (await api.get("cases?status=resolved"))[1]["items"] == []
    assert (await api.get("cases?status=lost"))[0] == 400


async def test_a_listing_tells_what_it_shows_and_why(api: Api, house: House) -> None:
    """The receipt: ten available less one kept back make nine; the shop shows a hundred, and only observes."""
    await house.learn_listing()
    key = ListingKey(SHOP, ListingId("1001"))
    await house.writer.write(mark_pending({key: 9}, house.clock.now()))
    _, listings = await api.get("listings?channel=shop")
    [listing] = listings["items"]
    assert (listing["listing"], listing["state"], listing["push"]["target"]) == ("shop:1001", "pending", 9)
    status, why = await api.get("listings/shop:1001/why")
    assert status == 200
    assert [(term["name"], term["value"]) for term in why["derivation"]["terms"]] == [
        ("available", 10),
        ("safety stock", -1),
    ]
    assert (why["derivation"]["target"], why["mode"]) == (9, "observe")
    assert why["sentence"] == (
        "shop:1001 has never been read; it should show 9; the channel is on observe: nothing is sent"
    )


async def test_why_can_be_asked_of_a_past_moment(api: Api, house: House) -> None:
    """The number with its receipt as it was written down then, and how far it had come by then."""
    await house.learn_listing()
    key, now = ListingKey(SHOP, ListingId("1001")), house.clock.now()
    receipt = Derivation((Term("available", 4, "GLOVE-X at main, ledger", now),), 4)
    steps = [Entry(key, now, Step.TARGET, 4, receipt.packed), Entry(key, now, Step.ACKNOWLEDGED, 4)]
    await house.writer.write(note(steps))
    moment = (now + timedelta(hours=1)).isoformat().replace("+", "%2B")
    status, then = await api.get(f"listings/shop:1001/why?at={moment}")
    assert (status, then["target"]["quantity"], then["acknowledged"]["quantity"]) == (200, 4, 4)
    assert [(term["name"], term["value"]) for term in then["derivation"]["terms"]] == [("available", 4)]
    assert then["sentence"] == ("shop:1001 should have shown 4 at that moment; the channel had last accepted 4")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("listings/shop:1001/why?at=yesterday", 400, "bad_query"),
        ("listings/shop:77/why?at=2026-03-02T08:00:00Z", 404, "unknown_listing"),
        ("listings/shop:77/why", 404, "unknown_listing"),
        ("listings/nonsense/why", 404, "unknown_listing"),
        ("listings/a:b:c/d%2Fe/why", 404, "unknown_listing"),
        ("stock?sku=NOBODY", 404, "unknown_sku"),
        ("stock?limit=0", 400, "bad_query"),
        ("stock?limit=501", 400, "bad_query"),
        ("stock?limit=ten", 400, "bad_query"),
        ("stock?limit=²", 400, "bad_query"),
        ("stock?page=2", 400, "bad_query"),
        ("listings?after=nonsense", 404, "unknown_listing"),
        ("nothing", 404, "not_found"),
        ("scans", 405, "method_not_allowed"),
    ],
)
async def test_a_bad_question_gets_a_problem(api: Api, path: str, status: int, code: str) -> None:
    """Unknown things, bad limits and parameters nobody reads: problem+json with a stable code."""
    answered, problem = await api.get(path)
    assert (answered, problem["code"]) == (status, code)


async def test_outside_the_api_unknown_paths_are_problems_too(api: Api) -> None:
    """And no answer tells which library serves it."""
    async with api.session.get(f"{api.url}/admin") as answer:
        assert (answer.status, answer.content_type) == (404, "application/problem+json")
        assert answer.headers["Server"] == "syncd"


async def test_health_and_readiness(api: Api, house: House) -> None:
    """Alive is alive; ready means work can be taken on, and says why not."""
    async with api.session.get(f"{api.url}/healthz") as answer:
        assert (answer.status, await answer.json()) == (200, {"status": "ok"})
    async with api.session.get(f"{api.url}/readyz") as answer:
        assert answer.status == 200
    house.unready.append("the writer has stopped")
    async with api.session.get(f"{api.url}/readyz") as answer:
        assert answer.status == 503
        assert (await answer.json())["problems"] == ["the writer has stopped"]


async def test_the_token_opens_the_api_and_nothing_else_does(house: House) -> None:
    """With a token configured every call to /api needs it, spelled right; probes do not."""
    async with serving(house, token=TOKEN) as url, ClientSession() as session:
        api = Api(session, url)
        assert (await api.get("stock", Authorization=f"Bearer {TOKEN}"))[0] == 200
        for wrong in ("", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", "Bearer", "Bearer é"):
            status, problem = await api.get("stock", Authorization=wrong)
            assert (status, problem["code"]) == (401, "unauthorized"), wrong
            assert TOKEN not in json.dumps(problem)
        assert (await api.scan(SALE))[0] == 401
        async with session.get(f"{url}/healthz") as answer:
            assert answer.status == 200
    assert (await house.level()).available == 10


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "stock.evil.example.com"},
        {"Origin": "https://evil.example.com"},
        {"Origin": "null"},
        {"Host": "[::bad"},
    ],
)
async def test_without_a_token_no_web_page_may_ask(api: Api, headers: dict[str, str]) -> None:
    """A page in a browser on this machine reaches loopback under its own name or origin; it is turned away."""
    status, problem = await api.get("stock", **headers)
    assert (status, problem["code"]) == (403, "not_local")


async def test_a_public_address_without_a_token_keeps_the_api_closed(house: House) -> None:
    """A proxy may stand in front of loopback: then everybody would be local."""
    async with serving(house, public_url="https://stock.example.com") as url, ClientSession() as session:
        assert (await Api(session, url).get("stock"))[1]["code"] == "api_closed"


async def test_an_open_address_without_a_token_does_not_start(house: House) -> None:
    """The operator hears what to do, before anything listens."""
    server = HttpServer(HttpOptions(host="0.0.0.0", port=0), house.parts())
    with pytest.raises(OperatorError) as refusal:
        await server.start()
    assert "api_token_env" in str(refusal.value)
    await server.aclose()


async def test_a_taken_port_is_one_sentence(house: House) -> None:
    """Starting twice on one port is the operator's to solve, without a traceback of the library's."""
    async with serving(house) as url:
        port = int(url.rsplit(":", 1)[1])
        with pytest.raises(OperatorError, match=rf"cannot listen on 127\.0\.0\.1:{port}: .*address"):
            await HttpServer(HttpOptions(port=port), house.parts()).start()


async def test_a_fault_of_ours_is_told_without_our_insides(house: House, api: Api) -> None:
    """A store that fails is a 500 with a code; the log has the fault, the caller does not."""
    await house.db.transact(lambda conn: conn.exec_driver_sql("DROP TABLE question"))
    failed = counts()[Event.REQUEST_FAILED]
    status, problem = await api.get("questions")
    assert (status, problem["code"], problem["detail"]) == (500, "internal", "syncd could not answer; its log says why")
    assert counts()[Event.REQUEST_FAILED] == failed + 1


async def test_a_late_scanner_may_say_when(api: Api, house: House) -> None:
    """A scan that was offline is booked as of its own moment."""
    at = house.clock.now() - timedelta(hours=3)
    await api.scan({**SALE, "at": at.isoformat()})
    assert (await house.movements())[-1].happened_at == at
