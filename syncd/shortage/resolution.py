"""What can be offered when stock runs out after the sale, ranked by the merchant's policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from syncd.clock import DURATION_SECONDS_MAX
from syncd.identity import Money, Sku


class OptionKind(StrEnum):
    """What the customer can choose. Another location or supplier needs no choice: it is used silently before."""

    SUBSTITUTE = "substitute"
    """Something of equal or better kind at the same price; only with his consent."""
    PART_NOW = "part_now"
    """What there is now; the rest refunded."""
    WAIT = "wait"
    """What was ordered, later: until a date a supplier stands for."""
    REFUND = "refund"


class ShortageConfig(BaseModel):
    """[shortage]: what is offered, how long the customer may think, and what syncd may do by itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    answer_within_seconds: float = Field(
        default=172_800, gt=0, le=DURATION_SECONDS_MAX, description="how long the customer may choose (default 2 days)"
    )
    delay_notice_seconds: float = Field(
        default=86_400,
        ge=0,
        le=DURATION_SECONDS_MAX,
        description="how long before the end of the promised day a customer who waits hears that it will be late",
    )
    refund: Literal["auto", "ask"] = Field(default="ask", description="refund at the deadline, or ask a person first")
    refund_max: Decimal = Field(default=Decimal(200), ge=0, description="largest refund made without asking, per case")
    refund_max_day: Decimal = Field(
        default=Decimal(1000), ge=0, description="most that is refunded without asking in any 24 hours, in one currency"
    )
    refund_max_customer: Decimal = Field(
        default=Decimal(400), ge=0, description="most that one customer is refunded without asking in any 30 days"
    )
    whole_order: Literal["auto", "ask"] = Field(
        default="ask",
        description="refund whole orders by itself also where sending nothing counts against the seller",
    )
    ship_now: Literal["nothing", "shipping", "gift"] = Field(
        default="nothing",
        description="what comes with what is sent now: what the sending cost, or a gift in the parcel",
    )
    gift: str = Field(default="", max_length=200, description="the gift, as customers read it")
    options: tuple[OptionKind, ...] = Field(
        default=(OptionKind.SUBSTITUTE, OptionKind.PART_NOW, OptionKind.WAIT, OptionKind.REFUND),
        description="what is offered, best first",
    )
    substitutes: dict[str, tuple[str, ...]] = Field(default_factory=dict, description="SKU = SKUs that may replace it")
    restock: dict[str, date] = Field(
        default_factory=dict,
        description="SKU = day until which its supplier stands for new stock; the customer may wait",
    )
    shop_name: str = Field(default="", description="how customers know the shop")
    agent_name: str = Field(default="", description="the person who signs messages")
    language: Literal["it", "en"] = Field(default="en", description="language of messages when the buyer's is unknown")


@dataclass(frozen=True, slots=True)
class Option:
    """One thing the customer can choose. `units` are listing units; `cost` is what the merchant gives back,
    `shipping` the part of it that was paid for sending; `until` is the day by which it comes, where he has to
    wait for it."""

    kind: OptionKind
    units: int
    cost: Money | None = None
    substitute: Sku | None = None
    title: str = ""
    until: date | None = None
    shipping: Money | None = None
    gift: str = ""

    @property
    def key(self) -> str:
        """What names it among the options of its case."""
        return f"{self.kind}:{self.substitute}" if self.substitute else self.kind.value


@dataclass(frozen=True, slots=True)
class Need:
    """What is short, and what there is instead. `units` are listing units and `pieces` the same as base units; `price`
    is what was paid for them together, `shipping` what of the cost of sending can still be given back,
    `shipping_if_whole` the part that goes back because nothing would be sent."""

    sku: Sku
    title: str
    units: int
    pieces: int
    held: int
    price: Money
    in_stock: Mapping[Sku, int]
    titles: Mapping[Sku, str]
    today: date
    shipping: Money | None = None
    shipping_if_whole: Money | None = None


def rank(need: Need, config: ShortageConfig) -> tuple[Option, ...]:
    """The options that really can be kept, in the merchant's order. A refund can always be kept, so it is always
    there."""
    found: dict[OptionKind, Sequence[Option]] = {
        OptionKind.SUBSTITUTE: _substitutes(need, config),
        OptionKind.PART_NOW: _part_now(need, config),
        OptionKind.WAIT: _waits(need, config),
        OptionKind.REFUND: [
            _with_shipping(Option(OptionKind.REFUND, need.units, need.price, title=need.title), need.shipping_if_whole)
        ],
    }
    order = list(dict.fromkeys([*config.options, OptionKind.REFUND]))
    return tuple(option for kind in order for option in found[kind])


def _substitutes(need: Need, config: ShortageConfig) -> list[Option]:
    return [
        Option(OptionKind.SUBSTITUTE, need.units, None, Sku(other), need.titles.get(Sku(other), other))
        for other in config.substitutes.get(need.sku, ())
        if need.in_stock.get(Sku(other), 0) >= need.pieces
    ]


def _part_now(need: Need, config: ShortageConfig) -> list[Option]:
    if not need.held:
        return []
    one = Option(OptionKind.PART_NOW, need.units, need.price, title=need.title)
    if config.ship_now == "gift" and config.gift:
        return [replace(one, gift=config.gift)]
    return [_with_shipping(one, need.shipping)] if config.ship_now == "shipping" else [one]


def _with_shipping(one: Option, shipping: Money | None) -> Option:
    if one.cost is None or shipping is None or not shipping.amount:
        return one
    return replace(one, cost=one.cost + shipping, shipping=shipping)


def _waits(need: Need, config: ShortageConfig) -> list[Option]:
    until = config.restock.get(need.sku)
    if until is None or until <= need.today:
        return []
    return [Option(OptionKind.WAIT, need.units, None, title=need.title, until=until)]


def may_refund(price: Money, config: ShortageConfig) -> str | None:
    """Why a person has to agree before this is refunded, or None."""
    if config.refund == "ask":
        return "refunds are set to ask"
    if price.amount > config.refund_max:
        return f"{price} is more than the {config.refund_max} that are refunded without asking"
    return None
