"""The stand-in keeps eBay's rules: spoken to in plain XML and JSON, without the connector."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from aiohttp import encode_basic_auth

from connectors.ebay.mapping_xml import stamp, text
from connectors.ebay.sandbox import EXAMPLE_SECRETS, EXAMPLE_SETTINGS, EbaySandbox
from syncd.testkit.fake_clock import FakeClock

Call = Callable[..., Awaitable[Element]]
Drive = Callable[..., Awaitable[tuple[int, Any]]]


def codes(root: Element) -> list[str | None]:
    """The error codes of an answer."""
    return [text(error, "ErrorCode") for error in root.findall("Errors")]


def revision(item_id: str, quantity: int, sku: str = "") -> str:
    """One InventoryStatus container."""
    named = f"<SKU>{sku}</SKU>" if sku else ""
    return f"<InventoryStatus><ItemID>{item_id}</ItemID>{named}<Quantity>{quantity}</Quantity></InventoryStatus>"


async def app_token(sandbox: EbaySandbox, session: Any) -> str:
    """A token of the application, as anybody with its keys gets one."""
    form = {"grant_type": "client_credentials", "scope": "https://api.ebay.com/oauth/api_scope"}
    keys = encode_basic_auth(str(EXAMPLE_SETTINGS["app_id"]), EXAMPLE_SECRETS["cert_id"])
    async with session.post(
        f"{sandbox.url}/identity/v1/oauth2/token", data=form, headers={"Authorization": keys}
    ) as response:
        return str((await response.json())["access_token"])


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"X-EBAY-API-IAF-TOKEN": ""}, "930"),
        ({"X-EBAY-API-IAF-TOKEN": "v^1.1#other"}, "931"),
        ({"X-EBAY-API-CALL-NAME": "GetItem"}, "5"),
        ({"X-EBAY-API-CALL-NAME": ""}, "5"),
    ],
)
async def test_credentials_and_call_name_are_checked(call: Call, headers: dict[str, str], code: str) -> None:
    """Missing token 930, unknown token 931, a call name that is not the body's 5."""
    assert codes(await call("GetUser", **headers)) == [code]


async def test_an_unsupported_call_is_refused(call: Call) -> None:
    """GeteBayOfficialTime is not part of version 1423."""
    assert codes(await call("GeteBayOfficialTime")) == ["2"]


async def test_a_message_id_comes_back(call: Call) -> None:
    """MessageID is echoed as CorrelationID, between Ack and Version."""
    root = await call("GetUser", "<MessageID>m-1</MessageID>")
    assert [child.tag for child in root][:5] == ["Timestamp", "Ack", "CorrelationID", "Version", "Build"]
    assert text(root, "CorrelationID") == "m-1"


async def test_quantity_read_is_available_plus_sold(sandbox: EbaySandbox, call: Call) -> None:
    """Revising sets what is available; reading tells available + sold, for the item and each variation."""
    item_id = sandbox.add_listing(variations=[{"sku": "M", "quantity": 4}, {"sku": "L", "quantity": 2}])["item_id"]
    sandbox.sell([{"item_id": item_id, "sku": "M", "quantity": 3}])
    assert text(await call("ReviseInventoryStatus", revision(item_id, 5, "M")), "Ack") == "Success"
    item = (await call("GetItem", f"<ItemID>{item_id}</ItemID>")).find("Item")
    assert item is not None
    assert (text(item, "Quantity"), text(item, "SellingStatus/QuantitySold")) == ("10", "3")
    told = [
        (text(one, "SKU"), text(one, "Quantity"), text(one, "SellingStatus/QuantitySold"))
        for one in item.iter("Variation")
    ]
    assert told == [("M", "8", "3"), ("L", "2", "0")]


async def test_a_fifth_container_fails_the_whole_call(sandbox: EbaySandbox, call: Call) -> None:
    """Four at most; with five nothing is applied."""
    ids = [sandbox.add_listing(quantity=1)["item_id"] for _ in range(5)]
    root = await call("ReviseInventoryStatus", "".join(revision(one, 9) for one in ids))
    assert (text(root, "Ack"), codes(root)) == ("Failure", ["21916254"])
    assert {item.available for item in sandbox.account.items.values()} == {1}


