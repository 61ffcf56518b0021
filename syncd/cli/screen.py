"""What a command writes: sentences and tables for a person, one JSON value for a program, progress for whoever waits.

Tables fit 100 columns, numbers stand right, colour only appears on a terminal and never says anything alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NoReturn

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from syncd.http.shape import moment

WIDTH_MAX = 100
"""Columns no line of a table passes."""

GOOD, LOOK, BAD, FAINT = "green", "yellow", "red", "bright_black"

CUT_AT = 28
"""Longest text in a column that may be cut short, in characters."""

Cell = str | int | None


def out() -> Console:
    """Where answers go."""
    return _console(stderr=False)


def err() -> Console:
    """Where complaints and progress go."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, markup=False, highlight=False, emoji=False)
    console.width = min(console.width, WIDTH_MAX) if console.is_terminal else WIDTH_MAX
    return console


def say(sentence: str = "", style: str = "") -> None:
    """One sentence, wrapped."""
    out().print(sentence, style=style)


def answer(sentence: str, style: str = "") -> None:
    """The answer to the command's one question; support and detail come after it."""
    out().print(Text(sentence, style=f"bold {style}".strip()))


def counted(number: int, noun: str) -> str:
    """'1 case', '2 cases'."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def verbatim(text: str) -> None:
    """Text to be copied: never wrapped, never coloured."""
    typer.echo(text)


def table(heads: Sequence[str], rows: Iterable[Sequence[Cell]], *, title: str = "") -> None:
    """Show a table, as `grid` builds it."""
    out().print(grid(heads, rows, title=title))


def grid(heads: Sequence[str], rows: Iterable[Sequence[Cell]], *, title: str = "") -> Table:
    """A table. A head that begins with '>' is a column of numbers, one that ends with '…' may be cut short."""
    built = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), title=title or None, title_justify="left")
    for head in heads:
        is_number = head.startswith(">")
        built.add_column(
            head.lstrip(">").rstrip("…"),
            justify="right" if is_number else "left",
            no_wrap=is_number,
            overflow="fold",
            header_style="bold",
        )
    for row in rows:
        built.add_row(*(_written(cell, cut=head.endswith("…")) for head, cell in zip(heads, row, strict=False)))
    return built


def _written(cell: Cell, *, cut: bool) -> str:
    text = "–" if cell is None else str(cell)
    return f"{text[: CUT_AT - 1]}…" if cut and len(text) > CUT_AT else text


def data(value: Mapping[str, object] | Sequence[object]) -> None:
    """One JSON value: moments in UTC, as the API writes them; what the API names too has the same shape here."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return moment(value)
    return value.as_posix() if isinstance(value, Path) else str(value)


def complain(message: str, problems: Sequence[str] = ()) -> None:
    """Say on standard error what went wrong, every problem of it."""
    console = err()
    console.print(Text(message, style=f"bold {BAD}"), soft_wrap=True)
    for problem in problems:
        typer.echo(f"  - {problem}", err=True)  # there may be a hundred thousand of them


def fail() -> NoReturn:
    """End with exit code 1: something was found, or was not done."""
    raise typer.Exit(1)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show on a terminal that something is being waited for."""
    console = err()
    if console.is_terminal:
        with console.status(what):
            yield
    else:
        yield


class _Rate(ProgressColumn):
    """How many steps a second."""

    def render(self, task: Task) -> Text:
        """The rate, once there is one."""
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


@contextmanager
def progress(what: str, total: int) -> Iterator[Progress]:
    """A bar with rate and end for work of so many steps; `advance(TaskID(0))` after each. Silent off a terminal."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=err(),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    with bar:
        bar.add_task(what, total=total)
        yield bar
