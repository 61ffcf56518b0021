"""A stand-in for eBay on loopback: Trading, refunds, the call meter and signed notifications, for tests and
demos.

Drive it in-process through `EbaySandbox`, or from elsewhere under /_sandbox/ (see sandbox_control.py). It
keeps eBay's rules and faults; it knows nothing of the connector that talks to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from aiohttp import web

from connectors.ebay.mapping_webhook import NotificationKeys
from connectors.ebay.sandbox_commerce import CommerceNotifications
from connectors.ebay.sandbox_control import add_control_routes
from connectors.ebay.sandbox_doors import RestDoors
from connectors.ebay.sandbox_faults import FaultPlan
from connectors.ebay.sandbox_notify import Notifier
from connectors.ebay.sandbox_oauth import Grants
from connectors.ebay.sandbox_records import OrderVersion, Switches
from connectors.ebay.sandbox_state import Account, NotPossibleError
from connectors.ebay.sandbox_trading import TradingEndpoint
from connectors.ebay.sandbox_xml import SELLER
from syncd.clock import Clock, SystemClock

EXAMPLE_SETTINGS: dict[str, object] = {
    "site_id": "101",
    "marketplace_id": "EBAY_IT",
    "app_id": "SANDBOX-APP",
    "dev_id": "SANDBOX-DEV",
    "notification_user": SELLER,
    "timeout_seconds": 5.0,
}
"""What to put in syncd.toml to talk to the stand-in; `endpoint_url` is its url."""

EXAMPLE_SECRETS: dict[str, str] = {"iaf_token": "v^1.1#sandbox-user-token", "cert_id": "SANDBOX-CERT"}
"""The stand-in's fixed credentials. Worth nothing anywhere else."""

EXAMPLE_AUTH_TOKEN = "AgAAAA**sandbox-auth-token"  # noqa: S105 - as EXAMPLE_SECRETS
"""What the stand-in takes as Auth'n'Auth token."""

EXAMPLE_REFRESH_TOKEN = "v^1.1#sandbox-refresh-token"  # noqa: S105 - as EXAMPLE_SECRETS
"""What the token endpoint gives access tokens for."""

BODY_BYTES_MAX = 1_000_000


def settings_at(url: str) -> dict[str, object]:
    """Complete settings, secrets apart, for a stand-in at this address."""
    return {**EXAMPLE_SETTINGS, "endpoint_url": url}