@pytest.mark.parametrize(
    ("facts", "sku", "quantity", "code"),
    [
        ({"sku": "A", "quantity": 1}, "B", 5, "21916799"),
        ({"variations": [{"sku": "M", "quantity": 1}]}, "", 5, "21916735"),
        ({"variations": [{"sku": "M", "quantity": 1}]}, "X", 5, "21916736"),
        ({"quantity": 1, "listing_type": "Chinese"}, "", 5, "21916286"),
        ({"quantity": 1, "rest_managed": True}, "", 5, "21919474"),
    ],
)
async def test_what_cannot_be_revised_has_its_code(
    sandbox: EbaySandbox, call: Call, facts: dict[str, Any], sku: str, quantity: int, code: str
) -> None:
    """A wrong SKU, a variation not named, an auction, a listing of the Inventory API."""
    item_id = sandbox.add_listing(**facts)["item_id"]
    root = await call("ReviseInventoryStatus", revision(item_id, quantity, sku))
    assert (text(root, "Ack"), codes(root)) == ("Failure", [code])


async def test_the_same_quantity_again_is_a_warning(sandbox: EbaySandbox, call: Call) -> None:
    """A no-op is Ack=Warning with 21917092, judged against what is available."""
    item_id = sandbox.add_listing(quantity=4, sold=3)["item_id"]
    root = await call("ReviseInventoryStatus", revision(item_id, 4))
    assert (text(root, "Ack"), codes(root), text(root, "Errors/SeverityCode")) == ("Warning", ["21917092"], "Warning")


@pytest.mark.parametrize(
    ("mode", "ack", "listed", "parameters"),
    [
        ("shape_1", "Failure", [], ["0"]),
        ("shape_2", "Failure", ["A"], ["2"]),
        ("shape_3", "Failure", [], ["SKU"]),
        ("partial_failure", "PartialFailure", ["A"], ["2"]),
    ],
)
async def test_partial_failure_has_the_recorded_shapes(
    sandbox: EbaySandbox, call: Call, mode: str, ack: str, listed: list[str], parameters: list[str]
) -> None:
    """One of two ended: what the answer lists and how it names the culprit is a switch; the healthy one is applied."""
    sandbox.switch(partial_mode=mode)
    healthy = sandbox.add_listing(sku="A", quantity=1)["item_id"]
    ended = sandbox.add_listing(sku="B", quantity=1)["item_id"]
    sandbox.edit_listing(ended, ended=True)
    root = await call("ReviseInventoryStatus", revision(healthy, 5) + revision(ended, 5))
    assert (text(root, "Ack"), codes(root)) == (ack, ["21916750"])
    assert [text(one, "SKU") for one in root.findall("InventoryStatus")] == listed
    assert [one.get("ParamID") for one in root.iter("ErrorParameters")] == parameters
    assert sandbox.account.items[healthy].available == 5


async def test_without_out_of_stock_control_zero_is_refused_or_drops_a_variation(
    sandbox: EbaySandbox, call: Call
) -> None:
    """Control off: 515 for a single listing and the last variation; another unsold variation is dropped."""
    await call("SetUserPreferences", "<OutOfStockControlPreference>false</OutOfStockControlPreference>")
    single = sandbox.add_listing(quantity=2)["item_id"]
    varied = sandbox.add_listing(variations=[{"sku": "M", "quantity": 1}, {"sku": "L", "quantity": 1}])["item_id"]
    assert codes(await call("ReviseInventoryStatus", revision(single, 0))) == ["515"]
    assert codes(await call("ReviseInventoryStatus", revision(varied, 0, "M"))) == []
    assert list(sandbox.account.items[varied].offers) == ["L"]
    assert codes(await call("ReviseInventoryStatus", revision(varied, 0, "L"))) == ["515"]


async def test_with_out_of_stock_control_zero_hides_the_listing(sandbox: EbaySandbox, call: Call) -> None:
    """Control on: the listing stays Active, hidden as OutOfStock, until it has stock again."""
    item_id = sandbox.add_listing(quantity=2)["item_id"]
    await call("ReviseInventoryStatus", revision(item_id, 0))
    item = (await call("GetItem", f"<ItemID>{item_id}</ItemID>")).find("Item")
    assert item is not None
    assert (text(item, "SellingStatus/ListingStatus"), text(item, "ReasonHideFromSearch")) == ("Active", "OutOfStock")
    await call("ReviseInventoryStatus", revision(item_id, 1))
    item = (await call("GetItem", f"<ItemID>{item_id}</ItemID>")).find("Item")
    assert item is not None
    assert (text(item, "HideFromSearch"), text(item, "ReasonHideFromSearch")) == ("false", None)


