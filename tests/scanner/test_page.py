"""The scanner page in a real browser, in the hands of somebody with gloves: with network, and without."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Route, expect

from syncd.shortage.page import Links, PageConfig
from syncd.shortage.resolution import ShortageConfig
from syncd.shortage.service import ShortageService
from syncd.shortage.service_affair import Rules
from syncd.shortage.store import read_cases
from tests.support.axe import weighty
from tests.support.browser import DESK, picture, running_browser
from tests.support.doors import CASE, House, open_house
from tests.support.handheld import SMALL, Handheld, handheld

OFFLINE_SCANS = 50

QUEUED = """async () => {
  const app = document.querySelector('script[src$="scan/app.js"]').src;
  const queue = await import(app.replace("app.js", "queue.js"));
  return (await queue.all()).map((scan) => scan.id);
}"""
"""What waits on the device, in the order it was scanned."""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Ten gloves at main."""
    async with open_house(tmp_path, gloves=10) as opened:
        yield opened


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium."""
    async with running_browser() as running:
        yield running


@pytest.fixture
async def device(browser: Browser, house: House) -> AsyncIterator[Handheld]:
    """Signed in, at the start screen."""
    async with handheld(browser, house) as opened:
        yield opened


async def test_a_full_receiving(device: Handheld) -> None:
    """Three single gloves and a case of twelve; the last one is taken back within its minute."""
    await device.begin("Receive")
    await device.trigger()
    await expect(device.page.locator(".answer")).to_have_text("Barbecue gloves")
    await device.trigger()  # the same again counts up
    await device.page.get_by_role("button", name="One more").click()
    await expect(device.page.locator("#confirm")).to_have_text("Received 3")
    await device.confirm()
    await device.says("Received 3 × Barbecue gloves")
    await device.trigger(CASE)
    await expect(device.page.locator(".thing")).to_contain_text("a pack of 12")
    await device.confirm()
    await device.says("Received 1 × Barbecue gloves")
    assert (await device.house.level()).available == 25
    await device.page.get_by_role("button", name="Undo").click()
    await device.says("Taken back")
    assert (await device.house.level()).available == 13
    assert {one.actor for one in (await device.house.movements())[1:]} == {"walter"}


async def test_a_pick_that_finds_nothing_opens_the_customers_case(device: Handheld) -> None:
    """Order, place and number in the largest type; nothing there, said twice; his case is open at once."""
    house = device.house
    await house.sell_on_channel(2)
    await device.begin("Pick")
    await device.page.locator("#orders button").click()
    await expect(device.page.locator(".answer")).to_have_text("Pick 2 × Barbecue gloves at main")
    await device.page.get_by_role("button", name="None there").click()
    await device.page.get_by_role("button", name="Yes, none is there").click()
    await device.says("No Barbecue gloves for ")
    await device.says("Orders were promised 2 of these; their customers are asked")
    rules = Rules(ShortageConfig(), PageConfig(), Links(None, None))
    shortage = ShortageService(house.db, house.writer, policies=house.policies(), rules=rules, clock=house.clock)
    await shortage.run_once(house.clock.now())
    async with house.db.read() as conn:
        (case,) = await read_cases(conn)
    assert (case.sku, case.units) == ("GLOVE-X", 2)


async def test_a_pick_in_two_parts(device: Handheld) -> None:
    """What is picked goes; the list shows what is left; a thing of another order is refused."""
    await device.house.sell_on_channel(3)
    await device.begin("Pick")
    await device.page.locator("#orders button").click()
    await device.trigger()
    await device.trigger()
    await expect(device.page.locator("#confirm")).to_have_text("Picked 2")
    await device.confirm()
    await device.says("Picked 2 × Barbecue gloves for ")
    await expect(device.page.locator(".answer")).to_have_text("Pick 1 × Barbecue gloves at main")
    assert (await device.house.level()).reserved == 1


async def test_a_blind_count_with_recount(device: Handheld) -> None:
    """The first count differs: no number is shown before the second, which is booked."""
    await device.begin("Count")
    await device.trigger()
    await device.set_quantity(8)
    await device.confirm()
    await device.says("Count Barbecue gloves once more")
    assert not re.search(r"\b10\b", await device.page.locator("main").inner_text())
    await expect(device.page.get_by_label("How many", exact=True)).to_have_value("0")
    assert (await device.house.level()).available == 10
    device.house.clock.advance(5)
    await device.set_quantity(8)
    await device.confirm()
    await device.says("Counted 8 × Barbecue gloves; the books said 10 (-2)")
    assert (await device.house.level()).available == 8
    device.house.clock.advance(5)
    await device.trigger()
    await device.set_quantity(8)
    await device.confirm()
    await device.says("as the books say")


async def test_everything_else_a_hand_does(device: Handheld) -> None:
    """Carry, put away, adjust, set aside, sell: each from its own screen, each as the books show it."""
    page, house = device.page, device.house
    for job, units, more in (
        ("Move", 4, None),
        ("Put away", 1, None),
        ("Adjust", -2, "Given away"),
        ("Set aside", 1, None),
        ("Counter sale", 2, None),
    ):
        await device.begin(job)
        await device.trigger()
        await device.set_quantity(units)
        if more:
            await page.get_by_label(more).check()
        await device.confirm()
        await expect(page.locator("#said")).to_have_class("said good")
        await page.get_by_role("button", name="Back").click()
    level, away = await house.level(), await house.level("shop-2")
    assert (level.available, level.unavailable, away.available) == (10 - 4 + 1 - 2 - 1 - 2, 1, 3)


async def test_an_unknown_code_is_a_question(device: Handheld) -> None:
    """It is said what it is, and the work goes on; or it is noted, for somebody else to find out."""
    page = device.page
    await device.begin("Receive")
    await device.trigger("5012345678900")
    await page.get_by_label("Name or number of the thing").fill("glov")
    await page.get_by_role("button", name="Barbecue gloves").click()
    await expect(page.locator(".answer")).to_have_text("Barbecue gloves")
    await device.confirm()
    await device.says("Received 1 × Barbecue gloves")
    await device.trigger("NO-SUCH-THING")
    await page.get_by_role("button", name="Note it").click()
    await page.get_by_text("Scan a thing").wait_for()
    (question,) = await device.house.questions()
    assert "walter scanned NO-SUCH-THING at main" in question.sentence


async def test_fifty_scans_offline_are_posted_once_and_in_order(device: Handheld) -> None:
    """The page opens without network, keeps fifty scans, and sends each exactly once although answers get lost."""
    await device.installed()
    await device.page.reload()  # now under the worker, which keeps everything it loads
    await device.begin("Receive")
    await device.trigger()
    await device.page.get_by_role("button", name="Back").click()
    await device.context.set_offline(True)
    await device.page.reload()
    await device.begin("Receive")
    for _ in range(OFFLINE_SCANS):
        await device.trigger()
        await device.confirm()
        await device.page.get_by_text("Scan a thing").wait_for()
    await expect(device.page.locator("#state")).to_contain_text(f"{OFFLINE_SCANS} wait to be sent")
    assert (await device.house.level()).available == 10
    made = await device.page.evaluate(QUEUED)
    assert len(set(made)) == OFFLINE_SCANS
    lost = 0

    async def lose(route: Route) -> None:
        nonlocal lost
        answer = await route.fetch()
        if lost < 3:
            lost += 1
            await route.abort()  # it was booked, and the device does not know
        else:
            await route.fulfill(response=answer)

    await device.page.route("**/scan/scans", lose)
    device.house.clock.advance(600)  # the shift went on meanwhile
    await device.context.set_offline(False)
    await device.is_sent()
    assert lost == 3
    moved = (await device.house.movements())[1:]
    assert [one.key for one in moved] == [f"scan:{scan_id}" for scan_id in made]
    assert (await device.house.level()).available == 10 + OFFLINE_SCANS


async def test_a_count_made_offline_is_of_its_own_time(device: Handheld) -> None:
    """Ten were counted; three were sold before the count came in: seven are there, and nothing is missing."""
    await device.begin("Count")
    await device.context.set_offline(True)
    await device.trigger()
    await device.set_quantity(10)
    await device.confirm()
    await device.says("Kept on this device")
    device.house.clock.advance(120)
    await device.context.clock.set_system_time(device.house.clock.now())
    await device.house.scan("counter_sale", quantity=3)
    await device.context.set_offline(False)
    await device.is_sent()
    assert (await device.house.level()).available == 7
    assert await device.questions.count() == 0


async def test_a_refused_scan_stays_a_question_and_stops_nothing(device: Handheld) -> None:
    """Eleven of ten cannot be sold; the delivery after it is booked; the question is sent again and goes away."""
    await device.begin("Counter sale")
    await device.context.set_offline(True)
    await device.trigger()
    await device.set_quantity(11)
    await device.confirm()
    await device.page.get_by_role("button", name="Back").click()
    await device.begin("Receive")
    await device.trigger()
    await device.confirm()
    await device.context.set_offline(False)
    await device.is_sent()
    assert (await device.house.level()).available == 11
    await device.questions.click()
    await expect(device.page.locator(".question")).to_contain_text("The books hold 10 × Barbecue gloves at main")
    await device.page.get_by_role("button", name="Send again").click()
    await expect(device.page.locator(".question")).to_have_count(0)
    assert (await device.house.level()).available == 0


async def test_a_wrong_clock_is_noticed_told_and_put_right(browser: Browser, house: House) -> None:
    """Ten minutes ahead: the page says so, and the books have the right time."""
    async with handheld(browser, house, ahead=timedelta(minutes=10)) as device:
        await expect(device.page.locator("#clock")).to_contain_text("The clock of this device is 10 minutes ahead")
        await device.begin("Receive")
        await device.trigger()
        await device.confirm()
        await device.says("Received 1")
    moved = (await house.movements())[-1]
    assert abs((moved.happened_at - house.clock.now()).total_seconds()) < 60


async def test_whoever_is_signed_out_loses_nothing(device: Handheld) -> None:
    """The session ends; the scan is kept and the page says where to sign in again."""
    await device.begin("Receive")
    await device.context.clear_cookies()
    await device.trigger()
    await device.confirm()
    await expect(device.page.locator("#state")).to_contain_text("You are signed out")
    await expect(device.page.get_by_role("link", name="Sign in")).to_have_attribute("href", "/login?next=/scan")
    await expect(device.page.locator("#state")).to_have_attribute("data-waiting", "1")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "size", "language"), [("phone", SMALL, "en"), ("desk", DESK, "it")])
async def test_every_screen_can_be_seen_and_used(
    browser: Browser, house: House, scheme: str, name: str, size: dict[str, int], language: str
) -> None:
    """Nothing serious for axe, nothing wider than the screen; pictures for a person to look at."""
    words = {"en": ("Receive", "Pick", "Adjust"), "it": ("Ricevere", "Prelevare", "Correggere")}[language]
    await house.sell_on_channel(2)
    async with handheld(browser, house, size=size, locale=language, color_scheme=scheme) as device:
        receive, pick, adjust = words

        async def look(screen: str) -> None:
            await picture(device.page, f"scan {screen}, {name}, {scheme}")
            assert await weighty(device.page) == [], screen
            assert await device.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), screen

        await look("1 start")
        await device.begin(receive)
        await look("2 empty")
        await device.trigger()
        await look("3 thing")
        await device.confirm()
        await expect(device.page.locator("#said")).to_have_class("said good")
        await look("4 done")
        await device.trigger("NO-SUCH-THING")
        await device.page.locator("#search").fill("glov")
        await device.page.locator(".row").wait_for()
        await look("5 unknown")
        await device.page.locator(".head button").click()
        await device.page.locator(".head button").click()
        await device.begin(adjust)
        await device.trigger()
        await look("6 adjust")
        await device.page.locator(".head button").click()
        await device.begin(pick)
        await device.page.locator("#orders button").click()
        await look("7 pick")
        await device.page.locator(".wide").click()
        await look("8 none")
