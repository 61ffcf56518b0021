"""One invoice for several unpaid orders of one buyer, with one price for sending them: what to offer, and when.

Shops lose buyers who pay shipping twice for one parcel. An offer is made once for a set of order lines, after the buyer
has had time to finish; whoever pays, cancels or adds something meanwhile makes it void before it is sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from syncd.channel.port import InvoiceRequest, OrderStatus
from syncd.clock import DURATION_SECONDS_MAX, doubled
from syncd.identity import ChannelName, Money
from syncd.orders.combine import Group, OpenOrder, groups

ATTEMPTS_MAX = 6
"""Tries before an invoice becomes a person's task."""

PAUSE_FIRST_SECONDS = 60
"""Pause before the second try; doubles."""

LINES_MAX = 40
"""Most order lines in one invoice (eBay's AddOrder takes so many)."""


class InvoiceConfig(BaseModel):
    """[invoice]: offering unpaid orders of one buyer as one invoice, on channels that can."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    combine: Literal["off", "ask", "auto"] = Field(
        default="ask",
        description="unpaid orders of one buyer: never one invoice, ask before offering it, or offer it",
    )
    shipping_service: str = Field(
        default="", max_length=100, description="the channel's name of how it is sent; nothing is offered without one"
    )
    shipping_first: Decimal = Field(
        default=Decimal(0), ge=0, description="shipping of one unit, in the order's currency"
    )
    shipping_further: Decimal = Field(default=Decimal(0), ge=0, description="shipping for each further unit")
    shipping_max: Decimal | None = Field(default=None, ge=0, description="shipping is never more; not given: no limit")
    gather_seconds: float = Field(
        default=1800, ge=0, le=DURATION_SECONDS_MAX, description="pause after a buyer's last order before it is offered"
    )
    per_day_max: int = Field(default=50, ge=0, le=1000, description="invoices sent by themselves in 24 hours")
    note: str = Field(default="", max_length=500, description="what the buyer reads beside the invoice")

    def shipping(self, units: int) -> Decimal:
        """What it costs to send so many units together."""
        cost = self.shipping_first + self.shipping_further * max(0, units - 1)
        return cost if self.shipping_max is None else min(cost, self.shipping_max)


class InvoiceStatus(StrEnum):
    """How an invoice stands."""

    ASKED = "asked"
    """A person is asked whether it should be offered."""
    WAITING = "waiting"
    SENDING = "sending"
    """Written before the channel is asked: one found here may have gone, and the channel is asked first."""
    SENT = "sent"
    DECLINED = "declined"
    """A person does not want it offered."""
    VOID = "void"
    """The buyer paid, cancelled or bought more before it was sent."""
    NEEDS_PERSON = "needs_person"


UNSENT = (InvoiceStatus.ASKED, InvoiceStatus.WAITING)
"""May still be withdrawn."""


@dataclass(frozen=True, slots=True)
class Invoice:
    """One invoice over lines of several orders. The lines name it: their orders' ids may change."""

    reference: str
    channel: ChannelName
    line_ids: tuple[str, ...]
    order_keys: tuple[str, ...]
    shipping: Money
    total: Money
    status: InvoiceStatus
    created_at: datetime
    attempts: int = 0
    next_attempt_at: datetime | None = None
    sent_at: datetime | None = None

    def request(self, config: InvoiceConfig) -> InvoiceRequest:
        """What the channel is asked for."""
        return InvoiceRequest(self.line_ids, self.shipping, config.shipping_service, config.note, self.total)

    def tried(self, now: datetime) -> Invoice | None:
        """After one more try that got no answer; None when it was tried often enough."""
        attempts = self.attempts + 1
        if attempts >= ATTEMPTS_MAX:
            return None
        later = now + timedelta(seconds=doubled(PAUSE_FIRST_SECONDS, attempts))
        return replace(self, status=InvoiceStatus.SENDING, attempts=attempts, next_attempt_at=later)


@dataclass(frozen=True, slots=True)
class Offers:
    """`made` are new, `void` are no longer to be sent."""

    made: tuple[Invoice, ...]
    void: tuple[Invoice, ...]


def plan(orders: Iterable[OpenOrder], known: Sequence[Invoice], config: InvoiceConfig, now: datetime) -> Offers:
    """Which invoices to offer, and which are void, for one channel's open orders."""
    if config.combine == "off" or not config.shipping_service:
        return Offers((), tuple(one for one in known if one.status in UNSENT))
    unpaid = [one for group in groups(orders) if (one := group.only(OrderStatus.UNPAID)) is not None]
    sets = {reference(one): one for one in unpaid}
    void = tuple(one for one in known if one.status in UNSENT and one.reference not in sets)
    settled = {one.reference for one in known if one.status is not InvoiceStatus.VOID}
    touched = {line for one in known if one.status not in (*UNSENT, InvoiceStatus.VOID) for line in one.line_ids}
    left = config.per_day_max - _since_yesterday(known, now)
    made: list[Invoice] = []
    for name, group in sets.items():
        if name in settled or touched & set(_lines(group)) or not _is_ripe(group, config, now):
            continue
        by_itself = config.combine == "auto" and len(made) < left
        made.append(_invoice(name, group, config, InvoiceStatus.WAITING if by_itself else InvoiceStatus.ASKED, now))
    return Offers(tuple(made), void)


def reference(group: Group) -> str:
    """What an invoice over these orders' lines is known by, whatever their orders are called."""
    digest = hashlib.sha256("\n".join(_lines(group)).encode("utf-8", "backslashreplace")).hexdigest()
    return f"{group.orders[0].channel}:{digest[:16]}"


def _lines(group: Group) -> tuple[str, ...]:
    return tuple(sorted(line for one in group.orders for line in one.line_ids))


def _is_ripe(group: Group, config: InvoiceConfig, now: datetime) -> bool:
    currencies = {one.goods.currency for one in group.orders}
    waited = now - group.orders[-1].created_at >= timedelta(seconds=config.gather_seconds)
    return waited and len(currencies) == 1 and len(_lines(group)) <= LINES_MAX


def _invoice(name: str, group: Group, config: InvoiceConfig, status: InvoiceStatus, now: datetime) -> Invoice:
    currency = group.orders[0].goods.currency
    goods = sum((one.goods.amount for one in group.orders), Decimal(0))
    shipping = Money(config.shipping(sum(one.units for one in group.orders)), currency)
    total, first = Money(goods, currency) + shipping, group.orders[0]
    return Invoice(name, first.channel, _lines(group), group.keys, shipping, total, status, now)


def _since_yesterday(known: Sequence[Invoice], now: datetime) -> int:
    by_itself = (InvoiceStatus.WAITING, InvoiceStatus.SENDING, InvoiceStatus.SENT)
    return sum(1 for one in known if one.status in by_itself and now - one.created_at < timedelta(days=1))
