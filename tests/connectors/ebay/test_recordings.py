"""What eBay once answered: the connector reads it, and the stand-in answers in the same fields, in the same order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from connectors.ebay.mapping import item_listings
from connectors.ebay.mapping_errors import CallFault, call_fault
from connectors.ebay.mapping_orders import read_orders
from connectors.ebay.mapping_push import push_outcomes
from connectors.ebay.mapping_xml import parse_document, read_reply
from connectors.ebay.sandbox import EbaySandbox
from syncd.channel.port import ListingStatus, OrderStatus, PushVerdict, QuantityUpdate
from syncd.identity import ListingId
from syncd.testkit.fake_clock import FakeClock
from tests.connectors.ebay.vectors import recorded

Call = Callable[..., Awaitable[Element]]

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def fields(root: Element, path: str = "") -> list[str]:
    """Every field of a document with its path and attributes, in order; of a list each entry once after the other."""
    told: list[str] = []
    for child in root:
        here = f"{path}/{child.tag}"
        told += [here + "".join(f"@{name}" for name in child.attrib), *fields(child, here)]
    return told


def shape(root: Element) -> list[str]:
    """The fields without repetition, as they first appear."""
    return list(dict.fromkeys(fields(root)))


def fees(root: Element) -> list[str | None]:
    """The names of the fees."""
    return [one.text for one in root.iter("Name")]


def revision(*item_ids: str) -> str:
    """InventoryStatus containers."""
    return "".join(
        f"<InventoryStatus><ItemID>{one}</ItemID><Quantity>9</Quantity></InventoryStatus>" for one in item_ids
    )


async def test_a_good_revision(sandbox: EbaySandbox, call: Call) -> None:
    """ReviseInventoryStatus: every field and every fee of the recording, an empty SKU as a tag of its own."""
    told = parse_document(recorded("ReviseInventoryStatus-Success.xml"))
    item = sandbox.add_listing(quantity=1)["item_id"]
    answer = await call("ReviseInventoryStatus", revision(item))
    assert fields(answer) == fields(told)
    assert fees(answer) == fees(told)


async def test_one_of_two_has_ended(sandbox: EbaySandbox, call: Call) -> None:
    """Shape 1: a Failure that names the ended item and says nothing of its healthy neighbour."""
    told = parse_document(recorded("ReviseInventoryStatus-Failure-21916750-oneOfTwoEnded.xml"))
    items = [sandbox.add_listing(quantity=1)["item_id"] for _ in range(2)]
    sandbox.edit_listing(items[1], ended=True)
    answer = await call("ReviseInventoryStatus", revision(*items))
    assert fields(answer) == fields(told)
    assert answer.findtext("Errors/LongMessage") == f'You are not allowed to revise an ended item "{items[1]}".'
    assert told.findtext("Errors/LongMessage") == 'You are not allowed to revise an ended item "110136942332".'


async def test_four_listings_of_another_type(sandbox: EbaySandbox, call: Call) -> None:
    """Shape 3: four errors, each named by its SKU only."""
    told = parse_document(recorded("ReviseInventoryStatus-UnsupportedListingType.xml"))
    sandbox.switch(partial_mode="shape_3")
    items = [sandbox.add_listing(sku=f"A-{n}", quantity=1, listing_type="Chinese")["item_id"] for n in range(4)]
    answer = await call("ReviseInventoryStatus", revision(*items))
    assert fields(answer) == fields(told)
    assert answer.findtext("Errors/ShortMessage") == told.findtext("Errors/ShortMessage")
    assert answer.findtext("Errors/LongMessage") == told.findtext("Errors/LongMessage")


async def test_a_revision_of_a_whole_listing(sandbox: EbaySandbox, call: Call) -> None:
    """ReviseFixedPriceItem: id, times and fees."""
    told = parse_document(recorded("ReviseFixedPriceItem-Success.xml"))
    item = sandbox.add_listing(variations=[{"sku": "A", "quantity": 1}])["item_id"]
    change = "<Variation><SKU>A</SKU><StartPrice>9.90</StartPrice><Quantity>4</Quantity></Variation>"
    inner = f"<Item><ItemID>{item}</ItemID><Variations>{change}</Variations></Item>"
    answer = await call("ReviseFixedPriceItem", inner)
    assert fields(answer) == fields(told)
    assert fees(answer) == fees(told)


async def test_a_revision_refused_for_its_pictures(sandbox: EbaySandbox, call: Call) -> None:
    """21919137: the recording adds a warning of another kind, which is no part of what the stand-in does."""
    told = parse_document(recorded("ReviseFixedPriceItem-ServerResponseContainsPictureError.xml"))
    told.remove(told.findall("Errors")[1])
    item = sandbox.add_listing(variations=[{"sku": "A", "quantity": 1}], fault_code="21919137")["item_id"]
    change = "<Variation><SKU>A</SKU><StartPrice>9.90</StartPrice><Quantity>4</Quantity></Variation>"
    answer = await call(
        "ReviseFixedPriceItem", f"<Item><ItemID>{item}</ItemID><Variations>{change}</Variations></Item>"
    )
    assert fields(answer) == fields(told)


async def test_no_orders(sandbox: EbaySandbox, call: Call, clock: FakeClock) -> None:
    """GetOrders: an empty OrderArray is a tag without content."""
    told = parse_document(recorded("GetOrders-empty.xml"))
    answer = await call(
        "GetOrders", "<NumberOfDays>1</NumberOfDays><Pagination><EntriesPerPage>100</EntriesPerPage></Pagination>"
    )
    assert fields(answer) == fields(told)
    assert [child.text for child in answer if child.tag.startswith(("Has", "Orders", "Page"))] == [
        child.text for child in told if child.tag.startswith(("Has", "Orders", "Page"))
    ]


async def test_a_token_that_is_none(call: Call) -> None:
    """931."""
    told = parse_document(recorded("Failure-931.xml"))
    answer = await call("GetUser", "", **{"X-EBAY-API-IAF-TOKEN": "v^1.1#other"})
    assert fields(answer) == fields(told)
    assert [one.text for one in answer.find("Errors") or ()] == [one.text for one in told.find("Errors") or ()]


async def test_an_item_keeps_the_recorded_order(sandbox: EbaySandbox, call: Call) -> None:
    """GetItem: what the stand-in tells of an item stands in the recording, in the recording's order."""
    told = shape(parse_document(recorded("GetItem-sku.xml")))
    item = sandbox.add_listing(sku="X", quantity=896, sold=4)["item_id"]
    answer = shape(await call("GetItem", f"<ItemID>{item}</ItemID><DetailLevel>ReturnAll</DetailLevel>"))
    known = [one for one in answer if one in told]
    assert known == sorted(known, key=told.index)
    # Only an item out of stock, or sold by newer versions, tells these.
    assert {one.rpartition("/")[2] for one in answer if one not in told} <= {"HideFromSearch", "ReasonHideFromSearch"}


