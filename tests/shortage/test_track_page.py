"""The page that tells where an order is, over real HTTP and in a real browser: true, kind, and telling of nobody."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest
from aiohttp import ClientSession
from pydantic import SecretStr

from syncd.http.track import CALLS_PER_MINUTE, WRONG_PER_MINUTE
from syncd.identity import ChannelName, Sku, SupplierName
from syncd.orders.store import read_orders
from syncd.product.product import Product
from syncd.product.store import save
from syncd.shortage.page import TRACKABLE, Links, PageConfig
from syncd.shortage.resolution import OptionKind, ShortageConfig
from syncd.supply.offer import SupplierPolicy
from syncd.supply.port import AnswerKind, PurchaseAnswer
from syncd.supply.service_answers import hear_answers
from syncd.supply.store import read_purchase_orders
from tests.support.axe import weighty
from tests.support.browser import DESK, picture, running_browser
from tests.support.care import LAG_SECONDS, SECRET, THINK_SECONDS, Care
from tests.support.events import told as told
from tests.support.rooms import MARKET, Setup

HERE = ChannelName("market")
DAY = 86_400.0
SMALL = {"width": 360, "height": 740}

RULES = ShortageConfig(
    answer_within_seconds=THINK_SECONDS,
    refund="auto",
    refund_max=Decimal(10_000),
    substitutes={"X": ("Y",)},
    shop_name="La Brace",
    agent_name="Chiara",
    send_within_days=3,
)
PAGE = PageConfig(
    link_secret=SecretStr(SECRET),
    contact="aiuto@labrace.example",
    recommended=(Sku("TONGS"), Sku("APRON"), Sku("nothing")),
    carriers={"DHL": "https://dhl.example/?n={number}"},
)
TITLES = {
    "X": "Guanti da barbecue X, taglia L",
    "Y": "Guanti da barbecue Y, pelle",
    "S": "Termometro a sonda per carne",
    "TONGS": "Pinze lunghe, acciaio inox",
    "APRON": "Grembiule di cotone",
}


@dataclass
class Shop:
    """A shop with one customer."""

    care: Care
    session: ClientSession
    url: str

    async def buys(self, *bought: tuple[str, int], paid: bool = True) -> str:
        """He orders so many of each; returns the order's id."""
        listings = [(await self.care.offer("market", sku, 9), units) for sku, units in bought]
        await self.care.settle()
        market = self.care.shops["market"]
        for (sku, _), (listing_id, units) in zip(bought, listings, strict=True):
            if sku == "X":  # shown although there is none
                market.edit_quantity(listing_id, units)
        order_id = market.place_order(listings, paid=paid)
        assert order_id
        await self.care.tend_for(LAG_SECONDS)
        return order_id

    async def path(self) -> str:
        """The path of the order's page."""
        async with self.care.db.read() as conn:
            ((_, order),) = (await read_orders(conn)).items()
        links = self.care.rules().links
        line = order.lines[0].line_id
        return links.order_url(HERE, line, self.care.clock.now()).removeprefix(self.care.public_url)

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Open a page."""
        async with self.session.get(self.url + path, headers=headers) as answer:
            return answer.status, " ".join((await answer.text()).split())

    async def posted(self, units: int, carrier: str, number: str) -> None:
        """The supplier sends so many."""
        async with self.care.db.read() as conn:
            (order,) = await read_purchase_orders(conn)
        said = PurchaseAnswer(
            order.reference, AnswerKind.SHIPPED, quantity=units, carrier=carrier, tracking_number=number
        )
        await hear_answers(self.care.writer, order, [said], self.care.clock.now())
        await self.care.tend_for(1)


@asynccontextmanager
async def shop_of(folder: Path, rules: ShortageConfig = RULES, page: PageConfig = PAGE) -> AsyncIterator[Shop]:
    """The shop: Y and tongs on the shelf, S at a supplier, of X and aprons nothing."""
    setup = Setup(
        {"market": replace(MARKET, names_buyer_language=False)}, supplier=SupplierPolicy(SupplierName("north"), 9e6)
    )
    async with Care(folder, setup, rules, page) as care, care.doors() as url, ClientSession() as session:
        await care.writer.write(*save([Product(Sku(sku), title) for sku, title in TITLES.items()]))
        await care.stock("Y", 3)
        await care.stock("TONGS", 5)
        yield Shop(care, session, url)
        await care.assert_sound()


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """The shop, in English."""
    async with shop_of(tmp_path) as made:
        yield made


async def test_the_way_of_an_order(shop: Shop) -> None:
    """Taken, paid and packed, late, sent: each time the page tells it anew, under the link of the first day."""
    order_id = await shop.buys(("Y", 2), paid=False)
    path = await shop.path()
    assert "Your order is waiting for the payment" in (await shop.get(path))[1]
    shop.care.shops["market"].pay_order(order_id)
    await shop.care.tend_for(LAG_SECONDS)
    text = (await shop.get(path))[1]
    assert "<h1>Your order is being packed</h1>" in text
    assert "It leaves by" in text
    shop.care.clock.advance(4 * DAY)
    text = (await shop.get(path))[1]
    assert "It should have left by" in text
    assert "aiuto@labrace.example" in text
    shop.care.shops["market"].ship_order(order_id)
    await shop.care.tend_for(LAG_SECONDS)
    text = (await shop.get(path))[1]
    assert "<h1>Your order has left</h1>" in text
    assert "should have left" not in text


async def test_parcels_are_linked_only_where_that_is_configured(shop: Shop) -> None:
    """The number is text; the carrier the shop configured has a link, and nothing he writes becomes HTML."""
    await shop.care.supply("S", 5)
    await shop.buys(("S", 3))
    path = await shop.path()
    assert "<h1>Your order is with our supplier</h1>" in (await shop.get(path))[1]
    await shop.posted(1, "dhl", "T/1")
    await shop.posted(1, "<b>Bartolini</b>", "https://evil.example/")
    text = (await shop.get(path))[1]
    assert "<h1>Part of your order has left</h1>" in text
    assert re.findall(r'href="([^"]+)"', text) == ["https://dhl.example/?n=T%2F1"]
    assert "Number https://evil.example/</small>" in text
    assert "&lt;b&gt;Bartolini" in text


async def test_an_open_question_leads_to_its_page(shop: Shop) -> None:
    """While he may choose the page says so, and links to where; afterwards it names what he chose."""
    await shop.buys(("X", 1))
    (case,) = await shop.care.cases()
    path, choice = await shop.path(), await shop.care.path(case)
    status, text = await shop.get(path)
    assert (status, re.findall(r'href="([^"]+)"', text)) == (200, [choice])
    assert "Something of your order is missing, and we see to it" in text
    assert (await shop.get(choice))[0] == 200
    assert await shop.care.shortage.choose(case.case_id, OptionKind.SUBSTITUTE, by="anna", substitute=Sku("Y")) is None
    text = (await shop.get(path))[1]
    assert "href=" not in text
    assert f"In its place, as you chose: {TITLES['Y']}" in text


async def test_letters_lead_to_the_page(shop: Shop) -> None:
    """Who chose something else is told where his order is; the link of the letter opens it."""
    await shop.buys(("X", 1))
    (case,) = await shop.care.cases()
    await shop.care.shortage.choose(case.case_id, OptionKind.SUBSTITUTE, by="anna", substitute=Sku("Y"))
    await shop.care.tend_for(LAG_SECONDS)
    body = shop.care.shops["market"].messages[-1].body
    assert "See where your order is:" in body
    (path,) = re.findall(rf"{shop.care.public_url}(/t/\S+)", body)
    assert "<h1>Your order is being packed</h1>" in (await shop.get(path))[1]


async def test_a_channel_that_allows_no_link_gets_none(tmp_path: Path) -> None:
    """Neither this link nor another."""
    page = PAGE.model_copy(update={"without_link": ("market",)})
    async with shop_of(tmp_path, page=page) as shop:
        await shop.buys(("X", 1))
        (case,) = await shop.care.cases()
        await shop.care.shortage.choose(case.case_id, OptionKind.SUBSTITUTE, by="anna", substitute=Sku("Y"))
        await shop.care.tend_for(LAG_SECONDS)
        assert len(shop.care.shops["market"].messages) == 2
        assert not any("http" in one.body for one in shop.care.shops["market"].messages)


async def test_only_what_is_here_is_recommended(shop: Shop) -> None:
    """Tongs are in stock, aprons are not, and one SKU nobody knows; sold out tongs are not shown either."""
    await shop.buys(("Y", 1))
    text = (await shop.get(await shop.path()))[1]
    assert (TITLES["TONGS"] in text, TITLES["APRON"] in text, "nothing" in text.lower()) == (True, False, False)
    await shop.care.stock("TONGS", -5)
    assert "Also in stock" not in (await shop.get(await shop.path()))[1]


async def test_links_that_open_nothing_are_answered_kindly(shop: Shop) -> None:
    """Forged, cut, of a case, of no order, too old: one page, in the language the browser asks for."""
    await shop.buys(("X", 1))
    path, (case,) = await shop.path(), await shop.care.cases()
    foreign = Links("http://x", SecretStr(SECRET[::-1])).order_url(HERE, case.line_id, shop.care.clock.now())
    nobody = shop.care.rules().links.order_url(HERE, "no such line", shop.care.clock.now())
    choice = shop.care.rules().links.token(case)
    texts = set[str]()
    for token in (foreign[11:], nobody[19:], choice, path[3:-1], "x" * 5000, "%00"):
        status, text = await shop.get(f"/t/{token}")
        assert status == 404, token
        texts.add(text)
    shop.care.clock.advance(TRACKABLE.total_seconds())
    status, text = await shop.get(path)
    assert (status, len(texts | {text})) == (404, 1)
    assert "Questo collegamento" in (await shop.get(path, **{"Accept-Language": "it-IT,it;q=0.9"}))[1]
    assert "This link" in (await shop.get(path, **{"Accept-Language": "fr"}))[1]


async def test_the_page_protects_its_reader(shop: Shop, told: io.StringIO) -> None:
    """No script, frame, referrer, cache or cookie; below 30 kB; nothing about the buyer; its path in no log."""
    await shop.buys(("X", 1), ("Y", 1))
    path = await shop.path()
    async with shop.session.get(shop.url + path) as answer:
        text, headers = await answer.text(), answer.headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert (headers["Referrer-Policy"], headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert "Set-Cookie" not in headers
    assert "<script" not in text
    assert len(text.encode()) < 30_000
    async with shop.care.db.read() as conn:
        (order,) = (await read_orders(conn)).values()
    for private in (order.buyer.buyer_id, order.buyer.email, order.buyer.name):
        assert not private or private not in text
    await shop.get(path + "x")
    await shop.session.post(shop.url + path)
    assert '"event": "request.refused"' in told.getvalue()
    assert path[3:] not in told.getvalue()


async def test_who_knocks_too_often_waits(shop: Shop) -> None:
    """One order's page and wrong links from one address are answered so often a minute."""
    await shop.buys(("Y", 1))
    path = await shop.path()
    wrong = [(await shop.get("/t/wrong"))[0] for _ in range(WRONG_PER_MINUTE + 1)]
    assert wrong == [404] * WRONG_PER_MINUTE + [429]
    good = [(await shop.get(path))[0] for _ in range(CALLS_PER_MINUTE + 1)]
    assert good == [200] * CALLS_PER_MINUTE + [429]


