"""How the stand-in knows its caller: OAuth 1.0a over http, Basic over https, in WooCommerce's order."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha1, sha256
from urllib.parse import quote, unquote

from aiohttp import web

from connectors.woocommerce.sandbox_rest import RestError
from syncd.clock import SystemClock

TIMESTAMP_WINDOW_SECONDS = 900
_NONCES_MAX = 10_000
_PARAMETERS = (
    "oauth_consumer_key",
    "oauth_timestamp",
    "oauth_nonce",
    "oauth_signature_method",
    "oauth_signature",
)


@dataclass(frozen=True)
class KeyPair:
    """A REST API key: `permissions` is read, write or read_write."""

    consumer_key: str
    consumer_secret: str
    permissions: str


READ_WRITE = KeyPair("ck_" + "5a" * 20, "cs_" + "6b" * 20, "read_write")
READ_ONLY = KeyPair("ck_" + "7c" * 20, "cs_" + "8d" * 20, "read")
WRITE_ONLY = KeyPair("ck_" + "9e" * 20, "cs_" + "af" * 20, "write")


class KeyDesk:
    """Finds the key pair of a request, or None for a stranger; raises 401 for one who pretends."""

    def __init__(self, home_url: str) -> None:
        self._home_url = home_url
        self._keys = {pair.consumer_key: pair for pair in (READ_WRITE, READ_ONLY, WRITE_ONLY)}
        # As on the real server: one nonce per second is remembered, a later one takes its place.
        self._nonces: OrderedDict[int, str] = OrderedDict()

    def caller(self, request: web.Request, query: Mapping[str, str], header: str) -> KeyPair | None:
        """The key pair; None if neither query nor Authorization header show one. Raises RestError 401."""
        pair = self._basic(query, header) if request.secure else self._oauth(request, query, header)
        if pair is not None:
            _check_permission(pair, request.method)
        return pair

    def _basic(self, query: Mapping[str, str], header: str) -> KeyPair | None:
        key, secret = query.get("consumer_key", ""), query.get("consumer_secret", "")
        if not key and header.startswith("Basic "):
            try:
                key, _, secret = base64.b64decode(header[6:], validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return None
        pair = self._keys.get(key)
        if pair is not None and not hmac.compare_digest(pair.consumer_secret.encode(), secret.encode()):
            raise _refused("Consumer secret is invalid.")
        return pair

    def _oauth(self, request: web.Request, query: Mapping[str, str], header: str) -> KeyPair | None:
        given = _header_parameters(header) | dict(query)
        if not any(name in given for name in _PARAMETERS):
            return None
        missing = [name for name in _PARAMETERS if not given.get(name)]
        if missing:
            raise RestError(
                401,
                "woocommerce_rest_authentication_missing_parameter",
                f"Missing OAuth parameters {', '.join(missing)}",
            )
        pair = self._keys.get(given["oauth_consumer_key"])
        if pair is None:
            raise _refused("Consumer key is invalid.")
        url = self._home_url + request.path
        if not hmac.compare_digest(
            signature(request.method, url, given, pair.consumer_secret), given["oauth_signature"]
        ):
            raise _refused("Invalid signature - provided signature does not match.")
        self._check_freshness(given["oauth_timestamp"], given["oauth_nonce"])
        return pair

    def _check_freshness(self, timestamp: str, nonce: str) -> None:
        # The caller signs with the machine's time, so that is compared, whatever clock the shop goes by.
        now = int(SystemClock().now().timestamp())
        stamp = int(timestamp) if timestamp.isdecimal() else 0
        if abs(now - stamp) > TIMESTAMP_WINDOW_SECONDS:
            raise _refused("Invalid timestamp.")
        if nonce in self._nonces.values():
            raise _refused("Invalid nonce - nonce has already been used.")
        self._nonces[stamp] = nonce
        oldest = now - TIMESTAMP_WINDOW_SECONDS
        while len(self._nonces) > _NONCES_MAX or next(iter(self._nonces)) < oldest:
            self._nonces.popitem(last=False)


def signature(method: str, url: str, parameters: Mapping[str, str], consumer_secret: str) -> str:
    """The OAuth 1.0a signature as the server computes it: names and values encoded twice, '/' included."""
    pairs = sorted((_enc(key), _enc(value)) for key, value in parameters.items() if key != "oauth_signature")
    joined = "%26".join(_enc(f"{key}={value}") for key, value in pairs)
    text = f"{method.upper()}&{_enc(url)}&{joined}"
    digest = sha1 if parameters.get("oauth_signature_method") == "HMAC-SHA1" else sha256
    return base64.b64encode(hmac.new(f"{consumer_secret}&".encode(), text.encode(), digest).digest()).decode()


def _enc(text: str) -> str:
    return quote(text, safe="~")


def _header_parameters(header: str) -> dict[str, str]:
    if not header.startswith("OAuth "):
        return {}
    pairs = (part.strip().partition("=") for part in header[6:].split(","))
    return {name: unquote(value.strip('"')) for name, _, value in pairs if name.startswith("oauth_")}


def _check_permission(pair: KeyPair, method: str) -> None:
    needed = "read" if method in ("GET", "HEAD", "OPTIONS") else "write"
    if needed not in pair.permissions.split("_"):
        raise _refused(f"The API key provided does not have {needed} permissions.")


def _refused(message: str) -> RestError:
    return RestError(401, "woocommerce_rest_authentication_error", message)
