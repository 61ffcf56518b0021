"""Coupons and product categories of the stand-in: codes unique whatever the case, limits, what they take off an order.

Which products a coupon is for is asked of the products' own categories, not of those above them. How the shop words
its refusal of a coupon that does not fit is not recorded; its code and status are.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from aiohttp import web

from connectors.woocommerce.sandbox_json import gmt, links, local, meta_json, money, number
from connectors.woocommerce.sandbox_rest import (
    PREFIX,
    RestError,
    answer,
    body_of,
    missing_param,
    page_of,
    query_of,
    select,
)
from connectors.woocommerce.sandbox_shop import SITE_ZONE, Coupon, Line, Order, Shop
from connectors.woocommerce.sandbox_stock import product_of, tax_of

_CENT = Decimal("0.01")


class CouponsApi:
    """The routes for coupons and product categories."""

    def __init__(self, shop: Shop, base: str) -> None:
        self._shop = shop
        self._base = base

    def routes(self) -> list[web.RouteDef]:
        """Everything below coupons, and the list of categories."""
        one = rf"{PREFIX}/coupons/{{id:\d+}}"
        return [
            web.get(f"{PREFIX}/coupons", self.index),
            web.post(f"{PREFIX}/coupons", self.create),
            web.get(one, self.show),
            web.delete(one, self.delete),
            web.get(f"{PREFIX}/products/categories", self.categories),
        ]

    async def index(self, request: web.Request) -> web.Response:
        """The coupons, or the one of that code."""
        query = query_of(request)
        code = query.get("code", "").lower()
        rows = [one for one in self._shop.coupons.values() if not code or one.code.lower() == code]
        page, headers = page_of(request, query, [one for one in rows if one.status == "publish"])
        return answer(select(query, [coupon_json(one, self._base) for one in page]), headers=headers)

    async def show(self, request: web.Request) -> web.Response:
        """One coupon."""
        return answer(coupon_json(self._find(request), self._base))

    async def create(self, request: web.Request) -> web.Response:
        """A coupon; neither addresses nor limits are looked at."""
        body = await body_of(request)
        code = body.get("code")
        if not isinstance(code, str) or not code:
            raise missing_param("code")
        if find_coupon(self._shop, code) is not None:
            message = "The coupon code already exists"
            raise RestError(400, "woocommerce_rest_coupon_code_already_exists", message)
        amount, kind = _decimal(str(body.get("amount", "0"))), str(body.get("discount_type", "fixed_cart"))
        if amount < 0:
            raise RestError(400, "coupon_invalid_amount", "Invalid discount amount")
        now = self._shop.now()
        coupon = Coupon(
            id=self._shop.next_post_id(),
            code=code,
            # A percentage above 100 is taken and becomes nothing.
            amount=Decimal(0) if kind == "percent" and amount > 100 else amount,
            discount_type=kind,
            description=str(body.get("description", "")),
            created=now,
            modified=now,
            expires=_expiry(body),
            individual_use=body.get("individual_use") is True,
            usage_limit=_whole(body.get("usage_limit")),
            usage_limit_per_user=_whole(body.get("usage_limit_per_user")),
            minimum=_decimal(str(body.get("minimum_amount") or "0")),
            product_ids=[int(one) for one in body.get("product_ids") or []],
            categories=[int(one) for one in body.get("product_categories") or []],
            emails=[str(one) for one in body.get("email_restrictions") or []],
            meta=[self._shop.meta(meta["key"], meta["value"]) for meta in body.get("meta_data") or []],
        )
        self._shop.coupons[coupon.id] = coupon
        self._shop.on_change("coupon.created", coupon.id)
        return answer(coupon_json(coupon, self._base), status=201)

    async def delete(self, request: web.Request) -> web.Response:
        """Into the waste bin, or gone with force=true."""
        coupon = self._find(request)
        if query_of(request).get("force") == "true":
            del self._shop.coupons[coupon.id]
        else:
            coupon.status = "trash"
        return answer(coupon_json(coupon, self._base))

    async def categories(self, request: web.Request) -> web.Response:
        """The product categories, or those of a slug."""
        query = query_of(request)
        rows = [
            {"id": one, "name": name, "slug": slug, "parent": 0, "description": "", "display": "default", "count": 0}
            for one, (name, slug) in self._shop.categories.items()
            if query.get("slug") in (None, slug)
        ]
        page, headers = page_of(request, query, rows)
        return answer(select(query, list(page)), headers=headers)

    def _find(self, request: web.Request) -> Coupon:
        coupon = self._shop.coupons.get(int(request.match_info["id"]))
        if coupon is None:
            raise RestError(404, "woocommerce_rest_shop_coupon_invalid_id", "Invalid ID.")
        return coupon


def coupon_json(coupon: Coupon, base: str = "") -> dict[str, Any]:
    """A coupon as REST shows it."""
    return {
        "id": coupon.id,
        "code": coupon.code,
        "amount": money(coupon.amount),
        "status": coupon.status,
        "date_created": local(coupon.created),
        "date_created_gmt": gmt(coupon.created),
        "date_modified": local(coupon.modified),
        "date_modified_gmt": gmt(coupon.modified),
        "discount_type": coupon.discount_type,
        "description": coupon.description,
        "date_expires": local(coupon.expires),
        "date_expires_gmt": gmt(coupon.expires),
        "usage_count": coupon.usage_count,
        "individual_use": coupon.individual_use,
        "product_ids": coupon.product_ids,
        "excluded_product_ids": [],
        "usage_limit": coupon.usage_limit,
        "usage_limit_per_user": coupon.usage_limit_per_user,
        "limit_usage_to_x_items": None,
        "free_shipping": False,
        "product_categories": coupon.categories,
        "excluded_product_categories": [],
        "exclude_sale_items": False,
        "minimum_amount": money(coupon.minimum),
        "maximum_amount": "0.00",
        "email_restrictions": coupon.emails,
        "used_by": coupon.used_by,
        "meta_data": meta_json(coupon.meta),
        "_links": links(base, f"coupons/{coupon.id}"),
    }


def find_coupon(shop: Shop, code: str) -> Coupon | None:
    """By code, whatever the case of its letters."""
    return next((one for one in shop.coupons.values() if one.code.lower() == code.lower()), None)


def apply_coupon(shop: Shop, order: Order, code: str) -> None:
    """Take a coupon's discount off the order's lines and count its use. Raises RestError 400 if it does not fit."""
    coupon = find_coupon(shop, code)
    if coupon is None or coupon.status != "publish":
        raise invalid_coupon(f'Coupon "{code}" does not exist!')
    fitting = [line for line in order.lines if _is_for(shop, coupon, line)]
    email = order.billing.get("email", "").lower()
    worth = sum((line.total for line in order.lines), Decimal(0))
    for is_wrong, words in (
        (coupon.usage_limit is not None and coupon.usage_count >= coupon.usage_limit, "usage limit has been reached"),
        (coupon.expires is not None and coupon.expires <= shop.now(), "has expired"),
        (bool(coupon.emails) and email not in [one.lower() for one in coupon.emails], "is for somebody else"),
        (worth < coupon.minimum, "needs a larger order"),
        (not fitting, "is not for these products"),
    ):
        if is_wrong:
            raise invalid_coupon(f'Coupon "{code}": {words}.')
    # An amount off the cart comes off all of it once one product fits; the other kinds only off what fits.
    lines = order.lines if coupon.discount_type == "fixed_cart" else fitting
    discount = _take_off(shop, coupon, lines)
    coupon.usage_count += 1
    coupon.used_by.append(email)
    order.coupon_lines.append(_line_json(shop, coupon, discount))


def invalid_coupon(message: str) -> RestError:
    """WooCommerce's one answer to every coupon that cannot be used."""
    return RestError(400, "woocommerce_rest_invalid_coupon", message)


