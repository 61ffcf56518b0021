"""Maps what a supplier answers later, as a table in any format a list can have, to answers about our orders."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from connectors.dropship.mapping_format import Writing, open_rows
from connectors.dropship.mapping_rows import Record, Rows, number_text
from syncd.supply.port import AnswerKind, FeedProblem, PurchaseAnswer

WORDS: Mapping[str, AnswerKind] = {
    **dict.fromkeys(("accepted", "confirmed", "accettato", "confermato", "ok"), AnswerKind.ACCEPTED),
    **dict.fromkeys(("refused", "rejected", "cancelled", "rifiutato", "annullato", "esaurito"), AnswerKind.REFUSED),
    **dict.fromkeys(("shipped", "sent", "spedito", "evaso"), AnswerKind.SHIPPED),
    **dict.fromkeys(("delayed", "backorder", "in ritardo", "ritardo", "in arrivo"), AnswerKind.DELAYED),
}
"""What common words for a state mean, in lower case."""

ANSWERS_MAX = 10_000
"""Most answers taken from one table; more is no day's work but a whole history."""

TEXT_LENGTH_MAX = 200
QUANTITY_MAX = 1_000_000

_DAY = re.compile(r"^(\d{4})-(\d{2})-(\d{2})(?:[T ].*)?$")
_ITALIAN_DAY = re.compile(r"^(\d{1,2})[./-](\d{1,2})[./-](\d{4})$")


@dataclass(frozen=True, slots=True)
class AnswerLayout:
    """The columns of his answers: `optional` are (what it means, what he calls it); `words` come before WORDS."""

    reference: str
    status: str
    optional: tuple[tuple[str, str], ...]
    words: tuple[tuple[str, AnswerKind], ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns the table must have."""
        return (self.reference, self.status, *(column for _, column in self.optional))


def read_answers(
    body: bytes, layout: AnswerLayout, writing: Writing, *, where: str = ""
) -> tuple[list[PurchaseAnswer], list[FeedProblem]]:
    """Every readable answer, and what is wrong with the others; `where` names the file in a problem.

    Raises UnreadableFeed when it is no such table at all.
    """
    rows = open_rows(body, writing, layout.columns)
    words = {**WORDS, **dict(layout.words)}
    answers: list[PurchaseAnswer] = []
    problems: list[FeedProblem] = []
    for record in rows.records():
        if len(answers) >= ANSWERS_MAX:
            problems.append(FeedProblem(record.line, where, f"more than {ANSWERS_MAX} answers; the rest is not read"))
            break
        try:
            answers.append(replace(_answer(_named(record, rows, layout), words), told_in=where))
        except ValueError as error:
            problems.append(FeedProblem(record.line, where, str(error)))
    return answers, problems


def _named(record: Record, rows: Rows, layout: AnswerLayout) -> dict[str, str]:
    if record.sentence:
        raise ValueError(record.sentence)
    names = (("reference", layout.reference), ("status", layout.status), *layout.optional)
    found = {}
    for name, column in names:
        place = rows.place(column)
        if place is None or place >= len(record.fields):
            raise ValueError(f"the row has {len(record.fields)} fields and lacks {column!r}")
        value = record.fields[place]
        text = number_text(value) if isinstance(value, Decimal) else value.strip()
        if len(text) > TEXT_LENGTH_MAX:
            raise ValueError(f"{column!r} is longer than {TEXT_LENGTH_MAX} characters")
        found[name] = "".join(letter if letter.isprintable() else " " for letter in text)
    return found


def _answer(said: Mapping[str, str], words: Mapping[str, AnswerKind]) -> PurchaseAnswer:
    reference = said["reference"]
    if not reference:
        raise ValueError("the row does not name our purchase order")
    word = " ".join(said["status"].split()).casefold()
    kind = words.get(word)
    if kind is None:
        raise ValueError(f"{reference}: {said['status'][:40]!r} is no state known; add it to the table answers.words")
    quantity = _quantity(reference, said.get("quantity", ""))
    expected_on = _day(reference, said.get("expected_on", ""))
    return PurchaseAnswer(
        reference,
        kind,
        supplier_sku=said.get("sku", ""),
        quantity=quantity,
        supplier_reference=said.get("order_number", ""),
        carrier=said.get("carrier", ""),
        tracking_number=said.get("tracking_number", ""),
        expected_on=expected_on,
        message=said.get("message", ""),
    )


def _quantity(reference: str, text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,7}(?:[.,]0+)?", text):
        raise ValueError(f"{reference}: {text[:40]!r} is not a number of pieces")
    quantity = int(re.split("[.,]", text)[0])
    if quantity > QUANTITY_MAX:
        raise ValueError(f"{reference}: {quantity} pieces are more than anybody orders")
    return quantity


def _day(reference: str, text: str) -> date | None:
    if not text:
        return None
    parts: Sequence[str] | None = None
    if found := _DAY.match(text):
        parts = found.groups()
    elif found := _ITALIAN_DAY.match(text):
        parts = found.groups()[::-1]
    try:
        if parts is None:
            raise ValueError
        return date(*(int(part) for part in parts))
    except ValueError:
        raise ValueError(f"{reference}: {text[:40]!r} is not a day; write 2026-03-09 or 09/03/2026") from None
