"""The stand-in's products against what was measured on WooCommerce 9.9.5: batches, silence, lists."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from connectors.woocommerce.sandbox import Sandbox
from tests.connectors.woocommerce.conftest import Caller, until

SHIRT = [{"sku": "TS-S", "title": "S", "quantity": 3}, {"sku": "TS-M", "title": "M", "quantity": 4}]
CAP = [{"sku": "CAP-R", "title": "Red"}, {"sku": "CAP-B", "title": "Blue"}]


@pytest.fixture
def glove(sandbox: Sandbox) -> int:
    """A product of five."""
    return int(sandbox.add_product("GLOVE-X", "Gloves", quantity=5)[0])


async def batch(call: Caller, *items: Any, path: str = "products/batch") -> list[Any]:
    """The echoed items of a batch update."""
    status, document, _ = await call("POST", path, {"update": list(items)})
    assert status == 200
    return list(document["update"])


@pytest.mark.parametrize(
    ("sent", "single", "batched"),
    [
        (7, 7, 7),
        ("6", 6, 6),
        (-2, -2, -2),
        ("abc", 400, 0),
        (4.7, 400, 4),
        (4.0, 4, 4),
        (True, 400, 1),
        (None, 0, 5),
    ],
)
async def test_a_batch_takes_what_a_single_write_refuses(
    call: Caller, sandbox: Sandbox, glove: int, sent: object, single: int, batched: int
) -> None:
    """Text becomes 0 and fractions are cut in a batch; null becomes 0 alone and is ignored in a batch."""
    (echo,) = await batch(call, {"id": glove, "stock_quantity": sent})
    assert echo["stock_quantity"] == sandbox.shown(str(glove)) == batched
    sandbox.set_stock(str(glove), 5)
    status, document, _ = await call("PUT", f"products/{glove}", {"stock_quantity": sent})
    if single == 400:
        assert (status, document["code"]) == (400, "rest_invalid_param")
        assert "stock_quantity" in document["data"]["params"]
        assert sandbox.shown(str(glove)) == 5
    else:
        assert (status, document["stock_quantity"]) == (200, single)


async def test_unmanaged_stock_swallows_numbers(call: Caller, sandbox: Sandbox) -> None:
    """200, echo null; with manage_stock in the same item it is taken."""
    (listing_id,) = sandbox.add_product("UNM", quantity=None)
    (echo,) = await batch(call, {"id": int(listing_id), "stock_quantity": 3})
    assert (echo["manage_stock"], echo["stock_quantity"]) == (False, None)
    (echo,) = await batch(call, {"id": int(listing_id), "manage_stock": True, "stock_quantity": 3})
    assert (echo["manage_stock"], echo["stock_quantity"]) == (True, 3)


async def test_a_parents_stock_swallows_numbers_for_variations(call: Caller, sandbox: Sandbox) -> None:
    """200, echo "parent" and the parent's number."""
    cap = sandbox.add_product("CAP", "Cap", quantity=7, variations=CAP)
    parent, _, number = cap[0].partition("/")
    (echo,) = await batch(call, {"id": int(number), "stock_quantity": 3}, path=f"products/{parent}/variations/batch")
    assert (echo["manage_stock"], echo["stock_quantity"]) == ("parent", 7)


async def test_failed_items_stand_among_the_others(call: Caller, sandbox: Sandbox, glove: int) -> None:
    """HTTP 200, order kept, duplicates applied one after another; each failure with its own code."""
    shirt = sandbox.add_product("TS", "Shirt", variations=SHIRT)
    number = int(shirt[0].rpartition("/")[2])
    echoes = await batch(
        call,
        {"id": glove, "stock_quantity": 7},
        {"id": 999999, "stock_quantity": 1},
        {"id": number, "stock_quantity": 1},
        {"id": glove, "sku": "ts-s"},
        {"sku": "GLOVE-X", "stock_quantity": 1},
        {"id": glove, "stock_quantity": 8},
    )
    codes = [echo.get("error", {}).get("code", echo.get("stock_quantity")) for echo in echoes]
    assert codes == [
        7,
        "woocommerce_rest_product_invalid_id",
        "woocommerce_rest_invalid_product_id",
        "product_invalid_sku",
        "woocommerce_rest_product_invalid_id",
        8,
    ]
    assert [echoes[1]["error"]["data"]["status"], echoes[2]["error"]["data"]["status"]] == [400, 404]
    assert echoes[4]["id"] is None
    assert echoes[3]["error"]["data"]["resource_id"] == number


async def test_variations_are_found_at_their_parent_only(call: Caller, sandbox: Sandbox) -> None:
    """Wrong parent or unknown: an item error of status 404."""
    first = sandbox.add_product("TS", "Shirt", variations=SHIRT)
    second = sandbox.add_product("CAP", "Cap", variations=CAP)
    path = f"products/{second[0].partition('/')[0]}/variations/batch"
    (echo,) = await batch(call, {"id": int(first[0].rpartition("/")[2]), "stock_quantity": 1}, path=path)
    assert echo["error"] == {
        "code": "woocommerce_rest_product_variation_invalid_id",
        "message": "Invalid ID.",
        "data": {"status": 404},
    }