def _take_off(shop: Shop, coupon: Coupon, lines: list[Line]) -> Decimal:
    worth = sum((line.total for line in lines), Decimal(0))
    if coupon.discount_type == "percent":
        wanted = worth * coupon.amount / 100
    elif coupon.discount_type == "fixed_product":
        wanted = coupon.amount * sum(line.quantity for line in lines)
    else:
        wanted = coupon.amount
    left = taken = min(worth, wanted.quantize(_CENT, rounding=ROUND_HALF_UP))
    for position, line in enumerate(lines, 1):
        share = left if position == len(lines) else (taken * line.subtotal / worth).quantize(_CENT) if worth else left
        line.total -= share
        line.tax = tax_of(shop, line.total)
        left -= share
    return taken


def _is_for(shop: Shop, coupon: Coupon, line: Line) -> bool:
    product = product_of(shop, line)
    if product is None:
        return False
    owner = shop.products.get(product.parent_id, product)
    fits_product = not coupon.product_ids or {line.product_id, line.variation_id} & set(coupon.product_ids)
    fits_category = not coupon.categories or set(owner.categories) & set(coupon.categories)
    return bool(fits_product and fits_category)


def _line_json(shop: Shop, coupon: Coupon, discount: Decimal) -> dict[str, Any]:
    kind = None if coupon.discount_type == "fixed_cart" else coupon.discount_type
    info = shop.meta("coupon_info", _info(coupon, kind))
    return {
        "id": shop.next_row_id(),
        "code": coupon.code,
        "discount": str(number(discount)),
        "discount_tax": "0",
        "meta_data": meta_json([info], display=True),
        "discount_type": coupon.discount_type,
        "nominal_amount": number(coupon.amount),
        "free_shipping": False,
    }


def _info(coupon: Coupon, kind: str | None) -> str:
    shown = "null" if kind is None else f'"{kind}"'
    return f'[{coupon.id},"{coupon.code}",{shown},{number(coupon.amount)}]'


def _expiry(body: dict[str, Any]) -> datetime | None:
    for name, zone in (("date_expires_gmt", UTC), ("date_expires", SITE_ZONE)):
        text = body.get(name)
        if isinstance(text, str) and text:
            try:
                moment = datetime.fromisoformat(text)
            except ValueError:
                raise RestError(400, "rest_invalid_param", f"Invalid parameter(s): {name}") from None
            return (moment.replace(tzinfo=zone) if moment.tzinfo is None else moment).astimezone(UTC)
    return None


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and value else None


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal(0)
