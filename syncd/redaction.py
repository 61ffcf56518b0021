"""What may be shown of a value in a log, an error or a listing of the configuration.

Of a secret: whether it is set. Of a URL: not what opens doors. Of a buyer: nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, SecretBytes, SecretStr

WITHHELD = "(withheld)"

TEXT_LENGTH_MAX = 4000
"""Longest text shown, in characters; what is longer is cut."""

ENTRIES_MAX = 50
"""Most entries shown of an array or a table."""

_PRIVATE_WORDS = frozenset(
    (
        *(
            "password",
            "passphrase",
            "passwd",
            "secret",
            "token",
            "authorization",
            "auth",
            "cookie",
            "credential",
        ),
        *("credentials", "signature", "email", "phone", "street", "address", "buyer", "recipient"),
    )
)
_PRIVATE_PAIRS = frozenset({"api_key", "consumer_key", "private_key", "signing_key", "access_key", "ship_to"})

_URL_USERINFO = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_URL_QUERY_VALUE = re.compile(r"(?<=[?&])([^=&\s#]+)=[^&\s#'\"]+")
_AUTHORIZATION = re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)


def is_private(name: str) -> bool:
    """Whether a field of this name is withheld whatever it holds."""
    lower = name.lower().replace("-", "_")
    return not _PRIVATE_WORDS.isdisjoint(lower.split("_")) or any(pair in lower for pair in _PRIVATE_PAIRS)


def redacted(value: object) -> object:
    """The value as JSON can hold it, fit to be shown; bounded, whatever it is."""
    if isinstance(value, SecretStr | SecretBytes):
        return "(secret, set)" if value.get_secret_value() else "(secret, empty)"
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, BaseModel):
        return redacted_fields(value)
    if isinstance(value, Mapping):
        return {str(key): _field(str(key), part) for key, part in list(value.items())[:ENTRIES_MAX]}
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted(part) for part in list(value)[:ENTRIES_MAX]]
    return redacted_text(value.as_posix() if isinstance(value, Path) else str(value))


def redacted_fields(model: BaseModel) -> dict[str, object]:
    """The fields of a configuration section: everything in force, secrets by whether they are set."""
    return {name: redacted(getattr(model, name)) for name in type(model).model_fields}


def redacted_text(text: str) -> str:
    """The text without what stands in a URL or a header to open doors; at most `TEXT_LENGTH_MAX` of it."""
    shown = text if len(text) <= TEXT_LENGTH_MAX else f"{text[:TEXT_LENGTH_MAX]}… (cut)"
    shown = _AUTHORIZATION.sub(rf"\1 {WITHHELD}", shown)
    if "://" in shown:
        # A feed's address often carries its password as user:password@ or as ?token=…
        shown = _URL_QUERY_VALUE.sub(rf"\1={WITHHELD}", _URL_USERINFO.sub(WITHHELD, shown))
    return shown


def _field(name: str, value: object) -> object:
    if is_private(name) and value is not None and not isinstance(value, bool | SecretStr | SecretBytes):
        return WITHHELD
    return redacted(value)
