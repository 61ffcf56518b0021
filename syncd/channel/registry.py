"""Finds connectors by folder: reads connector.toml, loads the entry module, never names a connector.

A connector is a folder `<package>/<name>/` with `connector.toml`; its module `channel.py` (kind "channel") or `feed.py`
(kind "supplier") holds `Settings` (a frozen pydantic model) and `connect(settings, *, name, clock, ...)`.
"""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields
from importlib import resources
from types import ModuleType
from typing import Any, Literal, Protocol, cast

from pydantic import BaseModel

from syncd.channel.port import Capabilities, Channel
from syncd.clock import Clock
from syncd.errors import ConfigError

CONNECTORS_PACKAGE = "connectors"
"""The top-level package whose sub-folders are connectors."""

ENTRY_MODULE = {"channel": "channel", "supplier": "feed"}


class Sandbox(Protocol):
    """A connector's stand-in server, as `sandbox.py` offers it through `start(host, port, **options)`."""

    url: str

    async def aclose(self) -> None:
        """Stop serving and give the port back."""
        ...


@dataclass(frozen=True)
class Connector:
    """One connector folder, loaded."""

    name: str
    kind: Literal["channel", "supplier"]
    vendor_library: str
    capabilities: Capabilities | None
    settings_type: type[BaseModel]
    module: ModuleType

    def connect_channel(self, settings: BaseModel, *, name: str, clock: Clock, capabilities: Capabilities) -> Channel:
        """A live channel with these settings."""
        connect = cast(Callable[..., Channel], self.module.connect)
        return connect(settings, name=name, clock=clock, capabilities=capabilities)

    def connect_supplier(self, settings: BaseModel, *, name: str, clock: Clock) -> Any:
        """A live supplier with these settings."""
        return self.module.connect(settings, name=name, clock=clock)

    def sandbox_module(self) -> ModuleType:
        """The connector's stand-in server module."""
        return importlib.import_module(f"{self.module.__package__}.sandbox")


def connector_names(package: str = CONNECTORS_PACKAGE) -> list[str]:
    """Every folder that holds a connector.toml, sorted."""
    root = resources.files(package)
    return sorted(entry.name for entry in root.iterdir() if entry.is_dir() and (entry / "connector.toml").is_file())


def load_connector(name: str, package: str = CONNECTORS_PACKAGE) -> Connector:
    """Read and import one connector. Raises ConfigError naming the file and what is wrong with it."""
    known = connector_names(package)
    if name not in known:
        raise ConfigError(f"there is no connector {name!r}; known connectors: {', '.join(known)}")
    where = f"{package}/{name}/connector.toml"
    facts = tomllib.loads((resources.files(package) / name / "connector.toml").read_text(encoding="utf-8"))
    kind = facts.get("kind")
    if kind not in ENTRY_MODULE:
        raise ConfigError(f"{where}: kind must be 'channel' or 'supplier', not {kind!r}")
    module = importlib.import_module(f"{package}.{name}.{ENTRY_MODULE[kind]}")
    capabilities = _capabilities(where, facts.get("capabilities")) if kind == "channel" else None
    return Connector(name, kind, str(facts.get("vendor_library", "")), capabilities, module.Settings, module)


def _capabilities(where: str, table: object) -> Capabilities:
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: a channel needs a [capabilities] table")
    known = {field.name for field in fields(Capabilities)}
    optional = {"names_buyer_language", "write_outlasts_seconds", "reads_singly", "cancelling_counts"}
    # TOML has no null: a limit that does not exist is written "none".
    values: dict[str, Any] = {key: None if value == "none" else value for key, value in table.items()}
    problems = [f"unknown capability {key!r}" for key in sorted(set(values) - known)]
    problems += [f"capability {key!r} is missing" for key in sorted(known - optional - set(values))]
    if problems:
        raise ConfigError(f"{where} does not state its capabilities rightly", problems)
    return Capabilities(**values)
