"""Pushes: the request, and every recorded shape of an answer turned into one outcome per update."""

from __future__ import annotations

import pytest

from connectors.ebay.mapping_errors import CallFault, call_fault, item_verdict, retry_after_seconds
from connectors.ebay.mapping_push import push_outcomes, push_request
from connectors.ebay.mapping_xml import TradingError, read_reply
from syncd.channel.port import PushVerdict, QuantityUpdate
from syncd.identity import ListingId

A, B, C = "110000000001", "110000000002", "110000000003"
APPLIED, UNKNOWN, GONE, REFUSED, LATER = (
    PushVerdict.ACCEPTED,
    PushVerdict.UNKNOWN,
    PushVerdict.NOT_FOUND,
    PushVerdict.REJECTED,
    PushVerdict.DEFERRED,
)


def applied(item_id: str, sku: str = "\n") -> str:
    """An InventoryStatus as recorded: an empty SKU is a tag with a line break in it."""
    return (
        f"<InventoryStatus><SKU>{sku}</SKU><ItemID>{item_id}</ItemID><StartPrice>1.0</StartPrice>"
        "<Quantity>5</Quantity></InventoryStatus>"
    )


def error(code: str, *parameters: tuple[str, str], severity: str = "Error") -> str:
    """An Errors container."""
    named = "".join(
        f'<ErrorParameters ParamID="{name}"><Value>{value}</Value></ErrorParameters>' for name, value in parameters
    )
    return (
        f"<Errors><ShortMessage>Short.</ShortMessage><LongMessage>Long.</LongMessage><ErrorCode>{code}</ErrorCode>"
        f"<SeverityCode>{severity}</SeverityCode>{named}<ErrorClassification>RequestError</ErrorClassification></Errors>"
    )


def verdicts(ack: str, parts: list[str], listings: list[str], quantity: int = 5) -> list[PushVerdict]:
    """What each listing's update became."""
    body = (
        '<ReviseInventoryStatusResponse xmlns="urn:ebay:apis:eBLBaseComponents">'
        f"<Timestamp>2026-03-02T08:00:00.123Z</Timestamp><Ack>{ack}</Ack>{''.join(parts)}"
        "</ReviseInventoryStatusResponse>"
    )
    updates = [QuantityUpdate(ListingId(listing), quantity) for listing in listings]
    outcomes = push_outcomes(read_reply(body.encode(), "ReviseInventoryStatus"), updates)
    assert [one.listing_id for one in outcomes] == listings
    return [one.verdict for one in outcomes]


def test_single_listings_go_by_item_alone_and_variations_with_their_sku() -> None:
    """A SKU beside a single listing's ItemID may be refused (21916799); a variation needs it."""
    updates = [QuantityUpdate(ListingId(A), 7), QuantityUpdate(ListingId(f"{B}/RED & <L>"), 0)]
    assert push_request(updates) == {
        "InventoryStatus": [
            {"ItemID": A, "Quantity": "7"},
            {"ItemID": B, "SKU": "RED & <L>", "Quantity": "0"},
        ]
    }


