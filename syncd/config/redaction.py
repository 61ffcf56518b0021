"""What may be shown of a configured value: of a secret whether it is set, of a URL not what opens doors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, SecretStr

_URL_USERINFO = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_URL_QUERY_VALUE = re.compile(r"(?<=[?&])([^=&\s]+)=[^&\s#]*")


def redacted(model: BaseModel) -> dict[str, object]:
    """The model's fields as JSON can hold them, fit to be shown."""
    return {name: _shown(getattr(model, name)) for name in type(model).model_fields}


def _shown(value: object) -> object:
    if isinstance(value, SecretStr):
        return "(secret, set)" if value.get_secret_value() else "(secret, empty)"
    if isinstance(value, BaseModel):
        return redacted(value)
    if isinstance(value, Mapping):
        return {str(key): _shown(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_shown(part) for part in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _shown_text(value.as_posix() if isinstance(value, Path) else str(value))


def _shown_text(text: str) -> str:
    if "://" not in text:
        return text
    # A feed's address often carries its password as user:password@ or as ?token=…
    return _URL_QUERY_VALUE.sub(r"\1=(withheld)", _URL_USERINFO.sub("(withheld)", text))
