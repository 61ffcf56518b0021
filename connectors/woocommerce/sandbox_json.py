"""The stand-in's records as REST v3 shows them: the same fields, types and date forms."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.woocommerce.sandbox_shop import SHIPPING_ROW, SITE_ZONE, Line, Meta, Order, Refund
from connectors.woocommerce.sandbox_stock import payment_complete_status

CURRENCY = "EUR"
_ADDRESS = (
    "first_name", "last_name", "company", "address_1", "address_2", "city", "state", "postcode", "country",
)  # fmt: skip


def php_json(value: Any) -> bytes:
    """JSON as PHP writes it: ASCII, slashes escaped, no blanks."""
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode()


def local(moment: datetime | None) -> str | None:
    """In the site's own time, without saying so."""
    return moment.astimezone(SITE_ZONE).strftime("%Y-%m-%dT%H:%M:%S") if moment else None


def gmt(moment: datetime | None) -> str | None:
    """In UTC, without saying so."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S") if moment else None


def money(amount: Decimal) -> str:
    """Two decimals, as text."""
    return f"{amount:.2f}"


def number(amount: Decimal) -> int | float:
    """A JSON number, whole where it is."""
    return int(amount) if amount == amount.to_integral_value() else float(round(amount, 4))


_EVERYTHING = ("GET", "POST", "PUT", "PATCH", "DELETE")
READ_OR_DELETED = ("GET", "DELETE")
"""What can be done to notes and refunds."""


def links(base: str, path: str, *, allow: tuple[str, ...] = _EVERYTHING, up: str = "") -> dict[str, Any]:
    """The _links block; `up` is the path of what the record belongs to."""
    start = f"{base}/wp-json/wc/v3"
    own, collection = f"{start}/{path}", f"{start}/{path.rpartition('/')[0]}"
    shown: dict[str, Any] = {
        "self": [{"href": own, "targetHints": {"allow": list(allow)}}],
        "collection": [{"href": collection}],
    }
    return shown | {"up": [{"href": f"{start}/{up}"}]} if up else shown


def meta_json(meta: Meta, *, display: bool = False) -> list[dict[str, Any]]:
    """Meta data; on lines with the two display fields."""
    if not display:
        return [dict(row) for row in meta]
    return [row | {"display_key": row["key"], "display_value": row["value"]} for row in meta]


def line_json(line: Line) -> dict[str, Any]:
    """A line of an order or refund."""
    price = line.total / line.quantity if line.quantity else Decimal(0)
    taxes = [{"id": 1, "total": money(line.tax), "subtotal": money(line.tax)}] if line.tax else []
    return {
        "id": line.id,
        "name": line.name,
        "product_id": line.product_id,
        "variation_id": line.variation_id,
        "quantity": line.quantity,
        "tax_class": "",
        "subtotal": money(line.subtotal),
        "subtotal_tax": money(line.tax),
        "total": money(line.total),
        "total_tax": money(line.tax),
        "taxes": taxes,
        "meta_data": meta_json(line.meta, display=True),
        "sku": line.sku,
        "price": number(price),
        "image": {"id": "" if line.product_id else 0, "src": ""},
        "parent_name": line.parent_name,
    }


def order_json(order: Order, base: str = "") -> dict[str, Any]:
    """An order; its lines keep the quantity ordered after refunds."""
    tax = sum((line.tax for line in order.lines), Decimal(0))
    needs_payment = order.status in ("pending", "failed") and order.total > 0
    return {
        "id": order.id,
        "parent_id": 0,
        "status": order.status,
        "currency": CURRENCY,
        "version": "9.9.5",
        "prices_include_tax": False,
        "date_created": local(order.created),
        "date_modified": local(order.modified),
        "discount_total": money(sum((line.subtotal - line.total for line in order.lines), Decimal(0))),
        "discount_tax": "0.00",
        "shipping_total": money(order.shipping_cost),
        "shipping_tax": "0.00",
        "cart_tax": money(tax),
        "total": money(order.total),
        "total_tax": money(tax),
        "customer_id": order.customer_id,
        "order_key": f"wc_order_{order.id:013d}",
        "billing": {key: order.billing.get(key, "") for key in (*_ADDRESS, "email", "phone")},
        "shipping": {key: order.shipping.get(key, "") for key in (*_ADDRESS, "phone")},
        "payment_method": order.payment_method,
        "payment_method_title": order.payment_method,
        "transaction_id": "",
        "customer_ip_address": "",
        "customer_user_agent": "",
        "created_via": order.created_via,
        "customer_note": order.customer_note,
        "date_completed": local(order.completed_at),
        "date_paid": local(order.paid_at),
        "cart_hash": "",
        "number": str(order.id),
        "meta_data": meta_json(order.meta),
        "line_items": [line_json(line) for line in order.lines],
        "tax_lines": [],
        "shipping_lines": _shipping_lines(order),
        "fee_lines": [],
        "coupon_lines": [dict(row) for row in order.coupon_lines],
        "refunds": [
            {"id": refund.id, "reason": refund.reason, "total": f"-{money(refund.amount)}"}
            for refund in reversed(order.refunds)
        ],
        "payment_url": f"{base}/checkout/order-pay/{order.id}/",
        "is_editable": order.status in ("pending", "on-hold", "auto-draft"),
        "needs_payment": needs_payment,
        "needs_processing": payment_complete_status(order) == "processing",
        "date_created_gmt": gmt(order.created),
        "date_modified_gmt": gmt(order.modified),
        "date_completed_gmt": gmt(order.completed_at),
        "date_paid_gmt": gmt(order.paid_at),
        "currency_symbol": "€",
        "_links": links(base, f"orders/{order.id}")
        | {
            "email_templates": [
                {"embeddable": True, "href": f"{base}/wp-json/wc/v3/orders/{order.id}/actions/email_templates"}
            ]
        },
    }


def _shipping_lines(order: Order) -> list[dict[str, Any]]:
    if not order.shipping_cost:
        return []
    cost = money(order.shipping_cost)
    row = {"id": order.id + SHIPPING_ROW, "method_title": "Corriere", "method_id": "flat_rate", "instance_id": "1"}
    return [row | {"total": cost, "total_tax": "0.00", "taxes": [], "meta_data": []}]


def _is_shipping(line: Line, order: Order) -> bool:
    return bool(line.meta_value("_refunded_item_id") == str(order.id + SHIPPING_ROW))


def refund_json(order: Order, refund: Refund, base: str = "") -> dict[str, Any]:
    """A refund of an order."""
    return {
        "id": refund.id,
        "date_created": local(refund.created),
        "date_created_gmt": gmt(refund.created),
        "amount": money(refund.amount),
        "reason": refund.reason,
        "refunded_by": 1,
        "refunded_payment": refund.paid,
        "meta_data": meta_json(refund.meta),
        "line_items": [line_json(line) for line in refund.lines if not _is_shipping(line, order)],
        "shipping_lines": [{"total": money(one.total)} for one in refund.lines if _is_shipping(one, order)],
        "tax_lines": [],
        "fee_lines": [],
        "_links": _links_below(base, order, f"refunds/{refund.id}"),
    }


def note_json(order: Order, note: dict[str, Any], base: str = "") -> dict[str, Any]:
    """An order note."""
    return {
        "id": note["id"],
        "author": "WooCommerce",
        "date_created": local(note["created"]),
        "date_created_gmt": gmt(note["created"]),
        "note": note["note"],
        "customer_note": note["customer_note"],
        "_links": _links_below(base, order, f"notes/{note['id']}"),
    }


def _links_below(base: str, order: Order, path: str) -> dict[str, Any]:
    return links(base, f"orders/{order.id}/{path}", allow=READ_OR_DELETED, up=f"orders/{order.id}")
