"""Commands that do what a scanner does: one scan posted at the same desk, and its result told."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from syncd.cli.levels import show_levels
from syncd.cli.options import Common
from syncd.cli.screen import GOOD, LOOK, answer, data, fail, say
from syncd.cli.session import Session, in_session
from syncd.errors import OperatorError
from syncd.scanner.scan import Problems, ScanKind, ScanResult, ScanVerdict, result_values


def scanned(common: Common, kind: ScanKind, key: str | None, fields: Mapping[str, object]) -> None:
    """Post a scan and tell its result; exit code 1 unless it was posted, now or before.

    `key` is the scan's id, a new one is made for None. Fields that are None are left out.
    """
    scan_id = key or str(uuid.uuid4())

    async def work(session: Session) -> ScanResult:
        said = {"scan_id": scan_id, "kind": kind.value, "actor": session.actor}
        desk = session.desk()
        scan = desk.read(said | {name: value for name, value in fields.items() if value is not None})
        if isinstance(scan, Problems):
            raise OperatorError(f"this is no {kind.value}", scan.sentences)
        return await desk.post(scan)

    result = in_session(common.path, work)
    if common.as_json:
        data(result_values(result))
    else:
        _told(result, scan_id)
    if result.verdict not in (ScanVerdict.POSTED, ScanVerdict.DUPLICATE):
        fail()


def _told(result: ScanResult, key: str) -> None:
    moved = result.verdict is ScanVerdict.POSTED
    answer(result.sentence, GOOD if moved else LOOK)
    if result.broken:
        say("Follow what their customers are offered with: syncd cases")
    if result.levels:
        show_levels(result.levels)
    say(f"key {key}: with --key the same command again moves nothing twice", "bright_black")