async def test_an_order_keeps_the_recorded_order(sandbox: EbaySandbox, call: Call, clock: FakeClock) -> None:
    """GetOrders: what the stand-in tells of an order stands in the recording, in the recording's order."""
    told = shape(parse_document(recorded("GetOrders-tracking.xml")))
    item = sandbox.add_listing(sku="X", quantity=3)["item_id"]
    order = sandbox.sell([{"item_id": item, "quantity": 1}])
    sandbox.change_order(order["order_id"], "ship")
    answer = shape(await call("GetOrders", f"<OrderIDArray><OrderID>{order['order_id']}</OrderID></OrderIDArray>"))
    known = [one for one in answer if one in told]
    assert known == sorted(known, key=told.index)
    assert [one for one in answer if one not in told] == []


def test_the_connector_reads_the_recorded_item() -> None:
    """Quantity 900 of which 4 are sold: 896 to sell (KB 1525)."""
    item = parse_document(recorded("GetItem-sku.xml")).find("Item")
    assert item is not None
    found, problems = item_listings(item, NOW)
    assert problems == []
    seen = [one.observation for one in found]
    assert [(one.available, one.sold, one.status) for one in seen] == [(896, 4, ListingStatus.ACTIVE)]


def test_the_connector_reads_the_recorded_order() -> None:
    """A paid and sent order with its tracking; no personal data shows in its repr."""
    (order,), problems = read_orders(parse_document(recorded("GetOrders-tracking.xml")))
    assert problems == []
    assert (order.order_id, order.status) == ("24-07558-27052", OrderStatus.SHIPPED)
    assert "Brown" not in repr(order)


def test_the_connector_reads_the_recorded_failures() -> None:
    """The ended item is not found, its neighbour unknown; four of another type are refused; 931 is the token's."""
    updates = [QuantityUpdate(ListingId(one), 5) for one in ("110136942332", "110137091582")]
    reply = read_reply(recorded("ReviseInventoryStatus-Failure-21916750-oneOfTwoEnded.xml"), "ReviseInventoryStatus")
    assert [one.verdict for one in push_outcomes(reply, updates)] == [PushVerdict.NOT_FOUND, PushVerdict.UNKNOWN]
    reply = read_reply(recorded("ReviseInventoryStatus-UnsupportedListingType.xml"), "ReviseInventoryStatus")
    updates = [QuantityUpdate(ListingId(str(110_000_000_000 + number)), 5) for number in range(4)]
    assert {one.verdict for one in push_outcomes(reply, updates)} == {PushVerdict.REJECTED}
    found = call_fault(read_reply(recorded("Failure-931.xml"), "GeteBayOfficialTime").errors)
    assert found is not None
    assert found[0] is CallFault.TOKEN
