"""Commerce Notification: registered, challenged, checked against eBay's key over HTTP, and acted on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from connectors.ebay.channel import EbayChannel
from connectors.ebay.mapping_commerce import PLATFORM_EVENTS, read_message
from connectors.ebay.mapping_xml import Unreadable
from connectors.ebay.notices import KEYS_FETCHED_PER_HOUR_MAX
from connectors.ebay.sandbox import EXAMPLE_SECRETS, EXAMPLE_SETTINGS, EbaySandbox
from connectors.ebay.sandbox_signature import NotificationSigner
from syncd.channel.port import WebhookAnswer, WebhookRequest
from syncd.errors import ChannelUnavailable, RateLimited
from syncd.testkit.fake_clock import FakeClock
from tests.connectors.ebay.vectors import VECTORS

Connect = Callable[..., EbayChannel]

TOKEN = "a-verification-token-of-forty-characters"
WHO = {"username": "test_user", "userId": "ma8vp1jySJC", "eiasToken": "nY+sHZ2PrBmdj6wVnY+sEZ2PrA2dj6wJnY+g=="}
KEY_CALL = "GET /commerce/notification/v1/public_key/"


def delivered(clock: FakeClock, body: bytes, header: str) -> WebhookRequest:
    """A notification as it arrives."""
    headers = {"content-type": "application/json", "x-ebay-signature": header}
    return WebhookRequest("POST", "https://syncd.example/hooks/ebay", {}, headers, body, clock.now())


async def received(channel: EbayChannel, request: WebhookRequest) -> WebhookAnswer:
    """What the door does: prepare, then receive."""
    await channel.prepare_webhook(request)
    return channel.receive_webhook(request)


def key_fetches(sandbox: EbaySandbox) -> int:
    """How often a public key was asked for."""
    return sum(1 for call in sandbox.account.calls if call["call"].startswith(KEY_CALL))


async def test_an_account_deletion_names_who_is_to_be_forgotten(
    sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock
) -> None:
    """Signed by eBay's key: acknowledged with 204, under every id the user has."""
    body = sandbox.commerce.message("MARKETPLACE_ACCOUNT_DELETION", WHO)
    answer = await received(channel, delivered(clock, body, sandbox.commerce.signer.header(body)))
    assert (answer.status, answer.erased_buyers) == (204, tuple(WHO.values()))
    assert answer.delivery_key == json.loads(body)["notification"]["notificationId"]


async def test_the_key_is_kept(sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock) -> None:
    """A second message by the same key costs no call; after an hour it is asked for again."""
    for _ in range(3):
        body = sandbox.commerce.message("MARKETPLACE_ACCOUNT_DELETION", WHO)
        assert (await received(channel, delivered(clock, body, sandbox.commerce.signer.header(body)))).status == 204
    assert key_fetches(sandbox) == 1
    await clock.tick(3601)
    await received(channel, delivered(clock, body, sandbox.commerce.signer.header(body)))
    assert key_fetches(sandbox) == 2


async def test_a_body_that_was_not_signed_is_refused(
    sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock
) -> None:
    """Another user's name under the same signature: 412, nobody is forgotten."""
    body = sandbox.commerce.message("MARKETPLACE_ACCOUNT_DELETION", WHO)
    header = sandbox.commerce.signer.header(body)
    answer = await received(channel, delivered(clock, body.replace(b"test_user", b"best_user"), header))
    assert (answer.status, answer.erased_buyers) == (412, ())


async def test_a_strangers_key_is_refused(sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock) -> None:
    """A message signed by somebody else under eBay's key id, and one under an id eBay does not know."""
    body = sandbox.commerce.message("MARKETPLACE_ACCOUNT_DELETION", WHO)
    for key_id in (sandbox.commerce.signer.key_id, "0000"):
        stranger = NotificationSigner(key_id)
        assert (await received(channel, delivered(clock, body, stranger.header(body)))).status == 412


