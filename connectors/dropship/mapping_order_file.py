"""Writes a purchase order as a file: CSV that a spreadsheet opens as it is, or JSON."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from typing import Literal

from connectors.dropship.mapping_purchase import order_json
from syncd.supply.port import PurchaseRequest

OrderFormat = Literal["csv", "json"]

COLUMNS = (
    *("reference", "line_id", "sku", "quantity"),
    *("name", "street", "city", "postcode", "region", "country", "phone"),
)
"""The columns of an order as CSV; the address stands on every line, and is empty when the goods come to us."""

_FORMULA = re.compile(r"^(?:[=@\t\r]|[+-](?![\d\s]))")
"""What a spreadsheet would run as a formula when it opens the file; a phone number +39 … is none."""


def order_file(request: PurchaseRequest, order_format: OrderFormat) -> bytes:
    """The order as bytes; the same order always gives the same bytes."""
    if order_format == "json":
        return (json.dumps(order_json(request), ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(COLUMNS)
    to = request.ship_to
    address = (to.name, to.street, to.city, to.postcode, to.region, to.country, to.phone) if to else ("",) * 7
    for line in request.lines:
        told = (request.reference, line.line_id, line.supplier_sku, str(line.quantity), *address)
        writer.writerow([_harmless(value) for value in told])
    return text.getvalue().encode("utf-8-sig")


def file_name(request: PurchaseRequest, order_format: OrderFormat) -> str:
    """A name for the order's file: readable, harmless, and another one for every reference."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", request.reference).strip("-")[:60]
    digest = hashlib.sha256(request.reference.encode()).hexdigest()[:10]
    return f"order-{readable}-{digest}.{order_format}"


def _harmless(value: str) -> str:
    """No cell runs as a formula where it is opened: a customer chooses what his street is called."""
    return f"'{value}" if _FORMULA.match(value) else value
