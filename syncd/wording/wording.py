"""What customers read, in their language: catalogues, templates, and how money, days and moments are written.

The English words stand in templates and code; a language's catalogues (`locale/LANGUAGE.po`, and one for each part of
the product the staff sees, such as `LANGUAGE.console.po`) have them in the other one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_percent
from jinja2 import Environment, PackageLoader, StrictUndefined

from syncd.identity import Money

LANGUAGES = ("en", "it")

_LOCALES = {"en": Locale("en", "GB"), "it": Locale("it", "IT")}


@lru_cache
def catalogue(language: str) -> NullTranslations:
    """The words of a language; those of English are the keys themselves."""
    if language == "en":
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, messages(language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def messages(language: str) -> Catalog:
    """Every text of a language, from all its catalogues; each stands in one of them."""
    found = Catalog(locale=language)
    for source in sorted(files("syncd.wording").joinpath("locale").iterdir(), key=lambda one: one.name):
        if source.name.startswith(f"{language}.") and source.name.endswith(".po"):
            for one in read_po(BytesIO(source.read_bytes()), locale=language):
                found[one.id] = one
    return found


def spoken(language: str, otherwise: str) -> str:
    """The language of ours that a buyer's language tag means ('it_IT', 'en-US', ''), else the shop's."""
    known = language[:2].lower()
    return known if known in LANGUAGES else otherwise


@dataclass(frozen=True, slots=True)
class Voice:
    """A language and the time zone in which it tells times."""

    language: str
    zone: str = "UTC"

    def gettext(self, text: str) -> str:
        """The text in this language."""
        return catalogue(self.language).gettext(text)

    def money(self, amount: Money) -> str:
        """Such as 9,90 €."""
        return str(format_currency(amount.amount, amount.currency, locale=_LOCALES[self.language]))

    def day(self, day: date) -> str:
        """Such as Friday 4 December."""
        return str(format_date(day, "EEEE d MMMM", locale=_LOCALES[self.language]))

    def moment(self, at: datetime) -> str:
        """Such as Friday 4 December, 18:00."""
        here = at.astimezone(ZoneInfo(self.zone))
        return f"{self.day(here.date())}, {here:%H:%M}"

    def percent(self, part: Decimal) -> str:
        """Such as 10 %."""
        return str(format_percent(part / 100, "#,##0.##%", locale=_LOCALES[self.language]))

    def date_of(self, at: datetime) -> date:
        """The day it is here at a moment."""
        return at.astimezone(ZoneInfo(self.zone)).date()

    def templates(self, package: str, *, html: bool) -> Environment:
        """The templates of a room that speaks in this voice."""
        return _templates(package, self, html)


@lru_cache
def _templates(package: str, voice: Voice, html: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader(package),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=html,  # noqa: S701  plain text holds no HTML
        extensions=["jinja2.ext.i18n"],
    )
    words: Any = environment
    words.install_gettext_translations(catalogue(voice.language), newstyle=True)
    environment.policies["ext.i18n.trimmed"] = True
    environment.filters.update(money=voice.money, day=voice.day, moment=voice.moment)
    return environment
