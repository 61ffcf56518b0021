"""What the customer reads: we are responsible, what happened, what he can do, by when, and what happens if he does
nothing. Never asks for praise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from syncd.channel.port import Buyer
from syncd.goodwill.goodwill import Coupon
from syncd.identity import Money
from syncd.shortage.page import PageConfig
from syncd.shortage.resolution import Option, OptionKind, ShortageConfig
from syncd.wording.wording import Voice, spoken


class Kind(StrEnum):
    """The letters there are; each is a template."""

    SHORTAGE = "shortage"
    """Something is missing: choose."""
    LATE = "late"
    """What was bought for him will come later than promised: wait or not."""
    DELAY = "delay"
    """What he waits for will be late: choose again, before the day has passed."""
    SUBSTITUTE = "substitute"
    """What he chose instead is reserved for him."""
    WAIT = "wait"
    """He waits, and until when."""
    ARRIVED = "arrived"
    """What he waited for is there."""
    REFUNDED = "refunded"
    COUPON = "coupon"
    """A coupon that could not go with another letter."""
    BIRTHDAY = "birthday"


@dataclass(frozen=True, slots=True, repr=False)
class Text:
    """A letter, written, in two dresses. Personal data: its repr shows nothing."""

    language: str
    subject: str
    body: str
    html: str

    def __repr__(self) -> str:
        return f"Text({self.language})"


@dataclass(frozen=True, slots=True, repr=False)
class Facts:
    """Everything a letter tells. `by_itself`: the refund at the deadline needs nobody's consent. `until` is the day he
    waits for, `link` the address of his page, '' where there is none; without `contact` no other way is
    told. `awaited`: it is late, not missing, and `comes` by that day where anybody says one.
    `agent` signs, else the shop's own; `coupon` goes with the letter, `gift` with the parcel.
    """

    buyer: Buyer
    order_number: str
    title: str
    units: int
    options: tuple[Option, ...]
    deadline_at: datetime | None
    price: Money
    by_itself: bool = True
    link: str = ""
    instead: str = ""
    until: date | None = None
    contact: bool = True
    awaited: bool = False
    comes: date | None = None
    promised: date | None = None
    agent: str = ""
    coupon: Coupon | None = None
    gift: str = ""

    def __repr__(self) -> str:
        return f"Facts(order {self.order_number})"


@dataclass(frozen=True, slots=True)
class OptionWords:
    """An option as the customer reads it: what he gets, what that means, and what it costs him ('' where that
    goes without saying)."""

    key: str
    title: str
    meaning: str
    costs: str


def voice_for(buyer: Buyer, config: ShortageConfig, page: PageConfig) -> Voice:
    """The buyer's language where we write it, else the shop's, with the shop's time."""
    return Voice(spoken(buyer.language, config.language), page.time_zone)


def words_of(option: Option, price: Money, voice: Voice) -> OptionWords:
    """An option in words."""
    gettext = voice.gettext
    nothing, back = gettext("Nothing to pay"), {"price": voice.money(option.cost or price)}
    match option.kind:
        case OptionKind.SUBSTITUTE:
            title = gettext("%(title)s instead") % {"title": option.title}
            meaning = gettext("At the price you paid. It is here, and we keep it for you as soon as you choose it.")
            meaning = _leaving(meaning, option, voice)
            return OptionWords(option.key, title, meaning, nothing)
        case OptionKind.PART_NOW:
            meaning = (
                gettext("Everything else of this order leaves now. What is missing we pay back: %(price)s.") % back
            )
            if option.shipping is not None:
                meaning += " " + gettext("The shipping is on us: it is in that sum.")
            elif option.gift:
                meaning += " " + gettext("With it comes, as our apology: %(gift)s.") % {"gift": option.gift}
            return OptionWords(option.key, gettext("What is here now"), _leaving(meaning, option, voice), nothing)
        case OptionKind.WAIT:
            assert option.until is not None  # noqa: S101  an option to wait says until when
            day = {"day": voice.day(option.until)}
            meaning = gettext("So our supplier promises. If it will be later, you hear before and choose again.")
            return OptionWords(option.key, gettext("Wait until %(day)s") % day, meaning, nothing)
        case OptionKind.REFUND:
            title = gettext("Your money back: %(price)s") % back
            meaning = gettext("To what you paid with. You need not do anything else.")
            return OptionWords(option.key, title, meaning, "")


@dataclass(frozen=True, slots=True)
class CouponWords:
    """A coupon as the customer reads it."""

    code: str
    worth: str
    until: date
    is_narrow: bool
    minimum: str


def coupon_words(coupon: Coupon, voice: Voice) -> CouponWords:
    """A coupon in words."""
    worth = voice.money(coupon.amount) if coupon.amount else voice.percent(coupon.percent)
    minimum = voice.money(coupon.minimum) if coupon.minimum else ""
    return CouponWords(coupon.code, worth, voice.date_of(coupon.expires_at), bool(coupon.categories), minimum)


def _leaving(meaning: str, option: Option, voice: Voice) -> str:
    """The meaning, with the day by which it leaves."""
    if option.until is None:
        return meaning
    gettext = voice.gettext
    leaves = gettext("It leaves by %(day)s.") % {"day": voice.day(option.until)}
    return f"{meaning} {leaves}"


def all_words(options: Sequence[Option], price: Money, voice: Voice) -> list[OptionWords]:
    """Options in words, best first."""
    return [words_of(one, price, voice) for one in options]


def write(kind: Kind, facts: Facts, config: ShortageConfig, page: PageConfig) -> Text:
    """The letter in the buyer's language."""
    voice = voice_for(facts.buyer, config, page)
    said = {
        "name": facts.buyer.name,
        "order": facts.order_number,
        "title": facts.title,
        "units": facts.units,
        "options": all_words(facts.options, facts.price, voice),
        "deadline": facts.deadline_at,
        "price": facts.price,
        "by_itself": facts.by_itself,
        "link": facts.link,
        "instead": facts.instead,
        "until": facts.until,
        "awaited": facts.awaited,
        "comes": facts.comes,
        "promised": facts.promised,
        "agent": facts.agent or config.agent_name,
        "shop": config.shop_name,
        "contact": page.contact if facts.contact else "",
        "colour": page.colour,
        "coupon": coupon_words(facts.coupon, voice) if facts.coupon else None,
        "gift": facts.gift,
        "language": voice.language,
    }
    plain = voice.templates("syncd.shortage", html=False)
    text = plain.get_template(f"{kind}.j2").make_module({**said, "marks": "marks.txt.j2"})
    dressed = voice.templates("syncd.shortage", html=True)
    rich = dressed.get_template(f"{kind}.j2").make_module({**said, "marks": "marks.html.j2"})
    subject = _one_line(text.subject())  # type: ignore[attr-defined]
    words = {**said, "subject": subject}
    body = plain.get_template("letter.txt.j2").render(**words, body=text.body())  # type: ignore[attr-defined]
    html = dressed.get_template("letter.html.j2").render(**words, body=rich.body())  # type: ignore[attr-defined]
    return Text(voice.language, subject, _tidied(body), html)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _tidied(text: str) -> str:
    """One empty line between paragraphs, none at the ends."""
    parts = (part.strip("\n") for part in text.strip().split("\n\n"))
    return "\n\n".join(part for part in parts if part.strip()) + "\n"
