"""Products and variations of the stand-in over REST, with everything a batch silently swallows."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable
from typing import Any

from aiohttp import web

from connectors.woocommerce.sandbox_product_json import product_json
from connectors.woocommerce.sandbox_rest import (
    BATCH_ITEMS_MAX,
    PREFIX,
    RestError,
    answer,
    body_of,
    id_list,
    invalid_param,
    moment_of,
    page_of,
    query_of,
    select,
)
from connectors.woocommerce.sandbox_shop import Product, Shop, recompute_status

_STOCK_STATUSES = ("instock", "outofstock", "onbackorder")
_TYPES = ("simple", "grouped", "external", "variable")
_ORDER_BY: dict[str, Callable[[Product], Any]] = {
    "id": lambda product: product.id,
    "include": lambda product: product.id,
    "date": lambda product: (product.created, product.id),
    "modified": lambda product: (product.modified, product.id),
    "title": lambda product: product.name,
    "slug": lambda product: product.id,
    "menu_order": lambda product: product.id,
    "price": lambda product: float(product.price or 0),
    "popularity": lambda product: product.id,
    "rating": lambda product: product.id,
}


class ProductsApi:
    """The routes under products."""

    def __init__(self, shop: Shop, base: str) -> None:
        self._shop = shop
        self._base = base

    def routes(self) -> list[web.RouteDef]:
        """Everything below products."""
        one, kin = rf"{PREFIX}/products/{{id:\d+}}", rf"{PREFIX}/products/{{parent:\d+}}/variations"
        return [
            web.get(f"{PREFIX}/products", self.index),
            web.post(f"{PREFIX}/products", self.create),
            web.post(f"{PREFIX}/products/batch", self.batch),
            web.get(one, self.show),
            web.put(one, self.edit),
            web.delete(one, self.delete),
            web.get(kin, self.index),
            web.post(kin, self.create),
            web.post(f"{kin}/batch", self.batch),
            web.get(rf"{kin}/{{id:\d+}}", self.show),
            web.put(rf"{kin}/{{id:\d+}}", self.edit),
            web.delete(rf"{kin}/{{id:\d+}}", self.delete),
        ]

    async def index(self, request: web.Request) -> web.Response:
        """A page of products, or of one product's variations."""
        query = query_of(request)
        parent_id = int(request.match_info.get("parent", 0))
        rows = self._by_sku(query["sku"]) if query.get("sku") else self._candidates(query, parent_id)
        rows = [product for product in rows if _passes(product, query)]
        by = query.get("orderby", "date")
        if by not in _ORDER_BY:
            raise invalid_param("orderby", f"orderby is not one of {', '.join(_ORDER_BY)}.")
        rows.sort(key=_ORDER_BY[by], reverse=query.get("order", "desc") != "asc")
        page, headers = page_of(request, query, rows)
        return answer(select(query, [self._json(product) for product in page]), headers=headers)

    def _candidates(self, query: dict[str, str], parent_id: int) -> list[Product]:
        include = id_list(query, "include")
        if include is not None:
            rows = [self._shop.products[number] for number in include if number in self._shop.products]
        else:
            rows = list(self._shop.products.values())
        exclude = set(id_list(query, "exclude") or ())
        return [product for product in rows if product.parent_id == parent_id and product.id not in exclude]

    def _by_sku(self, skus: str) -> list[Product]:
        whole = self._shop.by_sku(skus)
        found = [whole] if whole else [self._shop.by_sku(part) for part in skus.split(",")]
        return list({product.id: product for product in found if product is not None}.values())

    async def show(self, request: web.Request) -> web.Response:
        """One product or variation."""
        try:
            product = self._find(request, int(request.match_info["id"]))
        except RestError as error:
            raise RestError(404, error.code, error.message) from None
        return answer(select(query_of(request), self._json(product)))

    async def create(self, request: web.Request) -> web.Response:
        """A new product or variation."""
        parent_id = int(request.match_info.get("parent", 0))
        product = self._create(await body_of(request), parent_id)
        return answer(self._written(product), status=201)

    async def edit(self, request: web.Request) -> web.Response:
        """Change one; here types are checked."""
        body = await body_of(request)
        product = self._find(request, int(request.match_info["id"]))
        check_schema(body)
        if "stock_quantity" in body and body["stock_quantity"] is None:
            body["stock_quantity"] = 0
        self._apply(product, body)
        return answer(self._written(product))

    async def delete(self, request: web.Request) -> web.Response:
        """Delete for good with force=true, else into the waste bin (variations know no bin)."""
        product = self._find(request, int(request.match_info["id"]))
        shown = self._written(product)
        self._remove(product, force=query_of(request).get("force") == "true" or bool(product.parent_id))
        return answer(shown)

    async def batch(self, request: web.Request) -> web.Response:
        """Create, update and delete one after another; goes on when the caller has left."""
        body = await body_of(request)
        lists = {name: list(body.get(name) or []) for name in ("create", "update", "delete")}
        if sum(map(len, lists.values())) > BATCH_ITEMS_MAX:
            message = f"Unable to accept more than {BATCH_ITEMS_MAX} items for this request."
            raise RestError(413, "woocommerce_rest_request_entity_too_large", message)
        shown: dict[str, list[Any]] = {}
        for name, items in lists.items():
            for item in items:
                try:
                    result = self._batch_item(request, name, item)
                except RestError as error:
                    number = item.get("id") if isinstance(item, dict) else item
                    result = {"id": 0 if name == "create" else number, "error": error.envelope()}
                shown.setdefault(name, []).append(result)
                if self._shop.switches.item_latency_seconds:
                    await asyncio.sleep(self._shop.switches.item_latency_seconds)
        return answer(select(query_of(request), shown) if shown else [])

    def _batch_item(self, request: web.Request, name: str, item: Any) -> dict[str, Any]:
        if name == "create":
            return self._written(self._create(item, int(request.match_info.get("parent", 0))))
        number = item.get("id") if name == "update" else item
        product = self._find(request, number if isinstance(number, int) else 0)
        if name == "update":
            self._apply(product, loosened(item))
            return self._written(product)
        shown = self._written(product)
        self._remove(product, force=True)
        return shown

    def _json(self, product: Product) -> dict[str, Any]:
        return product_json(self._shop, product, self._base)

    def _written(self, product: Product) -> dict[str, Any]:
        return product_json(self._shop, product, self._base, written=True)

    def _find(self, request: web.Request, number: int) -> Product:
        product = self._shop.products.get(number)
        if "parent" in request.match_info:
            if product is None or product.parent_id != int(request.match_info["parent"]):
                raise RestError(404, "woocommerce_rest_product_variation_invalid_id", "Invalid ID.")
            return product
        if product is None:
            raise RestError(400, "woocommerce_rest_product_invalid_id", "Invalid ID.")
        if product.parent_id:
            message = (
                "To manipulate product variations you should use the "
                "/products/&lt;product_id&gt;/variations/&lt;id&gt; endpoint."
            )
            raise RestError(404, "woocommerce_rest_invalid_product_id", message)
        return product

    def _create(self, body: dict[str, Any], parent_id: int) -> Product:
        if parent_id and parent_id not in self._shop.products:
            raise RestError(404, "woocommerce_rest_product_variation_invalid_parent", "Invalid parent.")
        kind = "variation" if parent_id else str(body.get("type", "simple"))
        if kind not in (*_TYPES, "variation"):
            raise invalid_param("type", f"type is not one of {', '.join(_TYPES)}.")
        self._check_sku(str(body.get("sku") or ""), 0)
        attributes = body.get("attributes") or [{}]
        name = str(body.get("name") or (attributes[0].get("option", "") if parent_id else "Product"))
        product = self._shop.add_product(name, type=kind, parent_id=parent_id)
        self._apply(product, loosened(body))
        return product

    def _check_sku(self, sku: str, own_id: int) -> None:
        other = self._shop.by_sku(sku) if sku.strip() else None
        if other is not None and other.id != own_id:
            data = {"status": 400, "resource_id": other.id, "unique_sku": f"{sku}-1"}
            raise RestError(400, "product_invalid_sku", "Invalid or duplicated SKU.", data)

    def _apply(self, product: Product, body: dict[str, Any]) -> None:
        if "sku" in body:
            self._check_sku(str(body["sku"]), product.id)
            self._shop.rename_sku(product, str(body["sku"]).strip())
        product.name = str(body.get("name", product.name))
        product.price = str(body.get("regular_price", product.price))
        product.status = str(body.get("status", product.status))
        product.backorders = str(body.get("backorders", product.backorders))
        if "manage_stock" in body:
            turned_on = bool(body["manage_stock"]) and not product.manages
            product.manages = bool(body["manage_stock"])
            product.quantity = product.quantity or 0 if turned_on else product.quantity
        if product.manages and body.get("stock_quantity") is not None:
            self._shop.set_stock(product, int(body["stock_quantity"]))
        elif not product.manages and body.get("stock_status") in _STOCK_STATUSES:
            product.stock_status = body["stock_status"]
        for meta in body.get("meta_data") or []:
            product.meta = [row for row in product.meta if row["key"] != meta["key"]]
            product.meta.append(self._shop.meta(meta["key"], meta["value"]))
        recompute_status(product)
        self._shop.touch_product(product)

    def _remove(self, product: Product, *, force: bool) -> None:
        if force:
            self._shop.remove_product(product)
        else:
            product.status = "trash"
            self._shop.on_change("product.deleted", product.id)


