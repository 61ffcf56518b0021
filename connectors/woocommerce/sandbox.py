"""A stand-in for a WooCommerce shop: the REST API, webhooks, customers and bad days, on loopback."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from dataclasses import asdict
from typing import Any

from aiohttp import web

from connectors.woocommerce.sandbox_auth import READ_WRITE, KeyDesk
from connectors.woocommerce.sandbox_checkout import check_out
from connectors.woocommerce.sandbox_control import ControlApi
from connectors.woocommerce.sandbox_coupons import CouponsApi
from connectors.woocommerce.sandbox_faults import FaultDesk, Handler
from connectors.woocommerce.sandbox_orders import OrdersApi
from connectors.woocommerce.sandbox_products import ProductsApi
from connectors.woocommerce.sandbox_refunds import CARD, RefundsApi
from connectors.woocommerce.sandbox_rest import RestError, answer, query_of
from connectors.woocommerce.sandbox_shop import CallRecord, Product, Shop, current_call, listing_id
from connectors.woocommerce.sandbox_stock import STATUSES, cancel_unpaid, complete_payment, set_status
from connectors.woocommerce.sandbox_webhooks import Delivery, Webhook, WebhookDesk
from syncd.clock import Clock, SystemClock

EXAMPLE_SETTINGS: dict[str, object] = {"currency": "EUR"}
"""What syncd.toml holds to talk to the stand-in, besides `url`."""

EXAMPLE_SECRETS: dict[str, str] = {
    "consumer_key": READ_WRITE.consumer_key,
    "consumer_secret": READ_WRITE.consumer_secret,
    "webhook_secret": 'stand-in & <webhook> "secret"',
}
"""The stand-in's fixed credentials; the webhook secret is the one to create webhooks with."""

CALLS_KEPT = 20_000

INDEX = "/index.php"
"""What addresses begin with where the web server rewrites none."""

_NO_SUCH_PAGE = "<!DOCTYPE html><html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>"


def settings_at(url: str) -> dict[str, object]:
    """Complete settings, secrets apart, for a stand-in at this address."""
    return {**EXAMPLE_SETTINGS, "url": url}


