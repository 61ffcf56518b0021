"""new-connector: what it writes passes the kit as it is, and nothing is overwritten."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from syncd.cli.main import app

ROOT = Path(__file__).parents[2]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source tree without any connector."""
    (tmp_path / "connectors").mkdir()
    (tmp_path / "connectors" / "__init__.py").touch()
    return tmp_path


def test_a_fresh_scaffold_passes_the_kit(source: Path) -> None:
    """Every case of the kit runs against the scaffold's own stand-in over HTTP, and is green."""
    result = CliRunner().invoke(app, ["new-connector", "acmeshop", "--into", str(source), "--json"])
    assert result.exit_code == 0, result.output
    files = [Path(one).name for one in json.loads(result.stdout)["files"]]
    assert {"connector.toml", "channel.py", "client.py", "mapping.py", "sandbox.py", "README.md"} <= set(files)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib"),
            *("-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function"),
            *("-W", "error", str(source / "tests")),
        ],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=source,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(source), str(ROOT)])},
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert len([mark for mark in done.stdout if mark == "."]) > 100, "the kit was not run"


@pytest.mark.parametrize(
    ("name", "said"),
    [("Acme", "cannot be a folder of code"), ("acme-shop", "cannot be a folder of code"), ("ebay", "already")],
)
def test_a_name_that_will_not_do(source: Path, name: str, said: str) -> None:
    """A name that is no folder of code, or taken, is refused, and nothing is written."""
    result = CliRunner().invoke(app, ["new-connector", name, "--into", str(source)])
    assert result.exit_code == 1
    assert said in result.stderr.replace("\n", " ")
    assert [one.name for one in (source / "connectors").iterdir()] == ["__init__.py"]


def test_nothing_is_overwritten(source: Path) -> None:
    """A folder that is there stays as it is; outside a source tree it says what is missing."""
    assert CliRunner().invoke(app, ["new-connector", "acmeshop", "--into", str(source)]).exit_code == 0
    again = CliRunner().invoke(app, ["new-connector", "acmeshop", "--into", str(source)])
    assert "left as it is" in again.stderr.replace("\n", " ")
    nowhere = CliRunner().invoke(app, ["new-connector", "othershop", "--into", str(source / "connectors")])
    assert "holds no folder 'connectors'" in nowhere.stderr.replace("\n", " ")
