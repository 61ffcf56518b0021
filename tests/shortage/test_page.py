"""The customer's page over real HTTP: reading never chooses, choosing happens once, and nothing leaks."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from aiohttp import ClientSession
from pydantic import SecretStr

from syncd.http.choice import CALLS_PER_MINUTE, WRONG_PER_MINUTE
from syncd.identity import Sku
from syncd.orders.store import read_orders
from syncd.shortage.case import Case, CaseStatus
from syncd.shortage.page import READABLE, Links, PageConfig
from syncd.shortage.resolution import OptionKind, ShortageConfig
from tests.support.care import LAG_SECONDS, SECRET, THINK_SECONDS, Care
from tests.support.events import told as told
from tests.support.rooms import MARKET, Setup

RULES = ShortageConfig(
    answer_within_seconds=THINK_SECONDS,
    refund="auto",
    refund_max=Decimal(10_000),
    substitutes={"X": ("Y", "Z")},
    shop_name="La Brace",
    agent_name="Chiara",
)

SPEAKING_ENGLISH = Setup({"market": replace(MARKET, names_buyer_language=False)})
"""Nobody says which language the buyer speaks, so he is told in the shop's."""


@dataclass
class Visitor:
    """A customer at his browser."""

    care: Care
    session: ClientSession
    url: str

    async def case(self) -> Case:
        """The only case."""
        (case,) = await self.care.cases()
        return case

    async def path(self) -> str:
        """Where the page of the only case is."""
        return await self.care.path(await self.case())

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Open a page."""
        async with self.session.get(self.url + path, headers=headers) as answer:
            return answer.status, await answer.text()

    async def choose(self, path: str, key: str) -> tuple[int, str]:
        """Mark an option, confirm it, and read what the browser shows then."""
        async with self.session.post(self.url + path, data={"choice": key}) as answer:
            return answer.status, await answer.text()


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    """Two X sold that are not there; three Y are; the customer was told."""
    page = PageConfig(link_secret=SecretStr(SECRET), pictures=tmp_path / "pictures")
    made = Care(tmp_path, SPEAKING_ENGLISH, RULES, page)
    async with made as care, care.doors() as url, ClientSession() as session:
        await care.stock("Y", 3)
        await care.offer("market", "Y", 3)
        await care.settle()
        await care.oversold(2)
        yield Visitor(care, session, url)


async def test_reading_never_chooses(visitor: Visitor) -> None:
    """Mail providers open links: any number of GET and HEAD leave the case as it was."""
    path, before = await visitor.path(), await visitor.case()
    for _ in range(5):
        status, text = await visitor.get(path)
        assert status == 200
        async with visitor.session.head(visitor.url + path) as answer:
            assert answer.status == 200
        for key in ("refund", "substitute:Y"):
            assert (await visitor.get(f"{path}?choice={key}"))[0] == 200
    assert await visitor.case() == before
    assert re.findall(r'value="([^"]+)"', text) == [option.key for option in before.options]


async def test_choosing_a_substitute_reserves_it_at_once(visitor: Visitor) -> None:
    """Y is promised to the line in the moment of the choice; X is needed no more; the page says so."""
    path = await visitor.path()
    status, text = await visitor.choose(path, "substitute:Y")
    assert (status, "Y is put aside for you" in text) == (200, True)
    assert await visitor.care.held("Y") == {"available": 1, "reserved": 2}
    assert (await visitor.case()).status is CaseStatus.ACTING
    await visitor.care.assert_sound()
    await visitor.care.tend_for(LAG_SECONDS)
    assert await visitor.care.held("Y") == {"available": 1, "reserved": 2}
    await visitor.care.assert_sound()


async def test_a_substitute_leaves_with_the_order(visitor: Visitor) -> None:
    """Once the channel says the order was sent, Y has left the house, X has not, and the case is over."""
    care = visitor.care
    await visitor.choose(await visitor.path(), "substitute:Y")
    (order_id,) = care.shops["market"].orders
    care.shops["market"].ship_order(order_id)
    await care.tend_for(LAG_SECONDS)
    case = await visitor.case()
    assert (case.status, case.resolution) == (CaseStatus.RESOLVED, "sent Y instead")
    assert (await care.sent("Y"), await care.sent("X"), care.refunded()) == (2, 0, 0)
    assert await care.questions() == []
    await care.assert_sound()


async def test_a_cancelled_order_gives_its_substitute_back(visitor: Visitor) -> None:
    """What nobody wants any more goes back on the shelf."""
    care = visitor.care
    await visitor.choose(await visitor.path(), "substitute:Y")
    (order_id,) = care.shops["market"].orders
    care.shops["market"].cancel_order(order_id)
    await care.tend_for(LAG_SECONDS)
    assert (await care.held("Y"), (await visitor.case()).resolution) == ({"available": 3}, "Y was given back")
    await care.assert_sound()


async def test_a_substitute_that_has_just_gone_opens_the_choice_again(visitor: Visitor) -> None:
    """Sold to somebody else between reading and confirming: he is told kindly and chooses from what there is."""
    path = await visitor.path()
    await visitor.care.stock("Y", -2)
    status, text = await visitor.choose(path, "substitute:Y")
    case = await visitor.case()
    assert (status, "has just gone" in text) == (409, True)
    assert (case.status, [one.kind for one in case.options]) == (CaseStatus.ASKED, [OptionKind.REFUND])
    assert await visitor.care.held("Y") == {"available": 1}
    assert (await visitor.choose(path, "refund"))[0] == 200


async def test_a_link_decides_once(visitor: Visitor) -> None:
    """A second choice, the same or another, changes nothing and is told so."""
    path = await visitor.path()
    assert (await visitor.choose(path, "refund"))[0] == 200
    for key in ("refund", "substitute:Y"):
        status, text = await visitor.choose(path, key)
        assert (status, "nothing was done twice" in text) == (409, True)
    await visitor.care.tend_for(LAG_SECONDS)
    assert (visitor.care.refunded(), await visitor.care.held("Y")) == (1, {"available": 3})
    status, text = await visitor.get(path)
    assert "We have paid back €19.80" in text


async def test_too_late_is_told_kindly(visitor: Visitor) -> None:
    """After the deadline a choice does nothing; the page says what happens, then what has happened."""
    path = await visitor.path()
    visitor.care.clock.advance(THINK_SECONDS)
    status, text = await visitor.choose(path, "substitute:Y")
    assert (status, "The time to choose is over" in text) == (409, True)
    assert (await visitor.case()).status is CaseStatus.ASKED
    await visitor.care.tend_for(1)
    assert (await visitor.case()).resolution == "refunded 19.80 EUR"
    visitor.care.clock.advance(READABLE.total_seconds())
    assert (await visitor.get(path))[0] == 404


async def test_an_agent_may_have_been_quicker(visitor: Visitor) -> None:
    """The agent on the phone chose; the customer's later click is told what was chosen."""
    path, case = await visitor.path(), await visitor.case()
    why_not = await visitor.care.shortage.choose(case.case_id, OptionKind.SUBSTITUTE, by="agent", substitute=Sku("Y"))
    assert why_not is None
    status, text = await visitor.choose(path, "refund")
    assert (status, "Y is put aside for you" in text) == (409, True)


