"""The stand-in's orders, refunds and coupons against what was measured on WooCommerce 9.9.5."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from connectors.woocommerce.sandbox import Sandbox
from connectors.woocommerce.sandbox_rest import RestError
from syncd.testkit.fake_clock import FakeClock
from tests.connectors.woocommerce.conftest import Caller


@pytest.fixture
def glove(sandbox: Sandbox) -> int:
    """A product of twenty."""
    return int(sandbox.add_product("GLOVE-X", "Gloves", quantity=20, price="9.90")[0])


async def ordered(call: Caller, product_id: int, quantity: int = 2, **fields: Any) -> dict[str, Any]:
    """An order made over REST."""
    body = {"line_items": [{"product_id": product_id, "quantity": quantity}], "payment_method": "bacs", **fields}
    status, document, _ = await call("POST", "orders", body)
    assert status == 201
    return dict(document)


@pytest.mark.parametrize(
    ("statuses", "stock"),
    [
        (["pending"], 20),
        (["processing"], 18),
        (["on-hold"], 18),
        (["completed"], 18),
        (["on-hold", "processing", "completed"], 18),
        (["processing", "processing"], 18),
        (["processing", "cancelled"], 20),
        (["processing", "pending"], 20),
        (["processing", "cancelled", "processing"], 18),
        (["processing", "failed"], 18),
        (["processing", "refunded"], 18),
        (["processing", "failed", "processing"], 18),
    ],
)
async def test_the_stock_table(call: Caller, sandbox: Sandbox, glove: int, statuses: list[str], stock: int) -> None:
    """Every way between the statuses, with two units of twenty."""
    order = await ordered(call, glove)
    for status in statuses:
        answered, order, _ = await call("PUT", f"orders/{order['id']}", {"status": status})
        assert (answered, order["status"]) == (200, status)
    assert sandbox.shown(str(glove)) == stock
    marks = [meta["value"] for meta in order["line_items"][0]["meta_data"] if meta["key"] == "_reduced_stock"]
    assert marks == ([] if stock == 20 else ["2"])


@pytest.mark.parametrize(
    ("item", "stock"),
    [
        ({"quantity": 1}, 19),
        ({"quantity": 0}, 20),
        ({"product_id": None}, 20),
    ],
)
async def test_edited_lines_move_stock(
    call: Caller, sandbox: Sandbox, glove: int, item: dict[str, Any], stock: int
) -> None:
    """A smaller quantity puts back; the totals stay as they were."""
    order = await ordered(call, glove, status="processing")
    line = order["line_items"][0]
    _, edited, _ = await call("PUT", f"orders/{order['id']}", {"line_items": [{"id": line["id"], **item}]})
    assert sandbox.shown(str(glove)) == stock
    assert [one["total"] for one in edited["line_items"]] == ([] if stock == 20 else ["19.80"])


async def test_a_line_without_id_is_a_new_line_each_time(call: Caller, sandbox: Sandbox, glove: int) -> None:
    """Repeating the request doubles the line and the units taken."""
    order = await ordered(call, glove, status="processing")
    for _ in range(2):
        await call("PUT", f"orders/{order['id']}", {"line_items": [{"product_id": glove, "quantity": 1}]})
    assert len(sandbox.shop.orders[order["id"]].lines) == 3
    assert sandbox.shown(str(glove)) == 16


@pytest.mark.parametrize("force", ["false", "true"])
async def test_deleting_puts_nothing_back(call: Caller, sandbox: Sandbox, glove: int, force: str) -> None:
    """Neither the waste bin nor a deletion for good restores stock."""
    order = await ordered(call, glove, status="processing")
    assert (await call("DELETE", f"orders/{order['id']}", force=force))[0] == 200
    assert sandbox.shown(str(glove)) == 18
    status, document, _ = await call("GET", f"orders/{order['id']}")
    assert (status, document.get("status")) == ((200, "trash") if force == "false" else (404, None))


async def test_orders_over_rest_look_at_no_stock(call: Caller, sandbox: Sandbox, glove: int) -> None:
    """Five hundred of twenty are ordered; an unknown product makes an empty line."""
    await ordered(call, glove, 500, status="processing")
    assert sandbox.shown(str(glove)) == -480
    (line,) = (await ordered(call, 999999))["line_items"]
    assert (line["product_id"], line["sku"], line["total"]) == (0, None, "0.00")


@pytest.mark.parametrize(("method", "status"), [("bacs", "processing"), ("cod", "completed")])
async def test_set_paid_completes_the_payment(call: Caller, glove: int, method: str, status: str) -> None:
    """It overrides a given on-hold; cash on delivery counts as completed."""
    order = await ordered(call, glove, payment_method=method, set_paid=True, status="on-hold")
    assert order["status"] == status
    assert order["date_paid_gmt"] is not None


@pytest.mark.parametrize(("method", "status"), [("bacs", "on-hold"), ("cod", "processing"), ("testpay", "processing")])
async def test_a_checkout_ends_by_its_payment_method(sandbox: Sandbox, glove: int, method: str, status: str) -> None:
    """Cash on delivery is processing without a date of payment."""
    order = sandbox.shop.orders[int(await sandbox.sell(listing_id=str(glove), payment_method=method))]
    assert order.status == status
    assert (order.paid_at is not None) == (method == "testpay")


async def test_a_checkout_looks_at_the_stock(sandbox: Sandbox, glove: int) -> None:
    """Too many: 403 and an abandoned draft."""
    with pytest.raises(RestError) as refused:
        await sandbox.sell(listing_id=str(glove), quantity=21)
    assert (refused.value.status, refused.value.code) == (403, "woocommerce_product_not_enough_stock")
    assert [order.status for order in sandbox.shop.orders.values()] == ["checkout-draft"]


async def test_two_checkouts_at_once_can_both_win(sandbox: Sandbox) -> None:
    """Between looking and taking another customer looks too: one piece, two orders, stock -1."""
    (listing_id,) = sandbox.add_product("LAST", quantity=1)
    sandbox.shop.switches.checkout_seconds = 0.05
    await asyncio.gather(*(sandbox.sell(listing_id=listing_id) for _ in range(2)))
    assert sandbox.shown(listing_id) == -1


async def test_an_unpaid_checkout_holds_its_units_for_an_hour(
    call: Caller, sandbox: Sandbox, clock: FakeClock, glove: int
) -> None:
    """Held units are not in the number; nobody else gets them; after the hour the shop cancels by itself."""
    order_id = await sandbox.sell(listing_id=str(glove), quantity=19, paid=False)
    assert sandbox.shown(str(glove)) == 20
    with pytest.raises(RestError):
        await sandbox.sell(listing_id=str(glove), quantity=2)
    clock.advance(3601)
    assert (await call("GET", f"orders/{order_id}"))[1]["status"] == "pending", "it takes a request to notice"
    assert (await call("GET", f"orders/{order_id}"))[1]["status"] == "cancelled"


async def test_modified_after_is_exclusive_and_local_unless_told(
    call: Caller, sandbox: Sandbox, clock: FakeClock, glove: int
) -> None:
    """Whole seconds, strictly greater; without dates_are_gmt or a zone the moment is the site's own."""
    order = await ordered(call, glove)
    gmt, local = order["date_modified_gmt"], order["date_modified"]
    assert gmt != local
    for query, found in (
        ({"modified_after": gmt, "dates_are_gmt": "true"}, 0),
        ({"modified_after": f"{gmt}Z"}, 0),
        ({"modified_after": gmt}, 1),
        ({"modified_after": local}, 0),
    ):
        assert len((await call("GET", "orders", **query))[1]) == found, query
    clock.advance(1)
    await call("PUT", f"orders/{order['id']}", {"meta_data": [{"key": "_x", "value": "1"}]})
    assert len((await call("GET", "orders", modified_after=gmt, dates_are_gmt="true"))[1]) == 1
    status, document, _ = await call("GET", "orders", modified_after="yesterday")
    assert (status, document["code"]) == (400, "rest_invalid_date")


