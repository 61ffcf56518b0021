"""The stand-in's view of signatures: checks HTTP message signatures as eBay would, and signs its own notifications.

Written from RFC 9421 and eBay's description, not from the connector: each reads the other's bytes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_SEED = hashlib.sha256(b"the stand-in's signing key, worth nothing anywhere else").digest()
_PRIVATE = Ed25519PrivateKey.from_private_bytes(_SEED)
_PKCS8_HEAD = bytes.fromhex("302e020100300506032b657004220420")

EXAMPLE_SIGNING_KEY = base64.b64encode(_PKCS8_HEAD + _SEED).decode()
"""What the Key Management API would have given, once."""
EXAMPLE_SIGNING_JWE = "eyJ6aXAiOiJERUYiLCJlbmMiOiJBMjU2R0NNIn0.sandbox-public-key"

_INPUT = re.compile(r"sig1=(\(([^)]*)\);created=(\d+))")
CREATED_SECONDS_MAX = 300


async def refuses_signature(request: web.Request, now: float) -> str | None:
    """What is wrong with the signature of a call that needs one, or None."""
    headers = request.headers
    if "x-ebay-signature-key" not in headers or "Signature" not in headers:
        return "missing x-ebay-signature-key or Signature header"
    if headers["x-ebay-signature-key"] != EXAMPLE_SIGNING_JWE:
        return "x-ebay-signature-key is not a key of this application"
    read = _INPUT.fullmatch(headers.get("Signature-Input", ""))
    if read is None:
        return "Signature-Input cannot be read"
    body = await request.read()
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    if body and headers.get("Content-Digest") != f"sha-256=:{digest}:":
        return "Content-Digest does not fit the body"
    known = {
        "content-digest": headers.get("Content-Digest", ""),
        "x-ebay-signature-key": headers["x-ebay-signature-key"],
        "@method": request.method,
        "@path": request.path,
        "@authority": request.host,
    }
    names = re.findall(r'"([^"]+)"', read[2])
    wanted = [name for name in known if name != "content-digest" or body]
    if names != wanted:
        return f"the signature covers {names}, not {wanted}"
    if abs(now - int(read[3])) > CREATED_SECONDS_MAX:
        return "the signature is too old"
    base = "".join(f'"{name}": {known[name]}\n' for name in names) + f'"@signature-params": {read[1]}'
    try:
        signature = base64.b64decode(headers["Signature"].removeprefix("sig1=:").removesuffix(":"))
        _PRIVATE.public_key().verify(signature, base.encode())
    except (InvalidSignature, ValueError):
        return "the signature does not verify"
    return None


@dataclass
class NotificationSigner:
    """A key pair of eBay's, made anew for every stand-in."""

    key_id: str = "9936261a-0000-4621-a0f1-5a9d0b0c0001"
    _private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def public_key(self) -> dict[str, str]:
        """getPublicKey's answer: the PEM on one line, as eBay writes it."""
        pem = self._private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        return {"key": pem.replace("\n", ""), "algorithm": "ECDSA", "digest": "SHA1"}

    def header(self, body: bytes) -> str:
        """X-EBAY-SIGNATURE over exactly these bytes."""
        signature = self._private.sign(body, ec.ECDSA(hashes.SHA1()))  # noqa: S303 - eBay's choice, not ours
        told = {
            "alg": "ecdsa",
            "kid": self.key_id,
            "signature": base64.b64encode(signature).decode(),
            "digest": "SHA1",
        }
        return base64.b64encode(json.dumps(told, separators=(",", ":")).encode()).decode()