async def test_a_listing_is_revised_250_times_a_day(sandbox: EbaySandbox, call: Call, clock: FakeClock) -> None:
    """Beyond the day's revisions a listing is refused, until the day turns."""
    sandbox.switch(revisions_per_day=2)
    item_id = sandbox.add_listing(quantity=1)["item_id"]
    answers = [codes(await call("ReviseInventoryStatus", revision(item_id, quantity))) for quantity in (2, 3, 4)]
    assert answers == [[], [], ["240"]]
    await clock.tick(86_400)
    assert codes(await call("ReviseInventoryStatus", revision(item_id, 4))) == []


async def test_the_day_and_the_window_are_metered(
    sandbox: EbaySandbox, call: Call, session: Any, clock: FakeClock
) -> None:
    """518 once the application's day is spent, 21919144 within a full window, and a meter that tells the day."""
    sandbox.switch(calls_per_day=3, calls_per_window=2)
    assert [codes(await call("GetUser")) for _ in range(3)] == [[], [], ["21919144"]]
    await clock.tick(15)
    assert codes(await call("GetUser")) == ["518"]
    url = f"{sandbox.url}/developer/analytics/v1_beta/rate_limit/"
    async with session.get(url, headers={"Authorization": f"Bearer {EXAMPLE_SECRETS['iaf_token']}"}) as response:
        assert response.status == 401, "the meter of the application takes the application's token only"
    async with session.get(url, headers={"Authorization": f"Bearer {await app_token(sandbox, session)}"}) as response:
        (limit,) = (await response.json())["rateLimits"]
    (rate,) = limit["resources"][0]["rates"]
    assert (rate["limit"], rate["remaining"]) == (3, 0)


async def test_ending_twice_is_1047(sandbox: EbaySandbox, call: Call) -> None:
    """A listing ends once."""
    item_id = sandbox.add_listing(quantity=1)["item_id"]
    inner = f"<ItemID>{item_id}</ItemID><EndingReason>NotAvailable</EndingReason>"
    assert [codes(await call("EndFixedPriceItem", inner)) for _ in range(2)] == [[], ["1047"]]


async def test_a_seller_list_needs_a_range_and_a_page_size(call: Call, clock: FakeClock) -> None:
    """Neither has a default; 120 days are too many."""
    now = stamp(clock.now())
    window = f"<EndTimeFrom>{now}</EndTimeFrom><EndTimeTo>{now}</EndTimeTo>"
    assert codes(await call("GetSellerList", "<Pagination><EntriesPerPage>5</EntriesPerPage></Pagination>")) == [
        "10009"
    ]
    assert codes(await call("GetSellerList", window)) == ["10009"]


async def test_orders_show_up_after_the_lag_and_change_their_id_when_paid(
    sandbox: EbaySandbox, call: Call, clock: FakeClock
) -> None:
    """The list is two minutes late, by id nothing is; payment gives a new OrderID, the line keeps its own."""
    started = stamp(clock.now())
    item_id = sandbox.add_listing(sku="A", quantity=5)["item_id"]
    unpaid = sandbox.sell([{"item_id": item_id, "quantity": 1}], paid=False)["order_id"]

    async def listed() -> list[str | None]:
        inner = f"<ModTimeFrom>{started}</ModTimeFrom><ModTimeTo>{stamp(clock.now())}</ModTimeTo>"
        return [text(order, "OrderID") for order in (await call("GetOrders", inner)).iter("Order")]

    assert await listed() == []
    await clock.tick(121)
    assert await listed() == [unpaid]
    paid = sandbox.change_order(unpaid, "pay")["order_id"]
    assert await listed() == [unpaid], "the list still tells the order as it was"
    await clock.tick(121)
    assert await listed() == [paid]
    for order_id in (unpaid, paid):
        root = await call("GetOrders", f"<OrderIDArray><OrderID>{order_id}</OrderID></OrderIDArray>")
        assert [text(order, "OrderID") for order in root.iter("Order")] == [paid]
        assert text(root, "OrderArray/Order/TransactionArray/Transaction/OrderLineItemID") == unpaid


