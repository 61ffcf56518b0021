"""Commands about letters to customers: how each kind reads, in each language, before any customer reads it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from syncd.channel.port import Buyer
from syncd.cli.options import Common, command
from syncd.cli.screen import answer, data, say, verbatim
from syncd.cli.session import open_config
from syncd.clock import SystemClock
from syncd.config.sections import Config
from syncd.errors import OperatorError
from syncd.goodwill.goodwill import For, GoodwillConfig, apology
from syncd.identity import ChannelName, Money, Sku
from syncd.shortage.message import Facts, Kind, Text, write
from syncd.shortage.page import PageConfig
from syncd.shortage.resolution import Option, OptionKind, ShortageConfig, may_refund
from syncd.wording.wording import LANGUAGES

PRICE = Money(Decimal("24.90"), "EUR")
THERE, MISSING = "Weber gloves, leather", "Barbecue gloves, brand X"


class Language(StrEnum):
    """The languages letters are written in."""

    IT = "it"
    EN = "en"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(help="Letters to customers; `letter preview` shows how each reads.")
    command(group, "preview")(preview)
    app.add_typer(group, name="letter")


def preview(
    common: Common,
    kind: Annotated[Kind | None, typer.Option("--kind", help="Only this letter.")] = None,
    language: Annotated[Language | None, typer.Option("--language", help="Only in this language.")] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FOLDER", help="Also write them as HTML files, for a browser.")
    ] = None,
) -> None:
    """Show every letter in every language, with sample data, as your configuration has it written and signed.

    JSON: [{"kind", "language", "subject", "body", "html"}, …]
    """
    config = open_config(common.path, may_be_sealed=True)
    now = SystemClock().now()
    kinds = [kind] if kind else list(Kind)
    languages = [language.value] if language else list(LANGUAGES)
    texts = [(one, _sample(one, spoken, config, now)) for one in kinds for spoken in languages]
    written = _write_files(texts, html) if html else []
    if common.as_json:
        data([_values(one, text) for one, text in texts])
        return
    for one, text in texts:
        answer(f"{one.value}, {text.language}: {text.subject}")
        verbatim(text.body)
    for file in written:
        say(f"written: {file}")


def _values(kind: Kind, text: Text) -> dict[str, str]:
    return {
        "kind": kind.value,
        "language": text.language,
        "subject": text.subject,
        "body": text.body,
        "html": text.html,
    }


def _write_files(texts: list[tuple[Kind, Text]], folder: Path) -> list[Path]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / f"{kind}.{text.language}.html" for kind, text in texts]
        for file, (_, text) in zip(files, texts, strict=True):
            file.write_text(text.html, "utf-8")
    except OSError as error:
        raise OperatorError(f"cannot write to {folder}: {error.strerror}") from None
    return files


def _sample(kind: Kind, language: str, config: Config, now: datetime) -> Text:
    rules, page, goodwill = config.room(ShortageConfig), config.room(PageConfig), config.room(GoodwillConfig)
    until = (now + timedelta(days=9)).date()
    waits = Option(OptionKind.WAIT, 1, None, title=MISSING, until=until)
    refund = Option(OptionKind.REFUND, 1, PRICE, title=MISSING)
    options = (
        Option(OptionKind.SUBSTITUTE, 1, None, Sku("GLOVE-Y"), THERE),
        Option(OptionKind.PART_NOW, 1, PRICE, title=MISSING),
        waits,
        refund,
    )
    has_pages = config.http.public_url is not None and page.link_secret is not None
    facts = Facts(
        Buyer("sample", "Anna Bianchi", "anna@example.com", language),
        "4711",
        MISSING,
        1,
        (waits, refund) if kind is Kind.LATE else options,
        now + timedelta(seconds=rules.answer_within_seconds),
        PRICE,
        by_itself=may_refund(PRICE, rules) is None,
        link=f"{config.http.public_url}/c/SAMPLE" if has_pages else "",
        instead=THERE,
        until=until,
        coupon=apology(For("sample", ChannelName("shop"), "", "", PRICE.currency), "SAMPLE2345", goodwill, now),
        gift=rules.gift if rules.ship_now == "gift" else "",
        awaited=kind is Kind.LATE,
        comes=until if kind is Kind.LATE else None,
        promised=(now + timedelta(days=2)).date(),
    )
    return write(kind, facts, rules, page)
