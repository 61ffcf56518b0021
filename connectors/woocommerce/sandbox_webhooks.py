"""The stand-in's webhooks: pinged when created, queued once per resource, sent late, never repeated."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from connectors.woocommerce.sandbox_coupons import coupon_json
from connectors.woocommerce.sandbox_json import gmt, links, local, order_json, php_json
from connectors.woocommerce.sandbox_product_json import product_json
from connectors.woocommerce.sandbox_rest import PREFIX, RestError, answer, body_of, page_of, query_of
from connectors.woocommerce.sandbox_shop import Shop

_RESOURCES = ("order", "product", "coupon", "customer")
_EVENTS = ("created", "updated", "deleted", "restored")
_HOOKS = {
    "order.created": ["woocommerce_new_order"],
    "order.updated": ["woocommerce_update_order", "woocommerce_order_refunded"],
    "order.deleted": ["wp_trash_post", "woocommerce_trash_order"],
    "order.restored": ["untrashed_post", "woocommerce_untrash_order"],
    "product.updated": [
        "woocommerce_process_product_meta",
        "woocommerce_update_product",
        "woocommerce_update_product_variation",
    ],
    "coupon.created": ["woocommerce_process_shop_coupon_meta", "woocommerce_new_coupon"],
}
"""WordPress's own events behind a topic, for those that were recorded."""
_STATUSES = ("active", "paused", "disabled")
FAILURES_MAX = 6
"""One more in a row disables the webhook."""
_CLAIM = 25
_PING_SECONDS = 5.0
_DELIVERY_SECONDS = 60.0
_SAFE_PORTS = (80, 443, 8080)
_USER_AGENT = "WooCommerce/9.9.5 Hookshot (WordPress/6.9)"
_DELIVERIES_KEPT = 1000


@dataclass
class Webhook:
    """One webhook. `failures` in a row is nowhere to be read."""

    id: int
    name: str
    topic: str
    delivery_url: str
    secret: str
    status: str
    created: datetime
    modified: datetime | None = None
    failures: int = 0


@dataclass
class Delivery:
    """One delivery as sent, and the receiver's answer (0: none)."""

    webhook_id: int
    topic: str
    url: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    status: int = 0


