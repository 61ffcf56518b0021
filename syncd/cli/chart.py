"""Bars side by side, on the terminal and as an SVG file: both drawn by rich, which is here already."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.bar import Bar
from rich.console import Console
from rich.table import Table
from rich.text import Text

from syncd.cli.screen import CUT_AT, WIDTH_MAX
from syncd.errors import OperatorError

BAR_WIDTH = 50
"""Columns of the longest bar."""


@dataclass(frozen=True)
class Bars:
    """One row: a name, and a bar for each of its numbers."""

    name: str
    values: Mapping[str, int]


def chart(rows: Sequence[Bars], colours: Mapping[str, str]) -> Table:
    """All bars on one scale, each with its number: colour says nothing alone."""
    most = max((value for row in rows for value in row.values.values()), default=0) or 1
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    grid.add_column(max_width=CUT_AT, overflow="ellipsis", no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(no_wrap=True)
    for row in rows:
        for at, (what, value) in enumerate(row.values.items()):
            bar = Bar(most, 0, value, width=BAR_WIDTH, color=colours[what])
            grid.add_row(Text(row.name if at == 0 else ""), Text(what), Text(f"{value:,}"), bar)
    return grid


def save(file: Path, drawing: Table, *, title: str) -> None:
    """Write a drawing as SVG that shows the same wherever it is opened: nothing in it is fetched from elsewhere."""
    console = Console(record=True, width=WIDTH_MAX, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(drawing)
    form = re.sub(r"@font-face \{\{.*?\}\}|<!--.*?-->", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    svg = console.export_svg(title=title, code_format=form)
    try:
        file.write_text(svg, encoding="utf-8")
    except OSError as error:
        raise OperatorError(f"the plot cannot be written to {file}: {error.strerror}") from error
