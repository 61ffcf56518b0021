"""The daemon over its configurations: one `App` after the other, behind one door that stays open meanwhile.

A reload is an orderly end of all work and a beginning with the new configuration. It is made only when the new one can
be worked with: else the old goes on, and the log says why. Callers wait at the door in between, and none is refused.
"""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable, Mapping

from syncd import systemd
from syncd.app import App
from syncd.clock import Clock
from syncd.config.sections import Config
from syncd.errors import OperatorError
from syncd.http.server import open_door
from syncd.migrations import schema
from syncd.steering import open_database
from syncd.telemetry import Event, configure, log


class Daemon:
    """`reread` reads the configuration anew; raises ConfigError."""

    def __init__(self, config: Config, reread: Callable[[], Config], clock: Clock, environ: Mapping[str, str]) -> None:
        self._config = config
        self._reread = reread
        self._clock = clock
        self._environ = environ
        self._next: Config | None = None
        self._app: App | None = None
        self._open: socket.socket | None = None
        self._is_stopping = False

    async def run(self) -> None:
        """Work until stopped. Raises OperatorError where it cannot listen, and what ends an `App`."""
        with self._door() as self._open:
            while not self._is_stopping:
                configure(self._config.daemon.log_format, self._config.daemon.log_level, clock=self._clock)
                self._app = App(self._config, self._clock, self._environ, self._open)
                _leave_to_collector()
                await self._app.run()
                if self._next is None:
                    break
                self._config, self._next = self._next, None

    def stop(self) -> None:
        """Ask for an orderly end; `run` returns once everything is given back."""
        self._is_stopping = True
        systemd.stopping(self._environ)
        if self._open is not None:
            self._open.close()  # nobody is let in any more, and nobody waits in vain
        if self._app is not None:
            self._app.stop()

    async def reload(self) -> None:
        """Read the configuration again and go on with it, or say why not and go on as before."""
        if self._is_stopping or self._app is None:
            return
        systemd.reloading(self._environ, monotonic_seconds=self._clock.monotonic())
        try:
            config = self._reread()
            await _look_at(config)
        except OperatorError as fault:
            log(Event.CONFIG_REFUSED, explanation=fault.message, problems=list(fault.problems))
            systemd.ready(self._environ, f"the new syncd.toml is refused, the old one goes on: {fault.message}")
            return
        sections = changed_sections(self._config, config)
        log(Event.CONFIG_RELOADED, sections=sections, waits_for_restart=waits_for_restart(self._config, config))
        self._next = config
        self._app.stop()

    def _door(self) -> socket.socket:
        try:
            handed = systemd.listening(self._environ)
        except ValueError as fault:
            raise OperatorError(str(fault)) from None
        return handed or open_door(self._config.http.host, self._config.http.port)


def _leave_to_collector() -> None:
    """What is there now stays; a collector that walked through it would stop everything for 0.1 s at a time."""
    gc.unfreeze()  # what an App before this one has left
    gc.collect()
    gc.freeze()


async def _look_at(config: Config) -> None:
    """Raises OperatorError when the store of this configuration cannot be worked with."""
    db = open_database(config)
    try:
        await schema.check(db)
    finally:
        await db.aclose()


def changed_sections(before: Config, after: Config) -> list[str]:
    """The sections that are not as they were, secrets included, as they are written: `[push]`, `[channel.ebay]`."""
    then, now = _sections(before), _sections(after)
    return [f"[{name}]" for name in sorted({*then, *now}) if then.get(name) != now.get(name)]


def _sections(config: Config) -> dict[str, object]:
    found: dict[str, object] = {
        "daemon": config.daemon,
        "database": config.database,
        "http": config.http,
        "mqtt": config.mqtt,
        **config.rooms,
    }
    for name, channel in config.channels.items():
        found[f"channel.{name}"] = (channel.options, channel.settings, channel.capabilities)
    found |= {f"supplier.{name}": (one.options, one.settings) for name, one in config.suppliers.items()}
    return found


def waits_for_restart(before: Config, after: Config) -> list[str]:
    """The keys that changed and are not followed before the next start: the door stays open where it is."""
    return [f"[http] {key}" for key in ("host", "port") if getattr(before.http, key) != getattr(after.http, key)]
