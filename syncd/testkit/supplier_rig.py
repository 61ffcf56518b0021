"""What an author supplies to run the supplier kit: a supplier, and the other side's levers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import ModuleType
from typing import Protocol

from syncd.clock import Clock
from syncd.errors import (
    ChannelAuthFailed,
    ChannelProtocolError,
    ChannelUnavailable,
    RateLimited,
    RemoteError,
)
from syncd.supply.port import OfferRow, Supplier


class RemoteFault(StrEnum):
    """What can go wrong on the other side during one call."""

    UNAUTHORIZED = "unauthorized"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    STALLED = "stalled"
    DROPPED = "dropped"
    CUT = "cut"
    HTML = "html"
    EMPTY = "empty"


CONSEQUENCE: Mapping[RemoteFault, type[RemoteError]] = {
    RemoteFault.UNAUTHORIZED: ChannelAuthFailed,
    RemoteFault.RATE_LIMITED: RateLimited,
    RemoteFault.SERVER_ERROR: ChannelUnavailable,
    RemoteFault.STALLED: ChannelUnavailable,
    RemoteFault.DROPPED: ChannelUnavailable,
    RemoteFault.CUT: ChannelUnavailable,
    RemoteFault.HTML: ChannelProtocolError,
    RemoteFault.EMPTY: ChannelProtocolError,
}
"""The fault each of them must leave the connector as."""


class ImpossibleFaultError(Exception):
    """Raised by `fail_next_fetch` for a fault this transport cannot have (a file is never rate limited)."""


class SupplierRig(Protocol):
    """A connected supplier and the levers of the other side.

    The supplier gives up after a fraction of a second. `set_offers` sets what his feed says and what can be bought.
    """

    supplier: Supplier
    clock: Clock
    """The clock the supplier was connected with."""
    takes_orders: bool
    """Whether, as configured, the supplier must implement TakesPurchaseOrders."""
    fetch_faults: frozenset[RemoteFault]
    """What can happen to `check` and `fetch_offers`; `place_order` can meet all of RemoteFault."""
    secrets: tuple[str, ...]
    """Values that must never appear in a log or an exception; empty if the supplier needs no credentials."""
    pure_modules: tuple[ModuleType, ...]
    """The connector's mapping."""

    def with_bad_credentials(self) -> Supplier | None:
        """The same supplier with wrong credentials (closed by the rig), or None where none are needed."""
        ...

    async def set_offers(self, rows: Sequence[OfferRow]) -> None:
        """Make this all that the supplier offers."""
        ...

    async def add_bad_row(self) -> int:
        """Put one unreadable row after those of `set_offers`; returns its line in the feed."""
        ...

    async def fail_next_fetch(self, fault: RemoteFault, *, retry_after_seconds: int | None = None) -> None:
        """Let the next `check` or `fetch_offers` go wrong. Raises ImpossibleFaultError if it cannot."""
        ...

    async def fail_next_order(
        self, fault: RemoteFault, *, taken: bool = False, retry_after_seconds: int | None = None
    ) -> None:
        """Let the next `place_order` go wrong; `taken`: after the order was taken."""
        ...

    async def recover(self) -> None:
        """Let the other side work again, where a fault outlives the one call (a file stays deleted)."""
        ...

    async def stalled(self) -> None:
        """Return once a call waits for an answer that does not come."""
        ...

    async def units_bought(self) -> Mapping[str, int]:
        """Units by supplier SKU that the other side believes to have sold."""
        ...
