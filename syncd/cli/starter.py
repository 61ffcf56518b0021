"""The syncd.toml that `syncd init` writes: every key with its meaning and default, every connector to choose from.

It is made from the models that read it, so that no key is missing and none is there that does not exist.
"""

from __future__ import annotations

from types import UnionType
from typing import Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from syncd.channel.registry import Connector, connector_names, load_connector
from syncd.cli.toml_text import toml_value
from syncd.config.load import SECTIONS
from syncd.config.secret import secret_fields
from syncd.config.sections import ROOM_SECTIONS, ChannelOptions, SupplierOptions

HEAD = """\
# syncd.toml, written by `syncd init`.
#
# What begins with '#' is off or has the value shown. Take the '#' from what you want to change; keep the rest.
# Secrets never stand here: they are named as KEY_env (a variable), KEY_file (a path) or KEY_credential (systemd).
# After every change: syncd check
"""


def starter_text() -> str:
    """The whole file; it loads as it is."""
    parts = [HEAD]
    for name, model in {**SECTIONS, **ROOM_SECTIONS}.items():
        parts.append("\n".join([f"[{name}]", *_keys(model, optional=True, prefix=name)]))
    parts += [_connector(load_connector(name)) for name in connector_names()]
    return "\n\n".join(parts) + "\n"


def _connector(connector: Connector) -> str:
    options = ChannelOptions if connector.kind == "channel" else SupplierOptions
    lines = [
        f"# ---- {connector.kind}: {connector.name} (the name behind the dot is yours to choose) ----",
        f"#[{connector.kind}.{connector.name}]",
        f"#connector = {toml_value(connector.name)}",
    ]
    lines += [line for line in _keys(options, optional=False, prefix="") if not line.startswith("#connector")]
    return "\n".join([*lines, *_keys(connector.settings_type, optional=False, prefix=connector.name)])


def _keys(model: type[BaseModel], *, optional: bool, prefix: str) -> list[str]:
    """Each key off, below what it means."""
    secrets = secret_fields(model)
    lines: list[str] = []
    for name, field in model.model_fields.items():
        if name == "connector":
            continue
        needed = "needed: " if field.is_required() and not optional else ""
        lines.append(f"# {needed}{(field.description or '').rstrip('.')}")
        if name in secrets:
            lines.append(f"#{name}_env = {toml_value(f'{prefix}_{name}'.upper())}")
        else:
            lines.append(f"#{name} = {toml_value(_value(field))}")
    return lines


def _value(field: FieldInfo) -> object:
    """The default, or an example of the right kind where there is none."""
    default = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(default, BaseModel):
        return {}
    if default is not PydanticUndefined and default is not None:
        return default
    return _example(field.annotation)


def _example(annotation: object) -> object:
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(part for part in get_args(annotation) if part is not type(None))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields
        return {name: _example(field.annotation) for name, field in fields.items() if field.is_required()}
    return {int: 0, float: 0.0, bool: False}.get(annotation, "…") if isinstance(annotation, type) else "…"
