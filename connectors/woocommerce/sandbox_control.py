"""The shop side of the stand-in over HTTP, under /_sandbox: what its owner and its customers do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from aiohttp import web

from connectors.woocommerce.sandbox_faults import Fault
from connectors.woocommerce.sandbox_json import order_json
from connectors.woocommerce.sandbox_product_json import product_json
from connectors.woocommerce.sandbox_rest import RestError, answer, body_of, query_of
from connectors.woocommerce.sandbox_shop import Switches, listing_id

if TYPE_CHECKING:
    from connectors.woocommerce.sandbox import Sandbox


class ControlApi:
    """The routes under /_sandbox; each is one method of the stand-in."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[web.RouteDef]:
        """Everything under /_sandbox."""
        return [
            web.post("/_sandbox/listings", self.add_listing),
            web.post("/_sandbox/stock", self.set_stock),
            web.post("/_sandbox/sales", self.sell),
            web.post("/_sandbox/orders", self.set_order),
            web.post("/_sandbox/faults", self.add_fault),
            web.post("/_sandbox/switches", self.set_switches),
            web.post("/_sandbox/visit", self.visit),
            web.get("/_sandbox/state", self.state),
        ]

    async def add_listing(self, request: web.Request) -> web.Response:
        """{"sku", "title", "quantity" or null, "price", "variations": [{"sku", "title", "quantity"}]}, or a list."""
        try:
            told = await request.json()
        except ValueError:
            raise RestError(400, "sandbox_bad_request", "the body is not JSON") from None

        def added(body: dict[str, Any]) -> dict[str, list[str]]:
            return {"listing_ids": _wanted(lambda: self._sandbox.add_product(**body))}

        return answer([added(one) for one in told] if isinstance(told, list) else added(told), status=201)

    async def set_stock(self, request: web.Request) -> web.Response:
        """{"listing_id", "quantity"}: the owner types a number in the back office."""
        body = await body_of(request)
        _wanted(lambda: self._sandbox.set_stock(str(body["listing_id"]), int(body["quantity"])))
        return answer({})

    async def sell(self, request: web.Request) -> web.Response:
        """{"listing_id" or "sku", "quantity", "payment_method", "paid", "billing"}: a customer checks out."""
        body = await body_of(request)
        try:
            order_id = await self._sandbox.carry(**body)
        except (TypeError, KeyError, ValueError) as error:
            raise RestError(400, "sandbox_bad_request", str(error)) from None
        return answer({"order_id": order_id}, status=201)

    async def set_order(self, request: web.Request) -> web.Response:
        """{"order_id", "status"}: the owner moves an order; "trash" and "deleted" too."""
        body = await body_of(request)
        _wanted(lambda: self._sandbox.set_order_status(str(body["order_id"]), str(body["status"])))
        return answer({})

    async def add_fault(self, request: web.Request) -> web.Response:
        """{"mode", "times", "method", "match", "seconds", "retry_after"}; {"mode": "none"} clears all."""
        body = await body_of(request)
        if body.get("mode") == "none":
            self._sandbox.faults.clear()
        else:
            _wanted(lambda: self._sandbox.faults.add(Fault(**body)))
        return answer({})

    async def set_switches(self, request: web.Request) -> web.Response:
        """Any of the switches by name; answers with all of them."""
        body = await body_of(request)
        known = {field.name: field.default for field in fields(Switches)}
        for name, value in body.items():
            wanted: tuple[type, ...] = (bool,) if isinstance(known.get(name), bool) else (int, float)
            if name not in known or not isinstance(value, wanted):
                raise RestError(400, "sandbox_bad_request", f"{name!r} is no switch, or {value!r} no value for it")
        for name, value in body.items():
            setattr(self._sandbox.shop.switches, name, value)
        return answer(asdict(self._sandbox.shop.switches))

    async def visit(self, request: web.Request) -> web.Response:
        """Somebody opens a page of the shop, which drives its clock."""
        await self._sandbox.site_visited()
        return answer({})

    async def state(self, request: web.Request) -> web.Response:
        """Everything there is, and the calls received from number `since` on."""
        since = int(query_of(request).get("since", "0"))
        shop, webhooks = self._sandbox.shop, self._sandbox.webhooks
        return answer(
            {
                "products": [
                    {"listing_id": listing_id(product)} | product_json(shop, product)
                    for product in shop.products.values()
                ],
                "orders": [order_json(order) for order in shop.orders.values()],
                "mails": shop.mails,
                "webhooks": [
                    {"id": hook.id, "topic": hook.topic, "status": hook.status, "failures": hook.failures}
                    for hook in webhooks.hooks.values()
                ],
                "deliveries": [
                    {"topic": delivery.topic, "url": delivery.url, "status": delivery.status}
                    for delivery in webhooks.deliveries
                ],
                "switches": asdict(shop.switches),
                "calls_received": self._sandbox.calls_received,
                "calls": [call | {"at": call["at"].isoformat()} for call in self._sandbox.calls(since)],
            }
        )


def _wanted(act: Callable[[], Any]) -> Any:
    """A wrong request to the stand-in's own door is a 400 with its reason."""
    try:
        return act()
    except (TypeError, KeyError, ValueError) as error:
        raise RestError(400, "sandbox_bad_request", f"{type(error).__name__}: {error}") from None
