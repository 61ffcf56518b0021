"""A connector that fails wrongly or tells too much is caught by the kit: its case turns red."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from syncd.channel.port import (
    BuyerMessage,
    Capabilities,
    ListingPage,
    OrderPage,
    PushOutcome,
    QuantityUpdate,
    RefundOutcome,
    RefundRequest,
    WebhookAnswer,
    WebhookRequest,
)
from syncd.errors import ChannelProtocolError, ChannelUnavailable, RateLimited, RemoteError
from syncd.testkit.channel_fact_cases import assert_logs_untold
from syncd.testkit.channel_rig import Fault
from syncd.testkit.fake_channel import API_KEY, FakeChannel
from syncd.testkit.fake_rig import FakeRig
from syncd.testkit.fake_webhook import WEBHOOK_SECRET, webhook_from
from syncd.testkit.shop_record import BUYER, EVERYTHING

IsRed = Callable[..., Awaitable[bool]]


class VendorException(FakeChannel):
    """Lets the vendor's own exception through."""

    async def fetch_listings(self, cursor: str | None) -> ListingPage:
        try:
            return await super().fetch_listings(cursor)
        except (ChannelProtocolError, ChannelUnavailable) as error:
            raise RuntimeError("expected an object") from error


class ForgetsDelay(FakeChannel):
    """Does not say how long to wait."""

    async def check(self) -> None:
        try:
            await super().check()
        except RateLimited as error:
            raise RateLimited(error.source, error.operation, error.message) from None


class TellsKey(FakeChannel):
    """Repeats the request it sent, key and all."""

    async def check(self) -> None:
        try:
            await super().check()
        except RemoteError as error:
            raise ChannelUnavailable(error.source, error.operation, f"GET /?key={API_KEY}") from None


class KeyInChain(FakeChannel):
    """Says nothing itself, but hands on the exception that does."""

    async def check(self) -> None:
        try:
            await super().check()
        except RemoteError as error:
            raise ChannelUnavailable(error.source, error.operation, "cut") from OSError(f"/?key={API_KEY}")


class KeyInRepr(FakeChannel):
    """Shows its settings."""

    def __repr__(self) -> str:
        return f"KeyInRepr({API_KEY})"


class BreaksWhenCancelled(FakeChannel):
    """Never recovers from a cancelled call."""

    broken = False

    async def fetch_orders(self, cursor: str | None, *, since: datetime) -> OrderPage:
        try:
            return await super().fetch_orders(cursor, since=since)
        except asyncio.CancelledError:
            self.broken = True
            raise

    async def fetch_listings(self, cursor: str | None) -> ListingPage:
        if self.broken:
            raise ChannelUnavailable(self.name, "fetch_listings", "the session is closed")
        return await super().fetch_listings(cursor)


class ClosesOnce(FakeChannel):
    """Cannot be closed twice."""

    async def aclose(self) -> None:
        if self.closed:
            raise RuntimeError("already closed")
        await super().aclose()


class ChecksNothing(FakeChannel):
    """Takes its settings' word for it."""

    async def check(self) -> None:
        return None


