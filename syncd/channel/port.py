"""The contract between syncd and a sales channel: what a connector promises, and the values that cross.

A connector raises only the faults of `syncd.errors.RemoteError`; expected outcomes are the enums below, one per item.
It holds no retries, sleeping, scheduling, database or configuration reading. Optional abilities are the one-method
Protocols at the end; `Capabilities` states facts that the core steers by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from syncd.channel.account import CallMeter as CallMeter
from syncd.channel.account import CredentialsEnd as CredentialsEnd
from syncd.channel.account import WebhookCare as WebhookCare
from syncd.channel.after_sale import BuyerMessage as BuyerMessage
from syncd.channel.after_sale import Cancellability as Cancellability
from syncd.channel.after_sale import InvoiceRequest as InvoiceRequest
from syncd.channel.after_sale import RefundLine as RefundLine
from syncd.channel.after_sale import RefundOutcome as RefundOutcome
from syncd.channel.after_sale import RefundRequest as RefundRequest
from syncd.channel.after_sale import RefundVerdict as RefundVerdict
from syncd.channel.after_sale import Shipment as Shipment
from syncd.channel.after_sale import ShippedLine as ShippedLine
from syncd.channel.coupon import CouponOutcome as CouponOutcome
from syncd.channel.coupon import CouponRequest as CouponRequest
from syncd.channel.order import COPY_PERHAPS as COPY_PERHAPS
from syncd.channel.order import Address as Address
from syncd.channel.order import Buyer as Buyer
from syncd.channel.order import ChannelOrder as ChannelOrder
from syncd.channel.order import OrderLine as OrderLine
from syncd.channel.order import OrderPage as OrderPage
from syncd.channel.order import OrderProblem as OrderProblem
from syncd.channel.order import OrderStatus as OrderStatus
from syncd.channel.shown import ChangePage as ChangePage
from syncd.channel.shown import ChannelListing as ChannelListing
from syncd.channel.shown import ListingObservation as ListingObservation
from syncd.channel.shown import ListingPage as ListingPage
from syncd.channel.shown import ListingStatus as ListingStatus
from syncd.identity import ListingId


@dataclass(frozen=True, slots=True)
class QuantityUpdate:
    """Make the listing show so many, in the listing's own units (packs, not base units)."""

    listing_id: ListingId
    quantity: int


class PushVerdict(StrEnum):
    """What became of one update."""

    ACCEPTED = "accepted"
    """Applied, or already so."""
    NOT_FOUND = "not_found"
    """The channel knows no such listing, or it has ended."""
    REJECTED = "rejected"
    """Refused for a reason that repeating does not change; a person must look."""
    DEFERRED = "deferred"
    """Not applied, and may succeed later without anybody's help."""
    UNKNOWN = "unknown"
    """May or may not have been applied: read the listing before believing either."""


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """One per update, in any order. `code` is the channel's own code, `message` one readable sentence.

    `wait_seconds`, of a DEFERRED update, is how long the same number need not be tried again (a selling limit); a lower
    one is sent at once all the same. None: as every other.
    """

    listing_id: ListingId
    verdict: PushVerdict
    code: str = ""
    message: str = ""
    wait_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Facts about a channel, from its connector.toml. An instance may tighten them, never loosen.

    Quantities in listing units, times in seconds; None means "no such limit".
    """

    batch_size: int
    calls_in_flight: int
    calls_per_second: float | None
    calls_per_day: int | None
    revisions_per_listing_per_day: int | None
    quantity_max: int
    order_lag_seconds: int
    """How long an order can be missing from the channel's order list after the sale."""
    sold_counter: bool
    """Listings carry a cumulative counter of units sold, independent of the order list."""
    decrements_unpaid: bool
    """The channel lowers its own number for orders that are not paid yet."""
    holds_unpaid: bool
    """The channel subtracts unpaid orders from what it offers without lowering the number it stores."""
    restocks_cancelled: bool
    """The channel raises its own number when an order is cancelled."""
    zero_keeps_listing: bool
    """Showing 0 leaves the listing alive."""
    unpaid_expires_seconds: int | None
    """After how long the channel itself gives up an unpaid order."""
    write_outlasts_seconds: int = 0
    """How long a write whose answer never came may still be applied, and overwrite a newer one."""
    reads_singly: bool = False
    """Reading several listings at once costs a call for each."""
    names_buyer_language: bool = False
    """Orders say which language the buyer speaks."""
    cancelling_counts: bool = False
    """An order of which nothing is sent counts against the seller: a person is asked before one is refunded whole."""


