"""Runs one benchmark: `python -m tests.benchmarks NAME [--only WORDS] [--json FILE] [--check]`.

A benchmark is a module of this folder with `async def figures() -> list[Figure]`. One of several parts names them in
`PARTS` and takes those to be measured: `async def figures(parts: Sequence[str] = PARTS) -> list[Figure]`. Exit status:
0 measured, 1 a goal does not hold (with --check), 2 no such benchmark or part.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.figures import Figure, report

FORM = frozenset({"__init__", "__main__", "figures", "turns", "bare", "growth"})
"""Files of this folder that are no benchmarks."""


def benchmark_names(folder: Path) -> list[str]:
    """Every benchmark in the folder, by the name of its module."""
    names = {path.stem for path in folder.glob("*.py")} - FORM
    return sorted(name for name in names if not name.startswith("test_"))


def table(benchmark: str, figures: Sequence[Figure]) -> Table:
    """The figures as a person reads them."""
    drawn = Table(title=benchmark, title_justify="left", box=None, pad_edge=False)
    drawn.add_column("name")
    for heading in ("value", "unit", "baseline", "ratio"):
        drawn.add_column(heading, justify="left" if heading == "unit" else "right")
    drawn.add_column("goal")
    drawn.add_column("holds")
    for figure in figures:
        drawn.add_row(
            figure.name,
            _number(figure.value),
            figure.unit,
            _number(figure.baseline),
            _number(figure.ratio),
            str(figure.goal) if figure.goal else "–",
            {True: "[green]yes[/green]", False: "[red]no[/red]", None: "–"}[figure.holds],
        )
    return drawn


def main(arguments: Sequence[str], folder: Path, console: Console) -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measure one benchmark.")
    parser.add_argument("name", nargs="?", help="which one; without it they are listed")
    parser.add_argument("--only", metavar="WORDS", help="the parts that have these words in their name")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures as JSON")
    parser.add_argument("--check", action="store_true", help="fail when a goal does not hold")
    given = parser.parse_args(arguments)
    names = benchmark_names(folder)
    if given.name not in names:
        if given.name is not None:
            console.print(f"There is no benchmark {given.name!r}.", markup=False)
        console.print(f"Benchmarks: {', '.join(names) or 'none yet'}", markup=False)
        return 2
    module = importlib.import_module(f"{__package__}.{given.name}")
    chosen: list[Sequence[str]] = []
    if given.only is not None:
        parts: Sequence[str] = getattr(module, "PARTS", ())
        chosen = [[part for part in parts if set(given.only.split()) <= set(part.split())]]
        if not chosen[0]:
            console.print(f"{given.name} has no part {given.only!r}.", markup=False)
            console.print(f"Parts: {', '.join(parts) or 'none'}", markup=False)
            return 2
    figures: list[Figure] = asyncio.run(module.figures(*chosen))
    console.print(table(given.name, figures))
    if given.json is not None:
        text = json.dumps(report(given.name, figures), indent=2, ensure_ascii=False, allow_nan=False)
        given.json.write_text(text + "\n", encoding="utf-8")
    return 1 if given.check and any(figure.holds is False for figure in figures) else 0


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(__file__).parent, Console()))
