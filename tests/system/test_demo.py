"""The demo is the main job end to end: every act of the glove story, asserted from outside."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_every_act_of_the_story_ends_as_it_should(tmp_path: Path) -> None:
    """`syncd demo` exits 0, shows no phantom unit, and every listing ends at its target."""
    told = tmp_path / "demo.json"
    command = [sys.executable, "-m", "syncd", "demo", "--json", str(told)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    report = json.loads(told.read_text(encoding="utf-8"))
    assert report["ok"] is True
    assert [act["name"] for act in report["acts"]] == [
        "opening",
        "counter sale",
        "ebay order",
        "same instant",
        "count",
        "stale feed",
        "channel down",
        "doctor",
    ]
    assert all(act["ok"] for act in report["acts"]), report["acts"]
    assert report["phantom_units"] == 0
    assert report["doctor"]["findings"] == []
    assert report["listings"]
    assert all(one["target"] == one["shown"] for one in report["listings"]), report["listings"]
    assert "phantom units shown: 0" in done.stdout
