"""Each connector's README tells every setting there is, and none that there is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from syncd.channel.registry import connector_names, load_connector
from syncd.config.secret import SOURCES
from syncd.config.settings_table import settings_table

CONNECTORS = Path(__file__).parents[2] / "connectors"


def readme(name: str) -> str:
    """What the connector's README says."""
    return (CONNECTORS / name / "README.md").read_text(encoding="utf-8")


def keys(table: str) -> set[str]:
    """The settings a table tells of in its first column, also by the names under which secrets are given."""
    cells = re.findall(r"^\| ([^|]*`[^|]*) \|", table, re.MULTILINE)
    told = {key for cell in cells for key in re.findall(r"`([a-z][a-z_.]*)`", cell)}
    return told | {key.removesuffix(f"_{source}") for key in told for source in SOURCES}


@pytest.mark.parametrize("name", connector_names())
def test_every_setting_stands_in_the_table(name: str) -> None:
    """A setting without a row would never be found; a row without a setting would be refused when it is written."""
    wanted = keys(settings_table(load_connector(name).settings_type))
    section = re.search(r"^## Settings\n(.*?)(?=^## )", readme(name), re.MULTILINE | re.DOTALL)
    assert section is not None
    told = keys(section[1])
    assert wanted <= told, wanted - told
    assert {key for key in told - wanted if not any(f"{key}_{one}" in told for one in SOURCES)} <= {
        f"{key}_{one}" for key in wanted for one in SOURCES
    }


def test_the_table_of_dropship_is_the_model_itself() -> None:
    """Defaults and meanings there are those of the settings, word for word."""
    assert settings_table(load_connector("dropship").settings_type) in readme("dropship")
