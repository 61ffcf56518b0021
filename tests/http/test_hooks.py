"""Channels' calls over real HTTP: believed when signed, durable before they are answered, harmless otherwise."""

from __future__ import annotations

import asyncio
import gzip
import io
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientResponse, ClientSession

from syncd.channel.port import WebhookAnswer, WebhookRequest
from syncd.http.body import HOOK_BYTES_MAX
from syncd.identity import ListingId
from syncd.telemetry import Event, counts
from syncd.testkit.fake_channel import FakeChannel
from syncd.testkit.fake_webhook import webhook_from
from tests.support.doors import PLAIN, SHOP, House, open_house, serving, until


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Ten gloves at main."""
    async with open_house(tmp_path, gloves=10) as opened:
        yield opened


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    """A client."""
    async with ClientSession() as opened:
        yield opened


async def call(session: ClientSession, url: str, request: WebhookRequest, path: str = "/hooks/shop") -> ClientResponse:
    """Send what the shop would send."""
    async with session.request(request.method, url + path, data=request.body, headers=request.headers) as answer:
        await answer.read()
        return answer


def sale(house: House, **changes: object) -> WebhookRequest:
    """What the shop says about a glove it just sold."""
    return replace(webhook_from(house.shop, house.shop.sell(ListingId("1001"), 1)), **changes)  # type: ignore[arg-type]


async def test_a_hint_is_durable_before_the_answer(house: House, session: ClientSession) -> None:
    """Once the channel was told 200, another process finds the hint in the store."""
    async with serving(house) as url:
        answer = await call(session, url, sale(house))
        assert answer.status == 200
        [waiting] = await house.hints()
    assert waiting.hint.order_id == "order-1"
    assert house.intake.woken.is_set()


async def test_a_signed_call_brings_its_order_once(house: House, session: ClientSession) -> None:
    """The same delivery three times, before and after the intake looked: one reservation."""
    request = sale(house)
    async with serving(house) as url:
        for _ in range(2):
            assert (await call(session, url, request)).status == 200
        assert len(await house.hints()) == 1
        await house.intake.run_once(house.clock.now())
        assert (await call(session, url, request)).status == 200
        assert await house.hints() == []
    await house.take_in()
    level = await house.level()
    assert (level.available, level.reserved, level.in_flight) == (9, 1, 0)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"headers": {"x-fake-signature": "0" * 64}}, 401),
        ({"headers": {}}, 401),
        ({"body": b"", "headers": {}}, 401),
        ({"body": bytes(range(256))}, 401),
        ({"body": b"[" * 20_000}, 401),
        ({"method": "GET", "body": b""}, 401),
        ({"method": "PUT"}, 405),
        ({"method": "DELETE"}, 405),
    ],
)
async def test_what_nobody_signed_changes_nothing(
    house: House, session: ClientSession, changes: dict[str, object], status: int
) -> None:
    """Forged, empty, cut or oddly sent: refused, nothing kept, nobody woken."""
    house.intake.woken.clear()
    request = sale(house, **changes)
    async with serving(house) as url:
        assert (await call(session, url, request)).status == status
    assert await house.hints() == []
    assert not house.intake.woken.is_set()


async def test_a_refusal_is_counted_and_tells_nothing_of_the_call(
    house: House, session: ClientSession, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log gets the connector's reason; the answer holds neither body nor header of the call."""
    before = counts()[Event.HINT_REFUSED]
    request = sale(house, headers={"x-fake-signature": "forged-5512"})
    async with (
        serving(house) as url,
        session.post(f"{url}/hooks/shop", data=request.body, headers=request.headers) as a,
    ):
        told = await a.text()
    assert counts()[Event.HINT_REFUSED] == before + 1
    assert "forged-5512" not in told
    assert "order-1" not in told
    assert "order-1" not in "".join(capsys.readouterr())


async def test_an_old_call_is_refused(house: House, session: ClientSession) -> None:
    """A delivery recorded and played back later is not believed."""
    request = sale(house)
    house.clock.advance(3600)
    async with serving(house) as url:
        assert (await call(session, url, request)).status == 400
    assert await house.hints() == []


async def test_a_body_beyond_the_bound_is_refused(house: House, session: ClientSession) -> None:
    """Whether its length is announced or not, no more than the bound is ever kept in memory."""

    async def dribble() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 65_536

    async with serving(house) as url:
        async with session.post(f"{url}/hooks/shop", data=io.BytesIO(b"x" * (HOOK_BYTES_MAX + 1))) as answer:
            assert answer.status == 413
            assert (await answer.json())["code"] == "body_too_large"
        async with session.post(f"{url}/hooks/shop", data=dribble()) as answer:
            assert answer.status == 413
    assert await house.hints() == []