def _passes(product: Product, query: dict[str, str]) -> bool:
    status = query.get("status", "any")
    if product.status != status and (status != "any" or product.status == "trash"):
        return False
    kind = query.get("type")
    if kind is not None and kind not in _TYPES:
        raise invalid_param("type", f"type is not one of {', '.join(_TYPES)}.")
    if kind is not None and product.type != kind:
        return False
    after = moment_of(query, "modified_after")
    if after is not None and product.modified <= after:
        return False
    return query.get("search_sku", "").lower() in product.sku.lower()


def check_schema(body: dict[str, Any]) -> None:
    """What the single PUT refuses; null passes and becomes 0."""
    quantity = body.get("stock_quantity")
    if quantity is not None:
        whole = isinstance(quantity, int) or (isinstance(quantity, float) and quantity.is_integer())
        if isinstance(quantity, str):
            whole = bool(re.fullmatch(r"[+-]?\d+", quantity))
        if isinstance(quantity, bool) or not whole:
            raise invalid_param("stock_quantity", "stock_quantity is not of type integer.")
        body["stock_quantity"] = int(quantity)
    status = body.get("stock_status")
    if status is not None and status not in _STOCK_STATUSES:
        raise invalid_param("stock_status", f"stock_status is not one of {', '.join(_STOCK_STATUSES)}.")


def loosened(body: dict[str, Any]) -> dict[str, Any]:
    """What a batch makes of the same: text becomes 0, fractions are cut, null is left out (facts 3.2)."""
    quantity = body.get("stock_quantity")
    if quantity is None:
        return {name: value for name, value in body.items() if name != "stock_quantity"}
    return body | {"stock_quantity": intval(quantity)}


def intval(value: object) -> int:
    """PHP's intval."""
    if isinstance(value, int | float):
        return int(value) if math.isfinite(value) else 0
    found = re.match(r"\s*[+-]?\d+", str(value))
    return int(found.group()) if found else 0
