"""The kit's cases about giving money back, coupons, notes, and writing to buyers."""
# ruff: noqa: S101  # the cases are made of assertions

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from syncd.channel.port import (
    BuyerMessage,
    ChannelOrder,
    CouponRequest,
    IssuesCoupons,
    MessagesBuyers,
    NotesOrders,
    RefundLine,
    RefundRequest,
    RefundsOrders,
    RefundVerdict,
)
from syncd.errors import ChannelRefused, ChannelUnavailable
from syncd.identity import Money
from syncd.testkit.channel_reading import all_orders, fault_of, needs, settle
from syncd.testkit.channel_rig import ChannelRig, Fault

MOVED = (RefundVerdict.DONE, RefundVerdict.PENDING)


def refunder(rig: ChannelRig) -> RefundsOrders:
    """The channel as one that refunds."""
    assert isinstance(rig.channel, RefundsOrders)
    return rig.channel


def messenger(rig: ChannelRig) -> MessagesBuyers:
    """The channel as one that messages buyers."""
    assert isinstance(rig.channel, MessagesBuyers)
    return rig.channel


def noter(rig: ChannelRig) -> NotesOrders:
    """The channel as one that takes notes."""
    assert isinstance(rig.channel, NotesOrders)
    return rig.channel


def issuer(rig: ChannelRig) -> IssuesCoupons:
    """The channel as one that makes coupons."""
    assert isinstance(rig.channel, IssuesCoupons)
    return rig.channel


def refund_of_one(order: ChannelOrder, reference: str, amount: Money | None = None) -> RefundRequest:
    """One unit of the order's first line, at its price unless told otherwise."""
    line = order.lines[0]
    amount = amount or line.unit_price
    return RefundRequest(
        order_id=order.order_id,
        reference=reference,
        reason="Out of stock",
        lines=(RefundLine(line.line_id, 1, amount),),
        amount=amount,
    )