async def test_an_empty_order_list_is_an_empty_tag(call: Call, clock: FakeClock) -> None:
    """As recorded: OrderArray is there and holds nothing."""
    root = await call("GetOrders", "<NumberOfDays>1</NumberOfDays>")
    array = root.find("OrderArray")
    assert array is not None
    assert len(array) == 0
    assert text(root, "ReturnedOrderCountActual") == "0"
    assert codes(await call("GetOrders")) == ["10009"]


async def test_a_combined_order_is_split_for_a_moment(sandbox: EbaySandbox, call: Call, clock: FakeClock) -> None:
    """Within seconds the lines of one order may be listed as orders of their own."""
    sandbox.switch(order_lag_seconds=0.0, split_seconds=5.0)
    ids = [sandbox.add_listing(quantity=1)["item_id"] for _ in range(2)]
    order = sandbox.sell([{"item_id": one, "quantity": 1} for one in ids])
    root = await call("GetOrders", "<NumberOfDays>1</NumberOfDays>")
    assert sorted(text(one, "OrderID") or "" for one in root.iter("Order")) == sorted(
        line["line_id"] for line in order["lines"]
    )
    await clock.tick(6)
    root = await call("GetOrders", "<NumberOfDays>1</NumberOfDays>")
    assert [text(one, "OrderID") for one in root.iter("Order")] == [order["order_id"]]


async def test_driven_from_another_process(sandbox: EbaySandbox, drive: Drive, call: Call) -> None:
    """Listings, sales, faults, switches and the log of calls are all reachable as JSON."""
    _, added = await drive("POST", "listings", {"title": "Guanti", "sku": "A", "quantity": 2, "price": "9.90"})
    line = {"item_id": added["item_id"], "sku": "A", "quantity": 2}
    status, order = await drive("POST", "sales", {"lines": [line], "buyer": {"name": "Mario Rossi"}, "paid": False})
    assert (status, order["paid"]) == (200, False)
    status, refusal = await drive("POST", "sales", {"lines": [line]})
    assert (status, refusal) == (409, {"error": f"listing {added['item_id']} has 0 left, not 2"})
    _, paid = await drive("POST", f"orders/{order['order_id']}/pay")
    await drive("POST", f"orders/{paid['order_id']}/cancel", {"restock": True})
    await drive("POST", f"listings/{added['item_id']}", {"quantity": 7})
    await drive("POST", "faults", {"kind": "internal"})
    assert (await drive("POST", "faults", {"kind": "earthquake"}))[0] == 400
    assert (await drive("POST", "switches", {"gravity": 1}))[0] == 409
    assert codes(await call("GetUser")) == ["10007"]
    await call("ReviseInventoryStatus", revision(added["item_id"], 4))
    _, state = await drive("GET", "state")
    assert state["listings"][0]["offers"] == [{"sku": None, "available": 4, "sold": 0}]
    assert [entry["call"] for entry in state["calls"]] == ["GetUser", "ReviseInventoryStatus"]
    assert state["calls"][1]["applied"] == [{"item_id": added["item_id"], "sku": None, "quantity": 4}]
    assert state["orders"][0]["cancelled"]


async def test_a_repeated_invocation_is_recognised(sandbox: EbaySandbox, call: Call) -> None:
    """The same InvocationID after a success changes nothing and says so."""
    item_id = sandbox.add_listing(quantity=1)["item_id"]
    inner = (
        f"<InvocationID>{'A' * 32}</InvocationID><ItemID>{item_id}</ItemID><MemberMessage><Subject>S</Subject>"
        "<Body>B</Body><RecipientID>buyer</RecipientID></MemberMessage>"
    )
    await call("AddMemberMessageAAQToPartner", inner)
    again = await call("AddMemberMessageAAQToPartner", inner)
    assert text(again, "DuplicateInvocationDetails/Status") == "Success"
    assert len(sandbox.account.messages) == 1


def test_the_example_settings_hold_no_secret() -> None:
    """What may stand in syncd.toml and what must not are kept apart."""
    assert not set(EXAMPLE_SETTINGS) & set(EXAMPLE_SECRETS)


async def test_a_misspelt_fact_is_refused(sandbox: EbaySandbox, drive: Drive) -> None:
    """Who drives the stand-in learns of a slip at once, not from a listing that shows nothing."""
    status, answer = await drive("POST", "listings", {"titel": "Gloves"})
    assert (status, "'titel'" in answer["error"], sandbox.state()["listings"]) == (400, True, [])
