"""Orders: one order's fields by tables, and the window and cursor of the polling."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from connectors.ebay.mapping_orders import order_page, order_window, orders_request, read_order
from connectors.ebay.mapping_xml import Unreadable, parse_document, read_reply, stamp
from syncd.channel.port import OrderProblem, OrderStatus
from syncd.identity import Money

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
LAG = timedelta(seconds=120)

ORDER = """<Order><OrderID>24-00001-10001</OrderID><OrderStatus>Completed</OrderStatus>
<AmountPaid currencyID="EUR">24.8</AmountPaid>
<CheckoutStatus><eBayPaymentStatus>NoPaymentFailure</eBayPaymentStatus>
<LastModifiedTime>2026-03-02T07:30:00.000Z</LastModifiedTime><Status>Complete</Status></CheckoutStatus>
<CreatedTime>2026-03-02T07:00:00.000Z</CreatedTime>
<ShippingAddress><Name>Mario Rossi</Name><Street1>Via Esempio 1</Street1><Street2>Scala B</Street2>
<CityName>Roma</CityName><StateOrProvince>RM</StateOrProvince><Country>IT</Country><Phone>000 0000000</Phone>
<PostalCode>00100</PostalCode></ShippingAddress>
<Total currencyID="EUR">24.8</Total>
<TransactionArray><Transaction>
<Buyer><Email>mario.rossi@example.com</Email><UserFirstName>Mario</UserFirstName><UserLastName>Rossi</UserLastName></Buyer>
<Item><ItemID>110142400319</ItemID><Title>Guanti &amp; altro</Title><SKU>GLOVE-X</SKU></Item>
<QuantityPurchased>2</QuantityPurchased><TransactionID>27273537001</TransactionID>
<TransactionPrice currencyID="EUR">9.9</TransactionPrice>
<OrderLineItemID>110142400319-27273537001</OrderLineItemID></Transaction>
<Transaction><Item><ItemID>110142400320</ItemID><Title>Guanti</Title></Item><QuantityPurchased>1</QuantityPurchased>
<TransactionID>27273537002</TransactionID><TransactionPrice currencyID="EUR">5.0</TransactionPrice>
<Variation><SKU>GLOVE-M</SKU><VariationTitle>Guanti[M]</VariationTitle></Variation></Transaction></TransactionArray>
<BuyerUserID>compratore_01</BuyerUserID><CancelStatus>NotApplicable</CancelStatus></Order>"""


def without(*pieces: str) -> str:
    """The order less some of its XML."""
    changed = ORDER
    for piece in pieces:
        assert piece in changed
        changed = changed.replace(piece, "")
    return changed


def reply(*orders: str, entries: int | None = None, has_more: bool = False, at: datetime = NOW) -> bytes:
    """A GetOrders reply."""
    inner = "".join(orders)
    array = f"<OrderArray>{inner}</OrderArray>" if inner else "<OrderArray />"
    count = len(orders) if entries is None else entries
    return f"""<GetOrdersResponse xmlns="urn:ebay:apis:eBLBaseComponents"><Timestamp>{stamp(at)}</Timestamp>
<Ack>Success</Ack><PaginationResult><TotalNumberOfEntries>{count}</TotalNumberOfEntries></PaginationResult>
<HasMoreOrders>{str(has_more).lower()}</HasMoreOrders>{array}</GetOrdersResponse>""".encode()


def test_an_order_is_read_whole() -> None:
    """Ids, times, lines, buyer, address and total; the SKU of a variation comes before the item's."""
    seen = read_order(parse_document(ORDER.encode()))
    assert (seen.order_id, seen.number, seen.status) == ("24-00001-10001", "24-00001-10001", OrderStatus.PAID)
    assert (seen.created_at, seen.modified_at) == (NOW - timedelta(hours=1), NOW - timedelta(minutes=30))
    first, second = seen.lines
    assert (first.line_id, first.listing_id, first.sku, first.quantity, first.title) == (
        *("110142400319-27273537001", "110142400319", "GLOVE-X", 2),
        "Guanti & altro",
    )
    assert (second.line_id, second.listing_id, second.sku) == (
        *("110142400320-27273537002", "110142400320/GLOVE-M"),
        "GLOVE-M",
    )
    assert (first.unit_price, first.decremented, first.cancelled) == (Money(Decimal("9.9"), "EUR"), 2, 0)
    assert (seen.buyer.buyer_id, seen.buyer.name, seen.buyer.email) == (
        *("compratore_01", "Mario Rossi"),
        "mario.rossi@example.com",
    )
    assert seen.ship_to is not None
    assert (seen.ship_to.street, seen.ship_to.city, seen.ship_to.country) == ("Via Esempio 1, Scala B", "Roma", "IT")
    assert seen.total == Money(Decimal("24.8"), "EUR")


