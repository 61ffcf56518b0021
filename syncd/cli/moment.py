"""A past moment as it is typed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer

from syncd.clock import moment_of
from syncd.history.history import Order

EXAMPLE = "2026-03-02T08:00:00Z"


@dataclass(frozen=True)
class PastMoment:
    """Which past moment is meant."""

    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help=f"As it was then, e.g. {EXAMPLE}; else now.")
    ] = None

    @property
    def moment(self) -> datetime | None:
        """The moment typed, in UTC; None for now."""
        if self.at is None:
            return None
        if (found := moment_of(self.at)) is not None:
            return found
        raise typer.BadParameter(f"{self.at!r} is not a moment with its time zone, such as {EXAMPLE}")


@dataclass(frozen=True)
class Past(PastMoment):
    """Which past moment is meant, and which of a movement's two times decides."""

    by: Annotated[
        Order,
        typer.Option("--by", help="happened: what lay on the shelf; recorded: what the books said at that moment."),
    ] = Order.HAPPENED
