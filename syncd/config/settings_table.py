"""A connector's settings as a table for its README: key, default, meaning, straight from the model that reads them."""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

HEAD = "| setting | default | meaning |\n|---|---|---|\n"


def settings_table(model: type[BaseModel]) -> str:
    """The table as Markdown; keys of a table inside stand with its name and a dot before them."""
    return HEAD + "".join(f"| `{key}` | {_default(field)} | {_meaning(field)} |\n" for key, field in _keys(model))


def _keys(model: type[BaseModel], before: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        yield f"{before}{name}", field
        inner = _model_in(field.annotation)
        if inner is not None:
            yield from _keys(inner, f"{before}{name}.")


def _model_in(annotation: Any) -> type[BaseModel] | None:
    parts = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return next((part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)), None)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is None or value == "" or field.default_factory is not None or isinstance(value, SecretStr):
        return ""
    if isinstance(value, tuple):
        return ", ".join(str(one) for one in value)
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _meaning(field: FieldInfo) -> str:
    return (field.description or "").replace("|", r"\|")
