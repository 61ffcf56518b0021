"""What can be offered when stock runs out after the sale, ranked by the merchant's policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from syncd.clock import DURATION_SECONDS_MAX
from syncd.identity import Money, Sku, SupplierName
from syncd.shortage.elsewhere import Arrival
from syncd.shortage.similar import Likeness


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
    send_within_days: int = Field(
        default=3, ge=0, le=365, description="days after the order by which it is promised to leave"
    )
    stand_in: dict[str, Annotated[int, Field(ge=0, le=365)]] = Field(
        default_factory=dict, description="location = days of carriage from it: helps out where a promise would break"
    )
    substitutes: dict[str, tuple[str, ...]] = Field(default_factory=dict, description="SKU = SKUs that may replace it")
    similar_max: int = Field(
        default=2,
        ge=0,
        le=10,
        description="how many similar products are offered where no substitute is there; 0 = none",
    )
    similar_min: int = Field(default=60, ge=0, le=100, description="how alike their titles must be, of 100")
    brand_families: tuple[tuple[str, ...], ...] = Field(
        default=(), description="brands that may stand in for each other"
    )
    restock: dict[str, date] = Field(
        default_factory=dict,
        description="SKU = day until which its supplier stands for new stock; the customer may wait",
    )
    shop_name: str = Field(default="", description="how customers know the shop")
    agent_name: str = Field(default="", description="the person who signs messages")
    language: Literal["it", "en"] = Field(default="en", description="language of messages when the buyer's is unknown")

    @property
    def likeness(self) -> Likeness:
        """What counts as a similar product."""
        return Likeness(self.brand_families, self.similar_min, self.similar_max)


@dataclass(frozen=True, slots=True)
class Option:
    """One thing the customer can choose. `units` are listing units; `cost` is what it costs the merchant: what he gives
    back, pays a supplier, or gives away in kind; `shipping` the part of it that was paid for sending. `until` is the
    day it holds: by which it leaves. `supplier` is who it will be bought from."""

    kind: OptionKind
    units: int
    cost: Money | None = None
    substitute: Sku | None = None
    title: str = ""
    until: date | None = None
    supplier: SupplierName | None = None
    shipping: Money | None = None
    gift: str = ""

    @property
    def key(self) -> str:
        """What names it among the options of its case."""
        return f"{self.kind}:{self.substitute}" if self.substitute else self.kind.value


@dataclass(frozen=True, slots=True)
class Need:
    """What is short, and what there is instead. `units` are listing units and `pieces` the same as base units; `price`
    is what was paid for them together, `prices` what one piece of others costs on the channel. `similar` are products
    alike, `arrivals` suppliers who have it, `promised` the day it is to leave. `shipping` is what of the cost of
    sending can still be given back, `shipping_if_whole` the part that goes back because nothing would be sent.
    """

    sku: Sku
    title: str
    units: int
    pieces: int
    held: int
    price: Money
    in_stock: Mapping[Sku, int]
    titles: Mapping[Sku, str]
    today: date
    promised: date | None = None
    similar: tuple[Sku, ...] = ()
    prices: Mapping[Sku, Money] = field(default_factory=dict)
    arrivals: tuple[Arrival, ...] = ()
    shipping: Money | None = None
    shipping_if_whole: Money | None = None

    @property
    def leaves(self) -> date:
        """The day by which what is here leaves."""
        return max(self.today, self.promised or self.today)


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


def rank_late(need: Need, until: date | None, config: ShortageConfig) -> tuple[Option, ...]:
    """What can be chosen where it was bought and will be late: wait for the supplier's day, if he names one, or not."""
    waits = [] if until is None else [Option(OptionKind.WAIT, need.units, None, title=need.title, until=until)]
    refund = Option(OptionKind.REFUND, need.units, need.price, title=need.title)
    return (*waits, _with_shipping(refund, need.shipping_if_whole))


def _substitutes(need: Need, config: ShortageConfig) -> list[Option]:
    """Those the merchant named; where none of them is here, similar ones."""
    named = [Sku(other) for other in config.substitutes.get(need.sku, ())]
    here = [sku for sku in named if _is_here(need, sku)] or [sku for sku in need.similar if _is_here(need, sku)]
    return [
        Option(
            OptionKind.SUBSTITUTE, need.units, _given_up(need, sku), sku, need.titles.get(sku, sku), until=need.leaves
        )
        for sku in here
    ]


def _part_now(need: Need, config: ShortageConfig) -> list[Option]:
    if not need.held:
        return []
    one = Option(OptionKind.PART_NOW, need.units, need.price, title=need.title, until=need.leaves)
    if config.ship_now == "gift" and config.gift:
        return [replace(one, gift=config.gift)]
    return [_with_shipping(one, need.shipping)] if config.ship_now == "shipping" else [one]


def _with_shipping(one: Option, shipping: Money | None) -> Option:
    if one.cost is None or shipping is None or not shipping.amount:
        return one
    return replace(one, cost=one.cost + shipping, shipping=shipping)


def _is_here(need: Need, sku: Sku) -> bool:
    return need.in_stock.get(sku, 0) >= need.pieces


def _given_up(need: Need, sku: Sku) -> Money | None:
    """How much dearer the substitute is than what was paid; None where nobody knows its price or it is not dearer."""
    price = need.prices.get(sku)
    if price is None or price.currency != need.price.currency:
        return None
    more = price.times(need.pieces) - need.price
    return more if more.amount > 0 else None


def _waits(need: Need, config: ShortageConfig) -> list[Option]:
    """The soonest day somebody stands for: the merchant's own word, or a supplier who has it."""
    told = config.restock.get(need.sku)
    waits = [
        Option(OptionKind.WAIT, need.units, one.cost, title=need.title, until=one.until, supplier=one.supplier)
        for one in need.arrivals
    ]
    if told is not None:
        waits.append(Option(OptionKind.WAIT, need.units, None, title=need.title, until=told))
    later = [(one.until, one.supplier is not None, one) for one in waits if one.until and one.until > need.today]
    return [min(later, key=lambda one: one[:2])[2]] if later else []


def may_refund(price: Money, config: ShortageConfig) -> str | None:
    """Why a person has to agree before this is refunded, or None."""
    if config.refund == "ask":
        return "refunds are set to ask"
    if price.amount > config.refund_max:
        return f"{price} is more than the {config.refund_max} that are refunded without asking"
    return None