class SwallowsTimeout(FakeChannel):
    """Takes no answer for a good answer."""

    async def push_quantities(self, updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
        try:
            return await super().push_quantities(updates)
        except ChannelUnavailable:
            return []


class Loosened(FakeChannel):
    """Promises more than its connector."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, batch_size=50)


class HalfAbility(FakeChannel):
    """Refunds, and cannot say whether it has."""

    @property
    def find_refund(self) -> None:  # type: ignore[override]
        raise AttributeError("find_refund")


class BelievesAnyone(FakeChannel):
    """Does not look at signatures."""

    def receive_webhook(self, request: WebhookRequest) -> WebhookAnswer:
        signed = webhook_from(self.shop, "order-1", secret=WEBHOOK_SECRET)
        return super().receive_webhook(signed)


class FreshensOld(FakeChannel):
    """Takes the time of arrival for the time of the news."""

    def receive_webhook(self, request: WebhookRequest) -> WebhookAnswer:
        answer = super().receive_webhook(webhook_from(self.shop, "order-1"))
        seen = answer.hints[0].observation
        assert seen is not None
        hint = replace(answer.hints[0], observation=replace(seen, asked_at=request.received_at))
        return replace(answer, hints=(hint,))


class ChokesOnGarbage(FakeChannel):
    """Expects every body to be text."""

    def receive_webhook(self, request: WebhookRequest) -> WebhookAnswer:
        request.body.decode()
        return super().receive_webhook(request)


class OneKeyForAll(FakeChannel):
    """Gives all deliveries of a second one name."""

    def receive_webhook(self, request: WebhookRequest) -> WebhookAnswer:
        return replace(super().receive_webhook(request), delivery_key="1771484400")


class FindsAnyRefund(FakeChannel):
    """Takes any refund of the order for the one asked about."""

    async def find_refund(self, request: RefundRequest) -> RefundOutcome | None:
        made = [done.request for done in self.shop.refunds if done.request.order_id == request.order_id]
        return await super().find_refund(made[0] if made else request)


class FindsNoRefund(FakeChannel):
    """Never finds what was refunded."""

    async def find_refund(self, request: RefundRequest) -> RefundOutcome | None:
        return await super().find_refund(replace(request, reference="?"))


class Restocks(FakeChannel):
    """Puts refunded units back on the shop's shelf."""

    async def refund(self, request: RefundRequest) -> RefundOutcome:
        for listing in self.shop.listings.values():
            listing.stored += 1
        return await super().refund(request)


class WritesTwice(FakeChannel):
    """Sends a message again when it is unsure."""

    async def message_buyer(self, message: BuyerMessage) -> None:
        try:
            await super().message_buyer(message)
        except ChannelUnavailable:
            await super().message_buyer(message)
            raise


FAULTY = "test_a_fault_is_told_and_gets_over"
BROKEN: list[tuple[type[FakeChannel], str, dict[str, str]]] = [
    (VendorException, FAULTY, {"fault": Fault.HTML_BODY, "operation": "fetch_listings"}),
    (VendorException, FAULTY, {"fault": Fault.CUT_BODY, "operation": "fetch_listings"}),
    (VendorException, "test_a_huge_answer_is_survived", {"operation": "fetch_listings"}),
    (ForgetsDelay, FAULTY, {"fault": Fault.RATE_LIMITED_WITH_DELAY, "operation": "check"}),
    (TellsKey, FAULTY, {"fault": Fault.CONNECTION_CUT, "operation": "check"}),
    (KeyInChain, FAULTY, {"fault": Fault.CONNECTION_CUT, "operation": "check"}),
    (SwallowsTimeout, FAULTY, {"fault": Fault.TIMEOUT_BEFORE_APPLYING, "operation": "push_quantities"}),
    (KeyInRepr, "test_neither_secrets_nor_buyers_are_told", {}),
    (BreaksWhenCancelled, "test_a_cancelled_call_leaves_the_channel_usable", {"operation": "fetch_orders"}),
    (ClosesOnce, "test_closing_twice_is_harmless", {}),
    (ChecksNothing, "test_bad_credentials_are_told_by_every_call", {}),
    (Loosened, "test_the_instance_only_tightens", {}),
    (HalfAbility, "test_abilities_are_whole", {}),
    (BelievesAnyone, "test_a_forged_webhook_is_not_believed", {}),
    (BelievesAnyone, "test_garbage_is_not_believed", {"kind": "empty"}),
    (FreshensOld, "test_an_old_delivery_brings_no_fresh_number", {}),
    (ChokesOnGarbage, "test_garbage_is_not_believed", {"kind": "binary"}),
    (OneKeyForAll, "test_a_repeated_delivery_is_recognised", {}),
    (FindsAnyRefund, "test_a_refund_is_found_again", {}),
    (FindsNoRefund, "test_a_refund_whose_answer_was_lost_is_found", {}),
    (Restocks, "test_a_refund_never_restocks", {}),
    (WritesTwice, "test_a_message_whose_answer_was_lost_is_a_fault", {}),
]


@pytest.mark.parametrize(("channel_type", "case", "given"), BROKEN)
async def test_a_broken_channel_turns_its_case_red(
    is_red: IsRed, channel_type: type[FakeChannel], case: str, given: dict[str, str]
) -> None:
    """Each of these mistakes fails the case that is about it, which the whole channel passes."""
    assert not await is_red(FakeChannel, case, **given)
    assert await is_red(channel_type, case, **given)


@pytest.mark.parametrize(
    ("fact", "case"),
    [
        ("restocks_cancelled", "test_a_cancellation_restocks_as_declared"),
        ("decrements_unpaid", "test_a_sale_lowers_the_number_as_declared"),
        ("sold_counter", "test_the_sold_counter_in_the_list_is_as_declared"),
        ("zero_keeps_listing", "test_zero_does_what_is_declared"),
        ("names_buyer_language", "test_the_buyers_language_is_as_declared"),
    ],
)
@pytest.mark.parametrize("declared", [True, False])
async def test_a_false_fact_turns_its_case_red(is_red: IsRed, fact: str, case: str, declared: bool) -> None:
    """A channel that counts otherwise than it declares is red, whichever way round."""

    class Otherwise(FakeChannel):
        """Declares the opposite of what its shop does."""

        @property
        def capabilities(self) -> Capabilities:
            return replace(self.shop.capabilities, **{fact: declared})

    given = {"paid": False} if fact == "decrements_unpaid" else {}
    assert await is_red(Otherwise, case, replace(EVERYTHING, **{fact: not declared}), **given)


async def test_a_secret_in_a_log_record_is_found() -> None:
    """A record is searched in its text, its arguments and what was attached to it; a stand-in's is not."""
    async with FakeRig(EVERYTHING) as rig:
        for told in (API_KEY, BUYER.email):
            record = logging.LogRecord("vendor", logging.DEBUG, "f.py", 1, "GET %s", (f"/?{told}",), None)
            with pytest.raises(pytest.fail.Exception, match="vendor") as caught:
                assert_logs_untold(rig, [record])
            assert told not in str(caught.value), "the failure itself tells it"
            record.name = "aiohttp.access"
            assert_logs_untold(rig, [record])
