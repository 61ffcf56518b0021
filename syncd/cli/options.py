"""Options as values: what every command shares, and groups of options handed to a command as one frozen dataclass."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

F = TypeVar("F", bound=Callable[..., None])

DEFAULT_CONFIG = Path("syncd.toml")

ConfigOption = Annotated[
    Path | None,
    typer.Option("-c", "--config", help="The configuration; SYNCD_CONFIG or ./syncd.toml when not given."),
]


@dataclass(frozen=True)
class ConfigFile:
    """Which configuration a command works with."""

    config: ConfigOption = None

    @property
    def path(self) -> Path:
        """The file to read."""
        return self.config or DEFAULT_CONFIG


@dataclass(frozen=True)
class Common(ConfigFile):
    """What every command that shows something shares."""

    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON value instead of a table.")] = False


def command(group: typer.Typer, name: str) -> Callable[[F], F]:
    """Register a function as a command; parameters that are dataclasses become one option for each of their fields."""

    def register(function: F) -> F:
        group.command(name)(_flattened(function))
        return function

    return register


def callback(group: typer.Typer) -> Callable[[F], F]:
    """Register what a group does when no command of it is named."""

    def register(function: F) -> F:
        group.callback(invoke_without_command=True)(_flattened(function))
        return function

    return register


def _flattened(function: Callable[..., None]) -> Callable[..., None]:
    hints = get_type_hints(function, include_extras=True)
    kept: list[inspect.Parameter] = []
    gathered: dict[str, type[Any]] = {}
    for name, given in inspect.signature(function).parameters.items():
        hint = hints[name]
        if isinstance(hint, type) and is_dataclass(hint):
            gathered[name] = hint
            own = get_type_hints(hint, include_extras=True)
            kept += [_parameter(field.name, own[field.name], field.default) for field in fields(hint)]
        elif hint is not typer.Context:
            kept.append(_parameter(name, hint, given.default))

    def run(ctx: typer.Context, **given: Any) -> None:
        if "config" in given:
            given["config"] = given["config"] or ctx.find_root().obj
        for name, kind in gathered.items():
            given[name] = kind(**{field.name: given.pop(field.name) for field in fields(kind)})
        if typer.Context in hints.values():
            given["ctx"] = ctx
        function(**given)

    parameters = [_parameter("ctx", typer.Context, inspect.Parameter.empty), *kept]
    run.__doc__ = function.__doc__
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run


def _parameter(name: str, hint: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
