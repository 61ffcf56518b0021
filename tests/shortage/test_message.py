"""What letters say: every word in every language, the default named truthfully, never a plea for praise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir

import syncd
from syncd.channel.port import Buyer
from syncd.goodwill.goodwill import For, GoodwillConfig, apology
from syncd.identity import ChannelName, Money, Sku
from syncd.shortage.message import Facts, Kind, write
from syncd.shortage.page import PageConfig
from syncd.shortage.resolution import Option, OptionKind, ShortageConfig
from syncd.wording.wording import LANGUAGES, messages

SOURCES = Path(next(iter(syncd.__path__)))
METHODS = [("**.py", "python"), ("**/templates/**.j2", "jinja2.ext:babel_extract")]
TRIMMED = {"**/templates/**.j2": {"trimmed": "true"}}

DEADLINE = datetime(2026, 12, 4, 17, 0, tzinfo=UTC)
PRICE = Money(Decimal("24.90"), "EUR")
OPTIONS = (
    Option(OptionKind.SUBSTITUTE, 1, None, Sku("Y"), "Gloves Y"),
    Option(OptionKind.WAIT, 1, None, title="Gloves X", until=date(2026, 12, 11)),
    Option(OptionKind.REFUND, 1, PRICE, title="Gloves X"),
)
COUPON = apology(
    For("sample", ChannelName("shop"), "shop:1", "1", "EUR"),
    "SAMPLE2345",
    GoodwillConfig(),
    datetime(2026, 11, 20, tzinfo=UTC),
)
RULES = ShortageConfig(shop_name="La Brace", agent_name="Chiara")
PAGE = PageConfig(contact="help@labrace.example")


def facts(language: str = "en", **changes: object) -> Facts:
    """What a letter tells."""
    values: dict[str, object] = {
        "buyer": Buyer("b", "Anna <Bianchi>", "anna@example.com", language),
        "order_number": "4711",
        "title": "Gloves X",
        "units": 1,
        "options": OPTIONS,
        "deadline_at": DEADLINE,
        "price": PRICE,
        "link": "https://shop.example/c/TOKEN",
        "instead": "Gloves Y",
        "until": date(2026, 12, 11),
        "coupon": COUPON,
    }
    return Facts(**{**values, **changes})  # type: ignore[arg-type]


def used() -> Iterator[tuple[str, str]]:
    """Every text in code and templates that is to be said in the customer's language, with where it stands."""
    for file, _, message, _, _ in extract_from_dir(str(SOURCES), METHODS, TRIMMED):
        for text in message if isinstance(message, tuple) else (message,):
            yield text, file


def test_everything_is_said_in_italian() -> None:
    """No text without its translation, none translated that nobody says, and the same facts stand in both."""
    said: dict[str, str] = {}
    for one in messages("it"):
        if one.id:
            ids, texts = (x if isinstance(x, (list, tuple)) else (x,) for x in (one.id, one.string))
            said.update(zip(ids, texts, strict=True))
    wanted = {text for text, _ in used()}
    assert wanted - said.keys() == set()
    assert said.keys() - wanted == set()
    for text, italian in said.items():
        assert italian, text
        assert sorted(re.findall(r"%\(\w+\)s", text)) == sorted(re.findall(r"%\(\w+\)s", italian)), text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(Kind))
def test_every_letter_is_whole(kind: Kind, language: str) -> None:
    """Order (but for a birthday), agent and shop; one subject line; HTML with names as text; and no plea for praise."""
    text = write(kind, facts(language), RULES, PAGE)
    assert text.language == language
    assert kind is Kind.BIRTHDAY or "4711" in text.subject
    assert "\n" not in text.subject
    for part in ("Chiara", "La Brace", "help@labrace.example", "Anna <Bianchi>"):
        assert part in text.body
    assert "Anna &lt;Bianchi&gt;" in text.html
    assert "\n\n\n" not in text.body
    assert "%(" not in text.subject + text.body + text.html
    assert not re.search(r"feedback|review|recension|valutazion|stelle|stars|!", text.body, re.IGNORECASE)
    assert re.findall(r"(?:src|href)=\"([^\"]+)\"", text.html) in ([], ["https://shop.example/c/TOKEN"])


@pytest.mark.parametrize("kind", [Kind.SHORTAGE, Kind.DELAY])
def test_a_question_says_what_by_when_and_what_if_not(kind: Kind) -> None:
    """Fault, choices, link, deadline in the shop's time, and the default."""
    body = write(kind, facts(), RULES, PAGE).body
    for part in ("we are sorry", "1. Gloves Y instead", "Wait until Friday 11 December", "€24.90"):
        assert part in body
    assert "https://shop.example/c/TOKEN" in body
    assert "until Friday 4 December, 18:00" in body
    assert "If you do nothing, we pay €24.90 back" in body


def test_a_refund_that_needs_consent_is_not_promised_as_automatic() -> None:
    """With refund = "ask" a person sees to it, and the letter says who."""
    body = write(Kind.SHORTAGE, facts(by_itself=False), RULES, PAGE).body
    assert "If you do nothing, Chiara sees to it after that that you get your €24.90 back" in body
    assert "we pay" not in body
    body = write(Kind.SHORTAGE, facts("it", by_itself=False), RULES, PAGE).body.replace("\xa0", " ")
    assert "al rimborso di 24,90 € pensa poi Chiara" in body


def test_without_pages_the_customer_answers() -> None:
    """No link, no dangling words about one."""
    body = write(Kind.SHORTAGE, facts(link=""), RULES, PAGE).body
    assert "Answer this message with the number you prefer." in body
    assert "Choose here" not in body