async def test_forged_and_mangled_links_open_nothing(visitor: Visitor) -> None:
    """Another secret, a cut or changed token, or garbage: a kind page, the same for all, and no case is named."""
    path, case = await visitor.path(), await visitor.case()
    other = Links("http://127.0.0.1", SecretStr(SECRET[::-1])).token(case)
    texts: set[str] = set()
    for token in (other, path[3:-1], path[3:] + "x", "x" * 5000, "%00", "é"):
        status, text = await visitor.get(f"/c/{token}")
        assert status in (404, 429)
        texts.add(text)
        assert case.order_key not in text
    assert len(texts) == 1
    assert "Questo collegamento" in (await visitor.get("/c/x", **{"Accept-Language": "it-IT,it;q=0.9"}))[1]


@pytest.mark.parametrize("body", [b"", b"choice=", b"choice=everything", b"\xff\xfe=1", b"choice=refund" * 1000])
async def test_a_form_that_says_nothing_does_nothing(visitor: Visitor, body: bytes) -> None:
    """The page is shown again with a word on what to do."""
    path, before = await visitor.path(), await visitor.case()
    async with visitor.session.post(visitor.url + path, data=body) as answer:
        assert (answer.status, "Mark one of the choices" in await answer.text()) == (422, True)
    assert await visitor.case() == before