class Channel(Protocol):
    """A place we sell, reached through a connector. Every method may raise any `RemoteError`."""

    @property
    def capabilities(self) -> Capabilities:
        """The facts for this instance."""
        ...

    async def check(self) -> None:
        """One cheap authenticated call; returns if the channel can be worked with, else raises the fault."""
        ...

    async def fetch_orders(self, cursor: str | None, *, since: datetime) -> OrderPage:
        """Orders created or changed since `cursor`, oldest change first; from `since` when there is no cursor.

        Overlaps on purpose: the same order may come again.
        """
        ...

    async def fetch_listings(self, cursor: str | None) -> ListingPage:
        """All active listings, a page at a time; None starts over."""
        ...

    async def push_quantities(self, updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
        """Set absolute quantities: at most `capabilities.batch_size` updates, one outcome for each."""
        ...

    async def aclose(self) -> None:
        """Give back threads and connections. May be called twice."""
        ...


@runtime_checkable
class ReadsOrders(Protocol):
    """Can fetch one order by its id."""

    async def fetch_order(self, order_id: str) -> ChannelOrder | None:
        """The order now, or None if the channel knows no such order."""
        ...


@runtime_checkable
class ReadsQuantities(Protocol):
    """Can read chosen listings afresh."""

    async def read_quantities(self, listing_ids: Sequence[ListingId]) -> list[ListingObservation]:
        """One observation for each listing that exists; a listing that is gone is left out or comes as ENDED."""
        ...


@runtime_checkable
class TellsChanges(Protocol):
    """Can list the listings that changed lately, with their counters: sales are seen there before an order tells."""

    async def fetch_changes(self, cursor: str | None) -> ChangePage:
        """Listings changed since `cursor`, in one call or none; None only says from where to ask next.

        Overlaps on purpose; what cannot be read, or told as a whole, is left out. Nothing is lost by losing the cursor:
        reading all listings tells as much.
        """
        ...


@dataclass(frozen=True, slots=True, repr=False)
class WebhookRequest:
    """An HTTP request as it came to `/hooks/<channel>`. Header names are lower case. Not trusted."""

    method: str
    url: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime

    def __repr__(self) -> str:
        return f"WebhookRequest({self.method}, {len(self.body)} bytes)"


@dataclass(frozen=True, slots=True)
class Hint:
    """Something may have changed: this order, or this listing as observed, or (both None) anything."""

    order_id: str | None = None
    observation: ListingObservation | None = None


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What to answer, and what the call hints at. Status ≥ 400 means refused, with `reason` for the log.

    `delivery_key` names the delivery, so that the same one coming again can be told from a new one. `erased_buyers` are
    the ids of buyers whose personal data must be forgotten, by the law the channel passes on.
    """

    status: int
    reason: str = ""
    body: bytes = b""
    content_type: str = "text/plain"
    hints: tuple[Hint, ...] = ()
    delivery_key: str = ""
    erased_buyers: tuple[str, ...] = ()


@runtime_checkable
class ReceivesWebhooks(Protocol):
    """The channel calls us. Hints only: what they say is confirmed by an authenticated read."""

    def receive_webhook(self, request: WebhookRequest) -> WebhookAnswer:
        """Check signature and freshness and read the hints. Pure: no I/O, must return within a millisecond or so."""
        ...


@runtime_checkable
class PreparesWebhooks(Protocol):
    """Some webhooks can only be checked with something the channel hands out, such as the key they are signed with."""

    async def prepare_webhook(self, request: WebhookRequest) -> None:
        """Fetch what `receive_webhook` needs for this call and does not have; bounded, whatever a stranger sends.

        Raises a `RemoteError` when it cannot be fetched now: the call is then answered 503 and comes again.
        """
        ...


@runtime_checkable
class RegistersWebhooks(Protocol):
    """Can register its webhooks itself. How often it is let mend them is the core's to decide."""

    async def care_for_webhooks(self, url: str) -> WebhookCare:
        """Have the channel call `url` with all we want to hear of; what is so already is left alone."""
        ...


@runtime_checkable
class RefundsOrders(Protocol):
    """Can refund through the channel. After ChannelUnavailable, `find_refund` must be asked before any repeat."""

    async def refund(self, request: RefundRequest) -> RefundOutcome:
        """Start the refund."""
        ...

    async def find_refund(self, request: RefundRequest) -> RefundOutcome | None:
        """The refund made earlier for this request, or None if the channel has none."""
        ...


@runtime_checkable
class MessagesBuyers(Protocol):
    """Can send a message to a buyer. Not idempotent on most channels: after ChannelUnavailable it is not repeated."""

    async def message_buyer(self, message: BuyerMessage) -> None:
        """Returns once the channel has taken the message."""
        ...


@runtime_checkable
class InvoicesBuyers(Protocol):
    """Can put several unpaid orders of one buyer into one invoice. After ChannelUnavailable ask `is_invoiced` first."""

    async def send_invoice(self, request: InvoiceRequest) -> None:
        """Combine and send; returns once the channel has taken it. What an earlier try combined is not an error."""
        ...

    async def is_invoiced(self, request: InvoiceRequest) -> bool:
        """Whether the lines are in one order for which an invoice was sent."""
        ...


@runtime_checkable
class AcknowledgesShipments(Protocol):
    """Can be told that goods are on their way. Idempotent: the same shipment again replaces what was said of it."""

    async def acknowledge_shipment(self, shipment: Shipment) -> None:
        """Mark the lines as sent, with carrier and tracking number where there are any."""
        ...


@runtime_checkable
class ChecksCancellation(Protocol):
    """Can say whether an order may still be cancelled, without cancelling it."""

    async def check_cancellation(self, order_id: str) -> Cancellability:
        """Ask for one order."""
        ...


@runtime_checkable
class MetersCalls(Protocol):
    """Can say how many calls of the day are left; asking must not cost any of them."""

    async def read_meter(self) -> CallMeter | None:
        """The channel's own count, or None where it names none."""
        ...


@runtime_checkable
class KeepsCredentials(Protocol):
    """Its credentials end at a moment that can be known before."""

    @property
    def credentials_end(self) -> CredentialsEnd | None:
        """As far as is known now; None when it is not."""
        ...


@runtime_checkable
class PushesGroups(Protocol):
    """Can set many listings of one group (the variations of one item) in one push that counts as one revision.

    `push_quantities` then also takes up to `group_size` updates, if they are all of one group. A group that cannot be
    set as a whole, for a reason that says nothing of each of them, is `ChannelRefused` with nothing applied: it is then
    pushed `batch_size` at a time.
    """

    @property
    def group_size(self) -> int:
        """Most updates in one push of a group; above `batch_size`."""
        ...

    @property
    def calls_per_group(self) -> int:
        """Calls that one push of a group costs."""
        ...

    def group_of(self, listing_id: ListingId) -> str:
        """What listings that can be pushed together share. Pure."""
        ...


@runtime_checkable
class NotesOrders(Protocol):
    """Can leave a note with an order that the merchant's people read and the buyer does not."""

    async def note_order(self, order_id: str, text: str, reference: str) -> None:
        """Returns once the note is there. A second one of the same reference is not made."""
        ...


@runtime_checkable
class IssuesCoupons(Protocol):
    """Can make a coupon for one customer. It tells him nothing: the code goes out in a message."""

    async def issue_coupon(self, request: CouponRequest) -> CouponOutcome:
        """Make it, or find that it was made: the same request again is the same coupon, also after an answer lost."""
        ...
