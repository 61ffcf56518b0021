"""`syncd simulate`: a merchant's own past, recorded by the rooms themselves, played again under other settings."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from sqlmodel import SQLModel

from syncd.availability.ats import AvailabilityConfig
from syncd.channel.registry import load_connector
from syncd.testkit.simulation.contest import DrawnWire, Housed
from syncd.testkit.simulation.house import House, Story
from syncd.testkit.simulation.loop import simulate
from syncd.testkit.simulation.store import Rows
from syncd.testkit.simulation.trade import Tally, Trade
from syncd.testkit.simulation.wishes import Market, drawn
from tests.support.cli import Shop

HOURS = 0.4
BUSY = Market(420, 240, 12, (20.0, 120.0), (5.0, 30.0), ("ebay", "shop"))
CARELESS = AvailabilityConfig(oversell_chance=0)
"""Shows every unit everywhere, so that the past holds oversells."""

CHANNELS = {"ebay": "ebay", "shop": "woocommerce"}

Recorded = tuple[Mapping[str, Rows], Tally]


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    """The rows of a store whose rooms kept two channels for a while that ended a minute ago, and what came of it."""
    begun_at = datetime.now(UTC) - timedelta(hours=HOURS, minutes=11)
    facts = {name: load_connector(kind).capabilities for name, kind in CHANNELS.items()}
    story = Story(facts, rooms={"availability": CARELESS}, start_at=begun_at)

    async def work() -> Recorded:
        season = drawn(BUSY, HOURS, 5)
        async with House(story, DrawnWire({"push_quantities": (0.3, 6.0)}, 5)) as house:
            await house.stock("X", BUSY.lot)
            listings = {one.name: await house.offer(one.channel, "X", BUSY.lot) for one in season.offers}
            await house.start()
            await house.pass_time(120)
            tally = await Trade(season, house.shops, listings, house.clock).play(Housed(house), lambda: None)
            await house.pass_time(420)
            return house.db.dump(), tally

    return simulate(work)


@pytest.fixture
def kept(shop: Shop, recorded: Recorded) -> Shop:
    """A merchant's shop with that past."""
    rows, _ = recorded
    with sqlite3.connect(shop.folder / "syncd.db") as store:
        for table, held in rows.items():
            names = [column.name for column in SQLModel.metadata.tables[table].columns]
            marks = ", ".join("?" * len(names))
            store.executemany(f'INSERT INTO "{table}" ({", ".join(names)}) VALUES ({marks})', held)
    shop.config.write_text(f"{shop.config.read_text()}\n[availability]\noversell_chance = 0.0\n", encoding="utf-8")
    return shop


def everything_in(shop: Shop) -> list[str]:
    """Every row of the store."""
    with sqlite3.connect(shop.folder / "syncd.db") as store:
        return list(store.iterdump())


def test_the_past_is_replayed_under_other_settings(kept: Shop, recorded: Recorded) -> None:
    """The sales are those of the ledger; what was careless then is so again; holding back avoids it, at its price."""
    before = everything_in(kept)
    policies = kept.folder / "try.toml"
    policies.write_text("[policy.careful]\navailability.safety_stock = 1000\n", encoding="utf-8")
    plot = kept.folder / "plot.svg"
    told = kept.told(
        *("simulate", "--days", "1", "--set", "availability.oversell_chance=0.01"),
        *("--policies", str(policies), "--plot", str(plot)),
    )
    assert everything_in(kept) == before
    assert told["sales"] == recorded[1].sold
    assert (told["skus"], told["left_out"]) == (1, 0)
    present, chance, careful, poller = told["policies"]
    assert [one["name"] for one in (present, chance, careful)] == [
        "as it is",
        "availability.oversell_chance=0.01",
        "careful",
    ]
    assert recorded[1].oversold > 0
    assert present["oversold"] > chance["oversold"]
    assert chance["avoided"] == present["oversold"] - chance["oversold"]
    assert (careful["sold"], careful["oversold"]) == (0, 0)
    assert careful["lost"] > poller["lost"] > present["lost"]
    assert all(one["sold"] + one["lost"] <= told["sales"] for one in told["policies"])
    drawing = plot.read_text(encoding="utf-8")
    assert "http" not in drawing.replace("http://www.w3.org/2000/svg", "")
    assert ElementTree.fromstring(drawing).tag.endswith("svg")
    assert "oversold" in drawing


def test_a_ledger_that_holds_too_little_says_so(shop: Shop) -> None:
    """Nothing is simulated from nothing."""
    said = shop.refused("simulate", "--days", "7")
    assert "knows of 0 sales on channels in the last 7 days, too few to say anything (30 are needed)" in said


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("availability.safety_stok=1", "unknown key 'safety_stok'; did you mean 'safety_stock'?"),
        ("availability.safety_stock=-1", "'safety_stock' must be at least 0"),
        ("safety_stock", "'safety_stock' is no change; write SECTION.KEY=VALUE"),
        ("database.url=sqlite:///x", "a simulation has no use for 'database'"),
        ("availability.home_channel=ebai", "there is no channel 'ebai'; did you mean 'ebay'?"),
    ],
)
def test_a_change_that_cannot_be_is_told_before_anything_is_read(bare: Shop, change: str, sentence: str) -> None:
    """In the words in which syncd.toml itself is checked, and with the policy's name."""
    said = bare.syncd("simulate", "--set", change)
    assert said.code in (1, 3)
    assert sentence in said.err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = 1\n", "names no policy"),
        ("[policy.a]\navailability.safety_stock = 1\n[other]\n", "'other' belongs to no policy"),
        ('[policy."as it is"]\navailability.safety_stock = 1\n', "choose another"),
        ("[policy\n", "not valid TOML"),
    ],
)
def test_a_file_of_policies_that_cannot_be_read_is_told(bare: Shop, tmp_path: Path, text: str, sentence: str) -> None:
    """One clear sentence, naming the file."""
    file = tmp_path / "try.toml"
    file.write_text(text, encoding="utf-8")
    said = bare.syncd("simulate", "--policies", str(file))
    assert said.code in (1, 3)
    assert sentence in said.err


def test_a_plot_is_an_svg_file(bare: Shop) -> None:
    """Told before an hour was spent on it."""
    assert "plot.svg" in bare.refused("simulate", "--plot", "plot.png")
