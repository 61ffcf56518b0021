"""Platform Notifications: eBay's published signature, replay, forgery, and what is read as a hint."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connectors.ebay.mapping_webhook import NotificationKeys, answer_challenge, answer_notification, signature
from syncd.channel.port import Hint, WebhookRequest

KEYS = NotificationKeys("DEV", "APP", "CERT", "venditore_01")
SENT_AT = datetime(2026, 11, 21, 18, 0, 0, 123000, tzinfo=UTC)
SIGNED = "E7YYMH1/+sPxRnnDKF5qpA=="

ITEM = """<Item><ItemID>110142400319</ItemID><Quantity>10</Quantity><SellingStatus><QuantitySold>1</QuantitySold>
<ListingStatus>Active</ListingStatus></SellingStatus></Item>"""
SALE = """<TransactionArray><Transaction><QuantityPurchased>1</QuantityPurchased>
<TransactionID>27273537001</TransactionID><OrderLineItemID>110142400319-27273537001</OrderLineItemID>{more}
</Transaction></TransactionArray>"""


def notification(
    payload: str = "", *, signed: str = SIGNED, timestamp: str = "2026-11-21T18:00:00.123Z", to: str = "venditore_01"
) -> WebhookRequest:
    """A notification as eBay posts it, with white space round the signature."""
    body = f"""<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">
<soapenv:Header><ebl:RequesterCredentials soapenv:mustUnderstand="0" xmlns:ebl="urn:ebay:apis:eBLBaseComponents">
<ebl:NotificationSignature>
  {signed} </ebl:NotificationSignature></ebl:RequesterCredentials></soapenv:Header>
<soapenv:Body><GetItemTransactionsResponse xmlns="urn:ebay:apis:eBLBaseComponents"><Timestamp>{timestamp}</Timestamp>
<Ack>Success</Ack><NotificationEventName>FixedPriceTransaction</NotificationEventName>
<RecipientUserID>{to}</RecipientUserID>{payload}</GetItemTransactionsResponse></soapenv:Body></soapenv:Envelope>"""
    return WebhookRequest("POST", "/hooks/ebay", {}, {}, body.encode(), SENT_AT + timedelta(seconds=2))


def test_the_signature_is_the_published_one() -> None:
    """base64(md5(Timestamp + DevID + AppID + CertID)), as eBay's KB 1201 defines it."""
    assert signature("2026-11-21T18:00:00.123Z", KEYS) == SIGNED


def test_a_sale_hints_at_its_order_and_the_listing_as_shown() -> None:
    """The order id is read, and Quantity − QuantitySold at the signed time."""
    answer = answer_notification(notification(ITEM + SALE.format(more="")), KEYS)
    assert answer.status == 200
    order, listing = answer.hints
    assert order == Hint(order_id="110142400319-27273537001")
    seen = listing.observation
    assert seen is not None
    assert (seen.listing_id, seen.available, seen.sold, seen.asked_at) == ("110142400319", 9, 1, SENT_AT)


@pytest.mark.parametrize(
    ("more", "order_id"),
    [
        ("<ExtendedOrderID>24-00001-10001</ExtendedOrderID>", "24-00001-10001"),
        ("<ContainingOrder><OrderID>24-00001-10001</OrderID></ContainingOrder>", "24-00001-10001"),
        ("", "110142400319-27273537001"),
    ],
)
def test_the_order_is_named_by_the_best_id_told(more: str, order_id: str) -> None:
    """The order's own id where it is told, else the line's, which eBay takes for an unpaid order."""
    hints = answer_notification(notification(SALE.format(more=more)), KEYS).hints
    assert hints == (Hint(order_id=order_id),)


def test_a_sale_of_a_variation_says_nothing_about_the_sum() -> None:
    """The item's numbers are the sum over variations and must not lower one of them."""
    more = "<Variation><SKU>GLOVE-M</SKU></Variation>"
    hints = answer_notification(notification(ITEM + SALE.format(more=more)), KEYS).hints
    assert [hint.observation for hint in hints] == [None]


def test_an_item_that_is_told_in_part_is_no_observation() -> None:
    """Without QuantitySold nothing is concluded but that something happened."""
    item = ITEM.replace("<QuantitySold>1</QuantitySold>", "")
    assert answer_notification(notification(item), KEYS).hints == (Hint(),)


@pytest.mark.parametrize("minutes", [11, -13, 60 * 24])
def test_a_stale_message_is_acknowledged_and_believed_in_nothing(minutes: int) -> None:
    """Correctly signed but more than ten minutes away: 200, so that eBay stops, and a reason to poll only."""
    request = notification(ITEM + SALE.format(more=""))
    answer = answer_notification(replace(request, received_at=request.received_at + timedelta(minutes=minutes)), KEYS)
    assert (answer.status, answer.hints) == (200, (Hint(),))
    assert "10 minutes" in answer.reason


@pytest.mark.parametrize(
    "request_",
    [
        notification(signed="E7YYMH1/+sPxRnnDKF5qpB=="),
        notification(signed=""),
        notification(timestamp="2026-11-21T18:00:00.124Z"),
        notification(signed="é"),
    ],
    ids=["wrong", "missing", "other timestamp", "not ascii"],
)
def test_a_forged_message_is_refused_without_telling_the_keys(request_: WebhookRequest) -> None:
    """A signature that does not fit is 401 with a reason, and no hint."""
    answer = answer_notification(request_, KEYS)
    assert (answer.status, answer.hints) == (401, ())
    assert answer.reason
    assert "CERT" not in repr(answer) + repr(KEYS)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{}", b"<Envelope/>", b"<Envelope><Body/></Envelope>", b"<Envelope><Body><X/></Body></Envelope>"),
        b"<Envelope><Body><X><Timestamp>0001-01-01T00:00:00+14:00</Timestamp></X></Body></Envelope>",
    ],
)
def test_what_is_no_notification_is_400_with_one_sentence(body: bytes) -> None:
    """Malformed or empty: refused with what is wrong."""
    answer = answer_notification(replace(notification(), body=body), KEYS)
    assert (answer.status, answer.hints) == (400, ())
    assert answer.reason.startswith("not a Platform Notification: ")


def test_a_message_for_another_seller_is_acknowledged_and_ignored() -> None:
    """One application may serve several sellers; only ours concerns this channel."""
    answer = answer_notification(notification(ITEM, to="altro_venditore"), KEYS)
    assert (answer.status, answer.hints) == (200, ())


def test_the_ownership_challenge_is_answered_as_published() -> None:
    """hex sha256(challenge code + verification token + registered URL), as JSON."""
    request = WebhookRequest(
        method="GET",
        url="/hooks/ebay",
        query={"challenge_code": "a8628072-3d33-45ee-9004-bee86830a22d"},
        headers={},
        body=b"",
        received_at=SENT_AT,
    )
    answer = answer_challenge(
        request, token="71745723-d031-455c-bfa5-f90d11b4f20a", url="http://www.testendpoint.com/webhook"
    )
    assert answer.body == (b'{"challengeResponse": "ca527df75caa230092d7e90484071e8f05d63068f1317973d6a3a42593734bbb"}')
    assert answer.content_type == "application/json"