async def test_strangers_cannot_spend_our_calls(sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock) -> None:
    """An unknown key is asked for once, and only so many are asked for in an hour."""
    body = b"{}"
    for _ in range(5):
        await received(channel, delivered(clock, body, NotificationSigner("unknown-0").header(body)))
    assert key_fetches(sandbox) == 1
    for number in range(1, KEYS_FETCHED_PER_HOUR_MAX):
        await received(channel, delivered(clock, body, NotificationSigner(f"unknown-{number}").header(body)))
    with pytest.raises(RateLimited):
        await received(channel, delivered(clock, body, NotificationSigner("one-more").header(body)))
    assert key_fetches(sandbox) == KEYS_FETCHED_PER_HOUR_MAX
    await clock.tick(3601)
    await received(channel, delivered(clock, body, NotificationSigner("one-more").header(body)))


async def test_strangers_cannot_shut_ebay_out(sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock) -> None:
    """They have spent the hour's calls: a key of eBay's that is an hour old is not asked for again, and still holds."""

    def told() -> WebhookRequest:
        body = sandbox.commerce.message("MARKETPLACE_ACCOUNT_DELETION", WHO)
        return delivered(clock, body, sandbox.commerce.signer.header(body))

    assert (await received(channel, told())).status == 204
    await clock.tick(3601)
    for number in range(KEYS_FETCHED_PER_HOUR_MAX):
        await received(channel, delivered(clock, b"{}", NotificationSigner(f"unknown-{number}").header(b"{}")))
    seen = key_fetches(sandbox)
    answer = await received(channel, told())
    assert (answer.status, answer.erased_buyers) == (204, tuple(WHO.values()))
    assert key_fetches(sandbox) == seen
    await clock.tick(3601)
    sandbox.fail("html_503", call=KEY_CALL + sandbox.commerce.signer.key_id)
    assert (await received(channel, told())).status == 204  # nor does eBay's own trouble make its key a stranger's


async def test_while_the_key_cannot_be_had_the_message_is_not_judged(
    sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock
) -> None:
    """Neither accepted nor refused: eBay sends it again."""
    body = sandbox.commerce.message("MARKETPLACE_ACCOUNT_DELETION", WHO)
    request = delivered(clock, body, sandbox.commerce.signer.header(body))
    sandbox.fail("html_503", call=KEY_CALL + sandbox.commerce.signer.key_id)
    with pytest.raises(ChannelUnavailable):
        await received(channel, request)
    assert (await received(channel, request)).status == 204


@pytest.mark.parametrize("topic", ["AUTHORIZATION_REVOCATION", "ORDER_CONFIRMATION", "ITEM_MARKED_SHIPPED"])
async def test_other_topics_are_a_reason_to_look(
    sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock, topic: str
) -> None:
    """Their bodies are not read: one hint, and the truth is fetched."""
    body = sandbox.commerce.message(topic, {"anything": [1]})
    answer = await received(channel, delivered(clock, body, sandbox.commerce.signer.header(body)))
    assert (answer.status, len(answer.hints), answer.erased_buyers) == (204, 1, ())


def test_ebays_own_message_is_read() -> None:
    """The valid vector of eBay's SDK names its user."""
    answer = read_message(json.dumps(VECTORS["VALID"]["message"]).encode())
    assert answer.erased_buyers[:2] == ("test_user", "ma8vp1jySJC")


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"{}", b'"x"', b"\xff"),
        b'{"metadata":{"topic":"MARKETPLACE_ACCOUNT_DELETION"},"notification":{"notificationId":"1","data":[]}}',
        b'{"metadata":{"topic":"MARKETPLACE_ACCOUNT_DELETION"},"notification":{"notificationId":"1","data":{}}}',
        b'{"metadata":[],"notification":{}}',
        pytest.param(b"[" * 100_000, id="nested"),
    ],
)
def test_a_message_that_is_none_is_not_read(body: bytes) -> None:
    """Signed or not: what names no topic or nobody is unreadable, never an empty deletion."""
    with pytest.raises(Unreadable):
        read_message(body)


@pytest.fixture
def caring(open_channel: Connect, drive_url: str) -> EbayChannel:
    """A channel whose notification address answers the challenge."""
    return open_channel(verification_token=TOKEN, notification_url=drive_url, alert_email="ops@example.com")


