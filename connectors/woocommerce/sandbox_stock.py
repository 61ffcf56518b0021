"""What the stand-in's orders do to its stock: taking, putting back and refunding by WooCommerce's rules."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from connectors.woocommerce.sandbox_shop import Line, Order, Product, Refund, Shop

STATUSES = ("pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed")
"""What an order may be set to; checkout-draft and trash are reached otherwise."""

LABELS = {
    "pending": "Pending payment",
    "processing": "Processing",
    "on-hold": "On hold",
    "completed": "Completed",
    "cancelled": "Cancelled",
    "refunded": "Refunded",
    "failed": "Failed",
    "checkout-draft": "Draft",
    "trash": "Trash",
}

_REDUCING = frozenset({"processing", "completed", "on-hold"})
_RESTORING = frozenset({"cancelled", "pending"})


def product_of(shop: Shop, line: Line) -> Product | None:
    """The product or variation that a line sells, if it still is."""
    return shop.products.get(line.variation_id or line.product_id)


def payment_complete_status(order: Order) -> str:
    """Cash on delivery counts as complete only when completed."""
    return "completed" if order.payment_method == "cod" else "processing"


def set_status(shop: Shop, order: Order, status: str) -> None:
    """Move the order and its stock. The same status again only dates the order."""
    before, order.status = order.status, status
    shop.touch_order(order)
    if before == status:
        return
    shop.note(order, f"Order status changed from {LABELS[before]} to {LABELS[status]}.")
    order.held_until = None
    shop.holding.discard(order.id)
    complete = payment_complete_status(order)
    if order.paid_at is None and (status == complete or (complete == "processing" and status == "completed")):
        order.paid_at = shop.now()
    if status == "completed":
        order.completed_at = shop.now()
    if status in _REDUCING:
        reduce_order(shop, order)
    elif status in _RESTORING:
        restore_order(shop, order)
    elif status == "refunded":
        book_rest(shop, order)


def complete_payment(shop: Shop, order: Order) -> None:
    """What a gateway does when the money is there."""
    order.paid_at = shop.now()
    set_status(shop, order, payment_complete_status(order))


def reduce_order(shop: Shop, order: Order) -> None:
    """Take every managed line off the stock, once, and say so on the line."""
    if order.stock_reduced:
        return
    order.stock_reduced = True
    changes = [text for line in order.lines if (text := take(shop, line, line.quantity))]
    if changes:
        shop.note(order, "Stock levels reduced: " + ", ".join(changes))


def restore_order(shop: Shop, order: Order) -> None:
    """Put back what is still taken."""
    if not order.stock_reduced:
        return
    order.stock_reduced = False
    changes = [text for line in order.lines if (text := take(shop, line, -reduced(line)))]
    if changes:
        shop.note(order, "Stock levels increased: " + ", ".join(changes))


def reduced(line: Line) -> int:
    """Units of the line that are off the stock now."""
    return int(line.meta_value("_reduced_stock") or 0)


def take(shop: Shop, line: Line, quantity: int) -> str:
    """Take units off (negative: put back) in one step, as the shop's SQL does. Returns the note's text."""
    product = product_of(shop, line)
    owner = shop.stock_owner(product) if product else None
    if product is None or owner is None or quantity == 0:
        return ""
    before = owner.quantity or 0
    shop.set_stock(owner, before - quantity)
    left = reduced(line) + quantity
    line.meta = [meta for meta in line.meta if meta["key"] != "_reduced_stock"]
    if left:
        line.meta.append(shop.meta("_reduced_stock", str(left)))
    return f"{line.name} (#{owner.id}) {before}→{before - quantity}"


def hold(shop: Shop, order: Order) -> None:
    """An unpaid checkout holds its units for a while."""
    shop.holding.add(order.id)
    order.held_until = shop.now() + timedelta(minutes=shop.switches.hold_minutes)


def cancel_unpaid(shop: Shop) -> None:
    """The shop's own clean-up of checkouts never paid."""
    now = shop.now()
    for order in [shop.orders[number] for number in shop.holding if number in shop.orders]:
        if order.status == "pending" and order.held_until is not None and order.held_until <= now:
            set_status(shop, order, "cancelled")
            shop.note(order, "Unpaid order cancelled - time limit reached.")


def restock_refund(shop: Shop, order: Order, refund: Refund) -> None:
    """Put a refund's units back; how many were ordered is not looked at."""
    for line in refund.lines:
        sold = next((item for item in order.lines if str(item.id) == line.meta_value("_refunded_item_id")), None)
        if sold is None or line.quantity == 0:
            continue
        take(shop, sold, line.quantity)
        sold.meta = [meta for meta in sold.meta if meta["key"] != "_restock_refunded_items"]
        sold.meta.append(shop.meta("_restock_refunded_items", "1"))


def book_rest(shop: Shop, order: Order) -> None:
    """Set to refunded by hand: the rest is booked, no money moves, no stock comes back."""
    rest = order.total - order.refunded
    if rest > 0:
        refund = Refund(shop.next_post_id(), shop.now(), rest, "Order fully refunded.")
        order.refunds.append(refund)
    shop.note(
        order,
        "Order status set to refunded. To return funds to the customer you will need to issue a refund "
        "through your payment gateway.",
    )


def make_line(shop: Shop, product: Product | None, quantity: int) -> Line:
    """A line for a product; an unknown one gives an empty line."""
    if product is None:
        zero = Decimal(0)
        return Line(shop.next_row_id(), "", 0, 0, quantity, zero, zero, zero, None)
    parent = shop.products.get(product.parent_id)
    total = Decimal(product.price or "0") * quantity
    return Line(
        id=shop.next_row_id(),
        name=f"{parent.name} - {product.name}" if parent else product.name,
        product_id=parent.id if parent else product.id,
        variation_id=product.id if parent else 0,
        quantity=quantity,
        subtotal=total,
        total=total,
        tax=tax_of(shop, total),
        sku=product.sku,
        parent_name=parent.name if parent else None,
    )


def tax_of(shop: Shop, net: Decimal) -> Decimal:
    """The tax on a net amount."""
    return (net * Decimal(str(shop.switches.tax_percent)) / 100).quantize(Decimal("0.01"))
