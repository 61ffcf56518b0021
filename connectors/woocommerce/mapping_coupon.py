"""A coupon as WooCommerce wants it, and whether a coupon of the shop is the one that was asked for. Pure.

The shop takes "150" percent and makes it 0.00, and takes an address that is none (facts §6): its echo is compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from connectors.woocommerce.mapping import JsonObject, gmt_time, whole_number
from syncd.channel.port import CouponRequest
from syncd.identity import Money

ALREADY_EXISTS = "woocommerce_rest_coupon_code_already_exists"


def request_problem(request: CouponRequest, currency: str) -> str:
    """Why the shop cannot make it, or ''."""
    for money in (request.value, request.minimum):
        if isinstance(money, Money) and money.currency != currency:
            return f"the shop's coupons are in {currency}, this one would be in {money.currency}"
    return ""


def coupon_body(request: CouponRequest, category_ids: Sequence[int]) -> dict[str, object]:
    """The body of POST coupons: used once, by nobody else where an address is known, beside no other coupon."""
    body: dict[str, object] = {
        "code": request.code,
        "discount_type": _discount_type(request),
        "amount": f"{_amount(request):.2f}",
        "description": request.reason,
        "individual_use": True,
        "usage_limit": 1,
        "usage_limit_per_user": 1,
        "product_categories": list(category_ids),
    }
    if request.email:
        body["email_restrictions"] = [request.email]
    if request.minimum is not None:
        body["minimum_amount"] = f"{request.minimum.amount:.2f}"
    if request.expires_at is not None:
        body["date_expires_gmt"] = _second(request.expires_at).strftime("%Y-%m-%dT%H:%M:%S")
    return body


def difference(coupon: JsonObject, request: CouponRequest, category_ids: Sequence[int]) -> str:
    """In what the shop's coupon is not the one asked for, as its field's name; '' if it is the one."""
    emails = [one.lower() for one in _texts(coupon.get("email_restrictions"))]
    expires_at = None if request.expires_at is None else _second(request.expires_at)
    same = {
        "code": str(coupon.get("code") or "").casefold() == request.code.casefold(),
        "status": coupon.get("status") in (None, "publish"),
        "discount_type": coupon.get("discount_type") == _discount_type(request),
        "amount": _decimal(coupon.get("amount")) == _amount(request).quantize(Decimal("0.01")),
        "usage_limit": whole_number(coupon.get("usage_limit")) == 1,
        "email_restrictions": emails == ([request.email.lower()] if request.email else []),
        "product_categories": _numbers(coupon.get("product_categories")) == sorted(category_ids),
        "minimum_amount": (_decimal(coupon.get("minimum_amount")) or 0) == _minimum(request),
        "date_expires_gmt": gmt_time(coupon.get("date_expires_gmt")) == expires_at,
    }
    return next((name for name, is_same in same.items() if not is_same), "")


def _discount_type(request: CouponRequest) -> str:
    return "fixed_cart" if isinstance(request.value, Money) else "percent"


def _amount(request: CouponRequest) -> Decimal:
    return request.value.amount if isinstance(request.value, Money) else request.value


def _minimum(request: CouponRequest) -> Decimal:
    return Decimal(0) if request.minimum is None else request.minimum.amount.quantize(Decimal("0.01"))


def _second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def _decimal(value: object) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _numbers(value: object) -> list[int]:
    found = [whole_number(one) for one in value] if isinstance(value, list) else []
    return sorted(number for number in found if number is not None)
