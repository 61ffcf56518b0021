"""The stand-in's other Trading calls: preferences, listings, orders, ending, messages, notification
preferences.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar
from xml.etree.ElementTree import Element

from connectors.ebay import sandbox_invoice, sandbox_selling
from connectors.ebay.mapping_xml import Unreadable, moment, text
from connectors.ebay.sandbox_notify import Notifier
from connectors.ebay.sandbox_records import Item, OrderVersion
from connectors.ebay.sandbox_state import Account
from connectors.ebay.sandbox_xml import SELLER, put, put_item, put_order

T = TypeVar("T")
ORDERS_PER_PAGE_MAX = 100
LISTINGS_PER_PAGE_MAX = 200


class Refusal(Exception):
    """The call fails with this code; `parameter` names what it is about."""

    def __init__(self, code: str, parameter: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.parameter = parameter


def get_user(account: Account, notifier: Notifier, request: Element, root: Element) -> None:
    """GetUser: who the token belongs to."""
    user = put(root, "User")
    put(user, "UserID", SELLER)
    put(user, "Site", "Italy")
    put(user, "Status", "Confirmed")


def get_user_preferences(account: Account, notifier: Notifier, request: Element, root: Element) -> None:
    """GetUserPreferences: only what was asked to be shown."""
    if text(request, "ShowOutOfStockControlPreference") == "true":
        put(root, "OutOfStockControlPreference", account.switches.out_of_stock_control)


def set_user_preferences(account: Account, notifier: Notifier, request: Element, root: Element) -> None:
    """SetUserPreferences: out-of-stock control on or off."""
    wanted = text(request, "OutOfStockControlPreference")
    if wanted is not None:
        account.switches.out_of_stock_control = wanted == "true"


def get_item(account: Account, notifier: Notifier, request: Element, root: Element) -> None:
    """GetItem, of ended listings too."""
    item = account.items.get(text(request, "ItemID") or "")
    if item is None:
        raise Refusal("17", text(request, "ItemID") or "")
    put_item(root, item, now=account.now(), switches=account.switches)


def get_seller_list(account: Account, notifier: Notifier, request: Element, root: Element) -> None:
    """GetSellerList by end or start time; a time range of less than 120 days and a page size are required."""
    kind = next((kind for kind in ("EndTime", "StartTime") if text(request, f"{kind}From")), None)
    if kind is None:
        raise Refusal("10009", "EndTimeFrom")
    start, end = _time(request, f"{kind}From"), _time(request, f"{kind}To")
    if end - start >= timedelta(days=120) or end < start:
        raise Refusal("10012", f"{kind}To")
    if text(request, "Pagination/EntriesPerPage") is None:
        raise Refusal("10009", "Pagination.EntriesPerPage")
    found = [item for item in account.items.values() if start <= _moment_of(item, kind) <= end]
    page, per_page = _page(request, default=25, maximum=LISTINGS_PER_PAGE_MAX)
    shown = _paginated(root, found, page, per_page)
    put(root, "HasMoreItems", page * per_page < len(found))
    array = put(root, "ItemArray")
    for item in shown:
        put_item(array, item, now=account.now(), switches=account.switches)
        if text(request, "IncludeVariations") != "true":
            _drop_variations(array[-1])
    put(root, "ItemsPerPage", per_page)
    put(root, "PageNumber", page)
    put(root, "ReturnedItemCountActual", len(shown))


def get_seller_events(account: Account, notifier: Notifier, request: Element, root: Element) -> None:
    """GetSellerEvents by modification time: at most 48 hours, no pages, a Quantity only where it is above 1."""
    start, end = _time(request, "ModTimeFrom"), _time(request, "ModTimeTo")
    if end - start > timedelta(hours=48) or end < start:
        raise Refusal("10012", "ModTimeTo")
    found = account.changed_items(start, end)
    if len(found) > account.switches.events_max:
        raise Refusal("21917062")
    put(root, "TimeTo", end)
    array = put(root, "ItemArray")
    for item in found:
        put_item(array, item, now=account.now(), switches=account.switches)
        for node in [array[-1], *array[-1].findall("Variations/Variation")]:
            quantity = node.find("Quantity")
            if quantity is not None and int(quantity.text or 0) <= 1:
                node.remove(quantity)
        if text(request, "HideVariations") == "true":
            _drop_variations(array[-1])


def get_orders(account: Account, notifier: Notifier, request: Element, root: Element) -> None:
    """GetOrders; filters by their precedence: ids, NumberOfDays, creation times, modification times."""
    orders = _found_orders(account, request)
    status = text(request, "OrderStatus")
    if status not in (None, "All"):
        wanted = {"Cancelled": "cancelled_at", "Completed": "paid_at"}.get(status or "")
        orders = [order for order in orders if wanted is None or getattr(order, wanted)]
    if text(request, "SortingOrder") == "Descending":
        orders.reverse()
    page, per_page = _page(request, default=25, maximum=ORDERS_PER_PAGE_MAX)
    shown = _paginated(root, orders, page, per_page)
    put(root, "HasMoreOrders", page * per_page < len(orders))
    array = put(root, "OrderArray")
    for order in shown:
        put_order(array, order)
    put(root, "OrdersPerPage", per_page)
    put(root, "PageNumber", page)
    put(root, "ReturnedOrderCountActual", len(shown))


def end_fixed_price_item(account: Account, notifier: Notifier, request: Element, root: Element) -> None:
    """EndFixedPriceItem: needs a reason; ending twice is 1047."""
    item = account.items.get(text(request, "ItemID") or "")
    if item is None:
        raise Refusal("17", text(request, "ItemID") or "")
    if text(request, "EndingReason") is None:
        raise Refusal("10009", "EndingReason")
    if item.listing_status != "Active":
        raise Refusal("1047", item.item_id)
    account.end_item(item.item_id)
    put(root, "EndTime", item.end_at)


def add_message(account: Account, notifier: Notifier, request: Element, root: Element) -> None:
    """AddMemberMessageAAQToPartner: item, recipient, subject and plain-text body are required."""
    for field in ("ItemID", "MemberMessage/RecipientID", "MemberMessage/Subject", "MemberMessage/Body"):
        if text(request, field) is None:
            raise Refusal("10009", field.replace("/", "."))
    if text(request, "ItemID") not in account.items:
        raise Refusal("17", text(request, "ItemID") or "")
    message = request.find("MemberMessage")
    fields = {child.tag: child.text or "" for child in message} if message is not None else {}
    account.messages.append({"ItemID": text(request, "ItemID") or "", **fields})


def set_notification_preferences(account: Account, notifier: Notifier, request: Element, root: Element) -> None:
    """SetNotificationPreferences: where to deliver, and which events."""
    delivery = request.find("ApplicationDeliveryPreferences")
    if delivery is not None:
        url = text(delivery, "DeliveryURLDetails/DeliveryURL") or text(delivery, "ApplicationURL")
        notifier.url = url or notifier.url
        notifier.is_enabled = text(delivery, "ApplicationEnable") != "Disable"
    for enable in request.findall("UserDeliveryPreferenceArray/NotificationEnable"):
        event = text(enable, "EventType") or ""
        if text(enable, "EventEnable") == "Enable":
            notifier.events.add(event)
        else:
            notifier.events.discard(event)


def add_order(account: Account, notifier: Notifier, request: Element, root: Element) -> None:
    """AddOrder: unpaid line items of one buyer become one order."""
    _refused_with(sandbox_invoice.add_order(account, notifier, request, root))


def send_invoice(account: Account, notifier: Notifier, request: Element, root: Element) -> None:
    """SendInvoice: the buyer is mailed what he owes."""
    _refused_with(sandbox_invoice.send_invoice(account, notifier, request, root))


def _refused_with(code: str | None) -> None:
    if code is not None:
        raise Refusal(code)


def revise_fixed_price_item(account: Account, notifier: Notifier, request: Element, root: Element) -> None:
    """ReviseFixedPriceItem: variations of one listing."""
    try:
        account.calls[-1]["applied"] = sandbox_selling.revise_fixed_price_item(account, request, root)
    except sandbox_selling.Refused as fault:
        raise Refusal(fault.code, fault.parameter) from None


def complete_sale(account: Account, notifier: Notifier, request: Element, root: Element) -> None:
    """CompleteSale: sent, with tracking."""
    try:
        sandbox_selling.complete_sale(account, request)
    except sandbox_selling.Refused as fault:
        raise Refusal(fault.code, fault.parameter) from None


Handler = Callable[[Account, Notifier, Element, Element], None]
HANDLERS: dict[str, Handler] = {
    "GetUser": get_user,
    "GetUserPreferences": get_user_preferences,
    "SetUserPreferences": set_user_preferences,
    "GetItem": get_item,
    "GetSellerList": get_seller_list,
    "GetSellerEvents": get_seller_events,
    "GetOrders": get_orders,
    "EndFixedPriceItem": end_fixed_price_item,
    "ReviseFixedPriceItem": revise_fixed_price_item,
    "CompleteSale": complete_sale,
    "AddMemberMessageAAQToPartner": add_message,
    "AddOrder": add_order,
    "SendInvoice": send_invoice,
    "SetNotificationPreferences": set_notification_preferences,
}


def _found_orders(account: Account, request: Element) -> list[OrderVersion]:
    ids = [(element.text or "").strip() for element in request.findall("OrderIDArray/OrderID")]
    if ids:
        found = [account.by_order_id[order_id] for order_id in ids if order_id in account.by_order_id]
        return [versions[-1] for versions in found]
    now = account.now()
    if days := text(request, "NumberOfDays"):
        if not 1 <= int(days) <= 30:
            raise Refusal("10012", "NumberOfDays")
        return _split(account, account.listed_orders(now - timedelta(days=int(days)), now))
    for kind, range_max in (("CreateTime", 90), ("ModTime", 30)):
        if text(request, f"{kind}From") is None:
            continue
        start, end = _time(request, f"{kind}From"), _time(request, f"{kind}To")
        if end - start > timedelta(days=range_max) or now - start > timedelta(days=90):
            raise Refusal("10012", f"{kind}From")
        if kind == "ModTime":
            return _split(account, account.listed_orders(start, end))
        listed = account.listed_orders(now - timedelta(days=365), now)
        return _split(account, [order for order in listed if start <= order.created_at <= end])
    raise Refusal("10009", "ModTimeFrom")


def _split(account: Account, orders: Sequence[OrderVersion]) -> list[OrderVersion]:
    """A list asked for within seconds of a combined order may show its lines as orders of their own."""
    split_for = timedelta(seconds=account.switches.split_seconds)
    shown: list[OrderVersion] = []
    for order in orders:
        if len(order.lines) > 1 and account.now() - order.created_at < split_for:
            shown += [replace(order, order_id=line.line_item_id, lines=(line,)) for line in order.lines]
        else:
            shown.append(order)
    return shown


def _page(request: Element, *, default: int, maximum: int) -> tuple[int, int]:
    page = int(text(request, "Pagination/PageNumber") or 1)
    per_page = int(text(request, "Pagination/EntriesPerPage") or default)
    return max(page, 1), max(min(per_page, maximum), 1)


def _paginated(root: Element, found: Sequence[T], page: int, per_page: int) -> Sequence[T]:
    result = put(root, "PaginationResult")
    put(result, "TotalNumberOfPages", math.ceil(len(found) / per_page))
    put(result, "TotalNumberOfEntries", len(found))
    return found[(page - 1) * per_page : page * per_page]


def _time(request: Element, field: str) -> datetime:
    written = text(request, field)
    if written is None:
        raise Refusal("10009", field)
    try:
        return moment(written)
    except Unreadable:
        raise Refusal("10012", field) from None


def _moment_of(item: Item, kind: str) -> datetime:
    return item.end_at if kind == "EndTime" else item.start_at


def _drop_variations(node: Element) -> None:
    variations = node.find("Variations")
    if variations is not None:
        node.remove(variations)
