"""Channels that [availability] names are there, and places have names that can be typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.config.load import load_config
from syncd.errors import ConfigError
from syncd.steering import policies_of
from tests.support.cli import EBAY, SECRETS, SHOP, TOML


def problems(tmp_path: Path, more: str) -> tuple[str, ...]:
    """What is wrong with the shop's configuration once this is written below it."""
    path = tmp_path / "syncd.toml"
    path.write_text(f"{TOML}\n{more}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load_config(path, SECRETS)
    return refused.value.problems


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ("[availability.sku.X]\ndedicated = { ebey = 3 }", "there is no channel 'ebey'"),
        ('[availability]\nhome_channel = "shpo"', "there is no channel 'shpo'"),
        ('[availability.sku.X]\nhome_channel = "shpo"', "there is no channel 'shpo'"),
        ("[availability.sku.X]\ndedicated = { ebay = -1 }", "must be at least 0"),
        ('[daemon]\nlocations = ["outside"]', "no place of ours"),
    ],
)
def test_a_slip_of_the_pen_is_named(tmp_path: Path, more: str, complaint: str) -> None:
    """Each with its line and, where there is one, the name that may have been meant."""
    [problem] = problems(tmp_path, more)
    assert complaint in problem
    assert "syncd.toml:" in problem


def test_channels_know_where_the_others_sell_from(tmp_path: Path) -> None:
    """The composition root tells each channel of the others' places, and the shop of all of them."""
    path = tmp_path / "syncd.toml"
    path.write_text(f'[daemon]\nlocations = ["attic"]\n{TOML}', encoding="utf-8")
    config = load_config(path, SECRETS)
    assert config.locations.names == ("main", "garage", "attic")
    assert policies_of(config).channels[EBAY].others == {SHOP: ("main", "garage")}
