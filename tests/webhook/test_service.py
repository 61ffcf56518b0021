"""A shop's webhooks over HTTP, both ways: the shop's stand-in calls the daemon's own door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from connectors.woocommerce.mapping_webhook import TOPICS
from connectors.woocommerce.sandbox_faults import Fault
from connectors.woocommerce.sandbox_webhooks import Webhook
from syncd.access.service import Gatekeeper
from syncd.attention.question import Topic
from syncd.http.live import LiveFeed
from syncd.http.parts import HttpOptions, HttpParts
from syncd.http.server import HttpServer
from syncd.identity import ChannelName
from syncd.ledger.location import Locations
from syncd.privacy.service import Eraser
from syncd.scanner.service import ScanDesk
from syncd.telemetry import Event, counts
from syncd.webhook.care import MENDS_MAX
from syncd.webhook.service import LOOK_EVERY, WebhookService
from tests.support.http_rooms import SHOP, HttpRooms, http_rooms

NAME = ChannelName(SHOP)
LOOK_SECONDS = LOOK_EVERY.total_seconds()


@dataclass
class Road:
    """A shop, the daemon's door, and the worker that keeps the road between them."""

    rooms: HttpRooms
    url: str
    service: WebhookService

    async def look(self, seconds: float = LOOK_SECONDS) -> dict[str, int]:
        """Let time pass and the worker look."""
        self.rooms.clock.advance(seconds)
        return await self.service.run_once(self.rooms.clock.now())

    def hooks(self) -> list[Webhook]:
        """The shop's webhooks, oldest first."""
        return sorted(self.rooms.web.webhooks.hooks.values(), key=lambda hook: hook.id)

    async def told(self) -> list[str]:
        """What a person is asked about webhooks."""
        return [one.sentence for one in await self.rooms.questions() if one.topic is Topic.WEBHOOK]


def worker_of(rooms: HttpRooms, public_url: str | None) -> WebhookService:
    """The worker of a daemon with this address."""
    lines = {NAME: rooms.lines[SHOP]}
    return WebhookService(rooms.db, rooms.writer, lines, public_url=public_url, clock=rooms.clock)


@pytest.fixture
async def road(tmp_path: Path) -> AsyncIterator[Road]:
    """Nothing is registered yet."""
    async with http_rooms(tmp_path) as rooms:
        rooms.web.shop.switches.webhook_instant = True
        desk = ScanDesk(rooms.db, rooms.writer, rooms.clock, Locations(("main",)))
        parts = HttpParts(
            rooms.db,
            rooms.clock,
            desk,
            policies=rooms.policies,
            channels={NAME: rooms.shop},
            intakes={NAME: rooms.intakes[SHOP]},
            eraser=Eraser(rooms.writer),
            gatekeeper=Gatekeeper(rooms.db, rooms.writer, rooms.clock),
            feed=LiveFeed(rooms.writer, rooms.clock),
            modes={NAME: "live"},
        )
        server = HttpServer(HttpOptions(port=0), parts)
        url = await server.start()
        road = Road(rooms, url, worker_of(rooms, url))
        try:
            yield road
        finally:
            await server.aclose()


async def test_webhooks_are_made_and_work(road: Road) -> None:
    """One for each topic, tried at once by the shop's ping; from then on a sale is told and wakes the intake."""
    assert await road.look() == {"mended": len(TOPICS)}
    assert {(one.topic, one.status, one.delivery_url) for one in road.hooks()} == {
        (topic, "active", f"{road.url}/hooks/shop") for topic in TOPICS
    }
    assert await road.told() == []
    road.rooms.intakes[SHOP].woken.clear()
    await road.rooms.web.sell(sku="X")
    assert {one.status for one in road.rooms.web.webhooks.deliveries} == {200}
    assert road.rooms.intakes[SHOP].woken.is_set()
    assert await road.look() == {}
    assert len(road.hooks()) == len(TOPICS)