class WebhookDesk:
    """Webhooks and their queue. They are sent outside of requests, unless the shop is set to send at once."""

    def __init__(self, shop: Shop, base: str) -> None:
        self._shop = shop
        self._base = base
        self.hooks: dict[int, Webhook] = {}
        self.deliveries: list[Delivery] = []
        self._queue: OrderedDict[tuple[int, int], tuple[str, int]] = OrderedDict()
        self._next_id = 1
        self._ran_at = shop.clock.now()
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        """Everything below webhooks."""
        one = rf"{PREFIX}/webhooks/{{id:\d+}}"
        return [
            web.get(f"{PREFIX}/webhooks", self.index),
            web.post(f"{PREFIX}/webhooks", self.create),
            web.get(one, self.show),
            web.put(one, self.edit),
            web.delete(one, self.delete),
        ]

    def queue(self, topic: str, number: int) -> None:
        """Note that something happened; the same webhook and resource wait only once."""
        for hook in self.hooks.values():
            if hook.status == "active" and hook.topic == topic:
                self._queue.setdefault((hook.id, number), (topic, number))

    async def request_came(self) -> None:
        """A request drives the site's clock: what is due is sent, at once or in the background."""
        if self._shop.switches.webhook_instant:
            await self.run(limit=None)
            return
        now = self._shop.clock.now()
        waited = (now - self._ran_at).total_seconds()
        if self._queue and waited >= self._shop.switches.webhook_delay_seconds:
            self._ran_at = now
            task = asyncio.create_task(self.run(limit=_CLAIM))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def run(self, *, limit: int | None) -> None:
        """Send what waits, one after another, oldest first."""
        for _ in range(len(self._queue) if limit is None else min(limit, len(self._queue))):
            if not self._queue:
                return
            (hook_id, _), (topic, number) = self._queue.popitem(last=False)
            hook = self.hooks.get(hook_id)
            if hook is not None and hook.status == "active":
                await self._deliver(hook, topic, number)

    async def aclose(self) -> None:
        """Stop sending."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def signed(self, hook: Webhook, topic: str, number: int) -> Delivery:
        """A delivery as it would be sent now: the body is the record's state at this moment."""
        body = php_json(self._payload(topic, number))
        resource, _, event = topic.partition(".")
        signature = base64.b64encode(hmac.new(hook.secret.encode(), body, hashlib.sha256).digest()).decode()
        # The real one is as poor: every delivery of one webhook within a second has the same id.
        stamp = f"{hook.id}{int(self._shop.clock.now().timestamp())}"
        headers = {
            "User-Agent": _USER_AGENT,
            "Content-Type": "application/json",
            "X-WC-Webhook-Source": f"{self._base}/",
            "X-WC-Webhook-Topic": topic,
            "X-WC-Webhook-Resource": resource,
            "X-WC-Webhook-Event": event,
            "X-WC-Webhook-Signature": signature,
            "X-WC-Webhook-ID": str(hook.id),
            "X-WC-Webhook-Delivery-ID": hashlib.md5(stamp.encode(), usedforsecurity=False).hexdigest(),
        }
        return Delivery(hook.id, topic, hook.delivery_url, headers, body)

    def _payload(self, topic: str, number: int) -> dict[str, Any]:
        order, product = self._shop.orders.get(number), self._shop.products.get(number)
        if topic.endswith(".deleted"):
            return {"id": number}
        if topic.startswith("order.") and order is not None:
            return order_json(order, self._base)
        if topic.startswith("product.") and product is not None:
            return product_json(self._shop, product, self._base)
        coupon = self._shop.coupons.get(number)
        return {"id": number} if coupon is None else coupon_json(coupon, self._base)

    async def _deliver(self, hook: Webhook, topic: str, number: int) -> None:
        delivery = self.signed(hook, topic, number)
        delivery.status = await self._post(hook.delivery_url, delivery.headers, delivery.body, _DELIVERY_SECONDS)
        self.deliveries.append(delivery)
        del self.deliveries[:-_DELIVERIES_KEPT]
        if 200 <= delivery.status <= 302:
            hook.failures = 0
            return
        hook.failures += 1
        if hook.failures > FAILURES_MAX:
            hook.status, hook.modified = "disabled", self._shop.now()

    async def _post(self, url: str, headers: dict[str, str], body: bytes, seconds: float) -> int:
        port = urlsplit(url).port or (443 if url.startswith("https") else 80)
        if self._shop.switches.safe_ports_only and port not in (*_SAFE_PORTS, urlsplit(self._base).port):
            return 0
        if self._session is None:
            self._session = aiohttp.ClientSession()
        timeout = aiohttp.ClientTimeout(total=seconds)
        try:
            async with self._session.post(
                url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return 0

    async def index(self, request: web.Request) -> web.Response:
        """The webhooks, newest first unless asked otherwise."""
        query = query_of(request)
        rows = sorted(self.hooks.values(), key=lambda hook: hook.id, reverse=query.get("order", "desc") != "asc")
        page, headers = page_of(request, query, rows)
        return answer([self._json(hook) for hook in page], headers=headers)

    async def show(self, request: web.Request) -> web.Response:
        """One webhook."""
        return answer(self._json(self._find(request)))

    async def create(self, request: web.Request) -> web.Response:
        """A new webhook; the ping goes out before the answer and decides nothing."""
        body = await body_of(request)
        topic, url = str(body.get("topic", "")), str(body.get("delivery_url", ""))
        _check_topic(topic)
        if urlsplit(url).scheme not in ("http", "https"):
            message = "Webhook delivery URL must be a valid URL starting with http:// or https://."
            raise RestError(400, "woocommerce_rest_shop_webhook_invalid_delivery_url", message)
        hook = Webhook(
            id=self._next_id,
            name=str(body.get("name") or "Webhook created"),
            topic=topic,
            delivery_url=url,
            secret=str(body.get("secret") or secrets.token_hex(25)),
            status=body["status"] if body.get("status") in _STATUSES else "active",
            created=self._shop.now(),
        )
        self._next_id += 1
        self.hooks[hook.id] = hook
        headers = {"User-Agent": _USER_AGENT, "Content-Type": "application/x-www-form-urlencoded"}
        await self._post(url, headers, f"webhook_id={hook.id}".encode(), _PING_SECONDS)
        return answer(self._json(hook), status=201)

    async def edit(self, request: web.Request) -> web.Response:
        """Change one; making it active again forgets none of its failures."""
        hook, body = self._find(request), await body_of(request)
        hook.status = body["status"] if body.get("status") in _STATUSES else hook.status
        hook.delivery_url = str(body.get("delivery_url", hook.delivery_url))
        hook.secret = str(body.get("secret", hook.secret))
        hook.modified = self._shop.now()
        return answer(self._json(hook))

    async def delete(self, request: web.Request) -> web.Response:
        """Gone, with its failures; there is no waste bin for webhooks."""
        hook = self._find(request)
        if query_of(request).get("force") != "true":
            raise RestError(501, "woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.")
        del self.hooks[hook.id]
        return answer(self._json(hook))

    def _find(self, request: web.Request) -> Webhook:
        hook = self.hooks.get(int(request.match_info["id"]))
        if hook is None:
            raise RestError(404, "woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.")
        return hook

    def _json(self, hook: Webhook) -> dict[str, Any]:
        resource, _, event = hook.topic.partition(".")
        return {
            "id": hook.id,
            "name": hook.name,
            "status": hook.status,
            "topic": hook.topic,
            "resource": resource,
            "event": event,
            "hooks": _HOOKS.get(hook.topic, []),
            "delivery_url": hook.delivery_url,
            "date_created": local(hook.created),
            "date_created_gmt": gmt(hook.created),
            "date_modified": local(hook.modified),
            "date_modified_gmt": gmt(hook.modified),
            "_links": links(self._base, f"webhooks/{hook.id}"),
        }


def _check_topic(topic: str) -> None:
    resource, _, event = topic.partition(".")
    fits = resource in _RESOURCES and event in _EVENTS
    if not fits and not (resource == "action" and event.startswith(("woocommerce_", "wc_"))):
        message = "Webhook topic is required and must be valid."
        raise RestError(400, "woocommerce_rest_shop_webhook_invalid_topic", message)
