"""What sending an order cost: told with the order, given back with its refund."""

from __future__ import annotations

from decimal import Decimal

from connectors.woocommerce.channel import WooCommerceChannel
from connectors.woocommerce.sandbox import Sandbox
from syncd.channel.port import RefundLine, RefundRequest, RefundVerdict
from syncd.identity import Money


async def test_shipping_is_told_and_goes_back(channel: WooCommerceChannel, sandbox: Sandbox) -> None:
    """The order's total holds it; a refund of line and shipping leaves nothing, and is found again as it was made."""
    sandbox.add_product(sku="X", title="X", quantity=3, price="9.90")
    sandbox.shop.shipping = Decimal("4.90")
    order = await channel.fetch_order(await sandbox.sell(sku="X"))
    assert order is not None
    assert (str(order.shipping), str(order.total)) == ("4.90 EUR", "14.80 EUR")
    part = RefundLine(order.lines[0].line_id, 1, Money(Decimal("9.90"), "EUR"))
    request = RefundRequest(order.order_id, "R-1", "Out of stock", (part,), order.total)
    assert (await channel.refund(request)).verdict is RefundVerdict.DONE
    assert await channel.find_refund(request) is not None
    (refund,) = sandbox.shop.orders[int(order.order_id)].refunds
    assert [-line.total for line in refund.lines] == [Decimal("9.9"), Decimal("4.9")]
    again = await channel.fetch_order(order.order_id)
    assert again is not None
    assert [line.refunded for line in again.lines] == [1]
