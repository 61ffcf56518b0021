"""stock import: an opening stock is taken in whole, or not at all with every bad row named."""

from __future__ import annotations

import signal
import subprocess
import sys
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.cli.opening import file_key, read_opening
from syncd.cli.stock_import import CHUNK_ROWS, parts
from syncd.cli.stock_import import opening as opening_of
from syncd.db import chunks
from syncd.ledger.location import Locations
from syncd.ledger.store import Outcome, Verdict
from tests.support.cli import Session, Shop

ROOT = Path(__file__).parents[2]

PLACES = Locations(("main", "garage"))


@pytest.fixture
def opening(shop: Shop) -> Path:
    """Where the file lies."""
    return shop.folder / "opening.csv"


@pytest.mark.both_stores
def test_import_takes_everything(shop: Shop, opening: Path) -> None:
    """Products are made known with their titles, units are on hand at their locations, and nothing is lost at 0."""
    rows = "GLOVE-X,2,main,Barbecue gloves\nGLOVE-X,3,garage,\nTONGS,0,,\n"
    opening.write_text(f"sku,quantity,location,title\n{rows}", encoding="utf-8")
    assert shop.told("stock", "import", str(opening)) == {
        "verdict": "posted",
        "rows": 3,
        "products": 2,
        "units": 5,
        "skipped": [],
    }
    stock = {(row["sku"], row["location"]): (row["title"], row["available"]) for row in shop.told("stock", "show")}
    assert stock == {
        ("GLOVE-X", "garage"): ("Barbecue gloves", 3),
        ("GLOVE-X", "main"): ("Barbecue gloves", 2),
        ("TONGS", None): ("TONGS", 0),
    }


@pytest.mark.both_stores
def test_the_same_file_twice_moves_once(shop: Shop, opening: Path) -> None:
    """A repeat is recognised by its rows and says so."""
    opening.write_text("sku;quantity\nGLOVE-X;2\n", encoding="utf-8-sig")
    shop.done("stock", "import", str(opening))
    assert "taken in before" in " ".join(shop.done("stock", "import", str(opening)).split())
    assert shop.told("stock", "import", str(opening))["verdict"] == "duplicate"
    assert shop.told("stock", "show")[0]["available"] == 2


def test_every_bad_row_is_named(shop: Shop, opening: Path) -> None:
    """Each problem comes with its line, and not one row is written."""
    rows = ["GOOD,1,main", ",2,main", "B,-1,main", "C,1.5,main", "D,,main", "E,1,a/b", "GOOD,1,main", "F,1"]
    opening.write_text("sku,quantity,location\n" + "\n".join(rows) + "\n", encoding="utf-8")
    said = shop.refused("stock", "import", str(opening))
    for line in range(3, 10):
        assert f"line {line}: " in said
    assert "line 2:" not in said
    assert "line 8: GOOD at main stands in line 2 already" in said
    assert shop.told("stock", "show") == []


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b"sku,quantity\n", "has no rows"),
        (b"name,amount\nA,1\n", "there is no column 'sku'"),
        (b"sku,quantity,price\nA,1,2\n", "'price' is no column"),
        (b"sku,quantity,sku\nA,1,B\n", "stands there twice"),
        (b"sku,quantity\nA,1\n\xff,2\n", "line 3: not UTF-8"),
        (b'sku,quantity\n"A,1\n', "cannot be read as CSV"),
    ],
)
def test_a_file_that_is_no_opening(shop: Shop, opening: Path, content: bytes, complaint: str) -> None:
    """What cannot be read as a table at all is one sentence."""
    opening.write_bytes(content)
    assert complaint in shop.refused("stock", "import", str(opening))
    assert shop.told("stock", "show") == []


def test_a_file_that_is_not_there(shop: Shop, opening: Path) -> None:
    """A wrong path is one sentence."""
    assert "cannot be read: no such file" in shop.refused("stock", "import", str(opening))


@pytest.mark.both_stores
def test_stock_that_is_there_is_counted_and_not_opened(shop: Shop, opening: Path) -> None:
    """A SKU on hand already is refused with its line, together with the whole file."""
    shop.stocked("GLOVE-X", 1)
    opening.write_text("sku,quantity\nTONGS,4\nGLOVE-X,2\n", encoding="utf-8")
    said = shop.refused("stock", "import", str(opening))
    assert "line 3: GLOVE-X has 1 on hand at main already" in said
    assert [row["sku"] for row in shop.told("stock", "show")] == ["GLOVE-X"]


def test_many_rows_add_up(shop: Shop, opening: Path) -> None:
    """Thousands of rows go in, in several parts, and add up."""
    rows = "".join(f"SKU-{n},{n % 7}\n" for n in range(3000))
    opening.write_text(f"sku,quantity\n{rows}", encoding="utf-8")
    told = shop.told("stock", "import", str(opening))
    assert told["units"] == sum(n % 7 for n in range(3000)) == sum(r["on_hand"] for r in shop.told("stock", "show"))
    assert shop.told("doctor")["ok"] is True


