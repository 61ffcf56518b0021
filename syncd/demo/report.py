"""How the demo tells its story: a timeline for a person, the same as data for a machine."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from syncd.clock import Clock


@dataclass(frozen=True)
class Act:
    """How one act ended. `latency_ms` is the act's own measured figure, None where it has none."""

    name: str
    ok: bool
    detail: str
    latency_ms: float | None = None


@dataclass(frozen=True)
class Shown:
    """One listing at the end: what it should show and what its channel does show."""

    channel: str
    sku: str
    target: int
    shown: int


@dataclass
class Report:
    """Everything the demo found."""

    acts: list[Act] = field(default_factory=list)
    listings: list[Shown] = field(default_factory=list)
    findings: list[dict[str, object]] = field(default_factory=list)

    @property
    def phantom_units(self) -> int:
        """Units shown for sale that are not there."""
        return sum(max(0, one.shown - one.target) for one in self.listings)

    @property
    def ok(self) -> bool:
        """Whether every act ended as it should, every listing shows its target and the doctor finds nothing."""
        true = all(one.shown == one.target for one in self.listings)
        return bool(self.acts) and all(act.ok for act in self.acts) and true and not self.findings

    def write(self, path: Path) -> None:
        """The report as JSON."""
        told = {
            "ok": self.ok,
            "acts": [asdict(act) for act in self.acts],
            "listings": [asdict(one) for one in self.listings],
            "phantom_units": self.phantom_units,
            "doctor": {"findings": self.findings},
        }
        path.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


class Timeline:
    """Prints what happens, when it happens."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self._started = clock.monotonic()

    def act(self, number: int, title: str) -> None:
        """A new act begins."""
        self._console.print(f"\n[bold]{number}. {title}[/bold]", highlight=False)

    def say(self, sentence: str, *, mark: str = "·") -> None:
        """Something happened."""
        seconds = self._clock.monotonic() - self._started
        self._console.print(f"  {seconds:6.2f} s  {mark} {sentence}", highlight=False, soft_wrap=True)

    def end(self, act: Act) -> None:
        """An act is over."""
        self.say(act.detail, mark="[green]✓[/green]" if act.ok else "[red]✗[/red]")

    def finish(self, report: Report) -> None:
        """What is shown at the end, and whether it is true."""
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
        for name, justify in (("channel", "left"), ("SKU", "left"), ("target", "right"), ("shown", "right")):
            table.add_column(name, justify=justify)  # type: ignore[arg-type]
        for one in report.listings:
            table.add_row(one.channel, one.sku, str(one.target), str(one.shown))
        self._console.print()
        self._console.print(table)
        verdict = (
            "[green]every act ended as it should[/green]"
            if report.ok
            else "[red]not every act ended as it should[/red]"
        )
        self._console.print(
            f"\nphantom units shown: {report.phantom_units} · doctor findings: {len(report.findings)} · {verdict}",
            highlight=False,
        )
