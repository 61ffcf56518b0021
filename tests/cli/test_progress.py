"""The bar of long work, on a real terminal: it moves while the work goes on, and is gone afterwards."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import Shop

ROOT = Path(__file__).parents[2]
ROWS = 6_000


def on_a_terminal(shop: Shop, *words: str) -> tuple[int, str, str]:
    """Type a command whose complaints and bars go to a terminal: exit code, standard output, what the terminal got."""
    ours, theirs = pty.openpty()
    program = (sys.executable, "-m", "syncd", "-c", str(shop.config), *words)
    environ = {**os.environ, **shop.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=theirs, cwd=ROOT, env=environ) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:  # the other side has closed the terminal
            pass
        assert process.stdout is not None
        out = process.stdout.read().decode()
    os.close(ours)
    return process.returncode, out, shown.decode()


@pytest.fixture
def opening(shop: Shop) -> Path:
    """An opening stock of some parts."""
    file = shop.folder / "opening.csv"
    file.write_text("sku,quantity\n" + "".join(f"SKU-{n},1\n" for n in range(ROWS)), encoding="utf-8")
    return file


def test_the_bar_moves_and_is_gone(shop: Shop, opening: Path) -> None:
    """Reading, writing and exporting each show how far they are; the answer stands alone on standard output."""
    code, out, shown = on_a_terminal(shop, "stock", "import", str(opening))
    assert code == 0
    assert out.startswith(f"Took in {ROWS} units of {ROWS} products")
    assert "reading opening.csv" in shown
    steps = [int(done) for done in re.findall(rf"(\d+)/{ROWS}\b", shown)]
    assert steps == sorted(steps)
    assert steps[-1] == ROWS
    assert re.search(r"writing opening\.csv.*\d:\d\d:\d\d", shown)
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") > 0  # the cursor is given back
    code, out, shown = on_a_terminal(shop, "stock", "export", str(shop.folder / "log.jsonl"))
    assert (code, f"{ROWS}/{ROWS}" in shown, out.startswith("Wrote")) == (0, True, True)


def test_a_refusal_gives_the_terminal_back(shop: Shop, opening: Path) -> None:
    """Where the work ends in a complaint the bar is taken away first, and the complaint is what remains."""
    with opening.open("a", encoding="utf-8") as file:
        file.write("BAD,many\n")
    code, out, shown = on_a_terminal(shop, "stock", "import", str(opening))
    assert (code, out) == (1, "")
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") > 0
    assert f"line {ROWS + 2}: quantity 'many'" in shown.rsplit("\x1b[?25h", 1)[1]
