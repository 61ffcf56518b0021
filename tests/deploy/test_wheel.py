"""The wheel: built without a registry, installed into an empty environment, it carries all that the daemon reads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CARRIED = (
    "syncd/http/templates/choice.html.j2",
    "syncd/wording/locale/it.po",
    "syncd/migrations/versions/0001_the_first_tables.py",
    "connectors/ebay/connector.toml",
    "connectors/woocommerce/connector.toml",
    "connectors/dropship/connector.toml",
)


def run(*command: str | Path, cwd: Path = ROOT, **environ: str) -> str:
    """A command that must succeed; what it said. It sees nothing of this folder."""
    told = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "SYNCD_CONFIG")}
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=cwd, env={**told, **environ}, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what is in the repository, so that nothing left over in this folder gets in."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    tracked = run("git", "ls-files", "-z", "syncd", "connectors", "pyproject.toml", "README.md", "syncd.toml")
    for name in filter(None, tracked.split("\0")):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, source)
    [built] = out.glob("*.whl")
    return built


def test_it_carries_every_file_that_is_read(wheel: Path) -> None:
    """Templates, styles, wording, migrations, connectors' facts: each file of the packages that is no cache."""
    names = set(zipfile.ZipFile(wheel).namelist())
    assert set(CARRIED) <= names
    tracked = run("git", "ls-files", "syncd", "connectors").splitlines()
    assert sorted(name for name in tracked if name.count("/") and name not in names) == []


def test_an_empty_environment_works_with_it(wheel: Path, tmp_path: Path) -> None:
    """Installed beside its dependencies and nowhere near the source: init, migrate, check, a sandbox's settings."""
    empty = tmp_path / "empty"
    run(sys.executable, "-m", "venv", "--without-pip", empty)
    python = empty / "bin/python"
    [site] = (empty / "lib").glob("python*/site-packages")
    run(sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-deps", "--target", site, wheel)
    # What it depends on is installed already, for these tests; its own files must come from the wheel alone.
    theirs = [path for path in sys.path if path.endswith("site-packages")]
    (site / "dependencies.pth").write_text("\n".join(theirs) + "\n", encoding="utf-8")
    where = run(
        python, "-c", "import syncd, connectors.ebay; print(*syncd.__path__, *connectors.__path__)", cwd=tmp_path
    )
    assert all(path.startswith(str(site)) for path in where.split())
    syncd = (python, "-m", "syncd", "-c", tmp_path / "syncd.toml")
    run(*syncd, "init", cwd=tmp_path)
    assert 'connector = "woocommerce"' in (tmp_path / "syncd.toml").read_text(encoding="utf-8")
    run(*syncd, "migrate", cwd=tmp_path)
    assert json.loads(run(*syncd, "check", "--json", cwd=tmp_path))["ok"] is True
    assert json.loads(run(*syncd, "doctor", "--json", cwd=tmp_path))["findings"] == []