async def test_the_limit_counts_all_three_lists(call: Caller, sandbox: Sandbox, glove: int) -> None:
    """101 items: 413 and nothing applied; an empty batch is an empty list."""
    items = [{"id": glove, "stock_quantity": 1}] * 60
    status, document, _ = await call("POST", "products/batch", {"update": items, "delete": [999] * 41})
    assert (status, document["code"]) == (413, "woocommerce_rest_request_entity_too_large")
    assert sandbox.shown(str(glove)) == 5
    assert (await call("POST", "products/batch", {}))[:2] == (200, [])


async def test_bad_json_is_named(call: Caller) -> None:
    """400 with PHP's reason."""
    status, document, _ = await call("POST", "products/batch", b"{bad")
    assert (status, document["code"], document["data"]["json_error_code"]) == (400, "rest_invalid_json", 4)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "products/999", 404, "woocommerce_rest_product_invalid_id"),
        ("PUT", "products/999", 400, "woocommerce_rest_product_invalid_id"),
        ("GET", "orders/999", 404, "woocommerce_rest_shop_order_invalid_id"),
        ("PUT", "orders/999", 400, "woocommerce_rest_shop_order_invalid_id"),
    ],
)
async def test_unknown_ids(call: Caller, method: str, path: str, status: int, code: str) -> None:
    """Reading says 404, writing 400."""
    answered, document, _ = await call(method, path, {} if method == "PUT" else None)
    assert (answered, document["code"]) == (status, code)


@pytest.mark.parametrize(
    ("quantity", "backorders", "status"),
    [(1, "no", "instock"), (0, "no", "outofstock"), (-3, "no", "outofstock"), (0, "yes", "onbackorder")],
)
async def test_the_status_follows_the_number(
    call: Caller, glove: int, quantity: int, backorders: str, status: str
) -> None:
    """A status sent along is not listened to."""
    item = {"id": glove, "stock_quantity": quantity, "backorders": backorders, "stock_status": "instock"}
    (echo,) = await batch(call, item)
    assert echo["stock_status"] == status


async def test_pages_know_their_number(call: Caller, sandbox: Sandbox) -> None:
    """Totals in the headers; beyond the end an empty list; 101 a page is refused."""
    for number in range(5):
        sandbox.add_product(f"SKU-{number}", quantity=1)
    status, rows, headers = await call("GET", "products", per_page="2", page="2", orderby="id", order="asc")
    assert [row["sku"] for row in rows] == ["SKU-2", "SKU-3"]
    assert (status, headers["X-WP-Total"], headers["X-WP-TotalPages"]) == (200, "5", "3")
    assert 'rel="prev"' in headers["Link"]
    assert 'rel="next"' in headers["Link"]
    assert (await call("GET", "products", page="9"))[:2] == (200, [])
    status, document, _ = await call("GET", "products", per_page="101")
    assert (status, document["code"]) == (400, "rest_invalid_param")


async def test_variations_are_not_among_the_products(call: Caller, sandbox: Sandbox) -> None:
    """Not in the list, not by include; only by SKU, whatever its case."""
    shirt = sandbox.add_product("TS", "Shirt", variations=SHIRT)
    parent, _, number = shirt[0].partition("/")
    assert [row["id"] for row in (await call("GET", "products"))[1]] == [int(parent)]
    assert (await call("GET", "products", include=number))[1] == []
    (found,) = (await call("GET", "products", sku="ts-s"))[1]
    assert (found["id"], found["type"], found["parent_id"]) == (int(number), "variation", int(parent))
    assert (await call("GET", "products", type="variation"))[0] == 400


async def test_fields_are_selected_by_their_top_level_names(call: Caller, glove: int) -> None:
    """In batches that means the names of the lists."""
    assert (await call("GET", "products", _fields="id,sku"))[1] == [{"id": glove, "sku": "GLOVE-X"}]
    item = {"update": [{"id": glove, "stock_quantity": 4}]}
    assert "update" in (await call("POST", "products/batch", item, _fields="update"))[1]
    assert (await call("POST", "products/batch", item, _fields="id"))[1] == []


async def test_a_batch_goes_on_when_the_caller_has_left(call: Caller, sandbox: Sandbox, glove: int) -> None:
    """The last item of an old batch overwrites what was written after the caller gave it up."""
    sandbox.shop.switches.item_latency_seconds = 0.05
    items = [{"id": glove, "stock_quantity": number} for number in range(8)]
    task = asyncio.create_task(batch(call, *items))
    await until(lambda: sandbox.shown(str(glove)) != 5)
    task.cancel()
    sandbox.shop.switches.item_latency_seconds = 0.0
    assert (await call("PUT", f"products/{glove}", {"stock_quantity": 222}))[0] == 200
    await until(lambda: sandbox.shown(str(glove)) == 7)


async def test_the_log_tells_what_was_applied(call: Caller, sandbox: Sandbox, glove: int) -> None:
    """Method, path, status and each number before and after, without credentials."""
    await batch(call, {"id": glove, "stock_quantity": 3})
    state = await call.shop("state?since=0")
    (entry,) = state["calls"]
    assert (entry["method"], entry["path"], entry["status"]) == ("POST", "/wp-json/wc/v3/products/batch", 200)
    assert entry["applied"] == [{"listing_id": str(glove), "before": 5, "after": 3}]
    assert "oauth" not in str(entry)
