"""Access tokens over HTTP: fetched, renewed before their end and after a refusal, once for all who wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from connectors.ebay.channel import EbayChannel
from connectors.ebay.sandbox import EXAMPLE_AUTH_TOKEN, EXAMPLE_REFRESH_TOKEN, EbaySandbox
from syncd.channel.port import QuantityUpdate
from syncd.errors import (
    ChannelAuthFailed,
    ChannelUnavailable,
    RateLimited,
    RemoteError,
)
from syncd.identity import ListingId
from syncd.testkit.fake_clock import FakeClock

Connect = Callable[..., EbayChannel]

TOKEN_CALL = "POST /identity/v1/oauth2/token"


@pytest.fixture
def channel(open_channel: Connect) -> EbayChannel:
    """A channel that has a refresh token and nothing else."""
    return open_channel(iaf_token=None, refresh_token=EXAMPLE_REFRESH_TOKEN)


def tokens_asked(sandbox: EbaySandbox) -> int:
    """How often the token endpoint was called."""
    return sum(1 for call in sandbox.account.calls if call["call"] == TOKEN_CALL)


async def test_many_calls_share_one_token(sandbox: EbaySandbox, channel: EbayChannel) -> None:
    """Twenty calls begin at once: one of them fetches the token, all use it."""
    await asyncio.gather(*(channel.check() for _ in range(20)))
    assert tokens_asked(sandbox) == 1


async def test_a_token_is_renewed_before_it_ends(sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock) -> None:
    """Two hours minus five minutes after the first call the next one brings a new token; eBay never refuses one."""
    await channel.check()
    await clock.tick(7200 - 301)
    await channel.check()
    assert tokens_asked(sandbox) == 1
    await clock.tick(2)
    await asyncio.gather(*(channel.check() for _ in range(20)))
    assert tokens_asked(sandbox) == 2
    assert not any(call.get("codes") for call in sandbox.account.calls)


async def test_a_refused_token_is_renewed_once_and_the_call_made_again(
    sandbox: EbaySandbox, channel: EbayChannel
) -> None:
    """eBay refuses a token early (21917053): a push goes through all the same, and is applied once."""
    item = ListingId(sandbox.add_listing(quantity=1)["item_id"])
    await channel.check()
    sandbox.fail("token_expired", call="ReviseInventoryStatus")
    (outcome,) = await channel.push_quantities([QuantityUpdate(item, 5)])
    assert outcome.code == ""
    assert sandbox.account.items[item].available == 5
    assert tokens_asked(sandbox) == 2


async def test_side_by_side_refusals_renew_once(sandbox: EbaySandbox, channel: EbayChannel) -> None:
    """Ten calls are refused for the same token: one renewal serves them all."""
    await channel.check()
    sandbox.grants.expire()
    await asyncio.gather(*(channel.check() for _ in range(10)))
    assert tokens_asked(sandbox) == 2


async def test_refused_again_after_the_renewal_is_an_auth_fault(sandbox: EbaySandbox, channel: EbayChannel) -> None:
    """Once, not for ever: the second refusal pauses the channel."""
    await channel.check()
    sandbox.fail("token_expired", call="GetUserPreferences", times=2)
    with pytest.raises(ChannelAuthFailed, match="21917053"):
        await channel.check()
    assert tokens_asked(sandbox) == 2


@pytest.mark.parametrize("code", ["932", "16110", "21916013", "17470", "841", "21919028"])
async def test_what_no_renewal_mends_is_not_renewed(sandbox: EbaySandbox, channel: EbayChannel, code: str) -> None:
    """Hard expiry, a revoked consent, a suspended account: told at once."""
    await channel.check()
    sandbox.fail(f"code:{code}")
    with pytest.raises(ChannelAuthFailed, match=code):
        await channel.check()
    assert tokens_asked(sandbox) == 1


async def test_a_revoked_consent_says_what_to_do(sandbox: EbaySandbox, channel: EbayChannel) -> None:
    """invalid_grant is a person's to mend, told without the token in it."""
    sandbox.revoke()
    with pytest.raises(ChannelAuthFailed, match="let him consent again") as caught:
        await channel.check()
    assert EXAMPLE_REFRESH_TOKEN not in str(caught.value)
    sandbox.revoke(revoked=False)
    await channel.check()


async def test_wrong_keys_are_told(open_channel: Connect) -> None:
    """invalid_client names the settings to compare."""
    channel = open_channel(iaf_token=None, refresh_token=EXAMPLE_REFRESH_TOKEN, cert_id="WRONG")
    with pytest.raises(ChannelAuthFailed, match="app_id and cert_id"):
        await channel.check()


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("html_503", ChannelUnavailable),
        ("cut_before", ChannelUnavailable),
        ("http_429", RateLimited),
        ("rest:7", ChannelAuthFailed),
    ],
)
async def test_the_token_endpoints_misfortunes(
    sandbox: EbaySandbox, channel: EbayChannel, kind: str, fault: type[RemoteError]
) -> None:
    """Trouble at the token endpoint is told as trouble, and the next call asks anew."""
    sandbox.fail(kind, call=TOKEN_CALL)
    with pytest.raises(fault):
        await channel.check()
    await channel.check()


async def test_rest_renews_on_401(sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock) -> None:
    """A REST call that meets an expired token gets another and is made again."""
    item = sandbox.add_listing(quantity=1)["item_id"]
    order = sandbox.sell([{"item_id": item, "quantity": 1}])
    await channel.check()
    sandbox.grants._user.clear()
    assert (await channel.check_cancellation(order["order_id"])).is_possible
    assert tokens_asked(sandbox) == 2


async def test_an_expired_auth_token_pauses_the_channel(sandbox: EbaySandbox, open_channel: Connect) -> None:
    """Auth'n'Auth knows no renewal: 932 is told at once."""
    channel = open_channel(iaf_token=None, auth_token=EXAMPLE_AUTH_TOKEN)
    sandbox.fail("code:932")
    with pytest.raises(ChannelAuthFailed):
        await channel.check()


async def test_the_end_of_a_token_is_known_before(sandbox: EbaySandbox, open_channel: Connect) -> None:
    """From the settings, or from eBay's own warning, which is nearer the truth."""
    channel = open_channel(iaf_token=None, auth_token=EXAMPLE_AUTH_TOKEN, token_ends_at="2028-05-01T00:00:00Z")
    assert channel.credentials_end is not None
    assert channel.credentials_end.ends_at == datetime.fromisoformat("2028-05-01T00:00:00Z")
    sandbox.switch(token_ends_at="2026-12-01T08:00:00.000Z")
    await channel.check()
    assert channel.credentials_end.ends_at == datetime.fromisoformat("2026-12-01T08:00:00Z")


async def test_a_warning_nobody_can_read_is_a_week(
    sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock
) -> None:
    """How eBay writes the date is not documented: the call goes on, and a person is asked all the same."""
    sandbox.switch(token_ends_at="soon")
    await channel.check()
    assert channel.credentials_end is not None
    assert channel.credentials_end.ends_at == clock.now() + timedelta(days=7)