class CareCases:
    """refund, find_refund and message_buyer."""

    @pytest.fixture
    async def order(self, rig: ChannelRig) -> ChannelOrder:
        """A paid order of three gloves; seven remain."""
        order_id = await rig.sell(await rig.add_listing("GLOVE-X", 10), 3)
        await settle(rig)
        return (await all_orders(rig))[order_id]

    @needs(RefundsOrders)
    async def test_a_refund_is_found_again(self, rig: ChannelRig, order: ChannelOrder) -> None:
        """A refund made is found by its reference, one not made is not, and other references stay apart."""
        request = refund_of_one(order, "case-1/refund")
        assert await refunder(rig).find_refund(request) is None
        made = await refunder(rig).refund(request)
        if made.verdict is RefundVerdict.NEEDS_PERSON:
            assert await refunder(rig).find_refund(request) is None, "nothing was refunded"
            return
        assert made.verdict in MOVED, made.message
        assert made.refund_id
        found = await refunder(rig).find_refund(request)
        assert found is not None, "the refund is there, yet find_refund does not see it; it would be paid twice"
        assert (found.refund_id, found.verdict in MOVED) == (made.refund_id, True)
        assert await refunder(rig).find_refund(refund_of_one(order, "case-2/refund")) is None

    @needs(RefundsOrders)
    async def test_a_second_refund_has_its_own_reference(self, rig: ChannelRig, order: ChannelOrder) -> None:
        """Two refunds of one order are two, each found by its own reference."""
        requests = [refund_of_one(order, f"case-{number}/refund") for number in (1, 2)]
        made = [await refunder(rig).refund(request) for request in requests]
        found = [await refunder(rig).find_refund(request) for request in requests]
        if RefundVerdict.NEEDS_PERSON in {one.verdict for one in made}:
            assert found == [None, None], "nothing was refunded"
            return
        assert made[0].refund_id != made[1].refund_id
        assert [one.refund_id for one in found if one] == [one.refund_id for one in made]

    @needs(RefundsOrders)
    async def test_a_refund_whose_answer_was_lost_is_found(self, rig: ChannelRig, order: ChannelOrder) -> None:
        """After a timeout find_refund tells whether the money moved, so that it never moves twice."""
        await rig.channel.check()
        lost, sent = refund_of_one(order, "case-1/refund"), refund_of_one(order, "case-2/refund")
        await rig.fail_next(Fault.TIMEOUT_BEFORE_APPLYING)
        assert type(await fault_of(rig, refunder(rig).refund(lost))) is ChannelUnavailable
        assert await refunder(rig).find_refund(lost) is None
        await rig.fail_next(Fault.TIMEOUT_AFTER_APPLYING)
        assert type(await fault_of(rig, refunder(rig).refund(sent))) is ChannelUnavailable
        found = await refunder(rig).find_refund(sent)
        assert found is not None, "the refund was made, yet find_refund does not see it; it would be paid twice"
        assert found.verdict in MOVED
        assert await refunder(rig).find_refund(lost) is None

    @needs(RefundsOrders)
    async def test_a_refund_never_restocks(self, rig: ChannelRig, order: ChannelOrder) -> None:
        """Giving money back leaves the channel's number alone: the ledger says what is there."""
        listing_id = order.lines[0].listing_id
        assert listing_id is not None
        before = await rig.shown(listing_id)
        await refunder(rig).refund(refund_of_one(order, "case-1/refund"))
        assert await rig.shown(listing_id) == before

    @needs(RefundsOrders)
    async def test_a_refund_shows_in_the_order(self, rig: ChannelRig, order: ChannelOrder) -> None:
        """A refund that is done shows as refunded units when the order is read again."""
        made = await refunder(rig).refund(refund_of_one(order, "case-1/refund"))
        await settle(rig)
        (line,) = (await all_orders(rig))[order.order_id].lines
        allowed = {RefundVerdict.DONE: {1}, RefundVerdict.PENDING: {0, 1}}.get(made.verdict, {0})
        assert line.quantity == 3
        assert line.refunded in allowed, f"the refund is {made.verdict}"

    @needs(RefundsOrders)
    async def test_more_than_was_paid_is_refused(self, rig: ChannelRig, order: ChannelOrder) -> None:
        """A refund above the order's total is a refusal, not a fault, and no refund is found afterwards."""
        too_much = Money(order.total.amount + 1, order.total.currency)
        request = refund_of_one(order, "case-1/refund", too_much)
        made = await refunder(rig).refund(request)
        assert made.verdict in (RefundVerdict.REFUSED, RefundVerdict.NEEDS_PERSON)
        assert made.message, "a refusal says why"
        found = await refunder(rig).find_refund(request)
        assert found is None or found.verdict not in MOVED

    @needs(IssuesCoupons)
    async def test_a_coupon_asked_for_again_is_the_same(self, rig: ChannelRig) -> None:
        """The same request makes one coupon, whether its answer came or not; another code is another coupon."""
        await rig.channel.check()
        request = CouponRequest("KIT-1", Decimal(10), "goodwill", email="anna@example.test")
        await rig.fail_next(Fault.TIMEOUT_AFTER_APPLYING)
        assert type(await fault_of(rig, issuer(rig).issue_coupon(request))) is ChannelUnavailable
        made = await issuer(rig).issue_coupon(request)
        assert made.coupon_id
        assert not made.refusal
        assert await issuer(rig).issue_coupon(request) == made
        other = await issuer(rig).issue_coupon(replace(request, code="KIT-2"))
        assert other.coupon_id not in ("", made.coupon_id)

    @needs(IssuesCoupons)
    async def test_a_code_stands_for_one_coupon(self, rig: ChannelRig) -> None:
        """A code that is taken by another coupon is refused with a reason: the customer would get something else."""
        request = CouponRequest("KIT-1", Decimal(10), "goodwill")
        assert (await issuer(rig).issue_coupon(request)).coupon_id
        outcome = await issuer(rig).issue_coupon(replace(request, value=Decimal(20)))
        assert outcome.refusal
        assert not outcome.coupon_id

    @needs(NotesOrders)
    async def test_a_note_is_not_for_the_buyer(self, rig: ChannelRig, order: ChannelOrder) -> None:
        """It stays with the merchant's people, and leaving it again is no fault."""
        before = len(await rig.messages()) if isinstance(rig.channel, MessagesBuyers) else 0
        for _ in range(2):
            await noter(rig).note_order(order.order_id, "Short by 1: <asked>", "case-1/note")
        after = len(await rig.messages()) if isinstance(rig.channel, MessagesBuyers) else 0
        assert after == before

    @needs(NotesOrders)
    async def test_a_note_about_no_order_is_refused(self, rig: ChannelRig) -> None:
        """A note nobody could find must not be taken for left."""
        assert type(await fault_of(rig, noter(rig).note_order(rig.unknown_order_id(), "x", "r"))) is ChannelRefused

    @needs(MessagesBuyers)
    async def test_a_message_reaches_the_buyer(self, rig: ChannelRig, order: ChannelOrder) -> None:
        """The text arrives letter by letter, markup and umlauts included, exactly once."""
        channel = messenger(rig)
        body = "Guten Tag,\nIhre Grillhandschuhe <Größe 9> & mehr: 100 % sicher."
        before = len(await rig.messages())
        await channel.message_buyer(self._message(order, body))
        messages = list(await rig.messages())[before:]
        assert len(messages) == 1
        assert body in messages[0].replace("\r\n", "\n")

    @needs(MessagesBuyers)
    async def test_a_message_about_no_order_is_refused(self, rig: ChannelRig, order: ChannelOrder) -> None:
        """A message about an order nobody placed raises ChannelRefused and reaches nobody."""
        channel = messenger(rig)
        message = self._message(order, "Hello", order_id=rig.unknown_order_id())
        before = len(await rig.messages())
        assert type(await fault_of(rig, channel.message_buyer(message))) is ChannelRefused
        assert len(await rig.messages()) == before

    @needs(MessagesBuyers)
    async def test_a_message_whose_answer_was_lost_is_a_fault(self, rig: ChannelRig, order: ChannelOrder) -> None:
        """A message that may have arrived is told as such and not sent again by the connector."""
        channel = messenger(rig)
        await rig.channel.check()
        before = len(await rig.messages())
        await rig.fail_next(Fault.TIMEOUT_AFTER_APPLYING)
        message = self._message(order, "Hello")
        assert type(await fault_of(rig, channel.message_buyer(message))) is ChannelUnavailable
        assert len(await rig.messages()) == before + 1

    @staticmethod
    def _message(order: ChannelOrder, body: str, *, order_id: str | None = None) -> BuyerMessage:
        return BuyerMessage(
            order_id=order_id or order.order_id,
            listing_id=None if order_id else order.lines[0].listing_id,
            buyer_id=order.buyer.buyer_id,
            subject="Your order",
            body=body,
            reference="case-1/message",
        )
