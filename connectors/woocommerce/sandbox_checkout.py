"""Customers of the stand-in: a real checkout looks at the stock first, unlike an order over REST."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from connectors.woocommerce.sandbox_rest import RestError
from connectors.woocommerce.sandbox_shop import Order, Product, Shop
from connectors.woocommerce.sandbox_stock import complete_payment, hold, make_line, set_status

CUSTOMER = {
    "first_name": "Giulia",
    "last_name": "Bianchi",
    "address_1": "Via dei Mille 7",
    "city": "Torino",
    "state": "TO",
    "postcode": "10123",
    "country": "IT",
    "email": "giulia.bianchi@example.com",
    "phone": "+39 011 5550100",
}
"""An invented customer."""

Basket = Sequence[tuple[Product, int]]


async def check_out(
    shop: Shop,
    basket: Basket,
    *,
    payment_method: str,
    paid: bool = True,
    billing: dict[str, str] | None = None,
) -> Order:
    """Buy. Raises RestError 403 when the stock does not suffice, leaving the abandoned draft behind.

    Unpaid, the order stays pending and holds its units; bank transfers become on-hold, cash on delivery is
    processing without a date of payment.
    """
    order = _draft(shop, basket, payment_method, billing or CUSTOMER)
    for product, quantity in basket:
        _check_stock(shop, order, product, quantity)
    if shop.switches.checkout_seconds:
        await asyncio.sleep(shop.switches.checkout_seconds)
    order.created_via = "store-api"
    if not paid:
        set_status(shop, order, "pending")
        hold(shop, order)
    elif payment_method == "bacs":
        set_status(shop, order, "on-hold")
    elif payment_method == "cod":
        set_status(shop, order, "processing")
    else:
        complete_payment(shop, order)
    # In this order: the real one announces the change before the order itself.
    shop.on_change("order.created", order.id)
    return order


def _draft(shop: Shop, basket: Basket, payment_method: str, billing: dict[str, str]) -> Order:
    now = shop.now()
    order = Order(
        id=shop.next_post_id(),
        status="checkout-draft",
        created=now,
        modified=now,
        created_via="checkout",
        payment_method=payment_method,
        billing=dict(billing),
        shipping={name: value for name, value in billing.items() if name != "email"},
        lines=[make_line(shop, product, quantity) for product, quantity in basket],
        shipping_cost=shop.shipping,
    )
    shop.orders[order.id] = order
    shop.on_change("order.updated", order.id)
    return order


def _check_stock(shop: Shop, order: Order, product: Product, quantity: int) -> None:
    owner = shop.stock_owner(product)
    if owner is None:
        if product.stock_status == "outofstock":
            raise _not_enough(product)
        return
    if owner.backorders == "no" and (owner.quantity or 0) - shop.held(owner, besides=order.id) < quantity:
        raise _not_enough(product)


def _not_enough(product: Product) -> RestError:
    message = f"Not enough units of {product.name} are available in stock to fulfil this order."
    return RestError(403, "woocommerce_product_not_enough_stock", message)