class EbaySandbox:
    """A running stand-in. Methods take and return plain JSON values; NotPossibleError says what cannot be."""

    def __init__(self, clock: Clock) -> None:
        self.url = ""
        self.account = Account(clock)
        keys = NotificationKeys(
            str(EXAMPLE_SETTINGS["dev_id"]), str(EXAMPLE_SETTINGS["app_id"]), EXAMPLE_SECRETS["cert_id"]
        )
        self.faults = FaultPlan()
        self.notifier = Notifier(self.account, keys)
        self.grants = Grants(
            clock,
            self.account.switches,
            (keys.app_id, keys.cert_id),
            EXAMPLE_REFRESH_TOKEN,
            EXAMPLE_SECRETS["iaf_token"],
        )
        self.commerce = CommerceNotifications(self.account)
        self.trading = TradingEndpoint(self.account, self.notifier, self.faults, self.grants, EXAMPLE_AUTH_TOKEN)
        self.doors = RestDoors(self.account, self.trading, self.faults, grants=self.grants, commerce=self.commerce)
        self._runner: web.AppRunner | None = None

    def add_listing(self, **facts: Any) -> dict[str, Any]:
        """List something: title, sku, price, quantity, sold, variations [{sku, quantity, sold, price}],
        item_id.
        """
        return {"item_id": self.account.add_item(facts).item_id}

    def edit_listing(
        self, item_id: str, *, quantity: int | None = None, sku: str | None = None, ended: bool = False
    ) -> dict[str, Any]:
        """What a merchant does by hand: set the available number of a listing or variation, or end the
        listing.
        """
        if quantity is not None:
            self.account.offer(item_id, sku).available = quantity
            self.account.items[item_id].modified_at = self.account.now()
        if ended:
            self.account.end_item(item_id)
        return {"item_id": item_id}

    def sell(
        self, lines: Sequence[Mapping[str, Any]], buyer: Mapping[str, str] | None = None, paid: bool = True
    ) -> dict[str, Any]:
        """A buyer takes lines [{item_id, sku?, quantity}]; refused as a whole when there is not enough."""
        order = self.account.sell(lines, buyer, is_paid=paid)
        self.notifier.order_changed("FixedPriceTransaction", order)
        for item_id in dict.fromkeys(line.item_id for line in order.lines):
            self.notifier.item_changed("ItemSold", self.account.items[item_id])
        if paid:
            self.notifier.order_changed("AuctionCheckoutComplete", order)
        return _order_facts(order)

    def change_order(self, order_id: str, action: str, *, restock: bool = False) -> dict[str, Any]:
        """pay, ship or cancel an order (cancel may put the units back: not settled what eBay does)."""
        account = self.account
        if action == "pay":
            order = account.pay(order_id)
            self.notifier.order_changed("AuctionCheckoutComplete", order)
        elif action == "ship":
            order = account.change_order(order_id, shipped_at=account.now())
        elif action == "cancel":
            order = account.cancel(order_id, restock=restock)
        else:
            raise NotPossibleError(f"{action!r} is not something that happens to an order: pay, ship, cancel")
        return _order_facts(order)

    def fail(self, kind: str, *, call: str | None = None, times: int = 1) -> dict[str, Any]:
        """Let the next `times` calls (of that name) go wrong; kinds are in sandbox_faults."""
        self.faults.add(kind, call=call, times=times)
        return {"waiting": len(self.faults.waiting)}

    def clear_faults(self) -> dict[str, Any]:
        """Nothing goes wrong any more."""
        self.faults.clear()
        return {"waiting": 0}

    def switch(self, **values: Any) -> dict[str, Any]:
        """Set fields of Switches."""
        known = {field.name for field in fields(Switches)}
        for name, value in values.items():
            if name not in known:
                raise NotPossibleError(f"{name!r} is not a switch; there are: {', '.join(sorted(known))}")
            setattr(self.account.switches, name, value)
        return dict(vars(self.account.switches))

    def notify_to(self, url: str | None = None, events: Sequence[str] | None = None) -> dict[str, Any]:
        """Register where notifications go (as SetNotificationPreferences does), and which."""
        self.notifier.url = url
        if events is not None:
            self.notifier.events = set(events)
        return {"url": url, "events": sorted(self.notifier.events)}

    def revoke(self, *, revoked: bool = True) -> dict[str, Any]:
        """The seller takes his consent back (or gives it again)."""
        self.grants.is_revoked = revoked
        return {"revoked": revoked}

    async def announce(self, topic: str, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a signed Commerce Notification to whoever subscribed."""
        return await self.commerce.deliver(topic, data or {})

    def state(self) -> dict[str, Any]:
        """Everything: listings, orders, messages, notifications, and the log of every call with what it
        applied.
        """
        account = self.account
        return {
            "listings": [
                {
                    "item_id": item.item_id,
                    "sku": item.sku,
                    "status": item.listing_status,
                    "offers": [
                        {"sku": offer.sku, "available": offer.available, "sold": offer.sold}
                        for offer in item.offers.values()
                    ],
                }
                for item in account.items.values()
            ],
            "orders": [_order_facts(versions[-1]) for versions in account.orders],
            "messages": account.messages,
            "destinations": self.commerce.destinations,
            "subscriptions": self.commerce.subscriptions,
            "invoices": account.invoices,
            "notifications": list(self.notifier.log),
            "calls_today": account.calls_today[account.day()],
            "calls": list(account.calls),
            "switches": dict(vars(account.switches)),
        }

    async def listen(self, host: str, port: int) -> None:
        """Serve on host and port; 0 picks a free one."""
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_post("/ws/api.dll", self.trading.answer)
        self.doors.add_routes(app)
        add_control_routes(app, self)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.url = f"http://{host}:{self._runner.addresses[0][1]}"

    async def aclose(self) -> None:
        """Stop serving and delivering."""
        await self.notifier.aclose()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


async def start(*, host: str = "127.0.0.1", port: int = 0, clock: Clock | None = None) -> EbaySandbox:
    """A stand-in that serves until `aclose()`."""
    sandbox = EbaySandbox(clock or SystemClock())
    await sandbox.listen(host, port)
    return sandbox


def _order_facts(order: OrderVersion) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "parcels": {line: [one.carrier, one.number] for line, one in order.parcels.items()},
        "paid": order.paid_at is not None,
        "shipped": order.shipped_at is not None,
        "cancelled": order.cancelled_at is not None,
        "refunded": str(sum((refund.amount for refund in order.refunds if not refund.fails), start=0)),
        "lines": [
            {
                "line_id": line.line_item_id,
                "item_id": line.item_id,
                "sku": line.variation_sku or line.item_sku,
                "quantity": line.quantity,
                "price": str(line.price),
            }
            for line in order.lines
        ],
    }