@pytest.fixture
async def drive_url(sandbox: EbaySandbox, clock: FakeClock) -> Any:
    """The address of a small listener that answers with what a channel with this token says."""
    from aiohttp import web

    from connectors.ebay.channel import connect
    from connectors.ebay.settings import Settings
    from syncd.channel.registry import load_connector

    async def answer(request: web.Request) -> web.Response:
        url = str(request.url.with_query(None))
        settings = Settings.model_validate(
            {
                **EXAMPLE_SETTINGS,
                **EXAMPLE_SECRETS,
                "endpoint_url": sandbox.url,
                "verification_token": TOKEN,
                "notification_url": url,
            }
        )
        capabilities = load_connector("ebay").capabilities
        assert capabilities is not None
        channel = connect(settings, name="ebay", clock=clock, capabilities=capabilities)
        told = channel.receive_webhook(WebhookRequest("GET", url, dict(request.query), {}, b"", clock.now()))
        return web.Response(status=told.status, body=told.body, content_type=told.content_type)

    app = web.Application()
    app.router.add_get("/hooks/ebay", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/hooks/ebay"
    await runner.cleanup()


async def test_everything_is_registered_once(sandbox: EbaySandbox, caring: EbayChannel, drive_url: str) -> None:
    """The first time all is made, challenge included; the second time nothing is to be mended."""
    care = await caring.care_for_webhooks(drive_url)
    assert care.problems == ()
    assert len(care.mended) == 2
    assert [one["deliveryConfig"]["endpoint"] for one in sandbox.commerce.destinations] == [drive_url]
    assert [one["topicId"] for one in sandbox.commerce.subscriptions] == ["MARKETPLACE_ACCOUNT_DELETION"]
    assert sandbox.notifier.url == drive_url
    assert sandbox.notifier.events >= set(PLATFORM_EVENTS)
    seen = len(sandbox.account.calls)
    again = await caring.care_for_webhooks(drive_url)
    assert {call["call"].split()[0] for call in list(sandbox.account.calls)[seen:]} == {"GET"}, "nothing is written"
    assert (again.mended, again.problems) == ((), ())


async def test_what_was_switched_off_is_switched_on(sandbox: EbaySandbox, caring: EbayChannel, drive_url: str) -> None:
    """eBay marks a destination down that did not answer, and disables its subscription."""
    await caring.care_for_webhooks(drive_url)
    sandbox.commerce.destinations[0]["status"] = "MARKED_DOWN"
    sandbox.commerce.subscriptions[0]["status"] = "DISABLED"
    care = await caring.care_for_webhooks(drive_url)
    assert len(care.mended) == 2
    assert sandbox.commerce.destinations[0]["status"] == sandbox.commerce.subscriptions[0]["status"] == "ENABLED"


async def test_a_missing_alert_address_is_told(sandbox: EbaySandbox, open_channel: Connect, drive_url: str) -> None:
    """195003 says what to set."""
    channel = open_channel(verification_token=TOKEN, notification_url=drive_url)
    (problem,) = (await channel.care_for_webhooks(drive_url)).problems
    assert "alert_email" in problem


async def test_an_address_nobody_can_reach_is_told(sandbox: EbaySandbox, open_channel: Connect) -> None:
    """195020: eBay's challenge was not answered."""
    url = "http://127.0.0.1:1/hooks/ebay"
    channel = open_channel(verification_token=TOKEN, notification_url=url, alert_email="ops@example.com")
    (problem,) = (await channel.care_for_webhooks(url)).problems
    assert "reachable from outside" in problem


async def test_without_a_token_only_platform_notifications_are_registered(
    sandbox: EbaySandbox, channel: EbayChannel
) -> None:
    """The address the core names is used where none is set."""
    care = await channel.care_for_webhooks("http://127.0.0.1:9/hooks/ebay")
    assert (care.mended, care.problems) == ((), ())
    assert sandbox.notifier.url == "http://127.0.0.1:9/hooks/ebay"
    assert not sandbox.commerce.destinations
