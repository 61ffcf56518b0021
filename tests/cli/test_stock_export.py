"""A whole ledger leaves in a file and enters another one: the same balances, whatever it holds."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.cli.log_file import read, written
from syncd.cli.stock_export import CHUNK_MOVEMENTS
from syncd.history.log_row import FIELDS, FileFormat, row_values
from syncd.identity import Sku
from syncd.ledger.balance import Balances
from syncd.ledger.movement import OPENING, SUPPLIER, Account, Movement, Reason, State, available, reserved
from syncd.ledger.store import post, read_balances
from tests.support.cli import MOMENT, Session, Shop


async def balances(session: Session) -> Balances:
    """What a ledger holds."""
    async with session.db.read() as conn:
        return await read_balances(conn)


def busy(shop: Shop) -> None:
    """Some of everything: receipts, a transfer, units set aside, a reservation, awkward text."""
    shop.stocked("GLOVE-X", 5)
    shop.stocked("TÄNGS, large", 3, "Tongs")
    shop.done("stock", "transfer", "GLOVE-X", "2", "main", "garage")
    shop.done("stock", "post", "GLOVE-X", "1", "--damaged", "--reference", 'note "4",\n5')

    async def promise(session: Session) -> None:
        move = Movement("p#2", Sku("GLOVE-X"), 1, available("main"), reserved("main"), Reason.SALE, MOMENT)
        await session.submit(post([move]))

    shop.within(promise)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.both_stores
def test_a_ledger_moves_house(shop: Shop, other: Shop, form: str) -> None:
    """Exported and imported: the same balances and movements; imported again nothing moves; promises are told."""
    busy(shop)
    file = shop.folder / f"log.{form}"
    assert shop.told("stock", "export", str(file)) == {"file": str(file), "format": form, "movements": 5}
    told = other.told("stock", "import-movements", str(file))
    assert told == {"posted": 5, "known": 0, "reserved": 1, "in_flight": 0}
    assert other.within(balances) == shop.within(balances)
    ours, theirs = (one.told("stock", "history", "GLOVE-X") for one in (shop, other))
    for row in (*ours, *theirs):
        del row["recorded_at"], row["position"]
    assert ours == theirs
    assert other.told("stock", "import-movements", str(file))["posted"] == 0
    assert "the orders behind them are not part of the file" in " ".join(
        other.done("stock", "import-movements", str(file)).split()
    )


@pytest.mark.both_stores
def test_more_than_one_chunk_and_cut_short(shop: Shop, other: Shop) -> None:
    """A log of several parts arrives whole, also when the first part was in already."""
    count = CHUNK_MOVEMENTS + 5
    moves = [_receipt(f"m{n}", n % 3 + 1) for n in range(count)]
    shop.within(lambda session: session.submit(post(moves)))
    file = shop.folder / "log.jsonl"
    shop.done("stock", "export", str(file))
    other.within(lambda session: session.submit(post(moves[:CHUNK_MOVEMENTS])))
    assert other.told("stock", "import-movements", str(file)) == {
        "posted": 5,
        "known": CHUNK_MOVEMENTS,
        "reserved": 0,
        "in_flight": 0,
    }
    assert other.within(balances) == shop.within(balances)


def _receipt(key: str, units: int) -> Movement:
    return Movement(key, Sku("X"), units, SUPPLIER, available("main"), Reason.RECEIPT, MOMENT)


def test_every_bad_line_is_named_and_nothing_written(shop: Shop) -> None:
    """Each with its line; the good ones beside them are not posted either."""
    good = json.dumps(row_values(1, _receipt("k", 1), MOMENT))
    file = shop.folder / "log.jsonl"
    lines = [good, "{", "[1]", good.replace("receipt", "theft"), "", good.replace('"X"', '""')]
    file.write_text("\n".join(lines), encoding="utf-8")
    said = shop.refused("stock", "import-movements", str(file))
    assert [f"line {n}: " in said for n in range(1, 7)] == [False, True, True, True, False, True]
    assert shop.within(balances) == Balances()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "must name the columns"),
        (b"key,sku\n", "there is no 'quantity'"),
        (",".join(FIELDS).encode() + b"\n\xff\n", "line 2: not UTF-8"),
        (",".join(FIELDS).encode() + b'\n"a\n', "cannot be read as CSV"),
        (",".join(FIELDS).encode() + b"\n" + b"x" * 100_002, "line 2 is longer"),
    ],
)
def test_a_file_that_is_no_log(shop: Shop, content: bytes, complaint: str) -> None:
    """What cannot be read as a log at all is one sentence."""
    file = shop.folder / "log.csv"
    file.write_bytes(content)
    assert complaint in shop.refused("stock", "import-movements", str(file))


@pytest.mark.both_stores
def test_a_log_that_does_not_fit_says_where(shop: Shop) -> None:
    """A ledger that holds something else under the same key takes nothing of that part in."""
    shop.within(lambda session: session.submit(post([_receipt("k", 9)])))
    file = shop.folder / "log.jsonl"
    file.write_text(json.dumps(row_values(1, _receipt("k", 1), MOMENT)), encoding="utf-8")
    assert "lines 1 to 1 were not posted" in shop.refused("stock", "import-movements", str(file))


def test_where_and_how_to_write_is_said(shop: Shop) -> None:
    """Without an ending the format is asked for; a folder that is not there is one sentence, and leaves no part."""
    assert "say which with --format" in shop.refused("stock", "export", str(shop.folder / "log"))
    shop.done("stock", "export", str(shop.folder / "log"), "--format", "csv")
    assert "cannot be written: no such file" in shop.refused("stock", "export", str(shop.folder / "no" / "log.csv"))
    assert not list(shop.folder.glob("*.part"))


@pytest.mark.both_stores
def test_the_past_is_shown(shop: Shop) -> None:
    """stock show and history take a moment; before anything moved there was nothing; a wrong moment is exit code 2."""
    shop.stocked("GLOVE-X", 5)
    [entry] = shop.told("stock", "history", "GLOVE-X")
    shop.done("stock", "post", "GLOVE-X", "2", "--sale")
    assert shop.told("stock", "show", "--at", entry["recorded_at"], "--by", "recorded")[0]["available"] == 5
    assert shop.told("stock", "show", "--at", "2020-01-01T00:00:00Z")[0]["on_hand"] == 0
    assert shop.told("stock", "history", "GLOVE-X", "--at", entry["happened_at"]) == [entry]
    assert [row["on_hand"] for row in shop.told("stock", "history", "GLOVE-X")] == [3, 5]
    assert "on hand at 2020-01-01T00:00:00" in " ".join(
        shop.done("stock", "show", "--at", "2020-01-01T00:00:00Z").split()
    )
    assert "not a moment" in shop.refused("stock", "show", "--at", "yesterday", code=2)


PLACES = st.sampled_from([Account(place, state.value) for place in ("main", "garage") for state in State])
TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=12)
STEPS = st.lists(st.tuples(st.sampled_from(["A", "B,;\"'"]), st.integers(1, 9), PLACES, PLACES, TEXTS), max_size=15)


@settings(deadline=None, max_examples=60)
@given(steps=STEPS, form=st.sampled_from(list(FileFormat)))
def test_whatever_was_posted_survives_the_file(
    steps: Sequence[tuple[str, int, Account, Account, str]], form: FileFormat
) -> None:
    """Any log written and read back is the same movements in the same order, so it folds to the same balances."""
    log = [
        Movement(f"k{n}", Sku(sku), units, OPENING if a == b else a, b, Reason.OTHER, MOMENT + timedelta(n), text, text)
        for n, (sku, units, a, b, text) in enumerate(steps)
    ]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "log"
        with written(file, form) as append:
            for position, moved in enumerate(log, 1):
                append(row_values(position, moved, MOMENT))
        found = [moved for _, moved in read(file, form)]
    assert [asdict(one) for one in found if isinstance(one, Movement)] == [asdict(one) for one in log]
    assert len(found) == len(log)