async def test_lists_hold_carts_and_hide_the_bin(call: Caller, sandbox: Sandbox, glove: int) -> None:
    """status=any shows checkout drafts and no trash; the bin has to be asked for alone."""
    kept = await ordered(call, glove)
    binned = await ordered(call, glove)
    await call("DELETE", f"orders/{binned['id']}")
    with pytest.raises(RestError):
        await sandbox.sell(listing_id=str(glove), quantity=99)
    drafts = [order.id for order in sandbox.shop.orders.values() if order.status == "checkout-draft"]
    for query, ids in (
        ({}, {kept["id"], *drafts}),
        ({"status": "any,trash"}, {kept["id"], *drafts}),
        ({"status": "trash"}, {binned["id"]}),
        ({"status": "pending,trash"}, {kept["id"], binned["id"]}),
    ):
        assert {row["id"] for row in (await call("GET", "orders", **query))[1]} == ids, query
    assert (await call("GET", "orders", status="bogus"))[0] == 400


async def test_notes_reach_the_customer_and_date_nothing(call: Caller, sandbox: Sandbox, glove: int) -> None:
    """A customer's note is mailed; the order counts as unchanged."""
    order = await ordered(call, glove, billing={"email": "mario.rossi@example.com"})
    status, note, _ = await call("POST", f"orders/{order['id']}/notes", {"note": "Ciao", "customer_note": True})
    assert (status, note["customer_note"]) == (201, True)
    assert sandbox.shop.mails == [{"order_id": order["id"], "to": "mario.rossi@example.com", "text": "Ciao"}]
    assert (await call("GET", f"orders/{order['id']}"))[1]["date_modified"] == order["date_modified"]
    assert (await call("POST", f"orders/{order['id']}/notes", {}))[1]["code"] == "rest_missing_callback_param"


async def test_orders_in_a_batch_fail_one_by_one(call: Caller, glove: int) -> None:
    """An unknown one stands beside one that was changed."""
    order = await ordered(call, glove)
    items = [{"id": order["id"], "status": "processing"}, {"id": 999999, "status": "processing"}]
    _, document, _ = await call("POST", "orders/batch", {"update": items})
    first, second = document["update"]
    assert first["status"] == "processing"
    assert second["error"]["code"] == "woocommerce_rest_shop_order_invalid_id"


