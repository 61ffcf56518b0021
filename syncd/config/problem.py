"""What is wrong with a value, in one sentence a merchant can act on; values themselves are not repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails
from rapidfuzz import fuzz, process

from syncd.config.secret import how_to_give, key_names, secret_fields
from syncd.config.source import KeyPath

SIMILARITY_MIN = 60.0
"""Below this likeness (0 to 100) a known name is not offered as what may have been meant."""

_TYPE_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number with decimals",
    str: "text in quotes",
    list: "an array",
    dict: "a table",
}

_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "string_type": "text in quotes",
    "bool_type": "true or false",
    "tuple_type": "an array",
    "list_type": "an array",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "path_type": "a path in quotes",
    "finite_number": "a finite number",
}

_LIMIT: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "greater_than": lambda limit: f"must be greater than {limit['gt']}",
    "greater_than_equal": lambda limit: f"must be at least {limit['ge']}",
    "less_than": lambda limit: f"must be less than {limit['lt']}",
    "less_than_equal": lambda limit: f"must be at most {limit['le']}",
    "string_too_short": lambda limit: f"must have at least {_counted(limit['min_length'], 'character')}",
    "string_too_long": lambda limit: f"must have at most {_counted(limit['max_length'], 'character')}",
    "string_pattern_mismatch": lambda limit: f"must match {limit['pattern']}",
    "too_short": lambda limit: f"must have at least {_counted(limit['min_length'], 'entry')}",
    "too_long": lambda limit: f"must have at most {_counted(limit['max_length'], 'entry')}",
}


def section_label(path: KeyPath) -> str:
    """`[channel.ebay]`, as it stands in the file."""
    return f"[{'.'.join(str(part) for part in path)}]"


def nearest(name: str, known: Iterable[str], *, quote: str = "'{}'") -> str:
    """`; did you mean 'app_id'?`, or nothing when no known name is like it."""
    found = process.extractOne(name, sorted(known), scorer=fuzz.ratio, score_cutoff=SIMILARITY_MIN)
    return f"; did you mean {quote.format(found[0])}?" if found else ""


def unknown_key(name: str, known: Iterable[str]) -> str:
    """The sentence for a key nobody reads."""
    names = sorted(known)
    # In a table inside the section the key is named with its path; likeness is a matter of its last part.
    hint = nearest(name.rpartition(".")[2], names)
    if not hint and names:
        hint = f"; known keys: {', '.join(names)}"
    return f"unknown key '{name}'{hint}"


def sentence(error: ErrorDetails, model: type[BaseModel]) -> str:
    """One pydantic error as a sentence that begins with the key it is about."""
    loc = error["loc"]
    owner = _model_at(model, loc[:-1])
    if error["type"] == "extra_forbidden":
        return unknown_key(key_name(loc), key_names(owner) if owner else ())
    is_secret = bool(loc) and owner is not None and loc[-1] in secret_fields(owner)
    if error["type"] == "missing":
        return f"'{key_name(loc)}' is missing" + (f"; {how_to_give(str(loc[-1]))}" if is_secret else "")
    if is_secret:
        # What a validator says of a secret might repeat it.
        return f"'{key_name(loc)}' is not acceptable as it is"
    subject = f"'{key_name(loc)}' " if loc else ""
    return subject + _complaint(error)


def key_name(loc: KeyPath) -> str:
    """`locations[2]`, `mail.host`: a path inside a section as a person would write it."""
    text = ""
    for part in loc:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _complaint(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in _EXPECTED:
        return f"must be {_EXPECTED[kind]}, not {_type_word(error['input'])}"
    if kind in _LIMIT:
        return _LIMIT[kind](context)
    if kind in ("literal_error", "enum"):
        return f"must be {context['expected']}{_misspelt(error['input'], str(context['expected']))}"
    if kind in ("value_error", "assertion_error"):
        return str(context.get("error", "is not acceptable"))
    return f"is not acceptable: {error['msg'][:1].lower()}{error['msg'][1:]}"


def _misspelt(value: object, expected: str) -> str:
    if not isinstance(value, str):
        return f", not {_type_word(value)}"
    choices = [part.strip("' ") for part in expected.replace(" or ", ", ").split(",")]
    return nearest(value, choices)


def _type_word(value: object) -> str:
    return _TYPE_WORDS.get(type(value), "that")


def _counted(count: int, noun: str) -> str:
    if count == 1:
        return f"1 {noun}"
    return f"{count} {noun[:-1] + 'ies' if noun.endswith('y') else noun + 's'}"


def _model_at(model: type[BaseModel], loc: KeyPath) -> type[BaseModel] | None:
    """The model that owns the keys at this place inside `model`."""
    owner: Any = model
    for part in loc:
        owner = _without_none(owner)
        if isinstance(owner, type) and issubclass(owner, BaseModel):
            owner = owner.model_fields[part].annotation if part in owner.model_fields else None
        elif get_origin(owner) in (list, tuple, dict):
            owner = get_args(owner)[-1 if get_origin(owner) is dict else 0]
    owner = _without_none(owner)
    return owner if isinstance(owner, type) and issubclass(owner, BaseModel) else None


def _without_none(annotation: Any) -> Any:
    parts = [part for part in get_args(annotation) if part is not type(None)]
    return parts[0] if get_origin(annotation) in (Union, UnionType) and len(parts) == 1 else annotation