async def test_one_that_was_switched_off_is_made_anew(road: Road) -> None:
    """After seven failures in a row the shop switches it off; the new one has no failures behind it and delivers."""
    await road.look()
    broken = next(one for one in road.hooks() if one.topic == "order.created")
    broken.status, broken.failures = "disabled", 7
    before = counts()[Event.WEBHOOK_MENDED]
    assert await road.look() == {"mended": 1}
    assert counts()[Event.WEBHOOK_MENDED] == before + 1
    assert [(one.topic, one.failures) for one in road.hooks()].count(("order.created", 0)) == 1
    assert broken.id not in road.rooms.web.webhooks.hooks
    await road.rooms.web.sell(sku="X")
    assert {one.status for one in road.rooms.web.webhooks.deliveries if one.topic == "order.created"} == {200}


async def test_mending_has_a_limit_and_then_a_person_is_asked(road: Road) -> None:
    """A webhook that will not stay up rests for a day; the question names it and closes once it stays up."""
    for _ in range(MENDS_MAX):
        await road.look()
        next(one for one in road.hooks() if one.topic == "order.updated").status = "disabled"
    assert await road.look() == {}
    [sentence] = await road.told()
    assert f"order.updated had to be mended {MENDS_MAX} times" in sentence
    assert f"{road.url}/hooks/shop" in sentence
    calls = road.rooms.web.calls_received
    assert await road.look(3600) == {}
    assert road.rooms.web.calls_received == calls
    assert await road.look(86_400) == {"mended": 1}
    assert await road.told() == []


async def test_a_shop_that_cannot_reach_us_is_asked_about(road: Road) -> None:
    """The webhook is made all the same (the shop answers 201), but its ping never comes; a later call settles it."""
    road.rooms.web.shop.switches.safe_ports_only = True
    assert await road.look() == {"mended": len(TOPICS)}
    [sentence] = await road.told()
    assert "no call of it has come here yet" in sentence
    road.rooms.web.shop.switches.safe_ports_only = False
    await road.rooms.web.sell(sku="X")
    assert await road.look() == {}
    assert await road.told() == []


async def test_only_what_is_ours_is_touched(road: Road) -> None:
    """Webhooks to others stay, and one of ours that a person has paused stays paused."""
    await road.look()
    desk, paused = road.rooms.web.webhooks, road.hooks()[0]
    paused.status = "paused"
    desk.hooks[90] = Webhook(90, "erp", "order.updated", "https://erp.example/in", "theirs", "disabled", paused.created)
    assert await road.look() == {}
    assert (desk.hooks[90].secret, desk.hooks[90].status, paused.status) == ("theirs", "disabled", "paused")


async def test_a_lost_answer_leaves_no_second_webhook(road: Road) -> None:
    """The shop made it and the answer never came: the next look finds it and deletes what is too many."""
    road.rooms.web.faults.add(Fault("cut_after", method="POST", match="webhooks"))
    assert await road.look() == {}
    assert len(road.hooks()) == 1
    twin = road.hooks()[0]
    made = Webhook(77, twin.name, twin.topic, twin.delivery_url, twin.secret, "active", twin.created)
    road.rooms.web.webhooks.hooks[77] = made
    assert await road.look() == {"mended": len(TOPICS) - 1}
    assert sorted(one.topic for one in road.hooks()) == sorted(TOPICS)


async def test_one_made_by_hand_gets_our_secret(road: Road) -> None:
    """A secret cannot be read from the shop; with another one every call would be refused until it is switched off."""
    road.rooms.web.webhooks.hooks[5] = Webhook(
        5, "by hand", "order.updated", f"{road.url}/hooks/shop", "another", "active", road.rooms.web.shop.now()
    )
    assert await road.look() == {"mended": len(TOPICS) - 1}
    await road.rooms.web.sell(sku="X")
    assert {one.status for one in road.rooms.web.webhooks.deliveries} == {200}


async def test_nobody_is_asked_to_call_who_cannot(road: Road) -> None:
    """Without an address that can be reached from outside the shop is not asked for anything."""
    calls = road.rooms.web.calls_received
    assert await worker_of(road.rooms, None).run_once(road.rooms.clock.now()) == {}
    assert (road.rooms.web.calls_received, road.hooks()) == (calls, [])


async def test_a_shop_that_is_down_is_left_alone(road: Road) -> None:
    """No answer is no reason to ask a person about webhooks: the line tells of it, and the next look comes in time."""
    road.rooms.web.faults.add(Fault("bad_gateway"))
    assert await road.look() == {}
    assert await road.told() == []
    assert await road.look() == {"mended": len(TOPICS)}
