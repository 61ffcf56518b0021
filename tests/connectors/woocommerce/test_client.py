"""The client over real HTTP: how it signs, what it makes of bad days, and what it leaves untold."""

from __future__ import annotations

import asyncio
import logging
import ssl
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import trustme
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.woocommerce import sandbox as stand_in
from connectors.woocommerce.client import CALLS_WAITING_MAX, Call, Connection, ExactOAuth, WooClient
from connectors.woocommerce.sandbox import EXAMPLE_SECRETS, Sandbox
from connectors.woocommerce.sandbox_auth import READ_ONLY, READ_WRITE, signature
from connectors.woocommerce.sandbox_faults import Fault
from syncd.clock import Clock
from syncd.errors import (
    ChannelAuthFailed,
    ChannelBlocked,
    ChannelProtocolError,
    ChannelUnavailable,
    RateLimited,
    RemoteError,
)
from tests.connectors.woocommerce.conftest import until

PRODUCTS = Call("GET", "products", "fetch_listings", {"per_page": "5", "_fields": "id,sku"})
BATCH = Call("POST", "products/batch", "push_quantities", body={"update": []})


def client_to(url: str, clock: Clock, **told: Any) -> WooClient:
    """A client with one call in flight; `told` is what its connection has besides good credentials."""
    usual = {
        "consumer_key": READ_WRITE.consumer_key,
        "consumer_secret": READ_WRITE.consumer_secret,
        "timeout_seconds": 5.0,
        "calls_in_flight": 1,
    }
    return WooClient(Connection("shop", url, **{**usual, **told}), clock)


@pytest.fixture
async def client(sandbox: Sandbox, clock: Clock) -> AsyncIterator[WooClient]:
    """A client with good credentials."""
    made = client_to(sandbox.url, clock)
    yield made
    await made.aclose()


async def fault_of(client: WooClient, call: Call = PRODUCTS) -> RemoteError:
    """The fault that the call raises."""
    with pytest.raises(RemoteError) as raised:
        await client.call(call)
    return raised.value


async def test_a_signed_call_is_let_in(client: WooClient, sandbox: Sandbox) -> None:
    """Over http the library's OAuth signature is accepted, commas, colons and umlauts in parameters included."""
    (listing_id,) = sandbox.add_product("GLOVE-X", "Gloves", quantity=3)
    odd = {"search": "Größe: a,b + c", "modified_after": "2026-01-01T00:00:00", "_fields": "id,sku"}
    assert await client.call(Call("GET", "products", "test", odd)) == [{"id": int(listing_id), "sku": "GLOVE-X"}]


@pytest.mark.parametrize(
    ("credentials", "call", "code"),
    [
        ({"consumer_secret": "cs_wrong"}, PRODUCTS, "Invalid signature"),
        ({"consumer_key": "ck_wrong"}, PRODUCTS, "Consumer key is invalid"),
        (
            {"consumer_key": READ_ONLY.consumer_key, "consumer_secret": READ_ONLY.consumer_secret},
            BATCH,
            "write permissions",
        ),
    ],
)
async def test_wrong_credentials_are_an_auth_fault(
    sandbox: Sandbox, clock: Clock, credentials: dict[str, str], call: Call, code: str
) -> None:
    """Wrong key, wrong secret, or a key that may only read: the channel has to pause."""
    client = client_to(sandbox.url, clock, **credentials)
    fault = await fault_of(client, call)
    assert type(fault) is ChannelAuthFailed
    assert code in str(fault)
    await client.aclose()


