"""Signatures against vectors that others have published: RFC 9421, RFC 9530, eBay's own SDK."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connectors.ebay.client_signature import (
    BadKey,
    NotificationSignature,
    PublicKey,
    SigningKey,
    content_digest,
    signature_base,
    signature_headers,
)
from tests.connectors.ebay.vectors import VECTORS

RFC_KEY = "MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF"
"""test-key-ed25519 of RFC 9421, appendix B.1.4."""


def test_the_signature_base_is_that_of_the_rfc() -> None:
    """RFC 9421, B.2.6: the same key over the same components gives the signature printed there."""
    components = {
        "date": "Tue, 20 Apr 2021 02:07:55 GMT",
        "@method": "POST",
        "@path": "/foo",
        "@authority": "example.com",
        "content-type": "application/json",
        "content-length": "18",
    }
    names = " ".join(f'"{name}"' for name in components)
    parameters = f'({names});created=1618884473;keyid="test-key-ed25519"'
    signed = SigningKey.read(RFC_KEY, "jwe").private.sign(signature_base(components, parameters))
    expected = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
    assert base64.b64encode(signed).decode() == expected


def test_the_digest_is_that_of_the_rfc() -> None:
    """RFC 9530, appendix B: SHA-256 of {"hello": "world"} and a newline."""
    assert content_digest(b'{"hello": "world"}\n') == "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"


def test_the_headers_name_what_was_signed() -> None:
    """The order eBay asks for, the time in whole seconds, the path without the query; it verifies with the key."""
    key = SigningKey.read(RFC_KEY, "public-jwe")
    at = datetime(2026, 11, 22, 3, 0, 0, 700_000, tzinfo=UTC)
    headers = signature_headers(key, method="POST", url="https://API.ebay.com/a/b?c=d", body=b"{}", at=at)
    given = f'("content-digest" "x-ebay-signature-key" "@method" "@path" "@authority");created={int(at.timestamp())}'
    assert headers["Signature-Input"] == f"sig1={given}"
    assert headers["x-ebay-signature-key"] == "public-jwe"
    base = (
        f'"content-digest": {content_digest(b"{}")}\n"x-ebay-signature-key": public-jwe\n"@method": POST\n'
        f'"@path": /a/b\n"@authority": api.ebay.com\n"@signature-params": {given}'
    )
    signature = base64.b64decode(headers["Signature"].removeprefix("sig1=:").removesuffix(":"))
    key.private.public_key().verify(signature, base.encode())


def test_without_a_body_no_digest_is_signed() -> None:
    """A GET has nothing to digest."""
    key = SigningKey.read(RFC_KEY, "jwe")
    headers = signature_headers(key, method="GET", url="https://a/b", body=None, at=datetime(2026, 1, 1, tzinfo=UTC))
    assert "Content-Digest" not in headers
    assert headers["Signature-Input"].startswith('sig1=("x-ebay-signature-key" "@method"')


@pytest.mark.parametrize(
    "text", ["", "not base64 !", "AAAA", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"]
)
def test_a_key_that_is_none_is_told(text: str) -> None:
    """One sentence that names the setting, and nothing of the key."""
    with pytest.raises(BadKey, match="signing_key") as caught:
        SigningKey.read(text, "jwe")
    assert caught.value.__cause__ is None


def test_a_pem_file_is_taken_as_well() -> None:
    """The key may have been kept as PEM."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert SigningKey.read(pem.decode(), "jwe").public_jwe == "jwe"


def compact(message: Any) -> bytes:
    """JSON as eBay signs it."""
    return json.dumps(message, separators=(",", ":")).encode()


@pytest.mark.parametrize(("name", "verifies"), [("VALID", True), ("INVALID", False), ("SIGNATURE_MISMATCH", False)])
def test_ebays_own_vectors(name: str, verifies: bool) -> None:
    """The vectors of eBay's SDK: the valid one verifies, the others do not."""
    vector = VECTORS[name]
    signature = NotificationSignature.read(vector["signature"])
    assert signature is not None
    assert PublicKey.read(vector["response"]).verifies(signature, compact(vector["message"])) is verifies


def test_a_changed_byte_does_not_verify() -> None:
    """The signature covers the body: another buyer's name is another body."""
    vector = VECTORS["VALID"]
    signature = NotificationSignature.read(vector["signature"])
    assert signature is not None
    changed = compact(vector["message"]).replace(b"test_user", b"test_usor")
    assert not PublicKey.read(vector["response"]).verifies(signature, changed)


@pytest.mark.parametrize(
    "header",
    [
        *("", "!", "bm90IGpzb24=", base64.b64encode(b"[]").decode(), base64.b64encode(b'{"kid":"a"}').decode()),
        base64.b64encode(b'{"kid":"../../x","signature":"AAAA"}').decode(),
        base64.b64encode(b'{"kid":7,"signature":"AAAA"}').decode(),
        base64.b64encode(json.dumps({"kid": "a" * 65, "signature": "AAAA"}).encode()).decode(),
        pytest.param(base64.b64encode(b"[" * 100_000).decode(), id="nested"),
    ],
)
def test_a_header_that_is_none_is_not_read(header: str) -> None:
    """Whatever a stranger sends, no key is asked for in its name."""
    assert NotificationSignature.read(header) is None


@pytest.mark.parametrize(
    "told", [{}, {"key": "x", "digest": "SHA1"}, {**VECTORS["VALID"]["response"], "digest": "MD5"}]
)
def test_a_public_key_that_is_none_is_told(told: dict[str, object]) -> None:
    """An answer without a usable key is a fault, never a signature that holds."""
    with pytest.raises(BadKey):
        PublicKey.read(told)
