"""Purchase orders out, answers in: believed only when everything agrees."""

from __future__ import annotations

import json

import pytest

from connectors.dropship.mapping_purchase import UnreadableAnswer, order_json, read_answer, withhold
from syncd.channel.port import Address
from syncd.supply.port import PurchaseLine, PurchaseRequest, PurchaseVerdict

MARIO = Address("Mario Rossi", "Via Tùrati 5", "Milano", "20121", "MI", "IT", "+39 02 5550100")
REQUEST = PurchaseRequest("po-1", (PurchaseLine("a", "GLOVE-X", 2), PurchaseLine("b", "TOOLKIT", 1)), MARIO)


def answer(**fields: object) -> bytes:
    """An answer in JSON."""
    return json.dumps(fields).encode()


def told(a: object, b: object) -> list[dict[str, object]]:
    """The lines of an answer."""
    return [{"line_id": "a", "accepted": a}, {"line_id": "b", "accepted": b}]


def test_an_order_is_written_as_promised() -> None:
    """Reference, lines and address go out under their documented names; no address goes out empty."""
    assert order_json(REQUEST) == {
        "reference": "po-1",
        "lines": [
            {"line_id": "a", "sku": "GLOVE-X", "quantity": 2},
            {"line_id": "b", "sku": "TOOLKIT", "quantity": 1},
        ],
        "ship_to": {
            "name": "Mario Rossi",
            "street": "Via Tùrati 5",
            "city": "Milano",
            "postcode": "20121",
            "region": "MI",
            "country": "IT",
            "phone": "+39 02 5550100",
        },
    }
    assert order_json(PurchaseRequest("po-2", REQUEST.lines, None))["ship_to"] is None


@pytest.mark.parametrize(
    ("body", "verdict", "accepted"),
    [
        (answer(status="accepted", order_number="7", lines=told(2, 1)), PurchaseVerdict.ACCEPTED, (2, 1)),
        (answer(status="accepted", order_number=7), PurchaseVerdict.ACCEPTED, (2, 1)),
        (answer(status="partial", order_number="7", lines=told(2, 0)), PurchaseVerdict.PARTIAL, (2, 0)),
        (answer(status="partial", order_number="7", lines=told(1, 1)[::-1]), PurchaseVerdict.PARTIAL, (1, 1)),
        (answer(status="refused", order_number="7"), PurchaseVerdict.REFUSED, (0, 0)),
        (answer(status="refused", order_number="7", lines=told(0, 0), extra=1), PurchaseVerdict.REFUSED, (0, 0)),
    ],
)
def test_a_sound_answer_is_believed(body: bytes, verdict: PurchaseVerdict, accepted: tuple[int, int]) -> None:
    """Every line has its accepted quantity, in the order asked."""
    outcome = read_answer(body, REQUEST)
    assert outcome.verdict is verdict
    assert outcome.accepted == (("a", accepted[0]), ("b", accepted[1]))
    assert outcome.supplier_reference == "7"


def test_a_refusal_needs_no_order_number() -> None:
    """Who sells nothing has nothing to number; his reason is kept."""
    outcome = read_answer(answer(status="refused", message="Esaurito"), REQUEST)
    assert (outcome.supplier_reference, outcome.message) == ("", "Esaurito")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'{"status": "acc',
        b"\xff\xfe",
        b"[" * 100_000,
        answer(order_number="7"),
        answer(status="maybe", order_number="7"),
        answer(status=["accepted"], order_number="7"),
        answer(status="accepted"),
        answer(status="accepted", order_number=True),
        answer(status="accepted", order_number={"n": 7}),
        answer(status="accepted", order_number="7" * 201),
        answer(status="accepted", order_number="7", lines=told(2, 0)),
        answer(status="accepted", order_number="7", lines=told(2, 1)[:1]),
        answer(status="accepted", order_number="7", lines=[*told(2, 1), *told(2, 1)]),
        answer(status="accepted", order_number="7", lines=told(3, 1)),
        answer(status="partial", order_number="7", lines=told(-1, 1)),
        answer(status="partial", order_number="7", lines=told(1.0, 1)),
        answer(status="partial", order_number="7", lines=told(True, 1)),
        answer(status="partial", order_number="7", lines=told("1", 1)),
        answer(status="partial", order_number="7"),
        answer(status="partial", order_number="7", lines=told(2, 1)),
        answer(status="partial", order_number="7", lines=told(0, 0)),
        answer(status="partial", order_number="7", lines={"a": 1}),
        answer(status="partial", order_number="7", lines=["a", "b"]),
        answer(status="partial", order_number="7", lines=[{"line_id": "z", "accepted": 1}, *told(1, 1)]),
        answer(status="refused", lines=told(1, 0)),
        answer(status="accepted", order_number="7", message=["x"]),
    ],
)
def test_an_answer_that_does_not_agree_is_not_believed(body: bytes) -> None:
    """Anything unclear is refused in a sentence: whether the order was taken is then unknown."""
    with pytest.raises(UnreadableAnswer) as caught:
        read_answer(body, REQUEST)
    assert str(caught.value)


def test_a_message_is_bounded_and_says_nothing_of_the_customer() -> None:
    """The supplier's words are kept, without the customer's data, control characters or undue length."""
    words = "Per Mario Rossi,\nVia Tùrati 5: " + "x" * 1000
    message = read_answer(answer(status="refused", message=words), REQUEST).message
    assert message.startswith("Per ***, ***: xxx")
    assert len(message) == 500


def test_withheld_text_keeps_neither_customer_nor_secret() -> None:
    """Names, also when escaped as in JSON, and secrets are taken out; short codes stay."""
    echoed = json.dumps({"echo": order_json(REQUEST), "key": "token-123", "land": "IT"})
    assert "T\\u00f9rati" in echoed
    text = withhold(echoed, REQUEST, ("token-123",))
    for secret in ("Mario", "Tùrati", "rati 5", "Milano", "20121", "5550100", "token-123"):
        assert secret not in text
    assert "IT" in text
    assert "GLOVE-X" in text
