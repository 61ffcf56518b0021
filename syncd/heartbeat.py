"""The daemon's sign of life: tells systemd when it is ready, how it fares, and that nothing in it hangs.

The sign stops when the event loop is blocked or a worker takes no step any more (`syncd/pulse.py`); systemd then ends
the process and starts it afresh, which is safe at any moment.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from syncd import systemd
from syncd.channel.service import ChannelLine
from syncd.clock import Clock
from syncd.pulse import STALL_SECONDS, Vigil
from syncd.telemetry import Event, log
from syncd.worker import Worker

BEAT_SECONDS = 5.0
"""How often it is looked whether anything hangs; more often where systemd wants to hear more often."""


class Heartbeat:
    """One daemon's. `stalled`: the workers that hang now."""

    def __init__(
        self,
        lines: Collection[ChannelLine],
        clock: Clock,
        environ: Mapping[str, str],
        *,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        self._lines = lines
        self._clock = clock
        self._environ = environ
        self._vigil = Vigil(stall_seconds)
        self._workers: Sequence[Worker] = ()
        self._url = ""
        self._told = ""
        self._is_unreached = False
        self.is_ready = False
        self.stalled: list[str] = []

    async def begin(self, workers: Sequence[Worker], url: str) -> None:
        """Return once every worker has its first run in hand, and systemd was told."""
        self._workers, self._url = workers, url
        for worker in workers:
            await worker.begun.wait()
        self.is_ready = True
        self._told = self._status()
        self._tell(lambda: systemd.ready(self._environ, self._told))

    async def run(self) -> None:
        """Beat until cancelled."""
        watchdog = systemd.watchdog_seconds(self._environ)
        pause = BEAT_SECONDS if watchdog is None else min(BEAT_SECONDS, watchdog / 3)
        while True:
            self.beat()
            await self._clock.sleep(pause)

    def beat(self) -> None:
        """Look once whether anything hangs, and tell systemd."""
        pulses = {worker.name: worker.pulse for worker in self._workers}
        before, self.stalled = self.stalled, self._vigil.stalled(pulses, self._clock.monotonic())
        for name in self.stalled:
            if name not in before:
                log(Event.WORKER_STALLED, worker=name)
        status = self._status()
        if status != self._told:
            self._told = status
            self._tell(lambda: systemd.status(self._environ, status))
        if not self.stalled:
            self._tell(lambda: systemd.watchdog(self._environ))

    def _tell(self, how: Callable[[], object]) -> None:
        try:
            how()
            self._is_unreached = False
        except OSError as fault:
            if not self._is_unreached:
                log(Event.SYSTEMD_UNREACHED, explanation=str(fault))
            self._is_unreached = True

    def _status(self) -> str:
        """One line for `systemctl status`."""
        said = [f"serving {self._url}", f"{len(self._lines)} channel{'s' if len(self._lines) != 1 else ''}"]
        for line in sorted(self._lines, key=lambda one: one.name):
            if line.down_since is not None:
                said.append(f"{line.name} does not answer since {line.down_since:%H:%M} UTC")
        said += [f"the worker {name!r} hangs" for name in self.stalled]
        return ", ".join(said)
