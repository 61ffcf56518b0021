"""A shortage case: a promise that exceeds stock, from its opening to its resolution, as a table of states."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from syncd.identity import ChannelName, Sku
from syncd.shortage.resolution import Option, OptionKind


class CaseStatus(StrEnum):
    """How a case stands."""

    OPEN = "open"
    """Found; nobody was told yet."""
    ASKED = "asked"
    """The customer was told and may choose until the deadline."""
    ACTING = "acting"
    """A choice, or the default at the deadline, is being carried out."""
    WAITING = "waiting"
    """The customer waits for what he ordered; at its deadline he is asked again."""
    NEEDS_PERSON = "needs_person"
    """The machine may not, or cannot, go on; a question says why."""
    RESOLVED = "resolved"


TRANSITIONS: dict[CaseStatus, frozenset[CaseStatus]] = {
    CaseStatus.OPEN: frozenset({CaseStatus.ASKED, CaseStatus.RESOLVED}),
    CaseStatus.ASKED: frozenset({CaseStatus.ACTING, CaseStatus.WAITING, CaseStatus.NEEDS_PERSON, CaseStatus.RESOLVED}),
    CaseStatus.WAITING: frozenset({CaseStatus.ASKED, CaseStatus.ACTING, CaseStatus.RESOLVED}),
    CaseStatus.ACTING: frozenset({CaseStatus.NEEDS_PERSON, CaseStatus.RESOLVED}),
    CaseStatus.NEEDS_PERSON: frozenset({CaseStatus.ACTING, CaseStatus.RESOLVED}),
    CaseStatus.RESOLVED: frozenset(),
}
"""From each state, the states it may go to. Every state but the last has a way on."""


@dataclass(frozen=True, slots=True)
class Case:
    """One line's shortage of one SKU. `units` are base units; at most one case per line and SKU is unresolved.

    `asked` counts how often the customer was asked; `instead` is the substitute he chose; `owner` the person who sees
    to it, '' for nobody yet. `awaits` is the purchase order that brings the units late; '' while they are short.
    """

    case_id: str
    channel: ChannelName
    order_key: str
    line_id: str
    sku: Sku
    units: int
    cause: str
    status: CaseStatus
    opened_at: datetime
    options: tuple[Option, ...] = ()
    deadline_at: datetime | None = None
    chosen: OptionKind | None = None
    chosen_by: str = ""
    resolved_at: datetime | None = None
    resolution: str = ""
    asked: int = 0
    instead: Sku | None = None
    owner: str = ""
    awaits: str = ""

    def to(self, status: CaseStatus, **changes: object) -> Case:
        """The case in another state. Raises ValueError for a step the table does not know."""
        if status not in TRANSITIONS[self.status]:
            raise ValueError(f"case {self.case_id} cannot go from {self.status} to {status}")
        return replace(self, status=status, **changes)  # type: ignore[arg-type]

    def offers(self, kind: OptionKind, substitute: Sku | None = None) -> Option | None:
        """The offered option of a kind, or None; the first one where there are several and none is named."""
        of_kind = (option for option in self.options if option.kind is kind)
        return next((option for option in of_kind if substitute in (None, option.substitute)), None)

    def is_due(self, now: datetime) -> bool:
        """Whether the time to choose, or to wait, is over."""
        return (
            self.status in (CaseStatus.ASKED, CaseStatus.WAITING)
            and self.deadline_at is not None
            and now >= self.deadline_at
        )


def case_id(channel: ChannelName, line_id: str, sku: Sku, number: int) -> str:
    """The id of a line's number-th case (from 1); it is also the stem of every reference its money and messages
    carry."""
    return f"{channel}:{line_id}/{sku}/{number}"
