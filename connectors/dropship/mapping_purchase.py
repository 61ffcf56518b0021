"""Maps a purchase order to the JSON a supplier takes, and his JSON answer to a PurchaseOutcome."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from syncd.channel.port import Address
from syncd.supply.port import PurchaseOutcome, PurchaseRequest, PurchaseVerdict

SUPPLIER_REFERENCE_LENGTH_MAX = 200
MESSAGE_LENGTH_MAX = 500

WITHHELD = "***"
_WITHHELD_LENGTH_MIN = 3
"""Shorter values ("IT", "1") say nothing about anybody, and hiding them would hide the whole text."""


VERDICTS = {
    "accepted": PurchaseVerdict.ACCEPTED,
    "partial": PurchaseVerdict.PARTIAL,
    "refused": PurchaseVerdict.REFUSED,
    "received": PurchaseVerdict.SENT,
}
"""What his `status` means; `received`: he answers later."""


class UnreadableAnswer(ValueError):
    """The answer is not what the protocol promises; whether the order was taken is unknown."""


def order_json(request: PurchaseRequest) -> dict[str, object]:
    """The body of the POST."""
    lines = [{"line_id": line.line_id, "sku": line.supplier_sku, "quantity": line.quantity} for line in request.lines]
    return {"reference": request.reference, "lines": lines, "ship_to": _address_json(request.ship_to) or None}


def read_answer(body: bytes, request: PurchaseRequest, secrets: tuple[str, ...] = ()) -> PurchaseOutcome:
    """The supplier's answer, believed only if status and lines agree with each other and with what was asked.

    Raises UnreadableAnswer with one clear sentence.
    """
    answer = _object(body)
    verdict = _verdict(answer.get("status"))
    if verdict is PurchaseVerdict.SENT:
        return _received(answer, request, secrets)
    accepted = _accepted(answer.get("lines"), verdict, request)
    asked = {line.line_id: line.quantity for line in request.lines}
    if verdict is not _verdict_of(accepted, asked):
        raise UnreadableAnswer(f"the status {verdict.value!r} contradicts the accepted quantities")
    reference = _text(answer.get("order_number"), "order_number", SUPPLIER_REFERENCE_LENGTH_MAX)
    if not reference and verdict is not PurchaseVerdict.REFUSED:
        raise UnreadableAnswer("the answer lacks the order_number")
    return PurchaseOutcome(verdict, reference, tuple(accepted.items()), _message(answer, request, secrets))


def _received(answer: dict[str, Any], request: PurchaseRequest, secrets: tuple[str, ...]) -> PurchaseOutcome:
    reference = _text(answer.get("order_number"), "order_number", SUPPLIER_REFERENCE_LENGTH_MAX)
    return PurchaseOutcome(PurchaseVerdict.SENT, reference, (), _message(answer, request, secrets))


def _message(answer: dict[str, Any], request: PurchaseRequest, secrets: tuple[str, ...]) -> str:
    return withhold(_text(answer.get("message"), "message", None), request, secrets)[:MESSAGE_LENGTH_MAX]


def withhold(text: str, request: PurchaseRequest, secrets: tuple[str, ...] = ()) -> str:
    """The text without the customer's data and without `secrets`, so that it may be kept and shown."""
    with suppress(ValueError, RecursionError):
        # Escapes such as \u00e8 would hide a name from the search below.
        text = json.dumps(json.loads(text), ensure_ascii=False)
    values = _address_json(request.ship_to).values()
    for value in sorted({*values, *secrets}, key=len, reverse=True):
        if len(value) >= _WITHHELD_LENGTH_MIN:
            text = text.replace(value, WITHHELD)
    return text


def _address_json(address: Address | None) -> dict[str, str]:
    if address is None:
        return {}
    fields = ("name", "street", "city", "postcode", "region", "country", "phone")
    return {field: getattr(address, field) for field in fields}


def _object(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableAnswer("the answer is not JSON") from None
    if not isinstance(answer, dict):
        raise UnreadableAnswer("the answer is not a JSON object")
    return answer


def _verdict(status: object) -> PurchaseVerdict:
    verdict = VERDICTS.get(str(status))
    if verdict is None:
        raise UnreadableAnswer(f"the status is not one of {', '.join(VERDICTS)}")
    return verdict


def _accepted(lines: object, verdict: PurchaseVerdict, request: PurchaseRequest) -> dict[str, int]:
    """Accepted quantity of every line, in the order asked."""
    if lines is None and verdict is PurchaseVerdict.ACCEPTED:
        return {line.line_id: line.quantity for line in request.lines}
    if lines is None and verdict is PurchaseVerdict.REFUSED:
        return {line.line_id: 0 for line in request.lines}
    if not isinstance(lines, list):
        raise UnreadableAnswer("the answer does not list the lines")
    told: dict[str, int] = {}
    asked = {line.line_id: line.quantity for line in request.lines}
    for position, line in enumerate(lines, start=1):
        line_id, quantity = _line(line, position)
        if line_id not in asked or line_id in told:
            raise UnreadableAnswer(f"line {position} of the answer was not asked for or is told twice")
        if not 0 <= quantity <= asked[line_id]:
            raise UnreadableAnswer(f"line {position} of the answer accepts a quantity that was not asked for")
        told[line_id] = quantity
    if len(told) != len(asked):
        raise UnreadableAnswer(f"the answer tells of {len(told)} lines where {len(asked)} were asked for")
    return {line_id: told[line_id] for line_id in asked}


def _line(line: object, position: int) -> tuple[str, int]:
    line_id = line.get("line_id") if isinstance(line, dict) else None
    quantity = line.get("accepted") if isinstance(line, dict) else None
    if not isinstance(line_id, str) or not isinstance(quantity, int) or isinstance(quantity, bool):
        raise UnreadableAnswer(f"line {position} of the answer lacks its line_id or its accepted quantity")
    return line_id, quantity


def _verdict_of(accepted: dict[str, int], asked: dict[str, int]) -> PurchaseVerdict:
    if accepted == asked:
        return PurchaseVerdict.ACCEPTED
    return PurchaseVerdict.PARTIAL if any(accepted.values()) else PurchaseVerdict.REFUSED


def _text(value: object, name: str, length_max: int | None) -> str:
    if value is None:
        return ""
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        raise UnreadableAnswer(f"the {name} is not text")
    text = "".join(character if character.isprintable() else " " for character in str(value)).strip()
    if length_max is not None and len(text) > length_max:
        raise UnreadableAnswer(f"the {name} is longer than {length_max} characters")
    return text