async def test_the_logo_is_shown_under_the_link(tmp_path: Path) -> None:
    """The shop's own; a wrong link gets none."""
    logo = tmp_path / "logo.png"
    logo.write_bytes(b"\x89PNG logo")
    async with shop_of(tmp_path, page=PAGE.model_copy(update={"logo": logo})) as shop:
        await shop.buys(("Y", 1))
        path = await shop.path()
        assert f'src="{path}/logo"' in (await shop.get(path))[1]
        async with shop.session.get(f"{shop.url}{path}/logo") as answer:
            assert (answer.content_type, await answer.read()) == ("image/png", b"\x89PNG logo")
        assert (await shop.get("/t/wrong/logo"))[0] == 404


async def test_it_is_read_with_ease(tmp_path: Path) -> None:
    """Phone and desk, light and dark: nothing wider than the window, nothing weighty for people who see or move little,
    and whole without its style."""
    async with shop_of(tmp_path, RULES.model_copy(update={"language": "it"})) as shop, running_browser() as browser:
        await shop.care.supply("S", 5)
        await shop.buys(("S", 2), ("Y", 1), ("X", 1))
        await shop.posted(1, "DHL", "JD014600006281230704")
        path = await shop.path()
        for name, size in (("phone", SMALL), ("desk", DESK)):
            for colours in ("light", "dark"):
                view = await browser.new_context(viewport=size, color_scheme=colours, bypass_csp=True)  # type: ignore[arg-type]
                page = await view.new_page()
                await page.goto(shop.url + path)
                await picture(page, f"track {name} {colours}")
                heading = await page.get_by_role("heading", level=1).inner_text()
                assert heading == "Una parte del suo ordine è partita"
                assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"]
                assert await weighty(page) == []
                await view.close()
        view = await browser.new_context(viewport=SMALL, java_script_enabled=False)  # type: ignore[arg-type]
        page = await view.new_page()
        text = re.sub("<style>.*?</style>", "", (await shop.get(path))[1])
        await page.set_content(text)
        await picture(page, "track without style")
        assert await page.get_by_role("listitem").filter(has_text="Ordine ricevuto").is_visible()
