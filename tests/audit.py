"""`make audit`: are there known holes in the pinned packages? Asked of the service where it can be reached.

Never pretends: a package the service does not know was not audited, and where nothing was, that is what is said. Only a
hole that is known ends it with 1, so that work offline goes on.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PINNED = Path(__file__).parents[1] / "constraints.txt"

SECONDS_MAX = 240

COMMAND = (sys.executable, "-m", "pip_audit", "--disable-pip", "--no-deps", "--progress-spinner", "off")


def main() -> int:
    """Ask, say what came of it; the exit code."""
    try:
        words = [*COMMAND, "--format", "json", "--requirement", str(PINNED)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
        code, lines = verdict(done.stdout, done.stderr.strip().splitlines())
    except subprocess.TimeoutExpired:
        code, lines = verdict("", [f"no answer within {SECONDS_MAX} s"])
    sys.stdout.write("\n".join(lines) + "\n")
    return code


def verdict(report: str, complaints: Sequence[str]) -> tuple[int, list[str]]:
    """What pip-audit's JSON means: the exit code and what to tell. `complaints`: what it said beside it."""
    try:
        told = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        why = complaints[-1] if complaints else "it said nothing"
        return 0, [f"NOT AUDITED: the vulnerability service could not be asked ({why[:200]})."]
    skipped = [one["name"] for one in told if "skip_reason" in one]
    asked = [one for one in told if "skip_reason" not in one]
    if not asked:
        return 0, [f"NOT AUDITED: the service that answers here knows none of the {len(skipped)} packages."]
    lines = [f"{len(asked)} of {len(told)} packages audited."]
    if skipped:
        lines.append(f"NOT AUDITED, unknown to the service: {', '.join(sorted(skipped))}.")
    holes = [(one, hole) for one in asked for hole in one["vulns"]]
    for one, hole in holes:
        mended = ", ".join(hole.get("fix_versions", [])) or "no version yet"
        lines.append(f"HOLE {one['name']} {one['version']}: {hole['id']}, mended in {mended}.")
    if not holes:
        lines.append("No known hole in them.")
    return (1 if holes else 0), lines


if __name__ == "__main__":
    sys.exit(main())
