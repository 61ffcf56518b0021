"""What a benchmark measures: figures with their unit, what they are compared with, and the goal they must hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound that a figure's value, or its ratio to the baseline, must keep."""

    kind: Literal["at_most", "at_least"]
    bound: float
    of: Literal["value", "ratio"] = "value"

    def __str__(self) -> str:
        sign = "≤" if self.kind == "at_most" else "≥"
        return f"{'ratio ' if self.of == 'ratio' else ''}{sign} {self.bound:g}"

    def holds(self, measured: float) -> bool:
        """Whether what was measured keeps the bound."""
        return measured <= self.bound if self.kind == "at_most" else measured >= self.bound


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that was measured. `baseline` is the same thing done the plain way, measured in the same run."""

    name: str
    value: float
    unit: str
    baseline: float | None = None
    goal: Goal | None = None

    def __post_init__(self) -> None:
        if self.goal is not None and self.goal.of == "ratio" and not self.baseline:
            raise ValueError(f"{self.name}: a goal for the ratio needs a baseline other than 0")

    @property
    def ratio(self) -> float | None:
        """How many times the baseline; None without one."""
        return self.value / self.baseline if self.baseline else None

    @property
    def holds(self) -> bool | None:
        """Whether the goal is kept; None where none is set."""
        if self.goal is None:
            return None
        measured = self.ratio if self.goal.of == "ratio" else self.value
        assert measured is not None
        return self.goal.holds(measured)

    def as_json(self) -> dict[str, object]:
        """The figure as the JSON file holds it."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "baseline": self.baseline,
            "ratio": self.ratio,
            "goal": str(self.goal) if self.goal else None,
            "holds": self.holds,
        }


def at_most(bound: float, *, of: Literal["value", "ratio"] = "value") -> Goal:
    """The goal that the value (or the ratio) does not exceed the bound."""
    return Goal("at_most", bound, of)


def at_least(bound: float, *, of: Literal["value", "ratio"] = "value") -> Goal:
    """The goal that the value (or the ratio) reaches the bound."""
    return Goal("at_least", bound, of)


def report(benchmark: str, figures: Sequence[Figure]) -> dict[str, object]:
    """The whole run as JSON."""
    return {"benchmark": benchmark, "figures": [figure.as_json() for figure in figures]}