COMPLETE = "<Status>Complete</Status>"
PAID_TIME = "<PaidTime>2026-03-02T07:30:00.000Z</PaidTime>"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ((COMPLETE, COMPLETE), OrderStatus.PAID),
        ((COMPLETE, "<Status>Incomplete</Status>"), OrderStatus.UNPAID),
        (("NoPaymentFailure", "PaymentInProcess"), OrderStatus.UNPAID),
        (("<BuyerUserID>", f"{PAID_TIME}<BuyerUserID>"), OrderStatus.PAID),
        (("<BuyerUserID>", "<ShippedTime>2026-03-02T07:50:00.000Z</ShippedTime><BuyerUserID>"), OrderStatus.SHIPPED),
        (("<OrderStatus>Completed", "<OrderStatus>Cancelled"), OrderStatus.CANCELLED),
        (("NotApplicable", "CancelClosedWithRefund"), OrderStatus.CANCELLED),
        (("NotApplicable", "CancelComplete"), OrderStatus.CANCELLED),
        (("NotApplicable", "CancelRequested"), OrderStatus.PAID),
        (("NotApplicable", "CancelRejected"), OrderStatus.PAID),
        (("<OrderStatus>Completed", "<OrderStatus>CancelPending"), OrderStatus.PAID),
    ],
)
def test_one_status_is_read_from_the_many(change: tuple[str, str], status: OrderStatus) -> None:
    """Paid needs checkout complete without failure or a paid time; a cancellation counts once it is done."""
    assert change[0] in ORDER
    assert read_order(parse_document(ORDER.replace(*change, 1).encode())).status is status


def test_a_cancelled_order_leaves_open_what_ebay_put_back() -> None:
    """Every unit is cancelled; whether eBay raised its number is not documented, so it is not claimed."""
    seen = read_order(parse_document(ORDER.replace("NotApplicable", "CancelComplete").encode()))
    assert [(line.cancelled, line.decremented) for line in seen.lines] == [(2, None), (1, None)]


def test_a_variation_without_sku_names_no_listing() -> None:
    """A variation sold without a SKU keeps its line but cannot be tied to one listing."""
    seen = read_order(parse_document(without("<SKU>GLOVE-M</SKU>").encode()))
    assert (seen.lines[1].listing_id, seen.lines[1].sku, seen.lines[1].quantity) == (None, None, 1)


def test_an_order_that_cannot_be_read_spares_its_neighbour() -> None:
    """One order without a total is a problem naming it; the other arrives."""
    broken = without('<Total currencyID="EUR">24.8</Total>').replace("10001", "10002")
    window = order_window(None, since=NOW - timedelta(minutes=30), now=NOW, lag=LAG)
    page = order_page(read_reply(reply(broken, ORDER), "GetOrders"), window, LAG)
    assert [one.order_id for one in page.orders] == ["24-00001-10001"]
    sentence = "order 24-00001-10002 cannot be read: Order.Total is missing"
    assert page.problems == (OrderProblem("24-00001-10002", sentence),)


def test_a_poll_overlaps_by_two_minutes_and_trusts_nothing_younger_than_the_lag() -> None:
    """The window begins two minutes before the cursor and ends now; the cursor moves to now − lag only."""
    first = order_window(None, since=NOW - timedelta(minutes=30), now=NOW, lag=LAG)
    page = order_page(read_reply(reply(), "GetOrders"), first, LAG)
    assert (page.has_more, page.watermark_at) == (False, NOW - LAG)
    later = NOW + timedelta(minutes=5)
    second = order_window(page.cursor, since=NOW - timedelta(minutes=30), now=later, lag=LAG)
    assert (second.start, second.end) == (NOW - LAG - timedelta(minutes=2), later)
    asked = orders_request(second, per_page=100)
    assert (asked["ModTimeFrom"], asked["ModTimeTo"]) == ("2026-03-02T07:56:00.000Z", "2026-03-02T08:05:00.000Z")


