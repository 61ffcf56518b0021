"""Faults on demand: what the stand-in does wrong when told to, for the next calls that match."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

TRANSPORT_FAULTS = frozenset(
    {
        *("hang_before", "hang_after", "cut_before", "cut_after", "cut_body"),
        *("html_503", "html_200", "empty", "huge", "wrong_root", "http_429"),
    }
)
"""Done to the connection or the body; `_after` ones apply the call first."""

ERROR_FAULTS = {
    "internal": "10007",
    "http_500_xml": "10007",
    "quota": "518",
    "window": "21919144",
    "token_expired": "21917053",
    "selling_limit": "21919188",
}
"""Answered instead of the call, which is not applied."""

MODE_FAULTS = frozenset({"shape_1", "shape_2", "shape_3", "partial_failure"})
"""One ReviseInventoryStatus in which every item but the first is refused as a listing that has ended."""

KINDS = TRANSPORT_FAULTS | frozenset(ERROR_FAULTS) | MODE_FAULTS

_NUMBERED = re.compile(r"(code|item|rest):\d{1,9}")
"""A refusal with any code: of a whole Trading call, of the first item of a ReviseInventoryStatus, of a REST call."""


def numbered(kind: str | None, what: str) -> str | None:
    """The code of a numbered fault of one sort, or None."""
    sort, _, code = (kind or "").partition(":")
    return code if sort == what and code else None


@dataclass
class Fault:
    """One kind of trouble for so many calls; `call` None means any."""

    kind: str
    call: str | None = None
    times: int = 1


@dataclass
class FaultPlan:
    """The troubles waiting for their calls, first come first served."""

    waiting: list[Fault] = field(default_factory=list)

    def add(self, kind: str, *, call: str | None = None, times: int = 1) -> None:
        """Let the next `times` calls (of that name) fail so. Raises ValueError for a kind that does not exist."""
        if kind not in KINDS and not _NUMBERED.fullmatch(kind):
            raise ValueError(f"{kind!r} is not a fault; there are: {', '.join(sorted(KINDS))}, code:N, item:N, rest:N")
        self.waiting.append(Fault(kind, call, times))

    def clear(self) -> None:
        """No more trouble."""
        self.waiting.clear()

    def take(self, call: str) -> str | None:
        """The kind of trouble this call is to have."""
        for fault in self.waiting:
            if fault.call in (None, call):
                fault.times -= 1
                if fault.times <= 0:
                    self.waiting.remove(fault)
                return fault.kind
        return None