async def test_another_host_name_fails_like_a_wrong_secret(sandbox: Sandbox, clock: Clock) -> None:
    """The shop rebuilds the signed URL from its own address: localhost is not 127.0.0.1."""
    client = client_to(sandbox.url.replace("127.0.0.1", "localhost"), clock)
    assert type(await fault_of(client)) is ChannelAuthFailed
    await client.aclose()


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("maintenance", RateLimited),
        ("rate_limited", RateLimited),
        ("server_error", ChannelUnavailable),
        ("bad_gateway", ChannelUnavailable),
        ("forbidden", ChannelBlocked),
        ("cut_before", ChannelUnavailable),
        ("cut_after", ChannelUnavailable),
        ("cut_middle", ChannelUnavailable),
        ("redirect", ChannelUnavailable),
        ("empty", ChannelUnavailable),
        ("html", ChannelBlocked),
        ("challenge", ChannelBlocked),
        ("not_json", ChannelUnavailable),
    ],
)
async def test_bad_days_are_our_faults(client: WooClient, sandbox: Sandbox, mode: str, kind: type[RemoteError]) -> None:
    """Each misfortune is one fault, met by one call, not repeated by the client; the next call works."""
    sandbox.add_product("GLOVE-X", quantity=3)
    sandbox.faults.add(Fault(mode))
    fault = await fault_of(client)
    assert type(fault) is kind
    assert fault.__cause__ is None, "the library's own exception holds the signed URL"
    assert sandbox.calls_received == 1
    assert await client.call(PRODUCTS)


async def test_notices_before_the_json_do_no_harm(client: WooClient, sandbox: Sandbox) -> None:
    """A byte order mark and a PHP notice stand before the document, which is read all the same."""
    (listing_id,) = sandbox.add_product("GLOVE-X", quantity=3)
    sandbox.faults.add(Fault("notice"))
    assert await client.call(PRODUCTS) == [{"id": int(listing_id), "sku": "GLOVE-X"}]


@pytest.mark.parametrize(("said", "waited"), [("17", 17.0), ("", None)])
async def test_a_rate_limit_says_how_long(client: WooClient, sandbox: Sandbox, said: str, waited: float | None) -> None:
    """Retry-After is handed on; without it the wait is unknown."""
    sandbox.faults.add(Fault("rate_limited", retry_after=said))
    fault = await fault_of(client)
    assert isinstance(fault, RateLimited)
    assert fault.retry_after_seconds == waited


async def test_a_redirected_write_is_not_followed(client: WooClient, sandbox: Sandbox) -> None:
    """Followed, the POST would become a GET that answers 200; the address to configure is named instead."""
    sandbox.faults.add(Fault("redirect"))
    assert "https://www.example.com/wp-json" in str(await fault_of(client, BATCH))
    assert sandbox.calls_received == 1


async def test_silence_is_unavailable(sandbox: Sandbox, clock: Clock) -> None:
    """No answer within the timeout: the fault says that the shop may still be working on it."""
    client = client_to(sandbox.url, clock, timeout_seconds=0.3)
    sandbox.faults.add(Fault("hang_before"))
    fault = await fault_of(client)
    assert type(fault) is ChannelUnavailable
    assert "still" in str(fault)
    await client.aclose()


async def test_nobody_there_is_unavailable(sandbox: Sandbox, clock: Clock) -> None:
    """A refused connection is a fault like any other."""
    url = sandbox.url
    await sandbox.aclose()
    client = client_to(url, clock)
    assert type(await fault_of(client)) is ChannelUnavailable
    await client.aclose()


async def test_another_site_is_told_apart(client: WooClient) -> None:
    """A route that is not there says that this may be no WooCommerce shop."""
    fault = await fault_of(client, Call("GET", "nope", "check"))
    assert isinstance(fault, ChannelUnavailable)
    assert "rest_no_route" in str(fault)


async def test_a_list_where_a_record_belongs_is_noticed(client: WooClient, sandbox: Sandbox) -> None:
    """JSON of another shape than promised is a protocol fault, not a crash."""
    (listing_id,) = sandbox.add_product("GLOVE-X", quantity=3)
    with pytest.raises(ChannelProtocolError):
        await client.record(PRODUCTS)
    with pytest.raises(ChannelProtocolError):
        await client.rows(Call("GET", f"products/{listing_id}", "test"))


