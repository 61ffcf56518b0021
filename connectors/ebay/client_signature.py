"""Signatures eBay asks for and gives: HTTP message signatures on calls that move money, ECDSA on what it sends us.

Sources: eBay "Digital Signatures for APIs" with RFC 9421 and RFC 9530 behind it; eBay's event notification SDK for
X-EBAY-SIGNATURE, whose test vectors the tests use. No cryptography of our own: the `cryptography` library does it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_public_key

_PEM_HEAD, _PEM_FOOT = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"
_DIGESTS: Mapping[str, type[hashes.HashAlgorithm]] = {"SHA1": hashes.SHA1, "SHA256": hashes.SHA256}

KEY_ID_LENGTH_MAX = 64


class BadKey(ValueError):
    """A key cannot be used; the text says why and never holds the key."""


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """The seller's key of eBay's Key Management API: `public_jwe` goes along, the private half signs."""

    private: Ed25519PrivateKey
    public_jwe: str

    @classmethod
    def read(cls, private_key: str, public_jwe: str) -> SigningKey:
        """From what the Key Management API gave: PKCS #8 in base64, with or without PEM lines. Raises BadKey."""
        lines = [line for line in private_key.strip().splitlines() if not line.startswith("-----")]
        try:
            key = load_der_private_key(base64.b64decode("".join(lines), validate=True), password=None)
        except (binascii.Error, ValueError, TypeError, UnsupportedAlgorithm):
            raise BadKey("signing_key is not the private key that eBay's Key Management API gives") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise BadKey("signing_key is not an ED25519 key; create one with signingKeyCipher ED25519")
        return cls(key, public_jwe)


def signature_headers(key: SigningKey, *, method: str, url: str, body: bytes | None, at: datetime) -> dict[str, str]:
    """The headers eBay asks for on a call that must be signed."""
    where = urlsplit(url)
    digest = None if body is None else content_digest(body)
    signed = {
        **({"content-digest": digest} if digest else {}),
        "x-ebay-signature-key": key.public_jwe,
        "@method": method,
        "@path": where.path,
        "@authority": where.netloc.lower(),
    }
    given = f"{_components(signed)};created={int(at.timestamp())}"
    signature = base64.b64encode(key.private.sign(signature_base(signed, given))).decode()
    headers = {"x-ebay-signature-key": key.public_jwe, "Signature-Input": f"sig1={given}"}
    if digest:
        headers["Content-Digest"] = digest
    return {**headers, "Signature": f"sig1=:{signature}:"}


def content_digest(body: bytes) -> str:
    """RFC 9530 with SHA-256."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def signature_base(components: Mapping[str, str], parameters: str) -> bytes:
    """What is signed (RFC 9421, 2.5): a line for each component in order, then the parameters."""
    lines = [f'"{name}": {value}' for name, value in components.items()]
    return "\n".join([*lines, f'"@signature-params": {parameters}']).encode()


def _components(components: Mapping[str, str]) -> str:
    return "(" + " ".join(f'"{name}"' for name in components) + ")"


@dataclass(frozen=True, slots=True)
class NotificationSignature:
    """X-EBAY-SIGNATURE, read: which key signed, and the signature."""

    key_id: str
    signature: bytes

    @classmethod
    def read(cls, header: str) -> NotificationSignature | None:
        """From the header; None for anything eBay would not send."""
        try:
            told = json.loads(base64.b64decode(header, validate=True))
            key_id, signature = told["kid"], base64.b64decode(told["signature"], validate=True)
        except (binascii.Error, ValueError, KeyError, TypeError, RecursionError):
            return None
        is_sane = isinstance(key_id, str) and key_id.replace("-", "").isalnum() and len(key_id) <= KEY_ID_LENGTH_MAX
        return cls(key_id, signature) if is_sane else None


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key eBay signs notifications with."""

    key: EllipticCurvePublicKey
    digest: type[hashes.HashAlgorithm]

    @classmethod
    def read(cls, told: Mapping[str, object]) -> PublicKey:
        """From getPublicKey, which writes the PEM on one line. Raises BadKey."""
        text, digest = str(told.get("key", "")), _DIGESTS.get(str(told.get("digest", "")).upper())
        inner = text.replace(_PEM_HEAD, "").replace(_PEM_FOOT, "").strip()
        try:
            key = load_pem_public_key(f"{_PEM_HEAD}\n{inner}\n{_PEM_FOOT}\n".encode())
        except (ValueError, UnsupportedAlgorithm):
            raise BadKey("eBay's public key cannot be read") from None
        if not isinstance(key, EllipticCurvePublicKey) or digest is None:
            raise BadKey("eBay's public key is of a kind this connector does not know")
        return cls(key, digest)

    def verifies(self, signature: NotificationSignature, body: bytes) -> bool:
        """Whether this key signed exactly these bytes."""
        try:
            self.key.verify(signature.signature, body, ECDSA(self.digest()))
        except InvalidSignature:
            return False
        return True
