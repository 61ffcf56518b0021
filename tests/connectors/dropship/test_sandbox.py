"""The stand-in supplier, spoken to without our client: it is a server in its own right."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from connectors.dropship import sandbox
from connectors.dropship.sandbox import EXAMPLE_SECRETS, Fault, Offer, Sandbox
from syncd.testkit.fake_clock import FakeClock

FEED = {"Authorization": f"Bearer {EXAMPLE_SECRETS['feed_token']}"}
DESK = {"Authorization": f"Bearer {EXAMPLE_SECRETS['purchase_token']}"}


@pytest.fixture
async def server() -> AsyncIterator[Sandbox]:
    """A running stand-in with one article."""
    running = await sandbox.start(clock=FakeClock())
    running.set_offers([Offer("GLOVE-X", 5, "Guanti", "9,90")])
    yield running
    await running.aclose()


@pytest.fixture
async def web(server: Sandbox) -> AsyncIterator[aiohttp.ClientSession]:
    """A plain HTTP client at its address."""
    async with aiohttp.ClientSession(server.url) as session:
        yield session


async def told(web: aiohttp.ClientSession, method: str, path: str, status: int = 200, body: Any = None) -> Any:
    """The JSON of a call to the remote control, which must have this status."""
    async with web.request(method, path, json=body) as response:
        assert response.status == status, await response.text()
        return await response.json() if status == 200 else await response.text()


async def order(web: aiohttp.ClientSession, reference: str, sku: str, quantity: Any) -> tuple[int, Any]:
    """Status and answer of an order for one line."""
    body = {"reference": reference, "lines": [{"line_id": "1", "sku": sku, "quantity": quantity}], "ship_to": None}
    async with web.post("/orders", json=body, headers={**DESK, "Idempotency-Key": reference}) as response:
        return response.status, await response.json()


async def test_the_list_is_served_as_a_web_server_does(web: aiohttp.ClientSession) -> None:
    """List, ETag and Last-Modified; the ETag sent back is answered with 304; no token, no list."""
    async with web.get("/feed.csv", headers=FEED) as response:
        assert await response.read() == (
            "\ufeffCodice;Descrizione;Disponibilità;Prezzo\r\nGLOVE-X;Guanti;5;9,90\r\n".encode()
        )
        assert response.headers["Last-Modified"] == "Mon, 02 Mar 2026 08:00:00 GMT"
        etag = response.headers["ETag"]
    async with web.get("/feed.csv", headers={**FEED, "If-None-Match": etag}) as response:
        assert response.status == 304
    async with web.get("/feed.csv", headers=DESK) as response:
        assert response.status == 401


async def test_orders_sell_while_stock_lasts(web: aiohttp.ClientSession) -> None:
    """Whole, in part, not at all; the repeated order is told again and sells nothing."""
    assert (await order(web, "r1", "GLOVE-X", 3))[0] == 201
    status, partial = await order(web, "r2", "GLOVE-X", 3)
    assert (status, partial["status"], partial["lines"]) == (200, "partial", [{"line_id": "1", "accepted": 2}])
    assert (await order(web, "r3", "GLOVE-X", 1))[1]["status"] == "refused"
    assert await order(web, "r2", "GLOVE-X", 3) == (409, partial)
    assert (await order(web, "r2", "GLOVE-X", 4))[0] == 409
    state = await told(web, "GET", "/_sandbox/state")
    assert [each["reference"] for each in state["orders"]] == ["r1", "r2", "r3"]
    assert state["offers"][0]["quantity"] == 0
    assert [call["applied"] for call in state["calls"]] == [True, True, False, False, False]
    assert state["calls"][0]["at"] == "2026-03-02T08:00:00+00:00"


@pytest.mark.parametrize("quantity", [0, -1, "2", None, 1.5])
async def test_an_order_that_is_none_is_400(web: aiohttp.ClientSession, quantity: Any) -> None:
    """A quantity that is no positive number is no order."""
    assert (await order(web, "r1", "GLOVE-X", quantity))[0] == 400


async def test_everything_can_be_driven_over_http(web: aiohttp.ClientSession) -> None:
    """Offers, the way the list is written, and faults are set by another process."""
    await told(web, "POST", "/_sandbox/offers", body={"offers": [{"sku": "TK", "quantity": 20, "shown": "10+"}]})
    style = {"delimiter": "|", "encoding": "cp1252", "line_end": "\n", "columns": ["A", "B", "Qtà", "D"]}
    await told(web, "POST", "/_sandbox/feed", body={"style": style, "raw_lines": ["x"], "duplicate_status": 200})
    async with web.get("/feed.csv", headers=FEED) as response:
        assert await response.read() == "A|B|Qtà|D\nTK||10+|\nx\n".encode("cp1252")
    await told(web, "POST", "/_sandbox/faults", body={"kind": "503", "times": None, "retry_after": "9"})
    for _ in range(3):
        async with web.get("/feed.csv", headers=FEED) as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "9")
    await told(web, "DELETE", "/_sandbox/faults")
    async with web.get("/feed.csv", headers=FEED) as response:
        assert response.status == 200


async def test_a_frozen_export_keeps_list_and_date(web: aiohttp.ClientSession, server: Sandbox) -> None:
    """While frozen, neither the list nor its date moves; afterwards both do."""
    await told(web, "POST", "/_sandbox/feed", body={"frozen": True})
    server.set_offers([])
    async with web.get("/feed.csv", headers=FEED) as response:
        assert "GLOVE-X" in await response.text(encoding="utf-8-sig")
    await told(web, "POST", "/_sandbox/feed", body={"frozen": False})
    async with web.get("/feed.csv", headers=FEED) as response:
        assert "GLOVE-X" not in await response.text(encoding="utf-8-sig")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/_sandbox/faults", {"kind": "earthquake"}),
        ("/_sandbox/faults", {"kind": "500", "on": "moon"}),
        ("/_sandbox/faults", {"kynd": "500"}),
        ("/_sandbox/faults", []),
        ("/_sandbox/offers", {"offers": [{"sku": "A"}]}),
        ("/_sandbox/offers", {"offers": [{"sku": "A", "quantity": "many"}]}),
        ("/_sandbox/offers", {"offers": "A"}),
        ("/_sandbox/feed", {"style": {"encoding": "utf-9"}}),
        ("/_sandbox/feed", {"style": {"colour": "red"}}),
        ("/_sandbox/feed", {"duplicate_status": "soon"}),
    ],
)
async def test_a_lever_pulled_wrongly_is_400(web: aiohttp.ClientSession, path: str, body: Any) -> None:
    """What the remote control cannot use is refused, and the stand-in works on."""
    await told(web, "POST", path, 400, body)
    async with web.get("/feed.csv", headers=FEED) as response:
        assert response.status == 200


async def test_an_order_can_be_taken_and_its_answer_lost(web: aiohttp.ClientSession, server: Sandbox) -> None:
    """The ugly case: sold, and nobody heard."""
    server.add_fault(Fault("drop", on="orders", taken=True))
    with pytest.raises(aiohttp.ClientConnectionError):
        await order(web, "r1", "GLOVE-X", 1)
    assert server.books.offers["GLOVE-X"].quantity == 4
    server.add_fault(Fault("drop", on="orders"))
    with pytest.raises(aiohttp.ClientConnectionError):
        await order(web, "r2", "GLOVE-X", 1)
    assert server.books.offers["GLOVE-X"].quantity == 4


async def test_a_port_can_be_chosen_and_is_given_back() -> None:
    """Started on a port, closed twice, it can be started there again."""
    first = await sandbox.start()
    port = int(first.url.rsplit(":", 1)[1])
    await first.aclose()
    await first.aclose()
    second = await sandbox.start(port=port)
    assert second.url == first.url
    await second.aclose()