async def test_a_cancelled_call_leaves_the_client_usable(client: WooClient, sandbox: Sandbox) -> None:
    """The thread goes on with the old call; the next one waits for it and is answered."""
    sandbox.faults.add(Fault("slow", seconds=0.2))
    task = asyncio.create_task(client.call(PRODUCTS))
    await until(lambda: sandbox.calls_received > 0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await client.call(PRODUCTS) == []
    assert [call["fault"] for call in sandbox.calls()] == ["slow", ""]


async def test_a_call_that_only_waited_is_never_sent(client: WooClient, sandbox: Sandbox) -> None:
    """Cancelled before its turn came, it leaves nothing behind, and the next one has its place."""
    sandbox.faults.add(Fault("slow", seconds=0.3))
    first = asyncio.create_task(client.call(PRODUCTS))
    await until(lambda: sandbox.calls_received > 0)
    waiting = asyncio.create_task(client.call(BATCH))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await first == []
    assert await client.call(PRODUCTS) == []
    assert [call["method"] for call in sandbox.calls()] == ["GET", "GET"]


async def test_closing_ends_calls_under_way_with_a_fault(client: WooClient, sandbox: Sandbox) -> None:
    """Whether the shop goes on with them is not known; those that waited are not sent."""
    sandbox.faults.add(Fault("hang_before"))
    first = asyncio.create_task(client.call(BATCH))
    await until(lambda: sandbox.calls_received > 0)
    second = asyncio.create_task(client.call(PRODUCTS))
    await asyncio.sleep(0)
    await client.aclose()
    ended = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(one) for one in ended] == [ChannelUnavailable, ChannelUnavailable]
    assert sandbox.calls_received == 1


async def test_too_many_waiting_calls_are_refused(client: WooClient, sandbox: Sandbox) -> None:
    """The queue before the thread is bounded; what does not fit is told at once."""
    sandbox.faults.add(Fault("slow", seconds=0.2))
    calls = [asyncio.create_task(client.call(PRODUCTS)) for _ in range(CALLS_WAITING_MAX + 3)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(one) for one in results].count(ChannelUnavailable) == 3
    assert results.count([]) == CALLS_WAITING_MAX


async def test_a_closed_client_says_so(client: WooClient) -> None:
    """Closing twice does no harm; a call afterwards is a fault."""
    await client.aclose()
    await client.aclose()
    assert type(await fault_of(client)) is ChannelUnavailable


@given(st.dictionaries(st.text("ab[]/ é", min_size=1), st.text(min_size=1), max_size=3))
@example({"sku": "a/b"})
@example({"code": "100 % off %41 ~ +"})
def test_any_parameter_is_signed_as_the_shop_does(parameters: dict[str, str]) -> None:
    """Slashes and percent signs too, which the library encodes otherwise."""
    url = "http://127.0.0.1/wp-json/wc/v3/products"
    signed = ExactOAuth(f"{url}?{urlencode(parameters)}", "ck_x", "cs_x", version="wc/v3", method="GET").get_oauth_url()
    sent = dict(parse_qsl(urlsplit(signed).query, keep_blank_values=True))
    assert sent["oauth_signature"] == signature("GET", url, sent, "cs_x")
    assert parameters.items() <= sent.items()


@pytest.mark.parametrize("sku", ["a/b", "100 %", "%41", "a+b", "a&b=c", "~ü"])
async def test_odd_numbers_are_found(client: WooClient, sandbox: Sandbox, sku: str) -> None:
    """The shop checks the signature over exactly what was asked for."""
    (listing_id,) = sandbox.add_product(sku)
    found = await client.rows(Call("GET", "products", "fetch_listings", {"sku": sku}))
    assert [str(one["id"]) for one in found] == [listing_id]


async def test_a_site_without_permalinks_is_told_apart(client: WooClient, sandbox: Sandbox, clock: Clock) -> None:
    """The web server's page says nothing; we say what to set. Where only rewriting is missing, /index.php helps."""
    sandbox.shop.switches.plain_permalinks = True
    fault = await fault_of(client)
    assert type(fault) is ChannelUnavailable
    assert "permalinks are not 'plain'" in str(fault)
    sandbox.shop.switches.plain_permalinks = False
    sandbox.shop.switches.rewrites_nothing = True
    assert "/index.php" in str(await fault_of(client))
    through_index = client_to(f"{sandbox.url}/index.php", clock)
    assert await through_index.call(PRODUCTS) == []
    assert await through_index.call(BATCH) == []
    await through_index.aclose()


async def test_one_connection_serves_many_calls(client: WooClient, sandbox: Sandbox) -> None:
    """It is kept between calls, and never shared by two on their way: one call at a time, one connection."""
    await asyncio.gather(*(client.call(PRODUCTS) for _ in range(5)))
    await client.call(PRODUCTS)
    assert sandbox.connections() == 1


