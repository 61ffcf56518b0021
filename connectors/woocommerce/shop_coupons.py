"""Coupons of the shop: made once by their code, which the shop keeps unique, and compared with what was asked for."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.woocommerce.client import Call, WooClient
from connectors.woocommerce.mapping import JsonObject, whole_number
from connectors.woocommerce.mapping_coupon import ALREADY_EXISTS, coupon_body, difference, request_problem
from syncd.channel.port import CouponOutcome, CouponRequest
from syncd.errors import ChannelRefused

OPERATION = "issue_coupon"
_REFUSALS = ("woocommerce_rest_", "coupon_", "rest_invalid_param")


class ShopCoupons:
    """Through a client that the channel owns. `currency` is the shop's."""

    def __init__(self, client: WooClient, currency: str) -> None:
        self._client = client
        self._currency = currency

    async def issue(self, request: CouponRequest) -> CouponOutcome:
        """Make the coupon, or find it made. One that comes out otherwise is deleted before anybody can use it."""
        problem = request_problem(request, self._currency)
        if problem:
            return CouponOutcome(refusal=problem)
        category_ids: list[int] = []
        for slug in request.categories:
            number = await self._category(slug)
            if number is None:
                return CouponOutcome(refusal=f"the shop has no product category with the slug {slug!r}")
            category_ids.append(number)
        earlier = await self._find(request.code)
        if earlier is not None:
            return _judged(earlier, request, category_ids)
        return await self._make(request, category_ids)

    async def _make(self, request: CouponRequest, category_ids: Sequence[int]) -> CouponOutcome:
        body = coupon_body(request, category_ids)
        try:
            made = await self._client.record(Call("POST", "coupons", OPERATION, body=body))
        except ChannelRefused as refused:
            if refused.code == ALREADY_EXISTS:
                earlier = await self._find(request.code)
                if earlier is not None:
                    return _judged(earlier, request, category_ids)
            if refused.code.startswith(_REFUSALS):
                return CouponOutcome(refusal=refused.message)
            raise
        wrong = difference(made, request, category_ids)
        if not wrong:
            return CouponOutcome(str(made.get("id") or ""))
        await self._client.call(Call("DELETE", f"coupons/{made.get('id')}", OPERATION, {"force": "true"}))
        return CouponOutcome(refusal=f"the shop made a coupon with another {wrong}; it was deleted again")

    async def _find(self, code: str) -> JsonObject | None:
        rows = await self._client.rows(Call("GET", "coupons", OPERATION, {"code": code}))
        return next((row for row in rows if str(row.get("code") or "").casefold() == code.casefold()), None)

    async def _category(self, slug: str) -> int | None:
        query = {"slug": slug, "per_page": "100", "_fields": "id,slug"}
        rows = await self._client.rows(Call("GET", "products/categories", OPERATION, query))
        return next((whole_number(row.get("id")) for row in rows if row.get("slug") == slug), None)


def _judged(coupon: JsonObject, request: CouponRequest, category_ids: Sequence[int]) -> CouponOutcome:
    wrong = difference(coupon, request, category_ids)
    if wrong:
        return CouponOutcome(refusal=f"the shop has another coupon of the code {request.code}: its {wrong} differs")
    return CouponOutcome(str(coupon.get("id") or ""), used=whole_number(coupon.get("usage_count")) or 0)
