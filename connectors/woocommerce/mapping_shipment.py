"""Parcels of an order, which WooCommerce 9 does not know: kept in the order's meta data, told in a note. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from connectors.woocommerce.mapping import JsonObject, whole_number
from connectors.woocommerce.mapping_order import meta_value, objects, refunded_quantities
from syncd.channel.port import Shipment

PARCELS_META = "_syncd_parcels"
"""Order meta: our parcels by their reference, as JSON text. A key that begins with _ is hidden from customers."""

Language = Literal["it", "en"]

_OPEN = frozenset({"processing", "on-hold"})
"""Statuses from which a sent order becomes completed; one that is cancelled or refunded stays what it is."""

_WORDS: Mapping[Language, tuple[str, str, str]] = {
    "en": ("On its way to you:", "with {carrier}", "tracking number {number}"),
    "it": ("In viaggio verso di te:", "con {carrier}", "numero di spedizione {number}"),
}


@dataclass(frozen=True, slots=True)
class Parcels:
    """The parcels an order is known to have, by reference."""

    by_reference: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, order: JsonObject) -> Parcels:
        """From the order's meta data; what somebody else has put there counts as none."""
        try:
            found = json.loads(str(meta_value(order, PARCELS_META) or "{}"))
        except ValueError:
            found = {}
        known = found if isinstance(found, dict) else {}
        return cls({str(key): parcel for key, parcel in known.items() if isinstance(parcel, dict)})

    def with_parcel(self, shipment: Shipment) -> Parcels:
        """With this one added, or in the place of what was said of it before."""
        parcel = {
            "lines": {one.line_id: one.quantity for one in shipment.lines},
            "carrier": shipment.carrier,
            "tracking_number": shipment.tracking_number,
            "shipped_at": shipment.shipped_at.isoformat(),
        }
        return replace(self, by_reference={**self.by_reference, shipment.reference: parcel})

    def shipped(self) -> Counter[str]:
        """Units sent of each line, over all parcels."""
        counted: Counter[str] = Counter()
        for parcel in self.by_reference.values():
            lines = parcel.get("lines")
            for line_id, quantity in lines.items() if isinstance(lines, dict) else ():
                counted[str(line_id)] += max(0, whole_number(quantity) or 0)
        return counted

    def unknown_lines(self, order: JsonObject) -> list[str]:
        """Lines said to be sent that the order does not have."""
        return sorted(set(self.shipped()) - {str(line.get("id")) for line in objects(order.get("line_items"))})

    def changes(self, order: JsonObject, refunds: Sequence[JsonObject]) -> dict[str, object]:
        """The body of PUT orders/{id}: the parcels, and completed once nothing is left to send. {} if all is so."""
        body: dict[str, object] = {}
        if self.by_reference != Parcels.read(order).by_reference:
            text = json.dumps(self.by_reference, sort_keys=True)
            body["meta_data"] = [{"key": PARCELS_META, "value": text}]
        if order.get("status") in _OPEN and not self._left(order, refunds):
            body["status"] = "completed"
        return body

    def _left(self, order: JsonObject, refunds: Sequence[JsonObject]) -> bool:
        shipped, refunded = self.shipped(), refunded_quantities(refunds)
        return any(
            (whole_number(line.get("quantity")) or 0) > shipped[str(line.get("id"))] + refunded[str(line.get("id"))]
            for line in objects(order.get("line_items"))
        )


def parcel_note(shipment: Shipment, order: JsonObject, language: Language) -> str:
    """What the customer is told of a parcel; '' for one nobody can follow, of which the order's own mail tells."""
    if not shipment.tracking_number:
        return ""
    begins, carried, numbered = _WORDS[language]
    names = {str(line.get("id")): str(line.get("name") or "") for line in objects(order.get("line_items"))}
    goods = ", ".join(f"{one.quantity} × {names.get(one.line_id, one.line_id)}" for one in shipment.lines)
    ways = [carried.format(carrier=shipment.carrier)] if shipment.carrier else []
    ways.append(numbered.format(number=shipment.tracking_number))
    return f"{begins} {goods}, {', '.join(ways)}."
