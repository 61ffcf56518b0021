"""The customer of the story, in a real browser on a phone, against the stand-in shop and a real mail server.

He bought two gloves of brand X; there is one, or none. He is told by letter, opens its link, and chooses, or does not.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import Page

from syncd.letter.mail import MailConfig
from syncd.shortage.case import Case, CaseStatus
from syncd.shortage.resolution import ShortageConfig
from tests.support.browser import PHONE, opened, picture, running_browser
from tests.support.care import LAG_SECONDS
from tests.support.http_care import HttpCare
from tests.support.http_rooms import SHOP, http_rooms
from tests.support.post_office import PostOffice, post_office

THINK_SECONDS = 172_800.0

NO_BREAK = "\xa0"
"""Stands between an amount and its currency."""

X, Y = "X", "Guanti da barbecue Y, pelle"


@dataclass
class Story:
    """The shop, its mail, and the customer's phone."""

    care: HttpCare
    office: PostOffice
    page: Page
    url: str
    order_id: str

    async def case(self) -> Case:
        """The only case."""
        (case,) = await self.care.cases()
        return case

    def letters(self) -> list[str]:
        """Subjects of what the customer got, in order."""
        return [one["Subject"].replace(NO_BREAK, " ") for one in self.office.delivered]

    async def open_link(self) -> None:
        """He opens the link of the newest letter."""
        plain = self.office.delivered[-1].get_body(("plain",))
        assert plain is not None
        (link,) = re.findall(r"http://\S+", plain.get_content())
        await self.page.goto(self.url + urlsplit(link).path)
        await picture(self.page, f"opened, {await self.heading()}")

    async def choose(self, option: str) -> str:
        """He marks an option, confirms, and reads what the page answers."""
        await self.page.get_by_label(option).check()
        await self.page.get_by_role("button", name="Confermo la mia scelta").click()
        await picture(self.page, f"chosen, {await self.heading()}")
        return await self.heading()

    async def heading(self) -> str:
        """What the page says first."""
        return (await self.page.get_by_role("heading").inner_text()).replace(NO_BREAK, " ")

    def paid_back(self) -> Decimal:
        """What the shop itself says it gave back."""
        return Decimal(self.care.order(self.order_id).refunded)


@asynccontextmanager
async def story(folder: Path, *, there: int) -> AsyncIterator[Story]:
    """Two X were sold of which so many are there; three Y are; the letter is in his mailbox."""
    async with post_office() as office, running_browser() as browser, opened(browser, PHONE) as page:
        mail = MailConfig(
            host="127.0.0.1",
            port=office.port,
            security="none",
            sender="La Brace <aiuto@labrace.example>",
            channels=(SHOP,),
        )
        rules = ShortageConfig(
            answer_within_seconds=THINK_SECONDS,
            refund="auto",
            substitutes={"X": ("Y",)},
            shop_name="La Brace",
            agent_name="Chiara",
            language="it",
        )
        async with http_rooms(folder, partial(HttpCare, config=rules, mail=mail)) as care:
            restock = (care.clock.now() + timedelta(days=9)).date()
            care.shortage.affairs._rules.shortage.restock["X"] = restock
            async with care.doors() as url:
                await care.stock("X", there - 10)
                await care.stock("Y", 3)
                await care.name({"X": X, "Y": Y})
                order_id = await care.web.sell(sku="X", quantity=2)
                await care.go_on(LAG_SECONDS)
                yield Story(care, office, page, url, order_id)
                await care.assert_sound()


async def test_he_declines_and_is_refunded(tmp_path: Path) -> None:
    """He wants no other brand: one letter, one choice, his money; one more letter says so. He called nobody."""
    async with story(tmp_path, there=0) as told:
        await told.open_link()
        heading = await told.choose("Il rimborso: 19,80 €")
        assert heading == "Le stiamo restituendo 19,80 €"
        await told.care.go_on()
        assert (told.paid_back(), (await told.case()).status) == (Decimal("19.80"), CaseStatus.RESOLVED)
        assert [subject.endswith("rimborsato 19,80 €") for subject in told.letters()] == [False, True]
        await told.page.reload()
        assert await told.heading() == "Le abbiamo rimborsato 19,80 €"


async def test_he_takes_the_other_brand(tmp_path: Path) -> None:
    """Y is put aside in that moment, leaves with his order, and costs him nothing."""
    async with story(tmp_path, there=0) as told:
        await told.open_link()
        assert await told.choose(f"{Y} al suo posto") == f"{Y} è messo da parte per lei"
        assert await told.care.held("Y") == {"available": 1, "reserved": 2}
        told.care.web.set_order_status(told.order_id, "completed")
        await told.care.go_on()
        assert (await told.care.sent("Y"), await told.care.sent("X"), told.paid_back()) == (2, 0, 0)
        assert (await told.case()).resolution == "sent Y instead"
        assert await told.care.questions() == []


async def test_he_takes_the_one_glove_there_is(tmp_path: Path) -> None:
    """One leaves now; what the other cost comes back."""
    async with story(tmp_path, there=1) as told:
        await told.open_link()
        assert await told.choose("Ciò che c'è, subito") == "Le stiamo restituendo 9,90 €"
        await told.care.go_on()
        assert told.paid_back() == Decimal("9.90")
        told.care.web.set_order_status(told.order_id, "completed")
        await told.care.go_on()
        assert (await told.care.sent("X"), (await told.case()).resolution) == (1, "refunded 9.90 EUR")


async def test_he_waits_and_it_comes(tmp_path: Path) -> None:
    """The first that arrive are his, and he hears of it."""
    async with story(tmp_path, there=0) as told:
        await told.open_link()
        assert (await told.choose("Aspettare fino a")).startswith(f"Aspetta {X} fino a ")
        await told.care.stock("X", 5)
        await told.care.go_on()
        assert await told.care.held("X") == {"available": 3, "reserved": 2}
        assert told.letters()[-1].endswith(f"{X} è arrivato")
        assert (await told.case()).status is CaseStatus.RESOLVED


async def test_he_waits_and_it_does_not_come(tmp_path: Path) -> None:
    """Before the promised day is over he hears that it will be late, with the way out in the same letter."""
    async with story(tmp_path, there=0) as told:
        await told.open_link()
        await told.choose("Aspettare fino a")
        promised = (await told.case()).deadline_at
        assert promised is not None
        await told.care.go_on((promised - told.care.clock.now()).total_seconds() - 86_400 + 10)
        assert told.letters()[-1].endswith("arriverà in ritardo. Può scegliere di nuovo")
        assert told.care.clock.now() < promised
        used = told.page.url
        await told.open_link()
        assert await told.choose("Il rimborso: 19,80 €") == "Le stiamo restituendo 19,80 €"
        await told.care.go_on()
        assert told.paid_back() == Decimal("19.80")
        await told.page.goto(used)
        assert await told.page.get_by_role("button").count() == 0


async def test_he_does_nothing(tmp_path: Path) -> None:
    """At the deadline his money goes back by itself, once, and a letter says so; the link says it kindly."""
    async with story(tmp_path, there=0) as told:
        await told.care.go_on(THINK_SECONDS)
        for _ in range(3):
            await told.care.go_on()
        assert (told.paid_back(), len(told.letters())) == (Decimal("19.80"), 2)
        told.office.delivered.pop()
        await told.open_link()
        assert await told.heading() == "Le abbiamo rimborsato 19,80 €"
