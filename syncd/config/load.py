"""Reads syncd.toml into a checked `Config`, or says everything that is wrong with it at once."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from syncd.availability.ats import AvailabilityConfig
from syncd.channel.registry import CONNECTORS_PACKAGE, Connector, connector_names, load_connector
from syncd.config.problem import key_name, nearest, section_label, sentence, unknown_key
from syncd.config.secret import SOURCES, SecretSources, holds, key_names, secret_fields, unseal
from syncd.config.sections import (
    ROOM_SECTIONS,
    ChannelConfig,
    ChannelOptions,
    Config,
    DaemonConfig,
    DatabaseConfig,
    HttpConfig,
    MqttConfig,
    SupplierConfig,
    SupplierOptions,
    problem_with_name,
)
from syncd.config.source import KeyPath, Source, changed, read_source
from syncd.config.tightening import points_at_this_machine, tightened
from syncd.errors import ConfigError
from syncd.identity import ChannelName, SupplierName
from syncd.letter.mail import MailConfig
from syncd.shortage.page import PageConfig

M = TypeVar("M", bound=BaseModel)

SECTIONS: dict[str, type[BaseModel]] = {
    "daemon": DaemonConfig,
    "database": DatabaseConfig,
    "http": HttpConfig,
    "mqtt": MqttConfig,
}


SEALABLE = ("channel", "supplier", "http", "mqtt", "page", "mail")
"""Sections whose secrets only the daemon and whoever calls a channel or supplier need."""


def load_config(
    path: Path,
    environ: Mapping[str, str],
    *,
    may_be_sealed: bool = False,
    connectors_package: str = CONNECTORS_PACKAGE,
    changes: Mapping[str, object] | None = None,
) -> Config:
    """Read syncd.toml, the secrets it names and the connectors it uses.

    With `may_be_sealed` the secrets of `SEALABLE` sections need not be here: connecting to such a channel or supplier
    raises ConfigError then. `changes` are read as if they stood in the file, in place of what stands there. Raises
    ConfigError whose `problems` are one sentence each, in the order of their lines.
    """
    source = read_source(path)
    if changes:
        source = replace(source, data=changed(source.data, changes))
    reading = _Reading(source, SecretSources(source.folder, environ), connectors_package, may_be_sealed)
    config = reading.config()
    if config is None:
        found = sorted(reading.found, key=lambda problem: problem.line or 0)
        raise ConfigError(f"{path} cannot be used as it is", [problem.sentence for problem in found])
    return config


def _channels_named(availability: AvailabilityConfig) -> list[tuple[KeyPath, str]]:
    named: list[tuple[KeyPath, str]] = []
    if availability.home_channel is not None:
        named.append((("availability", "home_channel"), availability.home_channel))
    for sku, policy in availability.sku.items():
        path: KeyPath = ("availability", "sku", sku)
        named += [((*path, "dedicated", name), name) for name in policy.dedicated]
        if policy.home_channel is not None:
            named.append(((*path, "home_channel"), policy.home_channel))
    return named


@dataclass(frozen=True)
class _Problem:
    line: int | None
    sentence: str


@dataclass(frozen=True)
class _Table:
    """A table of the file. `origins` says where keys stand that were written elsewhere than under `path`."""

    path: KeyPath
    values: Mapping[str, object]
    origins: Mapping[str, KeyPath] = field(default_factory=dict)

    def section(self, key: str) -> KeyPath:
        """The table in which this key stands."""
        return self.origins.get(key, self.path)


@dataclass(frozen=True)
class _Reading:
    """One reading of the file: gathers problems instead of stopping at the first."""

    source: Source
    secrets: SecretSources
    connectors_package: str
    may_be_sealed: bool
    found: list[_Problem] = field(default_factory=list)
    sealed: dict[KeyPath, list[str]] = field(default_factory=dict)
    """By table: what is said of secrets that are not here and need not be."""

    def config(self) -> Config | None:
        """Everything put together, or None when a problem was found."""
        self._unknown_sections()
        daemon = self._section("daemon", DaemonConfig)
        database = self._section("database", DatabaseConfig)
        http = self._section("http", HttpConfig)
        mqtt = self._section("mqtt", MqttConfig)
        rooms = {name: self._section(name, model) for name, model in ROOM_SECTIONS.items()}
        channels = [self._channel(table) for table in self._named("channel")]
        suppliers = [self._supplier(table) for table in self._named("supplier")]
        self._unknown_channels(rooms)
        if self.found or daemon is None or database is None or http is None or mqtt is None:
            return None
        if database.sqlite_path is not None:
            file = self.source.folder / database.sqlite_path
            database = database.model_copy(update={"url": f"sqlite:///{file}"})
        return Config(
            path=self.source.path,
            daemon=daemon.model_copy(update={"state_dir": self.source.folder / daemon.state_dir}),
            database=database,
            http=http,
            mqtt=mqtt,
            channels={channel.name: channel for channel in channels if channel},
            suppliers={supplier.name: supplier for supplier in suppliers if supplier},
            rooms={name: room for name, room in rooms.items() if room},
        )

    def _report(self, path: KeyPath, text: str, *, section: KeyPath = ()) -> None:
        self.found.append(self._problem(path, text, section=section))

    def _problem(self, path: KeyPath, text: str, *, section: KeyPath = ()) -> _Problem:
        line = self.source.line(path)
        where = f"{self.source.path}:{line}" if line is not None else f"{self.source.path}"
        label = f" {section_label(section)}" if section else ""
        return _Problem(line, f"{where}:{label} {text}")

    def _unknown_sections(self) -> None:
        known = [*SECTIONS, *ROOM_SECTIONS, "channel", "supplier"]
        for name in self.source.data:
            if name not in known:
                self._report((name,), f"unknown section [{name}]{nearest(name, known, quote='[{}]')}")

    def _unknown_channels(self, rooms: Mapping[str, BaseModel | None]) -> None:
        """Channels that are named must be there: stock dedicated to a slip of the pen is sold nowhere."""
        section = self.source.data.get("channel", {})
        known = list(section) if isinstance(section, dict) else []
        named: list[tuple[KeyPath, str]] = []
        for room in rooms.values():
            if isinstance(room, MailConfig):
                named += [(("mail", "channels"), name) for name in room.channels]
            elif isinstance(room, PageConfig):
                named += [(("page", "without_link"), name) for name in room.without_link]
            elif isinstance(room, AvailabilityConfig):
                named += _channels_named(room)
        for place, name in named:
            if name not in known:
                text = f"'{place[-1]}': there is no channel '{name}'{nearest(name, known)}"
                self._report(place, text, section=place[:-1])

    def _section(self, name: str, model: type[M]) -> M | None:
        values = self.source.data.get(name, {})
        if not isinstance(values, dict):
            self._report((name,), f"'{name}' must be a table; write [{name}] and its keys below it")
            return None
        return self._model(_Table((name,), values), model)

    def _named(self, kind: str) -> list[_Table]:
        """The tables [kind.NAME] whose names can be used."""
        section = self.source.data.get(kind, {})
        tables: list[_Table] = []
        for name, values in section.items() if isinstance(section, dict) else [("", section)]:
            path: KeyPath = (kind, name) if name else (kind,)
            if not isinstance(values, dict):
                self._report(path, f"[{kind}] needs a name of your choice: write [{kind}.NAME] and its keys below it")
            elif complaint := problem_with_name(name):
                self._report(path, complaint, section=path)
            else:
                tables.append(_Table(path, values))
        return tables

    def _channel(self, table: _Table) -> ChannelConfig | None:
        connector = self._connector(table, "channel")
        options = self._model(_only(table, ChannelOptions.model_fields), ChannelOptions)
        if connector is None:
            return None
        settings = self._settings(table, connector, ChannelOptions, ("capabilities",))
        capabilities = connector.capabilities
        assert capabilities is not None  # noqa: S101 - load_connector refuses a channel without them
        written = self._subtable(table, "capabilities")
        # With wrong settings nobody can tell a stand-in from the real one; they are refused anyway.
        stand_in = settings is None or points_at_this_machine(settings)
        capabilities, problems = tightened(capabilities, written, stand_in=stand_in)
        section = (*table.path, "capabilities")
        for key, complaint in problems:
            self._report((*section, key), complaint, section=section)
        sealed = tuple(self.sealed.get(table.path, ()))
        if options is None or (settings is None and not sealed):
            return None
        return ChannelConfig(ChannelName(str(table.path[-1])), options, connector, settings, capabilities, sealed)

    def _supplier(self, table: _Table) -> SupplierConfig | None:
        connector = self._connector(table, "supplier")
        options = self._model(_only(table, SupplierOptions.model_fields), SupplierOptions)
        if connector is None:
            return None
        settings = self._settings(table, connector, SupplierOptions, ())
        sealed = tuple(self.sealed.get(table.path, ()))
        if options is None or (settings is None and not sealed):
            return None
        return SupplierConfig(SupplierName(str(table.path[-1])), options, connector, settings, sealed)

    def _connector(self, table: _Table, kind: Literal["channel", "supplier"]) -> Connector | None:
        """The connector named; a name that is missing or no text is left to the options to report."""
        name = table.values.get("connector")
        if not isinstance(name, str):
            return None
        known = connector_names(self.connectors_package)
        path = (*table.path, "connector")
        if name not in known:
            hint = nearest(name, known) or f"; known connectors: {', '.join(known)}"
            self._report(path, f"there is no connector '{name}'{hint}", section=table.path)
            return None
        try:
            connector = load_connector(name, self.connectors_package)
        except ConfigError as error:
            self._report(path, "; ".join([error.message, *error.problems]), section=table.path)
            return None
        if connector.kind != kind:
            right = f"[{connector.kind}.{table.path[-1]}]"
            self._report(path, f"'{name}' is a connector for a {connector.kind}: write {right}", section=table.path)
            return None
        return connector

    def _settings(
        self, table: _Table, connector: Connector, options: type[BaseModel], tables: tuple[str, ...]
    ) -> BaseModel | None:
        """The connector's settings: the keys syncd does not know itself, and those under [….settings]."""
        own = {*options.model_fields, *tables, "settings"}
        values = {key: value for key, value in table.values.items() if key not in own}
        apart = self._subtable(table, "settings")
        section = (*table.path, "settings")
        for key in sorted(values.keys() & apart.keys()):
            self._report(
                (*section, key),
                f"'{key}' is given twice: also in {section_label(table.path)}",
                section=section,
            )
        merged = _Table(table.path, {**values, **apart}, dict.fromkeys(apart, section))
        return self._model(merged, connector.settings_type, also_known=own)

    def _subtable(self, table: _Table, name: str) -> Mapping[str, Any]:
        values = table.values.get(name, {})
        if isinstance(values, dict):
            return values
        self._report((*table.path, name), f"'{name}' must be a table", section=table.path)
        return {}

    def _model(self, table: _Table, model: type[M], also_known: Iterable[str] = ()) -> M | None:
        """The table as this model, or None when something in it is wrong."""
        before = len(self.found)
        secret = secret_fields(model)
        known = [*key_names(model), *also_known]
        paths = {name for name, found in model.model_fields.items() if holds(found.annotation, Path)}
        usable: dict[str, object] = {}
        passed_over: set[KeyPath] = set()
        for key, value in table.values.items():
            section = table.section(key)
            if key not in known and key not in secret:
                self._report((*section, key), unknown_key(key, known), section=section)
            elif not _is_finite(value):
                self._report((*section, key), f"'{key}' must be a finite number", section=section)
                passed_over.add((key,))
            else:
                usable[key] = self._from_folder(value) if key in paths else value
        unsealed = unseal(usable, model, self.secrets)
        for place, complaint in unsealed.problems:
            self._report_at(table, place, f"'{key_name(place)}' {complaint}")
        for place, complaint in unsealed.absent:
            self._absent(table, place, f"'{key_name(place)}' {complaint}")
        passed_over |= unsealed.unresolved
        try:
            # Strict, and by way of JSON: text stays text and numbers stay numbers, while paths, decimals and
            # tuples may be written as TOML can write them.
            validated = model.model_validate_json(json.dumps(unsealed.table, default=str), strict=True)
        except ValidationError as error:
            for details in error.errors(include_url=False):
                loc = details["loc"]
                about_all = not loc and bool(unsealed.unresolved)  # judged without them: it may well be right
                if not about_all and not any(loc[:length] in passed_over for length in range(1, len(loc) + 1)):
                    self._report_at(table, loc, sentence(details, model))
            return None
        return validated if len(self.found) == before else None

    def _from_folder(self, value: object) -> object:
        """A path, counted from the folder of syncd.toml."""
        return str(self.source.folder / value) if isinstance(value, str) and value else value

    def _report_at(self, table: _Table, place: KeyPath, text: str) -> None:
        self.found.append(self._problem_at(table, place, text))

    def _absent(self, table: _Table, place: KeyPath, text: str) -> None:
        """A secret that is not here: a problem for whoever needs it."""
        if self.may_be_sealed and table.path[0] in SEALABLE:
            self.sealed.setdefault(table.path, []).append(self._problem_at(table, place, text).sentence)
        else:
            self._report_at(table, place, text)

    def _problem_at(self, table: _Table, place: KeyPath, text: str) -> _Problem:
        section = table.section(str(place[0])) if place else table.path
        return self._problem(self._as_written((*section, *place)), text, section=section)

    def _as_written(self, path: KeyPath) -> KeyPath:
        """The path under which a secret stands in the file; any other path as it is."""
        sources = [(*path[:-1], f"{path[-1]}_{source}") for source in SOURCES]
        return next((written for written in (path, *sources) if written in self.source.lines), path)


def _only(table: _Table, keys: Iterable[str]) -> _Table:
    wanted = set(keys)
    return _Table(table.path, {key: value for key, value in table.values.items() if key in wanted})


def _is_finite(value: object) -> bool:
    if isinstance(value, dict):
        return all(_is_finite(part) for part in value.values())
    if isinstance(value, list):
        return all(_is_finite(part) for part in value)
    return not isinstance(value, float) or math.isfinite(value)
