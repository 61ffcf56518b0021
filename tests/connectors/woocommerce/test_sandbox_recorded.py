"""The stand-in against what a real WooCommerce 9.9.5 answered: the same status, every field, each of the same type.

`recorded/` holds the requests and answers as recorded, long lists cut to four. Errors are compared to the letter; of
records the names and types of all fields are, down to the last: ids, times and amounts are the shop's own. A null says
nothing about its type.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from woocommerce.oauth import OAuth

from connectors.woocommerce.sandbox import Sandbox
from connectors.woocommerce.sandbox_auth import READ_WRITE
from connectors.woocommerce.sandbox_refunds import CARD
from tests.connectors.woocommerce.conftest import Caller

FOLDER = Path(__file__).with_name("recorded")
RECORDED = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}
SHIRTS = [{"sku": "TS-S", "title": "S", "quantity": 3}, {"sku": "TS-M", "title": "M", "quantity": 4}]
CAPS = [{"sku": "CAP-R", "title": "Red"}, {"sku": "CAP-B", "title": "Blue"}]


def differences(recorded: Any, ours: Any, where: str = "answer") -> list[str]:
    """Fields that one has and the other has not, and fields of another type, each named by its place."""
    if recorded is None or ours is None:
        return []
    if isinstance(recorded, dict) and isinstance(ours, dict):
        found = [f"{where}.{name} is missing" for name in recorded.keys() - ours.keys()]
        found += [f"{where}.{name} was not recorded" for name in ours.keys() - recorded.keys()]
        for name in sorted(recorded.keys() & ours.keys()):
            found += differences(recorded[name], ours[name], f"{where}.{name}")
        return sorted(found)
    if isinstance(recorded, list) and isinstance(ours, list):
        if recorded and not ours:
            return [f"{where} is empty"]
        pairs = zip(recorded, ours, strict=False)
        return [one for left, right in pairs for one in differences(left, right, f"{where}[]")]
    if _kind(recorded) != _kind(ours):
        return [f"{where} was {recorded!r}, not {ours!r}"]
    return []


def _kind(value: object) -> str:
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


@pytest.fixture
def shop(sandbox: Sandbox) -> Sandbox:
    """The products that the recordings were made with, under the same ids."""
    sandbox.add_product("CAB-A", "Cable A", quantity=20, price="9.90")
    sandbox.add_product("MUG-B", "Mug B", quantity=20, price="12.00")
    sandbox.add_product("UNM-C", "Unmanaged C")
    sandbox.add_product("BO-D", "Backorder D", quantity=3)
    sandbox.add_product(title="T-shirt", variations=SHIRTS)
    sandbox.add_product(title="Cap", quantity=7, variations=CAPS)
    return sandbox


async def an_order(shop: Sandbox) -> int:
    """An order of three cables, to be paid by transfer, that somebody has moved on to processing."""
    order_id = await shop.sell(sku="CAB-A", quantity=3, payment_method="bacs")
    shop.set_order_status(order_id, "processing")
    return int(order_id)


async def ask(call: Caller, name: str, **ids: int) -> tuple[int, Any]:
    """Send a recorded request, its order (and the order's line) replaced by one of the stand-in's."""
    told = RECORDED[name]
    path, body = told["path"], told["body"]
    parts = path.split("/")
    if "order" in ids and parts[0] == "orders" and len(parts) > 1 and parts[1].isdigit():
        path = "/".join(["orders", str(ids["order"]), *parts[2:]])
    if "line" in ids:
        body = {
            **body,
            "line_items": [{**one, "id": ids["line"]} if "id" in one else one for one in body["line_items"]],
        }
    status, document, _ = await call(told["method"], path, body, **told["query"])
    return status, document


def assert_same(name: str, status: int, document: Any) -> None:
    """Fail with every difference at once."""
    told = RECORDED[name]
    assert status == told["status"], document
    if status >= 400:
        assert document == told["answer"]
    assert differences(told["answer"], document) == []


PLAIN = (
    "product_create_duplicate_sku", "product_get", "product_put_invalid_stock", "product_put_stock",
    "product_put_unknown_id", "product_put_variation_id", "products_batch_ok", "products_batch_partial_failure",
    "products_list_fields_100", "products_list_page2", "products_per_page_101", "unknown_route", "variation_put_stock",
    "variations_batch_update", "variations_parent_managed", "coupon_create", "order_create_bad_product",
    "order_create_oversell", "order_create_pending", "webhook_create", "webhook_create_bad_topic",
    "webhook_create_unreachable",
)  # fmt: skip
"""Requests that need nothing but the products."""


@pytest.mark.parametrize("name", PLAIN)
async def test_answers_are_as_recorded(call: Caller, shop: Sandbox, name: str) -> None:
    """Products, variations, batches, orders, coupons and webhooks."""
    assert_same(name, *await ask(call, name))


async def test_new_products_are_as_recorded(call: Caller) -> None:
    """In a shop that has none of them yet, each comes with all its fields."""
    assert_same("product_create", *await ask(call, "product_create"))


async def test_new_variations_are_as_recorded(call: Caller, sandbox: Sandbox) -> None:
    """They are made at their parent."""
    for _ in range(4):
        sandbox.add_product()
    parent = sandbox.shop.add_product("T-shirt", type="variable")
    assert parent.id == 14
    assert_same("variations_batch_create", *await ask(call, "variations_batch_create"))


async def test_a_body_that_is_no_json_is_as_recorded(call: Caller, shop: Sandbox) -> None:
    """Told by its own code."""
    told = RECORDED["bad_json"]
    url = OAuth(
        f"{shop.url}/wp-json/wc/v3/{told['path']}",
        READ_WRITE.consumer_key,
        READ_WRITE.consumer_secret,
        version="wc/v3",
        method="POST",
    ).get_oauth_url()
    status, document, _ = await call.raw("POST", url, b'{"update": [')
    assert_same("bad_json", status, document)


async def test_too_many_items_are_as_recorded(call: Caller, shop: Sandbox) -> None:
    """101 of them; the recording's own list is cut."""
    body = {"update": [{"id": 10, "stock_quantity": 1}] * 101}
    status, document, _ = await call("POST", "products/batch", body)
    assert_same("products_batch_101", status, document)


@pytest.mark.parametrize("name", ["order_put_processing", "order_put_cancelled", "order_note_create", "order_notes"])
async def test_changes_of_an_order_are_as_recorded(call: Caller, shop: Sandbox, name: str) -> None:
    """Its statuses and notes."""
    order_id = await an_order(shop)
    assert_same(name, *await ask(call, name, order=order_id))


async def test_a_substitution_is_as_recorded(call: Caller, shop: Sandbox) -> None:
    """One unit swapped for another article, its total pinned."""
    order_id = await an_order(shop)
    line = shop.shop.orders[order_id].lines[0].id
    assert_same("order_put_substitution", *await ask(call, "order_put_substitution", order=order_id, line=line))


async def test_a_batch_of_orders_is_as_recorded(call: Caller, shop: Sandbox) -> None:
    """One of two is unknown and fails alone."""
    first = await an_order(shop)
    told = RECORDED["orders_batch"]
    known = next(one["id"] for one in told["answer"]["update"] if "error" not in one)
    items = [{**one, "id": first if one["id"] == known else 999999} for one in told["body"]["update"]]
    status, document, _ = await call("POST", "orders/batch", {"update": items})
    assert_same("orders_batch", status, document)


async def test_changed_orders_are_as_recorded(call: Caller, shop: Sandbox) -> None:
    """With the fields that were asked for, and no others."""
    shop.shop.clock.advance(86_400 * 365)  # type: ignore[attr-defined]
    await an_order(shop)
    assert_same("orders_modified_after", *await ask(call, "orders_modified_after"))


@pytest.mark.parametrize("name", ["refund_amount_only", "refund_with_meta_key", "refund_partial_line_item"])
async def test_refunds_are_as_recorded(call: Caller, shop: Sandbox, name: str) -> None:
    """Of an amount, of a line, with meta data of ours."""
    order_id = await an_order(shop)
    ids = {"line": shop.shop.orders[order_id].lines[0].id} if RECORDED[name]["body"].get("line_items") else {}
    assert_same(name, *await ask(call, name, order=order_id, **ids))


@pytest.mark.parametrize("name", ["refund_too_much", "refund_gateway_unsupported"])
async def test_refused_refunds_are_as_recorded(call: Caller, shop: Sandbox, name: str) -> None:
    """HTTP 500 with a bare number for data."""
    assert_same(name, *await ask(call, name, order=await an_order(shop)))


@pytest.mark.parametrize("name", ["refund_gateway_ok", "refund_gateway_declined"])
async def test_refunds_by_the_gateway_are_as_recorded(call: Caller, shop: Sandbox, name: str) -> None:
    """It pays back, or it does not."""
    shop.shop.switches.gateway_declines = name == "refund_gateway_declined"
    order_id = int(await shop.sell(sku="CAB-A", quantity=3, payment_method=CARD))
    ids = {"line": shop.shop.orders[order_id].lines[0].id} if RECORDED[name]["body"].get("line_items") else {}
    assert_same(name, *await ask(call, name, order=order_id, **ids))


async def test_a_refunded_order_is_as_recorded(call: Caller, shop: Sandbox) -> None:
    """It keeps its lines and lists its refunds."""
    order_id = await an_order(shop)
    line = shop.shop.orders[order_id].lines[0].id
    await ask(call, "refund_partial_line_item", order=order_id, line=line)
    assert_same("order_get_after_partial_refunds", *await ask(call, "order_get_after_partial_refunds", order=order_id))


async def test_coupons_are_as_recorded(call: Caller, shop: Sandbox) -> None:
    """A second one of the code is refused; an order with it shows what it took off."""
    await ask(call, "coupon_create")
    assert_same("coupon_create_duplicate", *await ask(call, "coupon_create_duplicate"))
    status, order = await ask(call, "order_create_with_coupon")
    assert_same("order_create_with_coupon", status, order)
    assert (order["total"], order["discount_total"]) == ("7.00", "5.00")


@pytest.mark.parametrize("name", ["webhook_disabled_get", "webhook_reactivate", "webhooks_list"])
async def test_webhooks_are_as_recorded(call: Caller, shop: Sandbox, name: str) -> None:
    """A disabled one, one made active again, and the list."""
    for topic in ("order.created", "order.updated", "order.deleted", "product.updated"):
        await call("POST", "webhooks", {"topic": topic, "delivery_url": "http://127.0.0.1:9/none", "secret": "s"})
    shop.webhooks.hooks[4].status = "disabled" if name != "webhook_reactivate" else "active"
    assert_same(name, *await ask(call, name))


async def test_gateways_are_as_recorded(call: Caller, shop: Sandbox) -> None:
    """The stand-in has one more, which can refund."""
    status, document = await ask(call, "payment_gateways")
    assert_same("payment_gateways", status, document)
    ours = {one["id"]: one for one in document}
    assert {one["id"]: ours[one["id"]] for one in RECORDED["payment_gateways"]["answer"]} == {
        one["id"]: one for one in RECORDED["payment_gateways"]["answer"]
    }


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda answer: answer.pop("sku"), "answer.sku is missing"),
        (lambda answer: answer.update(extra=1), "answer.extra was not recorded"),
        (lambda answer: answer.update(stock_quantity="7"), "answer.stock_quantity was"),
        (lambda answer: answer["_links"].update(self=[]), "answer._links.self is empty"),
    ],
)
def test_the_comparison_finds_what_differs(change: Callable[[dict[str, Any]], object], told: str) -> None:
    """A field too few, too many, of another type, and a list that should hold something."""
    answer = json.loads(json.dumps(RECORDED["product_get"]["answer"]))
    change(answer)
    assert [one for one in differences(RECORDED["product_get"]["answer"], answer) if told in one]
