"""Which files of a folder are read: whole ones, the newest for a list, each once for answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatch

UNFINISHED = ("*.part", "*.tmp", "*.temp", "*.filepart", "*.partial", "*.swp", "*~")
"""Names programs give to files they are still writing."""

FILES_MAX = 1_000
"""Most files looked at in one folder; those read long ago are to be moved away."""

FILES_PER_CALL_MAX = 50
"""Most files of answers read in one call; the others come with the next."""

CURSOR = "files:"
_DIGEST_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as its folder lists it. `identity` tells files of one name apart, where the folder can.

    `is_named`: the settings name this very file, so that neither a pattern nor its ending matters.
    """

    name: str
    size: int
    modified_epoch_seconds: float
    identity: str = ""
    is_named: bool = False

    @property
    def etag(self) -> str:
        """Another one whenever the file was written anew."""
        return f"{self.size}/{self.modified_epoch_seconds:.6f}/{self.identity}/{self.shown}"

    @property
    def shown(self) -> str:
        """The name for people and rows; bytes of it that are no UTF-8 are shown as such."""
        return self.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")

    @property
    def modified_at(self) -> str:
        """When it was last written, as ISO 8601."""
        return datetime.fromtimestamp(self.modified_epoch_seconds, UTC).isoformat()


def candidates(entries: Iterable[Entry], pattern: str) -> list[Entry]:
    """Files that may be meant: they fit the pattern, and are neither hidden nor named as unfinished."""
    return [
        one
        for one in entries
        if one.is_named
        or (
            fnmatch(one.name, pattern)
            and not one.name.startswith(".")
            and not any(fnmatch(one.name.lower(), unfinished) for unfinished in UNFINISHED)
        )
    ]


@dataclass
class Sightings:
    """When each file of a folder was first seen as it is now: his clock is his own, and says nothing of how long ago.

    `clocks_apart_seconds`: by how much the two may differ. Bounded by the folder: what is gone from it is forgotten.
    """

    clocks_apart_seconds: float = 0.0
    seen_at: dict[str, datetime] = field(default_factory=dict)

    def settled(self, entries: Sequence[Entry], now: datetime, settle_seconds: float) -> list[Entry]:
        """Those nobody has written to for so long that they are whole: between two looks of ours, or for hours."""
        self.seen_at = {one.etag: self.seen_at.get(one.etag, now) for one in entries}
        return [one for one in entries if self._is_settled(one, now, settle_seconds)]

    def _is_settled(self, entry: Entry, now: datetime, settle_seconds: float) -> bool:
        if (now - self.seen_at[entry.etag]).total_seconds() >= settle_seconds:
            return True
        return now.timestamp() - entry.modified_epoch_seconds >= settle_seconds + self.clocks_apart_seconds


def newest(entries: Iterable[Entry]) -> Entry | None:
    """The file written last."""
    return max(entries, key=lambda one: (one.modified_epoch_seconds, one.shown), default=None)


def unread(entries: Sequence[Entry], cursor: str | None) -> list[Entry]:
    """Files not read by the call that gave `cursor` or an earlier one, the oldest first."""
    read = _read(cursor)
    new = [one for one in entries if _digest(one) not in read]
    return sorted(new, key=lambda one: (one.modified_epoch_seconds, one.name))[:FILES_PER_CALL_MAX]


def next_cursor(entries: Sequence[Entry], cursor: str | None, read: Iterable[Entry]) -> str:
    """Remembers what was read and is still there."""
    done = _read(cursor) | {_digest(one) for one in read}
    return CURSOR + " ".join(sorted({_digest(one) for one in entries} & done))


def _read(cursor: str | None) -> set[str]:
    return set(cursor.removeprefix(CURSOR).split()) if cursor and cursor.startswith(CURSOR) else set()


def _digest(entry: Entry) -> str:
    return hashlib.sha256(entry.etag.encode()).hexdigest()[:_DIGEST_LENGTH]