async def refunded(call: Caller, order: dict[str, Any], **body: Any) -> tuple[int, Any]:
    """Status and document of a refund."""
    status, document, _ = await call("POST", f"orders/{order['id']}/refunds", body)
    return status, document


async def test_a_refund_restocks_unless_told(call: Caller, sandbox: Sandbox, glove: int) -> None:
    """By default the line's units come back, even more than were ordered; anything but false counts as true."""
    order = await ordered(call, glove, 3, set_paid=True)
    line = {"id": order["line_items"][0]["id"], "quantity": 1, "refund_total": 0}
    for restock, stock in ((False, 17), (None, 18), ("no", 19)):
        asked = {} if restock is None else {"api_restock": restock}
        assert (await refunded(call, order, amount="0", api_refund=False, line_items=[line], **asked))[0] == 201
        assert sandbox.shown(str(glove)) == stock
    await refunded(call, order, amount="0", api_refund=False, line_items=[line | {"quantity": 5}])
    assert sandbox.shown(str(glove)) == 24


async def test_refund_rules(call: Caller, sandbox: Sandbox, glove: int) -> None:
    """The amount is text; unknown lines vanish; the sum reaching the total makes the order refunded."""
    order = await ordered(call, glove, 2, set_paid=True)
    status, document = await refunded(call, order, amount=9.9, api_refund=False)
    assert (status, document["code"]) == (400, "rest_invalid_param")
    line = {"id": 999999, "quantity": 1, "refund_total": 9.9}
    status, document = await refunded(call, order, amount="9.90", api_refund=False, line_items=[line])
    assert (status, document["line_items"], document["refunded_payment"]) == (201, [], False)
    assert (await refunded(call, order, amount="9.90", api_refund=False))[0] == 201
    assert (await call("GET", f"orders/{order['id']}"))[1]["status"] == "refunded"
    assert sandbox.shown(str(glove)) == 18


@pytest.mark.parametrize(
    "case",
    [
        ("testpay", "500.00", False, "Invalid refund amount."),
        ("bacs", "1.00", False, "The payment gateway for this order does not support automatic refunds."),
        ("testpay", "1.00", True, "Testpay: refund declined by processor"),
    ],
)
async def test_refusals_of_refunds_are_server_errors(
    call: Caller, sandbox: Sandbox, glove: int, case: tuple[str, str, bool, str]
) -> None:
    """HTTP 500, a bare number for data, and no row left."""
    method, amount, decline, message = case
    order = await ordered(call, glove, payment_method=method, set_paid=True)
    sandbox.shop.switches.gateway_declines = decline
    assert await refunded(call, order, amount=amount) == (
        500,
        {"code": "woocommerce_rest_cannot_create_order_refund", "message": message, "data": 500},
    )
    assert (await call("GET", f"orders/{order['id']}/refunds"))[1] == []


async def test_a_refund_of_an_unknown_order_is_odd(call: Caller) -> None:
    """HTTP 500 with 404 for data."""
    assert await refunded(call, {"id": 999999}, amount="1.00") == (
        500,
        {"code": "woocommerce_rest_invalid_order_id", "message": "Invalid order ID.", "data": 404},
    )


async def test_a_refund_shows_before_the_gateway_has_answered(call: Caller, sandbox: Sandbox, glove: int) -> None:
    """The row is there at once with its reason; payment and meta data come later."""
    order = await ordered(call, glove, payment_method="testpay", set_paid=True)
    sandbox.shop.switches.gateway_seconds = 0.1
    meta = [{"key": "_k", "value": "v"}]
    task = asyncio.create_task(refunded(call, order, amount="1.00", reason="(ref R-1)", meta_data=meta))
    rows: list[Any] = []
    async with asyncio.timeout(5):
        while not rows:
            rows = (await call("GET", f"orders/{order['id']}/refunds"))[1]
    assert (rows[0]["reason"], rows[0]["refunded_payment"], rows[0]["meta_data"]) == ("(ref R-1)", False, [])
    status, document = await task
    assert (status, document["refunded_payment"], document["meta_data"][0]["key"]) == (201, True, "_k")


async def test_coupon_codes_are_unique_whatever_the_case(call: Caller) -> None:
    """A code can be made again by nobody, which makes it a key; an absurd percentage becomes nothing."""
    body = {"code": "SORRY-1", "discount_type": "percent", "amount": "150"}
    status, coupon, _ = await call("POST", "coupons", body)
    assert (status, coupon["amount"]) == (201, "0.00")
    status, document, _ = await call("POST", "coupons", {"code": "sorry-1", "amount": "5.00"})
    assert (status, document["code"]) == (400, "woocommerce_rest_coupon_code_already_exists")
    assert [one["id"] for one in (await call("GET", "coupons", code="sorry-1"))[1]] == [coupon["id"]]
    assert (await call("POST", "coupons", {}))[1]["code"] == "rest_missing_callback_param"