class Sandbox:
    """A running stand-in. `url` is the shop's address; the methods are what its owner and customers do."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.url = url
        self.shop = Shop(clock)
        self.faults = FaultDesk()
        self.webhooks = WebhookDesk(self.shop, url)
        self.calls_received = 0
        self._keys = KeyDesk(url)
        self._calls: deque[CallRecord] = deque(maxlen=CALLS_KEPT)
        self._runner: web.AppRunner | None = None
        self.shop.on_change = self.webhooks.queue

    def application(self) -> web.Application:
        """The web application, with every route."""
        application = web.Application(middlewares=[self._middleware], client_max_size=16 * 1024 * 1024)
        for api in (
            ProductsApi(self.shop, self.url),
            OrdersApi(self.shop, self.url),
            RefundsApi(self.shop, self.url),
            CouponsApi(self.shop, self.url),
            self.webhooks,
            ControlApi(self),
        ):
            for route in api.routes():
                below_index = web.RouteDef(route.method, INDEX + route.path, route.handler, route.kwargs)
                application.add_routes([route, below_index])
        return application

    def attach(self, runner: web.AppRunner) -> None:
        """The runner to stop when closing."""
        self._runner = runner

    async def aclose(self) -> None:
        """Stop serving and give the port back. May be called twice."""
        self.faults.close()
        await self.webhooks.aclose()
        if self._runner is None:
            return
        runner, self._runner = self._runner, None
        open_ones = [connection.transport for connection in runner.server.connections] if runner.server else []
        await runner.cleanup()
        # TLS connections say goodbye for longer than anybody waits.
        for transport in open_ones:
            if transport is not None:
                transport.abort()
        await asyncio.sleep(0)

    def connections(self) -> int:
        """How many connections are open to the shop."""
        return len(self._runner.server.connections) if self._runner and self._runner.server else 0

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        """The calls received, from number `since` on: when, what, how answered, which stock they changed."""
        skipped = self.calls_received - len(self._calls)
        return [asdict(call) for number, call in enumerate(self._calls, skipped) if number >= since]

    def add_product(
        self,
        sku: str = "",
        title: str = "",
        *,
        quantity: int | None = None,
        category: str = "uncategorized",
        variations: list[dict[str, Any]] | None = None,
        **told: str,
    ) -> list[str]:
        """A new product; returns its listing id, or those of its variations.

        `quantity` None means its stock is not managed. A variation without one draws on the parent's. `category` is the
        slug of its one category; `told` are price and status.
        """
        owned: dict[str, Any] = {"price": "10.00", "status": "publish", **told}
        product = self.shop.add_product(
            title or sku or "Product",
            sku=sku,
            type="variable" if variations else "simple",
            manages=quantity is not None,
            quantity=quantity,
            categories=[self.shop.category(category)],
            **owned,
        )
        self.shop.on_change("product.created", product.id)
        if not variations:
            return [listing_id(product)]
        return [
            listing_id(
                self.shop.add_product(
                    str(item.get("title") or item.get("sku", "")),
                    sku=str(item.get("sku", "")),
                    type="variation",
                    parent_id=product.id,
                    manages=item.get("quantity") is not None,
                    quantity=item.get("quantity"),
                    **owned,
                )
            )
            for item in variations
        ]

    def product(self, listing: str) -> Product:
        """By listing id. Raises KeyError."""
        return self.shop.products[int(listing.rpartition("/")[2])]

    def set_stock(self, listing: str, quantity: int) -> None:
        """The owner types a number in the back office."""
        owner = self.shop.stock_owner(self.product(listing))
        if owner is None:
            raise ValueError(f"{listing}: its stock is not managed")
        self.shop.set_stock(owner, quantity)

    def shown(self, listing: str) -> int | None:
        """The number the shop keeps for the listing."""
        owner = self.shop.stock_owner(self.product(listing))
        return owner.quantity if owner else None

    async def sell(
        self,
        *,
        listing_id: str = "",
        sku: str = "",
        quantity: int = 1,
        payment_method: str = CARD,
        paid: bool = True,
        billing: dict[str, str] | None = None,
    ) -> str:
        """A customer checks out; returns the order's id. RestError 403 if the stock does not suffice."""
        product = self.shop.by_sku(sku) if sku else self.shop.products.get(int(listing_id.rpartition("/")[2]))
        if product is None:
            raise KeyError(f"there is no product {sku or listing_id!r}")
        basket = [(product, quantity)]
        order = await check_out(self.shop, basket, payment_method=payment_method, paid=paid, billing=billing)
        await self.site_visited()
        return str(order.id)

    async def carry(self, *, created_via: str = "", meta: dict[str, str] | None = None, **sale: Any) -> str:
        """A plug-in writes an order made elsewhere, in its own name; `sale` is as in `sell`."""
        order_id = await self.sell(**sale)
        order = self.shop.orders[int(order_id)]
        order.created_via = created_via or order.created_via
        order.meta += [self.shop.meta(key, value) for key, value in (meta or {}).items()]
        return order_id

    def set_order_status(self, order_id: str, status: str) -> None:
        """The owner moves an order: to a status, to "trash", or "deleted" for good without an event."""
        order = self.shop.orders[int(order_id)]
        if status == "deleted":
            del self.shop.orders[order.id]
        elif status == "trash":
            order.status, order.modified = "trash", self.shop.now()
            self.shop.on_change("order.deleted", order.id)
        elif status in STATUSES:
            set_status(self.shop, order, status)
        else:
            raise ValueError(f"there is no order status {status!r}")

    def pay_order(self, order_id: str) -> None:
        """The customer of a pending order pays."""
        complete_payment(self.shop, self.shop.orders[int(order_id)])

    async def site_visited(self) -> None:
        """Any request: unpaid orders run out, due webhooks go out."""
        cancel_unpaid(self.shop)
        await self.webhooks.request_came()

    def delivery(self, order_id: str, *, secret: str = EXAMPLE_SECRETS["webhook_secret"]) -> Delivery:
        """What an order.updated webhook with this secret would send about the order now."""
        hook = Webhook(1, "stand-in", "order.updated", "", secret, "active", self.shop.now())
        return self.webhooks.signed(hook, "order.updated", int(order_id))

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        path, switches = request.path, self.shop.switches
        if not path.removeprefix(INDEX).startswith("/wp-json"):
            return await _answered(request, handler)
        if switches.plain_permalinks or (switches.rewrites_nothing and not path.startswith(INDEX)):
            return web.Response(status=404, text=_NO_SUCH_PAGE, content_type="text/html")
        asked = {name: value for name, value in query_of(request).items() if not name.startswith("oauth_")}
        query = {name: "withheld" if name.startswith("consumer_") else value for name, value in asked.items()}
        record = CallRecord(self.shop.clock.now(), request.method, request.path, query)
        self.calls_received += 1
        self._calls.append(record)
        token = current_call.set(record)
        try:
            fault = self.faults.next_for(request)
            if fault is None:
                response = await self._served(request, handler)
            else:
                record.fault = fault.mode
                response = await self.faults.meet(fault, request, lambda asked: self._served(asked, handler))
            record.status = response.status
        finally:
            current_call.reset(token)
        return response

    async def _served(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self.shop.switches.latency_seconds:
            await _pause(self.shop.switches.latency_seconds)
        response = await _answered(request, self._authenticated(handler))
        await self.site_visited()
        return response

    def _authenticated(self, handler: Handler) -> Handler:
        async def serve(request: web.Request) -> web.StreamResponse:
            header = "" if self.shop.switches.withholds_authorization else request.headers.get("Authorization", "")
            pair = self._keys.caller(request, query_of(request), header)
            if request.match_info.http_exception is None and pair is None:
                raise _stranger(request)
            return await handler(request)

        return serve


async def _pause(seconds: float) -> None:
    await SystemClock().sleep(seconds)


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except RestError as error:
        return answer(error.envelope(), status=error.status)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        message = "No route was found matching the URL and request method."
        return answer(RestError(404, "rest_no_route", message).envelope(), status=404)


def _stranger(request: web.Request) -> RestError:
    if request.path.endswith("/batch"):
        return RestError(
            401,
            "woocommerce_rest_cannot_batch",
            "Sorry, you are not allowed to batch manipulate this resource.",
        )
    verb, message = {
        "POST": ("create", "Sorry, you are not allowed to create resources."),
        "PUT": ("edit", "Sorry, you are not allowed to edit this resource."),
        "DELETE": ("delete", "Sorry, you are not allowed to delete this resource."),
    }.get(request.method, ("view", "Sorry, you cannot list resources."))
    return RestError(401, f"woocommerce_rest_cannot_{verb}", message)


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.create_server((host, port), backlog=128)
    listener.setblocking(False)
    return listener


async def start(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    clock: Clock | None = None,
    tls: ssl.SSLContext | None = None,
) -> Sandbox:
    """Start a stand-in with an empty shop; with `tls` it speaks https and takes Basic authentication."""
    site_clock = clock or SystemClock()
    # The shop has to know its own address, which is known only when the port is.
    listener = _listen(host, port)
    address = listener.getsockname()
    sandbox = Sandbox(f"{'https' if tls else 'http'}://{host}:{address[1]}", site_clock)
    runner = web.AppRunner(sandbox.application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.SockSite(runner, listener, ssl_context=tls).start()
    sandbox.attach(runner)
    return sandbox
