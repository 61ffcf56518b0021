"""Orders between eBay's words and ours: the GetOrders window and its cursor, and one order read from its XML.

Pure. A window is read page by page with fixed ends; only when it is done does the cursor move, and never past
now − order lag (KB 1788: overlap by two minutes, trust nothing younger than two minutes).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from xml.etree.ElementTree import Element

from connectors.ebay.mapping import listing_id, next_page
from connectors.ebay.mapping_xml import Reply, Unreadable, moment, money, needed, number, stamp, text
from syncd.channel.port import Address, Buyer, ChannelOrder, OrderLine, OrderPage, OrderProblem, OrderStatus
from syncd.identity import Money

ORDERS_PER_PAGE_MAX = 100
"""What eBay surely takes; whether 200 works is not settled."""
OVERLAP = timedelta(minutes=2)
RANGE_MAX = timedelta(days=30)
"""Longest ModTime range of one GetOrders."""
AGE_MAX = timedelta(days=90) - timedelta(minutes=10)
"""GetOrders reaches 90 days back; the margin keeps a clock that differs a little inside."""
CATCH_UP = timedelta(hours=1)
"""A longer window of several pages is read to now − lag first, where no late order can slip in between two pages."""

_CANCELLED = frozenset(
    {
        *("CancelClosedNoRefund", "CancelClosedWithRefund", "CancelClosedUnknownRefund"),
        *("CancelClosedForCommitment", "CancelComplete"),
    }
)


@dataclass(frozen=True, slots=True)
class OrderWindow:
    """A stretch of modification times being read. `is_tail`: it ends at now, so nothing follows it at once."""

    start: datetime
    end: datetime
    is_tail: bool
    seen_until: datetime
    """How far the list was known before this window; never falls back behind it."""
    page: int = 1
    entries: int = 0
    lost_before: datetime | None = None
    """Set when orders from here to `start` are too old for eBay to tell."""

    def encode(self) -> str:
        """As the opaque cursor of the port, mid-window."""
        return json.dumps(
            {
                "start": stamp(self.start),
                "end": stamp(self.end),
                "tail": self.is_tail,
                "seen_until": stamp(self.seen_until),
                "page": self.page,
                "entries": self.entries,
            }
        )


def cursor_at(seen_until: datetime) -> str:
    """The opaque cursor between windows: everything modified before this moment has been delivered."""
    return json.dumps({"seen_until": stamp(seen_until)})


def order_window(cursor: str | None, *, since: datetime, now: datetime, lag: timedelta) -> OrderWindow:
    """The window and page to ask for next. Raises Unreadable for a cursor that is not ours."""
    if cursor is None:
        return _window_from(since, since, now, lag)
    try:
        read = json.loads(cursor)
        seen_until = moment(read["seen_until"])
        if "page" not in read:
            return _window_from(seen_until - OVERLAP, seen_until, now, lag)
        return OrderWindow(
            start=moment(read["start"]),
            end=moment(read["end"]),
            is_tail=bool(read["tail"]),
            seen_until=seen_until,
            page=int(read["page"]),
            entries=int(read["entries"]),
        )
    except (ValueError, KeyError, TypeError):
        raise Unreadable("the order cursor is not one of this connector") from None


def orders_request(window: OrderWindow, *, per_page: int) -> dict[str, Any]:
    """GetOrders by modification time, oldest change first, all statuses: unpaid orders hold stock too."""
    return {
        "ModTimeFrom": stamp(window.start),
        "ModTimeTo": stamp(window.end),
        "OrderRole": "Seller",
        "OrderStatus": "All",
        "SortingOrder": "Ascending",
        "DetailLevel": "ReturnAll",
        "Pagination": {"EntriesPerPage": str(per_page), "PageNumber": str(window.page)},
    }


def order_request(order_id: str) -> dict[str, Any]:
    """GetOrders for one order by id (eBay takes the id from before payment as well as the one after)."""
    return {"OrderIDArray": {"OrderID": [order_id]}, "OrderRole": "Seller", "DetailLevel": "ReturnAll"}


def order_page(reply: Reply, window: OrderWindow, lag: timedelta) -> OrderPage:
    """One page, the cursor behind it and how far the order list is now known to be complete."""
    orders, problems = read_orders(reply.root)
    problems += [OrderProblem(None, error.sentence) for error in reply.errors if error.is_error]
    if window.lost_before is not None:
        sentence = (
            f"orders changed between {stamp(window.lost_before)} and {stamp(window.start)} were not read: "
            "eBay tells of the last 90 days only"
        )
        problems.append(OrderProblem(None, sentence))
    entries = number(reply.root, "PaginationResult/TotalNumberOfEntries")
    has_more = text(reply.root, "HasMoreOrders") == "true"
    following = _following(window, entries, has_more, lag)
    if following is not None:
        return OrderPage(tuple(orders), following.encode(), True, None, tuple(problems))
    seen_until = _seen_until(reply, window, lag)
    return OrderPage(tuple(orders), cursor_at(seen_until), not window.is_tail, seen_until, tuple(problems))


def read_orders(root: Element) -> tuple[list[ChannelOrder], list[OrderProblem]]:
    """The orders of a GetOrders reply, and one problem for each that cannot be read."""
    orders: list[ChannelOrder] = []
    problems: list[OrderProblem] = []
    for element in root.findall("OrderArray/Order"):
        try:
            orders.append(read_order(element))
        except Unreadable as fault:
            order_id = text(element, "OrderID")
            problems.append(OrderProblem(order_id, f"order {order_id or '(no OrderID)'} cannot be read: {fault}"))
    return orders, problems


def read_order(element: Element) -> ChannelOrder:
    """One `Order`. Raises Unreadable naming the field that is wrong."""
    order_id = needed(element, "OrderID")
    status = order_status(element)
    created_at = moment(needed(element, "CreatedTime"))
    modified = text(element, "CheckoutStatus/LastModifiedTime")
    transactions = element.findall("TransactionArray/Transaction")
    if not transactions:
        raise Unreadable("it has no lines")
    return ChannelOrder(
        order_id=order_id,
        number=text(element, "ExtendedOrderID") or order_id,
        status=status,
        created_at=created_at,
        modified_at=moment(modified) if modified else created_at,
        lines=tuple(_line(transaction, status) for transaction in transactions),
        buyer=_buyer(element, transactions),
        ship_to=_address(element),
        total=money(element, "Total"),
        shipping=_shipping(element),
    )


def _shipping(element: Element) -> Money | None:
    """What sending costs the buyer; an order that is not checked out yet names no service."""
    path = "ShippingServiceSelected/ShippingServiceCost"
    return money(element, path) if text(element, path) else None


def order_status(element: Element) -> OrderStatus:
    """The one status stock depends on; a cancellation that is only asked for changes nothing yet (KB 1788)."""
    if text(element, "OrderStatus") == "Cancelled" or text(element, "CancelStatus") in _CANCELLED:
        return OrderStatus.CANCELLED
    if text(element, "ShippedTime"):
        return OrderStatus.SHIPPED
    is_checked_out = text(element, "CheckoutStatus/Status") == "Complete"
    has_no_failure = text(element, "CheckoutStatus/eBayPaymentStatus") == "NoPaymentFailure"
    if (is_checked_out and has_no_failure) or text(element, "PaidTime"):
        return OrderStatus.PAID
    return OrderStatus.UNPAID


def _window_from(start: datetime, seen_until: datetime, now: datetime, lag: timedelta) -> OrderWindow:
    oldest = now - AGE_MAX
    lost_before = start if start < oldest else None
    start = min(max(start, oldest), now)
    if now - start > RANGE_MAX:
        return OrderWindow(start, start + RANGE_MAX, False, seen_until, lost_before=lost_before)
    return OrderWindow(start, now, True, seen_until, lost_before=lost_before)


def _following(window: OrderWindow, entries: int, has_more: bool, lag: timedelta) -> OrderWindow | None:
    if has_more and window.is_tail and window.page == 1 and window.end - window.start > CATCH_UP + lag:
        return replace(window, end=window.end - lag, is_tail=False, lost_before=None)
    page = next_page(page=window.page, entries_before=window.entries, entries=entries, has_more=has_more)
    return replace(window, page=page, entries=entries, lost_before=None) if page is not None else None


def _seen_until(reply: Reply, window: OrderWindow, lag: timedelta) -> datetime:
    """End of the window, but no younger than the lag by our clock and by eBay's, and never back behind the
    last one.
    """
    known = window.end - lag if window.is_tail else window.end
    if reply.timestamp is not None:
        known = min(known, reply.timestamp - lag)
    return max(known, window.seen_until)


def _line(transaction: Element, status: OrderStatus) -> OrderLine:
    item_id = needed(transaction, "Item/ItemID")
    is_variation = transaction.find("Variation") is not None
    variation_sku = text(transaction, "Variation/SKU")
    quantity = number(transaction, "QuantityPurchased")
    is_cancelled = status is OrderStatus.CANCELLED
    title = text(transaction, "Variation/VariationTitle") or text(transaction, "Item/Title") or item_id
    return OrderLine(
        line_id=text(transaction, "OrderLineItemID") or f"{item_id}-{needed(transaction, 'TransactionID')}",
        # A variation sold without a SKU cannot be told from its sisters.
        listing_id=None if is_variation and variation_sku is None else listing_id(item_id, variation_sku),
        sku=variation_sku or text(transaction, "Item/SKU"),
        title=title,
        quantity=quantity,
        unit_price=money(transaction, "TransactionPrice"),
        cancelled=quantity if is_cancelled else 0,
        # Lowered at the sale, paid or not. Whether a cancellation puts it back is not documented: unknown
        # then.
        decremented=None if is_cancelled else quantity,
    )


def _buyer(element: Element, transactions: Sequence[Element]) -> Buyer:
    first = transactions[0]
    names = (text(first, "Buyer/UserFirstName"), text(first, "Buyer/UserLastName"))
    name = " ".join(part for part in names if part) or text(element, "ShippingAddress/Name") or ""
    email = text(first, "Buyer/Email") or ""
    # eBay writes 'Invalid Request' where it withholds the address.
    return Buyer(text(element, "BuyerUserID") or "", name, email if "@" in email else "")


def _address(element: Element) -> Address | None:
    found = element.find("ShippingAddress")
    if found is None or not text(found, "Street1"):
        return None
    streets = (text(found, "Street1"), text(found, "Street2"))
    return Address(
        name=text(found, "Name") or "",
        street=", ".join(street for street in streets if street),
        city=text(found, "CityName") or "",
        postcode=text(found, "PostalCode") or "",
        region=text(found, "StateOrProvince") or "",
        country=text(found, "Country") or "",
        phone=text(found, "Phone") or "",
    )
