"""The stand-in's REST doors: tokens, faults on demand, and which operation is behind which path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

from aiohttp import web

from connectors.ebay.mapping_xml import stamp
from connectors.ebay.sandbox_commerce import CommerceNotifications
from connectors.ebay.sandbox_control import json_body
from connectors.ebay.sandbox_faults import FaultPlan, numbered
from connectors.ebay.sandbox_inventory import offers, set_quantities
from connectors.ebay.sandbox_oauth import Grants
from connectors.ebay.sandbox_rest import (
    RestRefusal,
    check_eligibility,
    get_order,
    issue_refund,
    rate_limits,
    rest_error,
)
from connectors.ebay.sandbox_signature import refuses_signature
from connectors.ebay.sandbox_state import Account
from connectors.ebay.sandbox_trading import TradingEndpoint

Answer = tuple[int, Mapping[str, Any]]
Act = Callable[[web.Request, dict[str, Any], dict[str, Any]], Awaitable[Answer]]
"""From the request, its JSON body and its entry in the log of calls."""

SYSTEM_IDS = frozenset({"25001", "30500", "34900", "195000"})
"""Error ids that come with HTTP 500."""


class RestDoors:
    """Answers REST calls for one account."""

    def __init__(
        self,
        account: Account,
        trading: TradingEndpoint,
        faults: FaultPlan,
        *,
        grants: Grants,
        commerce: CommerceNotifications,
    ) -> None:
        self._account = account
        self._trading = trading
        self._faults = faults
        self._grants = grants
        self._commerce = commerce

    def add_routes(self, app: web.Application) -> None:
        """Open every door."""
        add = app.router.add_route
        fulfillment, inventory = "/sell/fulfillment/v1/order/{order_id}", "/sell/inventory/v1"
        app.router.add_post("/identity/v1/oauth2/token", self._token)
        add("POST", f"{fulfillment}/issue_refund", self._door(self._issue_refund))
        add("GET", fulfillment, self._door(self._get_order))
        add("GET", f"{inventory}/offer", self._door(self._offers))
        add("POST", f"{inventory}/bulk_update_price_quantity", self._door(self._quantities))
        add("POST", "/post-order/v2/cancellation/check_eligibility", self._door(self._eligibility, scheme="IAF"))
        add("GET", "/developer/analytics/v1_beta/rate_limit/", self._door(self._rate_limits, who="app"))
        add("GET", "/developer/analytics/v1_beta/user_rate_limit/", self._door(self._rate_limits))
        add("*", "/commerce/notification/v1/{path:.+}", self._door(self._notification, who="app"))

    async def _token(self, request: web.Request) -> web.StreamResponse:
        call = f"{request.method} {request.path}"
        fault = self._faults.take(call)
        self._account.calls.append({"at": stamp(self._account.now()), "call": call, "fault": fault, "applied": []})
        if fault is not None:
            return await self._failed(request, fault)
        return await self._grants.answer(request)

    def _door(
        self, act: Act, *, who: Literal["user", "app"] = "user", scheme: str = "Bearer"
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            call = f"{request.method} {request.path}"
            fault = self._faults.take(call)
            entry: dict[str, Any] = {"at": stamp(self._account.now()), "call": call, "fault": fault, "applied": []}
            self._account.calls.append(entry)
            if fault is not None and not fault.endswith("_after"):
                return await self._failed(request, fault)
            given, _, token = request.headers.get("Authorization", "").partition(" ")
            refuses = self._grants.refuses_app if who == "app" else self._grants.refuses_user
            if given != scheme or refuses(token):
                return web.json_response(rest_error(1001, "OAuth", "Invalid access token"), status=401)
            try:
                status, told = await act(request, json_body(await request.read()) or {}, entry)
            except RestRefusal as refusal:
                status, told = refusal.status, refusal.body
                if scheme == "IAF":
                    told = {"error": told["errors"]}  # Post-Order's own spelling
            if fault is not None:
                return await self._trading.break_off(request, hang=fault == "hang_after")
            return web.Response(status=status) if status == 204 else web.json_response(told, status=status)

        return answer

    async def _failed(self, request: web.Request, fault: str) -> web.StreamResponse:
        if fault in ("hang_before", "cut_before"):
            return await self._trading.break_off(request, hang=fault == "hang_before")
        if fault == "http_429":
            return web.json_response(rest_error(2001, "ACCESS", "Too many requests."), status=429)
        if (error_id := numbered(fault, "rest")) is not None:
            status = 500 if error_id in SYSTEM_IDS else 400
            return web.json_response(rest_error(int(error_id), "API", "As told."), status=status)
        return web.Response(status=503, text="<html>Service Unavailable</html>", content_type="text/html")

    async def _issue_refund(self, request: web.Request, body: dict[str, Any], _: dict[str, Any]) -> Answer:
        switches = self._account.switches
        if switches.signature_required:
            wrong = await refuses_signature(request, self._account.now().timestamp())
            if wrong is not None:
                raise RestRefusal(400, switches.signature_error_id, wrong, "ACCESS")
        return 200, issue_refund(self._account, request.match_info["order_id"], body)

    async def _get_order(self, request: web.Request, body: dict[str, Any], _: dict[str, Any]) -> Answer:
        return 200, get_order(self._account, request.match_info["order_id"])

    async def _offers(self, request: web.Request, body: dict[str, Any], _: dict[str, Any]) -> Answer:
        return 200, offers(self._account, request.query.get("sku", ""))

    async def _quantities(self, request: web.Request, body: dict[str, Any], entry: dict[str, Any]) -> Answer:
        status, told, entry["applied"] = set_quantities(self._account, body)
        return status, told

    async def _eligibility(self, request: web.Request, body: dict[str, Any], _: dict[str, Any]) -> Answer:
        if self._account.switches.cancellation_check == "501":
            return 501, {}
        return 200, check_eligibility(self._account, body)

    async def _rate_limits(self, request: web.Request, body: dict[str, Any], _: dict[str, Any]) -> Answer:
        return 200, rate_limits(self._account)

    async def _notification(self, request: web.Request, body: dict[str, Any], _: dict[str, Any]) -> Answer:
        return await self._commerce.answer(request.method, request.match_info["path"], body)
