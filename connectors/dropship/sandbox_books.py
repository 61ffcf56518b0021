"""The stand-in supplier's own books: what he has, the list he publishes, and the orders he has taken."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from syncd.clock import Clock


@dataclass(frozen=True)
class Offer:
    """One article. `shown`, if set, is what the list says instead of the number he really has."""

    sku: str
    quantity: int
    title: str = ""
    cost: str = ""
    shown: str = ""


@dataclass(frozen=True)
class ListStyle:
    """How he writes his list."""

    delimiter: str = ";"
    encoding: str = "utf-8-sig"
    line_end: str = "\r\n"
    columns: tuple[str, str, str, str] = ("Codice", "Descrizione", "Disponibilità", "Prezzo")

    def __post_init__(self) -> None:
        if len(self.delimiter) != 1:
            raise ValueError("the delimiter is one character")
        try:
            "".join(self.columns).encode(self.encoding)
        except LookupError:
            raise ValueError(f"there is no encoding {self.encoding!r}") from None


@dataclass(frozen=True)
class PublishedList:
    """The list as it lies on his web server."""

    body: bytes
    etag: str
    modified_at: datetime


@dataclass
class TakenOrder:
    """An order as it came, what he answered, and how often it came."""

    reference: str
    order: dict[str, Any]
    status: int
    answer: dict[str, Any]
    received_at: str
    times_received: int = 1


@dataclass
class SupplierBooks:
    """Everything the stand-in supplier knows. `raw_lines` end the list, written as they are.

    `apache`: the web server names versions by time and size, and says "not modified" without Last-Modified;
    otherwise it names them by content and repeats Last-Modified.
    """

    clock: Clock
    style: ListStyle = field(default_factory=ListStyle)
    offers: dict[str, Offer] = field(default_factory=dict)
    orders: dict[str, TakenOrder] = field(default_factory=dict)
    raw_lines: tuple[str, ...] = ()
    duplicate_status: int = 409
    apache: bool = False
    frozen: bool = False
    _published: PublishedList | None = None

    def set_offers(self, offers: Iterable[Offer], *, replace_all: bool = True) -> None:
        """Count the warehouse anew."""
        kept = {} if replace_all else self.offers
        self.offers = {**kept, **{offer.sku: offer for offer in offers}}

    def freeze(self, frozen: bool) -> None:
        """Let the export die (the list and its Last-Modified stay as they are now), or bring it back."""
        self.publish()
        self.frozen = frozen

    def publish(self) -> PublishedList:
        """The list now; while frozen, the one published last, as if his export had died."""
        published = self._published
        if published is None or not self.frozen:
            body = self._render()
            # The export runs at every call, and Last-Modified tells when.
            modified_at = self.clock.now()
            by_time = f"{int(modified_at.timestamp() * 1_000_000):x}-{len(body):x}"
            etag = by_time if self.apache else hashlib.sha256(body).hexdigest()[:20]
            published = PublishedList(body, f'"{etag}"', modified_at)
            self._published = published
        return published

    def take_order(self, key: str, order: dict[str, Any]) -> tuple[int, dict[str, Any], bool]:
        """Status, answer and whether anything was bought. The key decides whether this order came before."""
        earlier = self.orders.get(key)
        if earlier is not None:
            earlier.times_received += 1
            if _digest(earlier.order) != _digest(order):
                return 409, {"error": f"the key {key} was used for another order"}, False
            return self.duplicate_status, earlier.answer, False
        accepted = [self._accept(line) for line in order["lines"]]
        asked = [line["quantity"] for line in order["lines"]]
        status = "accepted" if accepted == asked else "partial" if any(accepted) else "refused"
        answer = {
            "status": status,
            "order_number": "" if status == "refused" else f"PO-{len(self.orders) + 1:05d}",
            "lines": [
                {"line_id": line["line_id"], "accepted": quantity}
                for line, quantity in zip(order["lines"], accepted, strict=True)
            ],
            "message": {"accepted": "", "partial": "Disponibile solo in parte", "refused": "Esaurito"}[status],
        }
        code = 201 if status == "accepted" else 200
        self.orders[key] = TakenOrder(key, order, code, answer, self.clock.now().isoformat())
        return code, answer, any(accepted)

    def state(self) -> dict[str, Any]:
        """Offers and orders, ready for JSON."""
        return {
            "offers": [asdict(offer) for offer in self.offers.values()],
            "orders": [asdict(order) for order in self.orders.values()],
            "frozen": self.frozen,
        }

    def _accept(self, line: dict[str, Any]) -> int:
        offer = self.offers.get(line["sku"])
        if offer is None:
            return 0
        quantity = min(offer.quantity, int(line["quantity"]))
        self.offers[offer.sku] = replace(offer, quantity=offer.quantity - quantity)
        return quantity

    def _render(self) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=self.style.delimiter, lineterminator=self.style.line_end)
        writer.writerow(self.style.columns)
        for offer in self.offers.values():
            writer.writerow([offer.sku, offer.title, offer.shown or offer.quantity, offer.cost])
        for line in self.raw_lines:
            text.write(line + self.style.line_end)
        return text.getvalue().encode(self.style.encoding)


def _digest(order: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(order, sort_keys=True).encode()).hexdigest()
