"""The form every benchmark has: what it prints, what it writes and how it ends."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

import tests.benchmarks
from tests.benchmarks.__main__ import benchmark_names, main, table
from tests.benchmarks.figures import Figure, at_least, at_most, report


def _printed(*figures: Figure) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(table("speed", figures))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_figure_knows_its_ratio_and_whether_its_goal_holds() -> None:
    """The ratio is to the baseline of the same run, and a goal is for the value or for the ratio."""
    figure = Figure("movements posted", 9000.0, "per second", 3000.0, at_least(2.5, of="ratio"))
    assert figure.ratio == 3.0
    assert figure.holds is True
    assert str(figure.goal) == "ratio ≥ 2.5"
    assert Figure("latency", 16.0, "s", goal=at_most(15)).holds is False
    assert Figure("memory", 80.0, "MB").holds is None
    assert Figure("memory", 80.0, "MB").ratio is None


def test_a_goal_for_a_ratio_needs_something_to_compare_with() -> None:
    """A ratio to nothing would hold or fail by accident."""
    with pytest.raises(ValueError, match="needs a baseline"):
        Figure("x", 1.0, "s", None, at_most(2, of="ratio"))


def test_the_table_shows_every_column() -> None:
    """Name, value, unit, baseline, ratio, goal and whether it holds, in this order."""
    shown = _printed(
        Figure("posted", 12345.6, "per second", 3000.0, at_least(2, of="ratio")),
        Figure("latency", 0.01234, "s", goal=at_most(0.01)),
    )
    headings, posted, latency = shown.splitlines()[1:4]
    assert headings.split() == ["name", "value", "unit", "baseline", "ratio", "goal", "holds"]
    assert posted.split() == ["posted", "12,346", "per", "second", "3,000", "4.115", "ratio", "≥", "2", "yes"]
    assert latency.split() == ["latency", "0.01234", "s", "–", "–", "≤", "0.01", "no"]


def test_the_json_holds_the_same() -> None:
    """The file is the benchmark's name and its figures, numbers as numbers."""
    assert report("speed", [Figure("latency", 0.5, "s", 1.0, at_most(1))]) == {
        "benchmark": "speed",
        "figures": [
            {
                "name": "latency",
                "value": 0.5,
                "unit": "s",
                "baseline": 1.0,
                "ratio": 0.5,
                "goal": "≤ 1",
                "holds": True,
            }
        ],
    }


def test_benchmarks_are_the_modules_of_the_folder(tmp_path: Path) -> None:
    """The form's own files and tests are no benchmarks."""
    for name in ("ledger.py", "push.py", "figures.py", "__main__.py", "test_form.py", "notes.txt"):
        (tmp_path / name).write_text("")
    assert benchmark_names(tmp_path) == ["ledger", "push"]


@pytest.mark.parametrize("arguments", [[], ["nope"]])
def test_a_name_that_is_missing_or_unknown_lists_what_there_is(tmp_path: Path, arguments: list[str]) -> None:
    """The way to go on is printed, and the exit status says that nothing was measured."""
    (tmp_path / "ledger.py").write_text("")
    console = Console(file=io.StringIO(), width=100)
    assert main(arguments, tmp_path, console) == 2
    assert isinstance(console.file, io.StringIO)
    assert "Benchmarks: ledger" in console.file.getvalue()


PARTED = """
from tests.benchmarks.figures import Figure
PARTS = ("small shop", "large shop", "large depot")
async def figures(parts=PARTS):
    return [Figure(f"measured {part}", 1.0, "s") for part in parts]
"""


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 0, ["measured small shop", "measured large shop", "measured large depot"]),
        (("--only", "large"), 0, ["measured large shop", "measured large depot"]),
        (("--only", "shop large"), 0, ["measured large shop"]),
        (("--only", "lar"), 2, ["parted has no part 'lar'.", "Parts: small shop, large shop, large depot"]),
    ],
)
def test_parts_are_chosen_by_their_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], status: int, said: list[str]
) -> None:
    """Only parts that have every word are measured; where none has, the parts are listed."""
    (tmp_path / "parted.py").write_text(PARTED)
    monkeypatch.setattr(tests.benchmarks, "__path__", [*tests.benchmarks.__path__, str(tmp_path)])
    console = Console(file=io.StringIO(), width=100)
    assert main(["parted", *words], tmp_path, console) == status
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert [line for line in said if line not in shown] == []
    assert shown.count("measured ") == (len(said) if status == 0 else 0)


SPEED = '''"""A benchmark."""
from tests.benchmarks.figures import Figure, at_most
async def figures() -> list[Figure]:
    return [Figure("latency", 2.0, "s", goal=at_most(1))]
'''


def test_a_run_prints_writes_and_judges(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """With --check a goal that does not hold fails the run; without it the run only reports."""
    folder = tmp_path / "tests" / "benchmarks"
    folder.mkdir(parents=True)
    own = request.config.rootpath / "tests" / "benchmarks"
    for name in ("__main__.py", "figures.py"):
        (folder / name).write_text((own / name).read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "tests" / "__init__.py").write_text("")
    (folder / "speed.py").write_text(SPEED)
    command = [sys.executable, "-m", "tests.benchmarks", "speed", "--json", "speed.json"]
    reported = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    judged = subprocess.run([*command, "--check"], cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert (reported.returncode, judged.returncode) == (0, 1), reported.stderr
    assert "latency" in reported.stdout
    assert json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))["figures"][0]["holds"] is False
