"""What a connector's author brings to the kit: a live channel and a hand on the stand-in behind it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from syncd.channel.port import Capabilities, Channel, WebhookRequest
from syncd.clock import Clock
from syncd.identity import ListingId


class Fault(StrEnum):
    """What the stand-in does to the next call instead of answering it properly.

    Only the two timeouts say whether a write was applied; the kit assumes nothing about the others.
    """

    RATE_LIMITED = "rate_limited"
    """Too many calls, without saying how long to wait."""
    RATE_LIMITED_WITH_DELAY = "rate_limited_with_delay"
    """Too many calls; wait `ChannelRig.rate_limit_delay_seconds`."""
    SERVER_ERROR = "server_error"
    """The channel's own failure, e.g. HTTP 503."""
    TIMEOUT_BEFORE_APPLYING = "timeout_before_applying"
    """No answer until the client gives up; the call never takes effect."""
    TIMEOUT_AFTER_APPLYING = "timeout_after_applying"
    """Waits for the next call that writes: it takes effect at once, with no answer until the client gives up.

    Calls that only read are answered meanwhile, so a connector may look before it writes.
    """
    CONNECTION_CUT = "connection_cut"
    """The connection is closed without an answer."""
    HTML_BODY = "html_body"
    """Status 200 with a web page instead of the promised format."""
    EMPTY_BODY = "empty_body"
    """Status 200 with nothing in it."""
    CUT_BODY = "cut_body"
    """An answer that breaks off in its middle."""
    HUGE_BODY = "huge_body"
    """The right answer, blown up to more than ten million bytes."""


class ChannelRig(Protocol):
    """One channel under test, and the shop side of its stand-in.

    Every method acts on the stand-in directly, never through the connector, and takes effect before it
    returns. The stand-in starts empty: no listings, no orders. The connector and the stand-in share one
    clock that only `pass_time` moves (a `FakeClock`), and the connector's own timeout is short (0.5 to 1
    second).
    """

    @property
    def channel(self) -> Channel:
        """The channel, connected with good credentials. The kit may close it before the rig does."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """The facts as connector.toml declares them."""
        ...

    @property
    def clock(self) -> Clock:
        """The clock that connector and stand-in go by."""
        ...

    @property
    def secrets(self) -> Sequence[str]:
        """Every secret the channel was given: keys, tokens, passwords, webhook secrets."""
        ...

    @property
    def buyer_data(self) -> Sequence[str]:
        """Names, mail addresses, streets … that the stand-in puts into the orders of `sell`."""
        ...

    @property
    def listings_per_page(self) -> int:
        """How many listings `fetch_listings` returns at most: 2 or 3 where the connector can."""
        ...

    @property
    def orders_per_page(self) -> int:
        """How many orders `fetch_orders` returns at most: 2 or 3 where the connector can."""
        ...

    @property
    def rate_limit_delay_seconds(self) -> float | None:
        """What the stand-in says with RATE_LIMITED_WITH_DELAY; None if this kind of channel never says."""
        ...

    async def pass_time(self, seconds: float) -> None:
        """Move the shared clock."""
        ...

    async def add_listing(self, sku: str | None, quantity: int, *, title: str = "") -> ListingId:
        """A new active listing, for sale at a price above zero; returns the id the connector uses for it."""
        ...

    async def end_listing(self, listing_id: ListingId) -> None:
        """The seller ends (or deletes) the listing on the channel."""
        ...

    def unknown_listing_id(self) -> ListingId:
        """An id of the right form that no listing has."""
        ...

    def unknown_order_id(self) -> str:
        """An id of the right form that no order has."""
        ...

    async def shown(self, listing_id: ListingId) -> int:
        """The number the channel itself keeps for the listing: what a push sets and a sale lowers.

        On eBay that is Quantity − QuantitySold, in a WooCommerce shop stock_quantity.
        """
        ...

    async def sell(self, listing_id: ListingId, quantity: int, *, paid: bool = True) -> str:
        """A customer buys; the channel lowers its own number by its own rules. Returns the order's id."""
        ...

    async def pay_order(self, order_id: str) -> str:
        """The customer pays. Returns the order's id from now on (on some channels a new one)."""
        ...

    async def cancel_order(self, order_id: str) -> None:
        """The order is cancelled on the channel, which restocks or not by its own rules."""
        ...

    async def place_order_without_sku(self) -> str:
        """A paid order of one line whose listing has no SKU, or is gone. Returns the order's id."""
        ...

    async def fail_next(self, fault: Fault, times: int = 1) -> None:
        """Meet the next `times` calls with the fault, whatever they ask (but see TIMEOUT_AFTER_APPLYING)."""
        ...

    async def calls_received(self) -> int:
        """How many calls have reached the stand-in so far; each counts from its arrival, however it ends."""
        ...

    async def bad_credentials(self) -> Channel:
        """A second channel to the same stand-in with credentials it refuses. The kit closes it."""
        ...

    async def webhook(self, order_id: str, *, forged: bool = False) -> WebhookRequest:
        """What the channel would send about this order now; `forged` is the same signed with a wrong secret.

        Called only if the channel receives webhooks. Two calls are two deliveries.
        """
        ...

    async def messages(self) -> Sequence[str]:
        """Every message taken for a buyer, as he reads it. Called only if the channel messages buyers."""
        ...
