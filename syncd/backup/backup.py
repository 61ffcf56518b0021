"""Backups by name: what a file is called, and which of them may go."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

SQLITE, POSTGRESQL = "db", "dump"
"""How the name ends: a SQLite file as it is, or a dump in pg_dump's own form."""

_NAME = re.compile(r"syncd-(\d{8}T\d{6}Z)(?:-(\d+))?\.(db|dump)")


def name_at(now: datetime, suffix: str, taken: Iterable[str] = ()) -> str:
    """The name of a backup made now; sorts by time, also where several were made in one second."""
    known = set(taken)
    stem = f"syncd-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    names = (f"{stem}.{suffix}", *(f"{stem}-{number}.{suffix}" for number in range(2, len(known) + 3)))
    return next(name for name in names if name not in known)


def made_at(name: str) -> datetime | None:
    """When a backup was made, by its name; None for a file that is no backup of ours."""
    found = _NAME.fullmatch(name)
    return None if found is None else datetime.strptime(found[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def superfluous(names: Iterable[str], keep: int) -> list[str]:
    """The backups that may go when the newest `keep` stay. Files of other names are nobody's business."""

    def order(name: str) -> tuple[str, int]:
        found = _NAME.fullmatch(name)
        return ("", 0) if found is None else (found[1], int(found[2] or 1))

    ours = sorted((name for name in names if made_at(name) is not None), key=order)
    return ours[: max(0, len(ours) - keep)]
