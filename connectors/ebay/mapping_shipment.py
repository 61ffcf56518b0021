"""Parcels and cancellations between our words and eBay's: CompleteSale, and Post-Order's check of eligibility. Pure."""

from __future__ import annotations

import re
from typing import Any

from connectors.ebay.mapping_rest import RestAnswer
from connectors.ebay.mapping_xml import Unreadable, stamp
from syncd.channel.port import Cancellability, Shipment

CARRIERS = {
    **dict.fromkeys(("brt", "bartolini", "brtbartolini"), "Bartolini"),
    **dict.fromkeys(("posteitaliane", "poste", "crono"), "PosteItaliane"),
    "sda": "SDA",
    **dict.fromkeys(("gls", "glsitaly"), "GLS"),
    **dict.fromkeys(("dhl", "dhlexpress"), "DHL"),
    **dict.fromkeys(("tnt", "fedextnt"), "TNT"),
    "ups": "UPS",
    "spediamo": "Spediamo",
    "ioinvio": "IoInvio",
}
"""Italian carriers of ShippingCarrierCodeType by the letters of their usual names."""

OTHER_CARRIER = "Other"
"""eBay takes a tracking number only with a carrier."""

CHECK_PATH = "/post-order/v2/cancellation/check_eligibility"

_WHY_NOT = {
    "PARTIAL_REFUNDED_ORDER": "a part of the order was refunded already",
    "SHIPPED_ORDER": "the order was sent already",
    "CANCEL_WINDOW_ELAPSED": "the time to cancel is over",
    "UNSUPPORTED_SITE": "eBay takes no cancellation by machine on this site; cancel it in Seller Hub",
    "RETURN_EXIST": "the buyer has opened a return",
    "CASE_EXIST": "the buyer has opened a case",
}
DEFECT = "eBay counts a cancellation for want of stock as a defect of the seller, and cancels whole orders only"


def complete_sale_requests(shipment: Shipment) -> list[dict[str, Any]]:
    """CompleteSale for each line of the parcel: only so can a part of an order be marked as sent.

    Trading knows no part of a line: a parcel with some of its units marks the whole line.
    """
    parcel: dict[str, Any] = {"ShippedTime": stamp(shipment.shipped_at)}
    number = re.sub(r"[^A-Za-z0-9 -]", "", shipment.tracking_number).strip()
    if number:
        parcel["ShipmentTrackingDetails"] = {
            "ShipmentTrackingNumber": number,
            "ShippingCarrierUsed": carrier(shipment.carrier),
        }
    return [
        {"OrderLineItemID": line.line_id, "Shipped": "true", "Shipment": dict(parcel)}
        for line in {line.line_id: line for line in shipment.lines}.values()
    ]


def carrier(name: str) -> str:
    """A carrier as eBay calls it; one it does not list keeps its own name, letters and digits only."""
    letters = re.sub(r"[^a-z0-9]", "", name.lower())
    return CARRIERS.get(letters) or re.sub(r"[^A-Za-z0-9 ]", "", name).strip() or OTHER_CARRIER


def cancellability(answer: RestAnswer) -> Cancellability:
    """What check_eligibility says. Raises Unreadable."""
    eligible = answer.body.get("eligible")
    if not isinstance(eligible, bool):
        raise Unreadable("check_eligibility does not say whether the order is eligible")
    if eligible:
        return Cancellability(True, costs=DEFECT)
    reasons = answer.body.get("failureReason") or ()
    told = [reasons] if isinstance(reasons, str) else [str(reason) for reason in reasons]
    return Cancellability(False, "; ".join(_WHY_NOT.get(one, one) for one in told) or "eBay does not say why")