async def test_the_page_protects_its_reader(visitor: Visitor) -> None:
    """No script, no other host, no frame, no referrer, no cache, no cookie; below 30 kB; nothing about the buyer."""
    path = await visitor.path()
    async with visitor.session.get(visitor.url + path) as answer:
        text, headers = await answer.text(), answer.headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert {"form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} <= set(policy.split("; "))
    assert (headers["Referrer-Policy"], headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert "Set-Cookie" not in headers
    assert "<script" not in text
    assert not re.findall(r"(?:https?:)?//[a-z]", text)
    assert len(text.encode()) < 30_000
    async with visitor.care.db.read() as conn:
        (order,) = (await read_orders(conn)).values()
    for private in (order.buyer.buyer_id, order.buyer.email, order.buyer.name):
        assert not private or private not in text


async def test_links_are_never_logged(visitor: Visitor, told: io.StringIO) -> None:
    """Neither a choice, nor a wrong link, nor a fault of ours writes a token."""
    path = await visitor.path()
    await visitor.get(path)
    await visitor.get(path + "x")
    await visitor.choose(path, "refund")
    await visitor.session.put(visitor.url + path)
    assert '"event": "choice.made"' in told.getvalue()
    assert '"event": "request.refused"' in told.getvalue()
    assert path[3:] not in told.getvalue()


async def test_who_knocks_too_often_waits(visitor: Visitor) -> None:
    """One link, and wrong links from one address, are answered so often a minute; a good link is not held up."""
    path = await visitor.path()
    wrong = [(await visitor.get("/c/wrong"))[0] for _ in range(WRONG_PER_MINUTE + 1)]
    assert wrong == [404] * WRONG_PER_MINUTE + [429]
    good = [(await visitor.get(path))[0] for _ in range(CALLS_PER_MINUTE + 1)]
    assert good == [200] * CALLS_PER_MINUTE + [429]
    visitor.care.clock.advance(1)
    assert (await visitor.get(path))[0] == 200


async def test_pictures_are_of_this_case_alone(visitor: Visitor, tmp_path: Path) -> None:
    """The options' pictures are served with the link; no other file can be named."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "Y.png").write_bytes(b"\x89PNG y")
    (folder / "secret.png").write_bytes(b"\x89PNG s")
    path = await visitor.path()
    text = (await visitor.get(path))[1]
    assert re.findall(r'src="([^"]+)"', text) == [f"{path}/picture/0"]
    async with visitor.session.get(f"{visitor.url}{path}/picture/0") as answer:
        assert (answer.status, answer.content_type, await answer.read()) == (200, "image/png", b"\x89PNG y")
    for number in ("1", "99", "../secret", "-1"):
        async with visitor.session.get(f"{visitor.url}{path}/picture/{number}") as answer:
            assert answer.status == 404


async def test_a_customer_with_two_questions_finds_both(tmp_path: Path) -> None:
    """Two lines of one order are short: each page leads to the other until it is answered."""
    async with Care(tmp_path, SPEAKING_ENGLISH, RULES) as care, care.doors() as url, ClientSession() as session:
        first, second = await care.empty_shelf(1, "X"), await care.empty_shelf(1, "W")
        assert care.shops["market"].place_order([(first, 1), (second, 1)])
        await care.tend_for(LAG_SECONDS)
        one, other = await care.cases()
        visitor = Visitor(care, session, url)
        here, there = await care.path(one), await care.path(other)
        assert f'href="{there}"' in (await visitor.get(here))[1]
        status, text = await visitor.choose(here, "refund")
        assert (status, f'href="{there}"' in text) == (200, True)
        assert (await visitor.choose(there, "refund"))[0] == 200
        assert "href=" not in (await visitor.get(here))[1]
        await care.tend_for(LAG_SECONDS)
        assert care.refunded() == 2


async def test_a_channel_that_allows_no_link_gets_none(tmp_path: Path) -> None:
    """Neither link nor contact stands in its messages; the customer answers with a number."""
    page = PageConfig(link_secret=SecretStr(SECRET), contact="help@labrace.example", without_link=("market",))
    async with Care(tmp_path, SPEAKING_ENGLISH, RULES, page) as care:
        await care.oversold()
        (message,) = care.shops["market"].messages
    assert "Answer this message with the number you prefer." in message.body
    assert "http" not in message.body
    assert "@" not in message.body


def test_links_need_an_address_and_a_secret() -> None:
    """Without one of them there are no links, and letters ask for an answer instead."""
    assert repr(Links(None, SecretStr(SECRET))) == "Links(off)"
    assert repr(Links("https://x.example", SecretStr(SECRET))) == "Links(on)"
    assert Links("https://x.example", None).read("anything") is None
    assert timedelta(0) < READABLE