@pytest.mark.parametrize(
    ("ack", "parts", "listings", "expected"),
    [
        pytest.param("Success", [applied(A), applied(B, "X")], [A, f"{B}/X"], [APPLIED, APPLIED], id="success"),
        pytest.param("Success", [applied(A)], [A, B], [APPLIED, UNKNOWN], id="success that leaves one out"),
        pytest.param("Failure", [error("21916750", ("0", B))], [A, B], [UNKNOWN, GONE], id="shape 1: one of two ended"),
        pytest.param(
            "Failure",
            [error("21919188", ("2", B), ("SKU", "X")), applied(A)],
            [A, f"{B}/X", C],
            [APPLIED, LATER, UNKNOWN],
            id="shape 2: selling limit beside an applied item",
        ),
        pytest.param(
            "Failure",
            [error("21916286", ("SKU", sku)) for sku in ("P", "Q", "R")],
            [A, B, C],
            [REFUSED, REFUSED, REFUSED],
            id="shape 3: as many errors as items, naming SKUs only",
        ),
        pytest.param(
            "Failure",
            [error("21916286", ("SKU", "P"))],
            [A, B],
            [UNKNOWN, UNKNOWN],
            id="one error for two items, naming neither",
        ),
        pytest.param(
            "Failure",
            [error("21916736", ("0", A), ("1", "X"))],
            [f"{A}/X", f"{A}/Y"],
            [REFUSED, UNKNOWN],
            id="one of two variations of one item",
        ),
        pytest.param(
            "Failure", [error("21916750", ("0", A))], [f"{A}/X", f"{A}/Y"], [GONE, GONE], id="the whole item ended"
        ),
        pytest.param("Failure", [error("21916311")], [A], [REFUSED], id="an unnamed error of a single update"),
        pytest.param(
            "Warning", [error("21917092", ("0", A), severity="Warning"), applied(A)], [A], [APPLIED], id="no-op, named"
        ),
        pytest.param(
            "Warning", [error("21917091", severity="Warning")], [A, B], [APPLIED, APPLIED], id="no-op, unnamed"
        ),
        pytest.param(
            "Warning",
            [error("21919137", ("0", A), severity="Warning"), applied(A)],
            [A],
            [APPLIED],
            id="another warning says nothing about the quantity",
        ),
        pytest.param(
            "PartialFailure", [applied(A), error("231", ("0", B))], [A, B], [APPLIED, GONE], id="partial failure"
        ),
        pytest.param("Failure", [], [A], [UNKNOWN], id="a failure that explains nothing"),
    ],
)
def test_every_shape_of_answer_gives_one_outcome_per_update(
    ack: str, parts: list[str], listings: list[str], expected: list[PushVerdict]
) -> None:
    """Confirmed is accepted, blamed is what its code says, and what is neither is unknown."""
    assert verdicts(ack, parts, listings) == expected


@pytest.mark.parametrize(
    ("code", "quantity", "verdict"),
    [
        ("21917092", 3, APPLIED),
        ("21916750", 3, GONE),
        ("21916750", 0, APPLIED),
        ("291", 0, APPLIED),
        ("1047", 3, GONE),
        ("17", 3, GONE),
        ("17", 0, GONE),
        ("231", 3, GONE),
        ("515", 0, REFUSED),
        ("21916286", 3, REFUSED),
        ("21916799", 3, REFUSED),
        ("21919188", 3, LATER),
        ("21916293", 3, LATER),
        ("21916734", 3, LATER),
        ("21919474", 3, REFUSED),
        ("99999999", 3, REFUSED),
    ],
)
def test_a_code_decides_by_the_table(code: str, quantity: int, verdict: PushVerdict) -> None:
    """Each code has one consequence; an ended listing satisfies a push of 0, one that is not ours does not."""
    assert item_verdict(code, quantity).verdict is verdict


@pytest.mark.parametrize(
    ("code", "is_error", "is_system", "fault"),
    [
        *((code, True, False, CallFault.TOKEN) for code in ("930", "931", "21917053", "21916984")),
        *((code, True, False, CallFault.CONSENT) for code in ("932", "16110", "21916013", "17470")),
        *((code, True, False, CallFault.ACCOUNT) for code in ("841", "21919028")),
        *((code, True, False, CallFault.DAY_QUOTA) for code in ("518", "18000", "218050")),
        *((code, True, False, CallFault.SHORT_WINDOW) for code in ("21919144", "21919165")),
        *((code, True, False, CallFault.TRANSIENT) for code in ("10007", "21359", "219255")),
        ("12345", True, True, CallFault.TRANSIENT),
        ("12345", True, False, None),
        ("931", False, False, None),
    ],
)
def test_a_fault_of_the_whole_call_is_told_from_one_of_an_item(
    code: str, is_error: bool, is_system: bool, fault: CallFault | None
) -> None:
    """Credentials, quotas and eBay's own trouble concern the call; a warning or an item's error does not."""
    found = call_fault([TradingError(code, "Short.", "Long.", is_error, is_system)])
    assert (found[0] if found else None) is fault


@pytest.mark.parametrize(
    ("text", "seconds"), [("Limit exceeded. Try again after 27 seconds.", 27.0), ("Limit exceeded.", 15.0)]
)
def test_the_wait_is_what_the_text_says_else_fifteen_seconds(text: str, seconds: float) -> None:
    """eBay hides the wait in a sentence; without one the block is known to clear after 15 s."""
    assert retry_after_seconds(TradingError("21919144", "", text, True, False)) == seconds
