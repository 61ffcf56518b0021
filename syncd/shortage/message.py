"""What the customer reads: we are responsible, what happened, what he can do, by when, and what happens if he does
nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from jinja2 import Environment, PackageLoader, StrictUndefined

from syncd.channel.port import Buyer
from syncd.shortage.resolution import Option, ShortageConfig

LANGUAGES = ("en", "it")

_templates = Environment(
    loader=PackageLoader("syncd.shortage"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    autoescape=False,  # noqa: S701  plain text: nothing here is HTML
)


class Kind(StrEnum):
    """The letters there are; each is a template in every language."""

    SHORTAGE = "shortage"
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True, repr=False)
class Text:
    """A letter, written. Personal data: its repr shows nothing."""

    language: str
    subject: str
    body: str

    def __repr__(self) -> str:
        return f"Text({self.language})"


@dataclass(frozen=True, slots=True, repr=False)
class Facts:
    """Everything a letter tells."""

    buyer: Buyer
    order_number: str
    title: str
    units: int
    options: tuple[Option, ...]
    deadline_at: datetime | None
    price: str

    def __repr__(self) -> str:
        return f"Facts(order {self.order_number})"


def language_for(buyer: Buyer, config: ShortageConfig) -> str:
    """The buyer's language where we write it, else the shop's."""
    spoken = buyer.language[:2].lower()
    return spoken if spoken in LANGUAGES else config.language


def write(kind: Kind, facts: Facts, config: ShortageConfig) -> Text:
    """The letter in the buyer's language: first line of the template is the subject, the rest the body."""
    language = language_for(facts.buyer, config)
    template = _templates.get_template(f"{kind.value}.{language}.txt.j2")
    rendered = template.render(
        name=facts.buyer.name or "",
        order=facts.order_number,
        title=facts.title,
        units=facts.units,
        options=facts.options,
        deadline=facts.deadline_at,
        price=facts.price,
        agent=config.agent_name,
        shop=config.shop_name,
    )
    subject, _, body = rendered.partition("\n")
    return Text(language, subject.strip(), body.strip() + "\n")