def test_ebays_own_clock_holds_the_watermark_back() -> None:
    """Where eBay's clock is behind ours, its time decides how far the list is complete."""
    window = order_window(None, since=NOW - timedelta(minutes=30), now=NOW, lag=LAG)
    behind = NOW - timedelta(minutes=3)
    page = order_page(read_reply(reply(at=behind), "GetOrders"), window, LAG)
    assert page.watermark_at == behind - LAG


def test_the_cursor_never_runs_ahead_of_a_young_start() -> None:
    """Starting a minute ago, the next poll still begins no later than that minute."""
    since = NOW - timedelta(minutes=1)
    page = order_page(read_reply(reply(), "GetOrders"), order_window(None, since=since, now=NOW, lag=LAG), LAG)
    following = order_window(page.cursor, since=since, now=NOW + timedelta(minutes=1), lag=LAG)
    assert following.start <= since


def test_a_long_window_of_several_pages_ends_where_nothing_can_slip_in() -> None:
    """Catching up over many pages reads to now − lag first, then the rest, and ends."""
    window = order_window(None, since=NOW - timedelta(days=1), now=NOW, lag=LAG)
    page = order_page(read_reply(reply(ORDER, entries=9, has_more=True), "GetOrders"), window, LAG)
    assert (page.has_more, page.watermark_at) == (True, None)
    closed = order_window(page.cursor, since=NOW, now=NOW, lag=LAG)
    assert (closed.end, closed.is_tail, closed.page) == (NOW - LAG, False, 1)
    page = order_page(read_reply(reply(ORDER), "GetOrders"), closed, LAG)
    assert (page.has_more, page.watermark_at) == (True, NOW - LAG)
    tail = order_window(page.cursor, since=NOW, now=NOW, lag=LAG)
    assert (tail.end, tail.is_tail) == (NOW, True)
    assert not order_page(read_reply(reply(), "GetOrders"), tail, LAG).has_more


def test_a_month_is_the_longest_window() -> None:
    """GetOrders takes 30 days at most; the rest follows in further windows."""
    window = order_window(None, since=NOW - timedelta(days=40), now=NOW, lag=LAG)
    assert window.end - window.start == timedelta(days=30)
    page = order_page(read_reply(reply(), "GetOrders"), window, LAG)
    assert page.has_more
    assert page.watermark_at == NOW - timedelta(days=10)


def test_orders_too_old_to_be_told_are_said_to_be_lost() -> None:
    """eBay tells of 90 days; a gap before that is a problem in words, not a silence."""
    window = order_window(None, since=NOW - timedelta(days=100), now=NOW, lag=LAG)
    assert NOW - window.start < timedelta(days=90)
    page = order_page(read_reply(reply(), "GetOrders"), window, LAG)
    assert page.problems[0].sentence.startswith("orders changed between 2025-11-22")


@pytest.mark.parametrize("cursor", ["", "{}", "[]", "7", '{"seen_until": "yesterday"}', '{"seen_until": 1}'])
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    """A cursor that is not ours is told as such, not guessed at."""
    with pytest.raises(Unreadable):
        order_window(cursor, since=NOW, now=NOW, lag=LAG)


def test_what_sending_costs_is_read_where_it_is_told() -> None:
    """The service the buyer chose names its price; an order before the checkout names none."""
    assert read_order(parse_document(ORDER.encode())).shipping is None
    told = (
        "<ShippingServiceSelected><ShippingService>IT_StandardCourier</ShippingService>"
        '<ShippingServiceCost currencyID="EUR">4.9</ShippingServiceCost></ShippingServiceSelected></Order>'
    )
    shipped = ORDER.replace("</Order>", told)
    assert read_order(parse_document(shipped.encode())).shipping == Money(Decimal("4.9"), "EUR")