@pytest.mark.both_stores
def test_skip_bad_takes_in_what_is_good(shop: Shop, opening: Path) -> None:
    """Asked to, every good row is taken in and every bad one named with its line, whatever is wrong with it."""
    shop.stocked("OLD", 1)
    rows = ["GOOD,1,main", ",2,main", "B,-1,main", "OLD,4,main", "GOOD,9,main", "OLD,5,garage", "E,1,attic"]
    opening.write_text("sku,quantity,location\n" + "\n".join(rows) + "\n", encoding="utf-8")
    said = shop.refused("stock", "import", str(opening))
    assert [f"line {n}: " in said for n in range(2, 9)] == [False, True, True, False, True, False, True]
    told = shop.told("stock", "import", str(opening), "--skip-bad")
    assert [line.partition(":")[0] for line in told["skipped"]] == ["line 3", "line 4", "line 5", "line 6", "line 8"]
    assert (told["rows"], told["units"]) == (2, 6)
    stock = {(row["sku"], row["location"]): row["available"] for row in shop.told("stock", "show")}
    assert stock == {("GOOD", "main"): 1, ("OLD", "main"): 1, ("OLD", "garage"): 5}
    again = shop.told("stock", "import", str(opening), "--skip-bad")
    assert (again["verdict"], len(again["skipped"])) == ("duplicate", 5)


@pytest.mark.both_stores
def test_killed_in_the_middle_nothing_is_there(shop: Shop, opening: Path) -> None:
    """SIGKILL after some parts are written, before the end: no row, no product, no mark; then the same file goes in."""
    count = 4 * CHUNK_ROWS
    opening.write_text("sku,quantity\n" + "".join(f"SKU-{n},{n % 7}\n" for n in range(count)), encoding="utf-8")
    program = (sys.executable, "-m", "tests.support.killed_import", str(shop.config), str(opening), "3")
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"3 parts are written\n"
        assert shop.told("stock", "show") == []  # others read on meanwhile
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert shop.told("stock", "show") == []
    assert shop.told("doctor")["ok"] is True
    units = sum(n % 7 for n in range(count))
    assert (told := shop.told("stock", "import", str(opening)))["verdict"] == "posted"
    assert (told["rows"], told["units"]) == (count, units)
    assert shop.told("stock", "import", str(opening))["verdict"] == "duplicate"
    assert sum(row["on_hand"] for row in shop.told("stock", "show")) == units


@pytest.mark.both_stores
def test_stock_that_came_meanwhile_undoes_all(shop: Shop, opening: Path) -> None:
    """Somebody receives a SKU of the last part after the file was looked at: all is undone, and that one named."""
    count = 2 * CHUNK_ROWS
    opening.write_text("sku,quantity\n" + "".join(f"SKU-{n},1\n" for n in range(count)), encoding="utf-8")
    rows, _ = read_opening(opening, PLACES, lambda _done, _total: None)
    last = rows[-1].sku
    shop.stocked(last, 3)

    async def work(session: Session) -> Outcome[int]:
        now = session.clock.now()
        return await session.writer.submit_together(lambda: parts(file_key(rows), rows, "opening.csv", "cli", now), abs)

    outcome = shop.within(work)
    assert outcome.verdict is Verdict.REFUSED
    assert outcome.explanation.startswith(f"line {count + 1}: {last} has 3 on hand at main already")
    assert [row["sku"] for row in shop.told("stock", "show")] == [last]


def test_a_row_of_nothing_is_in_with_the_file(shop: Shop, opening: Path) -> None:
    """Units received later, of a SKU that was opened at 0, do not make the same file a different one."""
    opening.write_text("sku,quantity\nGLOVE-X,2\nTONGS,0\n", encoding="utf-8")
    shop.done("stock", "import", str(opening))
    shop.done("stock", "post", "TONGS", "3", "--receipt")
    assert shop.told("stock", "import", str(opening))["verdict"] == "duplicate"


def test_a_hundred_thousand_rows_are_read_in_little_memory(opening: Path) -> None:
    """Every bad one of them is named with its line, and reading them stays under 60 MB."""
    with opening.open("w", encoding="utf-8") as file:
        file.write("sku,quantity,location,title\n")
        file.writelines(f"SKU-{n:06d},{'x' if n % 1000 == 0 else n % 7},main,Title of {n}\n" for n in range(100_000))
    told: list[tuple[int, int]] = []
    tracemalloc.start()
    try:
        rows, problems = read_opening(opening, PLACES, lambda done, total: told.append((done, total)))
        [first, *_] = chunks(rows, CHUNK_ROWS)
        planned = opening_of(file_key(rows), first, opening.name, "cli", datetime(2026, 3, 2, 8, 0, tzinfo=UTC))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [problem.partition(":")[0] for problem in problems] == [f"line {n + 2}" for n in range(0, 100_000, 1000)]
    assert len(rows) == 99_900
    assert len(planned.keys) == sum(1 for row in first if row.quantity)
    assert told[-1] == (100_001, 100_001)
    assert peak < 60_000_000, peak
