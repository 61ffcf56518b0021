"""The audit says what it knows: holes, packages nobody could tell of, and that nothing was audited at all."""

from __future__ import annotations

import json

import pytest

from tests.audit import verdict

SOUND = {"name": "yarl", "version": "1.25.1", "vulns": []}
UNKNOWN = {"name": "six", "skip_reason": "Dependency not found"}
HOLED = {"name": "lxml", "version": "6.0", "vulns": [{"id": "CVE-1", "fix_versions": ["6.1"]}]}


@pytest.mark.parametrize(
    ("told", "code", "said"),
    [
        ([SOUND], 0, ["1 of 1 packages audited.", "No known hole in them."]),
        ([UNKNOWN], 0, ["NOT AUDITED: the service that answers here knows none of the 1 packages."]),
        (
            [SOUND, UNKNOWN, HOLED],
            1,
            [
                "2 of 3 packages audited.",
                "NOT AUDITED, unknown to the service: six.",
                "HOLE lxml 6.0: CVE-1, mended in 6.1.",
            ],
        ),
    ],
)
def test_what_is_said(told: list[dict[str, object]], code: int, said: list[str]) -> None:
    """A hole ends with 1; whatever was skipped is named; silence is no acquittal."""
    assert verdict(json.dumps({"dependencies": told}), []) == (code, said)


@pytest.mark.parametrize("report", ["", "not json", "[]", "{}"])
def test_no_report_is_no_acquittal(report: str) -> None:
    """Offline: it ends well, and says that nothing was audited, and why."""
    code, [line] = verdict(report, ["", "connection refused"])
    assert code == 0
    assert line.startswith("NOT AUDITED")
    assert "connection refused" in line