@pytest.mark.parametrize("name", ["ebay", PLAIN, "..%2f..", "%00"])
async def test_only_channels_that_take_calls_have_a_door(house: House, session: ClientSession, name: str) -> None:
    """An unknown channel, and one whose connector takes no calls, look the same from outside."""
    async with serving(house) as url, session.post(f"{url}/hooks/{name}", data=b"{}") as answer:
        assert answer.status == 404
        assert answer.content_type == "application/problem+json"


async def test_the_door_for_calls_asks_for_no_token(house: House, session: ClientSession) -> None:
    """A token guards the API; channels sign their calls instead."""
    async with serving(house, token="door-token-31d9") as url:
        assert (await call(session, url, sale(house))).status == 200
    assert len(await house.hints()) == 1


class _Witness(FakeChannel):
    """A fake channel that remembers what reached it, and answers as it is told."""

    calls: list[WebhookRequest]
    answer: WebhookAnswer

    def receive_webhook(self, request: WebhookRequest) -> WebhookAnswer:
        self.calls.append(request)
        return self.answer


@pytest.fixture
def witness(house: House) -> _Witness:
    """The witness in the place of the shop's connector."""
    channel = _Witness(house.shop, name=SHOP)
    channel.calls, channel.answer = [], WebhookAnswer(200, body=b'{"challengeResponse":"ab"}')
    channel.answer = replace(channel.answer, content_type="application/json")
    house.channel = channel
    return channel


async def test_a_challenge_is_answered_word_by_word_and_hints_at_nothing(
    house: House, session: ClientSession, witness: _Witness
) -> None:
    """A GET that only proves we own the address gets the connector's answer; no poll is caused by it."""
    async with serving(house) as url, session.get(f"{url}/hooks/shop?challenge_code=x") as answer:
        assert (answer.status, await answer.json()) == (200, {"challengeResponse": "ab"})
    assert witness.calls[0].query == {"challenge_code": "x"}
    assert await house.hints() == []
    assert not house.intake.woken.is_set()


async def test_a_connector_sees_the_address_the_channel_called(
    house: House, session: ClientSession, witness: _Witness
) -> None:
    """Behind a proxy it is the public one: some channels sign it. Header names are lower case."""
    async with serving(house, public_url="https://stock.example.com/") as url:
        await call(session, url, WebhookRequest("POST", "", {}, {"X-Topic": "t"}, b"abc", house.clock.now()))
    [seen] = witness.calls
    assert (seen.url, seen.body, seen.received_at) == (
        "https://stock.example.com/hooks/shop",
        b"abc",
        house.clock.now(),
    )
    assert seen.headers["x-topic"] == "t"


async def test_a_fault_of_ours_lets_the_channel_try_again(
    house: House, session: ClientSession, witness: _Witness
) -> None:
    """A connector that breaks its promise never to raise costs a 500 without a word of our insides."""
    del witness.answer
    async with serving(house) as url, session.post(f"{url}/hooks/shop", data=b"x") as answer:
        assert answer.status == 500
        told = await answer.text()
    assert "Witness" not in told
    assert "attribute" not in told


async def test_a_call_cut_off_half_way_harms_nobody(house: House, session: ClientSession) -> None:
    """A caller that goes away in the middle of its body leaves nothing behind, and the next one is served."""
    refused, failed = counts()[Event.HINT_REFUSED], counts()[Event.REQUEST_FAILED]
    async with serving(house) as url:
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port)) as caller:
            caller.sendall(b"POST /hooks/shop HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        await until(lambda: counts()[Event.HINT_REFUSED] > refused, "the cut call to be noticed")
        assert (await call(session, url, sale(house))).status == 200
    assert len(await house.hints()) == 1
    assert counts()[Event.REQUEST_FAILED] == failed


async def test_a_packed_body_is_never_unpacked(house: House, session: ClientSession) -> None:
    """Five kilobytes that would become five megabytes are refused as they are."""
    packed = gzip.compress(b"x" * 5_000_000)
    async with serving(house) as url:
        headers = {"Content-Encoding": "gzip"}
        async with session.post(f"{url}/hooks/shop", data=packed, headers=headers) as answer:
            assert answer.status == 415


async def test_what_is_not_http_is_refused_without_a_word_of_it_in_the_log(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """A header that cannot be read may hold a secret: the log only learns that something could not be read."""
    before = counts()[Event.REQUEST_REFUSED]
    async with serving(house) as url:
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(b"GET / HTTP/1.1\r\nAuthorization\x00: Bearer door-token-31d9\r\n\r\n")
        assert b"400" in (await reader.read(500)).splitlines()[0]
        writer.close()
    assert counts()[Event.REQUEST_REFUSED] == before + 1
    assert "door-token" not in caplog.text
