"""How the stand-in tells its callers apart: signatures a real shop accepted, and the table of refusals."""

from __future__ import annotations

import pytest
from woocommerce.oauth import OAuth

from connectors.woocommerce.sandbox import Sandbox
from connectors.woocommerce.sandbox_auth import READ_ONLY, READ_WRITE, WRITE_ONLY, KeyPair, signature
from syncd.clock import SystemClock
from tests.connectors.woocommerce.conftest import Caller

BASE = "http://127.0.0.1:18100/wp-json/wc/v3"
SIGNED = {
    "oauth_consumer_key": "ck_" + "1a" * 20,
    "oauth_timestamp": "1795286970",
    "oauth_nonce": "aabbccddeeff00112233445566778899aabbccdd",
    "oauth_signature_method": "HMAC-SHA256",
}


@pytest.mark.parametrize(
    ("method", "path", "parameters", "expected"),
    [
        (
            "GET",
            "orders",
            {"modified_after": "2026-11-21T18:00:00", "dates_are_gmt": "true", "per_page": "100"},
            "7vrlu2gUWYUHsiAqi/YCImGlnLrA+rAy086MUrw0i1w=",
        ),
        ("POST", "products/batch", {}, "R/vKeAcpMYSR9FKkpcuF7kCFCijxfQHoUR+qenHc6zs="),
        ("GET", "products", {"sku": "CAB-A,MUG-B", "search": "Zoë x"}, "ZY8DcN8IaCcflbu+AkzXYj+iWXTs5b9UXZrE7YZw7vY="),
    ],
)
def test_signatures_are_those_a_real_shop_accepts(
    method: str, path: str, parameters: dict[str, str], expected: str
) -> None:
    """Three signatures seen accepted by WooCommerce 9.9.5."""
    assert signature(method, f"{BASE}/{path}", parameters | SIGNED, "cs_" + "2b" * 20) == expected


def oauth_url(
    sandbox: Sandbox, path: str, pair: KeyPair = READ_WRITE, *, age_seconds: int = 0, method: str = "GET"
) -> str:
    """An address signed by the vendor's library, perhaps some time ago."""
    stamp = int(SystemClock().now().timestamp()) - age_seconds
    url = f"{sandbox.url}/wp-json/wc/v3/{path}"
    signed = OAuth(url, pair.consumer_key, pair.consumer_secret, version="wc/v3", method=method, oauth_timestamp=stamp)
    return str(signed.get_oauth_url())


async def refusal(call: Caller, method: str, url: str, **headers: str) -> tuple[int, str, str]:
    """Status, code and message of a refused call."""
    status, document, _ = await call.raw(method, url, b"{}" if method != "GET" else None, headers)
    assert document["data"] == {"status": status}
    return status, document["code"], document["message"]


AUTHENTICATION_ERROR = "woocommerce_rest_authentication_error"


async def test_an_unknown_key(call: Caller, sandbox: Sandbox) -> None:
    """The key is looked at first."""
    url = oauth_url(sandbox, "products", KeyPair("ck_x", "cs_x", "read_write"), age_seconds=5000)
    assert await refusal(call, "GET", url) == (401, AUTHENTICATION_ERROR, "Consumer key is invalid.")


async def test_a_wrong_secret(call: Caller, sandbox: Sandbox) -> None:
    """The signature comes before the timestamp."""
    url = oauth_url(sandbox, "products", KeyPair(READ_WRITE.consumer_key, "cs_x", "read_write"), age_seconds=5000)
    status, _, message = await refusal(call, "GET", url)
    assert (status, message) == (401, "Invalid signature - provided signature does not match.")


@pytest.mark.parametrize("age_seconds", [1000, -1000])
async def test_an_old_or_future_timestamp(call: Caller, sandbox: Sandbox, age_seconds: int) -> None:
    """A quarter of an hour either way."""
    url = oauth_url(sandbox, "products", age_seconds=age_seconds)
    assert await refusal(call, "GET", url) == (401, AUTHENTICATION_ERROR, "Invalid timestamp.")


async def test_a_nonce_used_twice(call: Caller, sandbox: Sandbox) -> None:
    """The same signed address works once."""
    url = oauth_url(sandbox, "products")
    assert (await call.raw("GET", url))[0] == 200
    message = "Invalid nonce - nonce has already been used."
    assert await refusal(call, "GET", url) == (401, AUTHENTICATION_ERROR, message)


@pytest.mark.parametrize(("pair", "method", "permission"), [(READ_ONLY, "POST", "write"), (WRITE_ONLY, "GET", "read")])
async def test_a_key_without_the_right(
    call: Caller, sandbox: Sandbox, pair: KeyPair, method: str, permission: str
) -> None:
    """Rightly signed, and not allowed."""
    url = oauth_url(sandbox, "products", pair, method=method)
    message = f"The API key provided does not have {permission} permissions."
    assert await refusal(call, method, url) == (401, AUTHENTICATION_ERROR, message)


async def test_a_missing_parameter(call: Caller, sandbox: Sandbox) -> None:
    """Half a signature is an error of its own."""
    url = f"{sandbox.url}/wp-json/wc/v3/products?oauth_consumer_key=ck_x"
    status, code, _ = await refusal(call, "GET", url)
    assert (status, code) == (401, "woocommerce_rest_authentication_missing_parameter")


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "products", "woocommerce_rest_cannot_view"),
        ("POST", "orders", "woocommerce_rest_cannot_create"),
        ("PUT", "orders/1", "woocommerce_rest_cannot_edit"),
        ("POST", "products/batch", "woocommerce_rest_cannot_batch"),
    ],
)
async def test_a_stranger(call: Caller, sandbox: Sandbox, method: str, path: str, code: str) -> None:
    """Over http Basic credentials and plain keys are not even looked at."""
    basic = {"Authorization": "Basic Y2s6Y3M="}
    url = f"{sandbox.url}/wp-json/wc/v3/{path}?consumer_key={READ_WRITE.consumer_key}"
    assert (await refusal(call, method, url, **basic))[:2] == (401, code)


@pytest.mark.parametrize("value", ["a/b", "50%41"])
async def test_what_the_library_signs_wrongly_is_refused(call: Caller, sandbox: Sandbox, value: str) -> None:
    """Slashes and per cent signs are encoded by the shop and not by the library: the signature does not match."""
    status, document, _ = await call("GET", "products", sku=value)
    assert (status, document["code"]) == (401, AUTHENTICATION_ERROR)


async def test_a_double_slash_is_no_route(call: Caller) -> None:
    """Neither is anything unknown; a stranger learns that too."""
    for path in ("/products", "nope"):
        status, document, _ = await call("GET", path)
        assert (status, document["code"]) == (404, "rest_no_route")