async def test_a_connection_that_broke_is_not_tried_again(client: WooClient, sandbox: Sandbox) -> None:
    """Whoever asked learns of it: a hidden second try would hide a fault and repeat a write."""
    await client.call(PRODUCTS)
    for call in (PRODUCTS, Call("PUT", "products/1", "push_quantities", body={}), BATCH):
        before = sandbox.calls_received
        sandbox.faults.add(Fault("cut_before"))
        assert type(await fault_of(client, call)) is ChannelUnavailable
        assert sandbox.calls_received == before + 1


async def test_neither_logs_nor_reprs_hold_keys(client: WooClient, caplog: pytest.LogCaptureFixture) -> None:
    """Over http key and signature travel in the query, which is in no line and no repr."""
    caplog.set_level(logging.DEBUG)
    await client.call(PRODUCTS)
    told = caplog.text + repr(client._connection)
    assert "oauth" not in told
    assert all(secret not in told for secret in EXAMPLE_SECRETS.values())


@pytest.fixture
async def secure(clock: Clock, tmp_path: Path) -> AsyncIterator[tuple[Sandbox, str]]:
    """A stand-in that speaks https, and the certificate to trust."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    shop = await stand_in.start(clock=clock, tls=context)
    yield shop, str(tmp_path / "ca.pem")
    await shop.aclose()


async def test_https_uses_basic_authentication(secure: tuple[Sandbox, str], clock: Clock) -> None:
    """Over https key and secret go into the header and nothing into the query."""
    shop, ca_file = secure
    client = client_to(shop.url, clock, ca_file=ca_file)
    assert await client.call(PRODUCTS) == []
    assert shop.calls()[0]["query"] == dict(PRODUCTS.parameters)
    await client.aclose()


async def test_a_host_that_withholds_the_header_gets_the_keys_in_the_query(
    secure: tuple[Sandbox, str], clock: Clock
) -> None:
    """The shop never sees the header and answers as to a stranger; the advice is followed, and it works."""
    shop, ca_file = secure
    shop.shop.switches.withholds_authorization = True
    plain = client_to(shop.url, clock, ca_file=ca_file)
    fault = await fault_of(plain)
    assert type(fault) is ChannelAuthFailed
    assert "keys_in_query = true" in str(fault)
    await plain.aclose()
    client = client_to(shop.url, clock, ca_file=ca_file, keys_in_query=True)
    assert await client.call(PRODUCTS) == []
    assert await client.call(BATCH) == []
    assert set(shop.calls()[-1]["query"]) == {"consumer_key", "consumer_secret"}
    await client.aclose()


async def test_keys_in_the_query_reach_no_log(
    secure: tuple[Sandbox, str], clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even at DEBUG, not when the call fails."""
    shop, ca_file = secure
    caplog.set_level(logging.DEBUG)
    shop.faults.add(Fault("cut_before"))
    client = client_to(shop.url, clock, ca_file=ca_file, keys_in_query=True)
    fault = await fault_of(client)
    told = "".join(traceback.format_exception(fault))
    await client.call(PRODUCTS)
    assert all(secret not in caplog.text + told for secret in EXAMPLE_SECRETS.values())
    await client.aclose()


@pytest.mark.parametrize(
    ("credentials", "message"),
    [
        ({"consumer_secret": "cs_wrong"}, "Consumer secret is invalid"),
        ({"consumer_key": "ck_wrong"}, "cannot list resources"),
    ],
)
async def test_https_refuses_wrong_credentials(
    secure: tuple[Sandbox, str], clock: Clock, credentials: dict[str, str], message: str
) -> None:
    """A wrong secret is named as such; an unknown key is a stranger."""
    shop, ca_file = secure
    client = client_to(shop.url, clock, ca_file=ca_file, **credentials)
    fault = await fault_of(client)
    assert type(fault) is ChannelAuthFailed
    assert message in str(fault)
    await client.aclose()


async def test_an_untrusted_certificate_is_unavailable(secure: tuple[Sandbox, str], clock: Clock) -> None:
    """Certificates are checked; the fault says what is wrong with the connection."""
    client = client_to(secure[0].url, clock)
    fault = await fault_of(client)
    assert type(fault) is ChannelUnavailable
    assert "certificate" in str(fault)
    await client.aclose()
