"""The kit's cases about calls from the channel: believed only when signed, and never harmful."""
# ruff: noqa: S101  # the cases are made of assertions

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from syncd.channel.port import ReceivesWebhooks, WebhookAnswer, WebhookRequest
from syncd.identity import ListingId
from syncd.testkit.channel_reading import assert_untold, needs
from syncd.testkit.channel_rig import ChannelRig

REFUSED_FROM = 400
OVERSIZED_BYTES = 4 * 1024 * 1024

GARBAGE: dict[str, bytes] = {
    "empty": b"",
    "binary": bytes(range(256)),
    "cut json": b'{"order_id": ',
    "wrong json": b'[null, 1e999, {"id": {}}]',
    "deep json": b"[" * 20_000,
    "cut xml": b"<?xml version='1.0'?><a><b>",
    "entities": b'<!DOCTYPE a [<!ENTITY x "xxxxxxxx">]><a>&x;&x;</a>',
    "form": b"webhook_id=12",
    "oversized": b"x" * OVERSIZED_BYTES,
}
"""Bodies that no channel signs."""


def receiver(rig: ChannelRig) -> ReceivesWebhooks:
    """The channel as a receiver of webhooks."""
    assert isinstance(rig.channel, ReceivesWebhooks)
    return rig.channel


def believed(answer: WebhookAnswer) -> bool:
    """Whether the core would act on the answer at all."""
    return answer.status < REFUSED_FROM and answer.hints != ()


class WebhookCases:
    """receive_webhook."""

    @pytest.fixture
    async def sale(self, rig: ChannelRig) -> tuple[ListingId, str]:
        """A listing of which a unit was sold, and the order."""
        listing_id = await rig.add_listing("GLOVE-X", 5)
        return listing_id, await rig.sell(listing_id, 1)

    @needs(ReceivesWebhooks)
    async def test_a_signed_webhook_gives_a_hint(self, rig: ChannelRig, sale: tuple[ListingId, str]) -> None:
        """What the channel signed is welcome and hints at the order, its listing or anything."""
        listing_id, order_id = sale
        request = await rig.webhook(order_id)
        answer = receiver(rig).receive_webhook(request)
        assert 200 <= answer.status < 300, answer.reason
        assert answer.hints, "the webhook told of a sale"
        assert answer.delivery_key, "a delivery has a key, so that its repetition is recognised"
        for hint in answer.hints:
            assert hint.order_id in (None, order_id)
            if hint.observation is not None:
                assert (hint.observation.listing_id, hint.observation.available) == (listing_id, 4)
                assert hint.observation.asked_at <= request.received_at

    @needs(ReceivesWebhooks)
    async def test_the_answer_depends_on_the_request_alone(self, rig: ChannelRig, sale: tuple[ListingId, str]) -> None:
        """The same request gives the same answer and asks the channel nothing: receiving is pure."""
        request = await rig.webhook(sale[1])
        before = await rig.calls_received()
        assert receiver(rig).receive_webhook(request) == receiver(rig).receive_webhook(request)
        assert await rig.calls_received() == before

    @needs(ReceivesWebhooks)
    async def test_a_repeated_delivery_is_recognised(self, rig: ChannelRig, sale: tuple[ListingId, str]) -> None:
        """The same delivery has the same key; a delivery about another order has another."""
        again = await rig.webhook(sale[1])
        other = await rig.webhook(await rig.sell(sale[0], 1))
        keys = [receiver(rig).receive_webhook(one).delivery_key for one in (again, again, other)]
        assert keys[0] == keys[1] != keys[2]

    @needs(ReceivesWebhooks)
    async def test_an_old_delivery_brings_no_fresh_number(self, rig: ChannelRig, sale: tuple[ListingId, str]) -> None:
        """A delivery played back a day later is refused, or hints at nothing newer than it was."""
        request = await rig.webhook(sale[1])
        late = replace(request, received_at=request.received_at + timedelta(days=1))
        answer = receiver(rig).receive_webhook(late)
        for hint in answer.hints if believed(answer) else ():
            if hint.observation is not None:
                assert hint.observation.asked_at <= request.received_at

    @needs(ReceivesWebhooks)
    async def test_a_forged_webhook_is_not_believed(self, rig: ChannelRig, sale: tuple[ListingId, str]) -> None:
        """The same words under a wrong signature are refused, with a reason that tells nothing."""
        answer = receiver(rig).receive_webhook(await rig.webhook(sale[1], forged=True))
        assert answer.status >= REFUSED_FROM
        assert answer.reason, "a refusal has a reason for the log"
        assert_untold(rig, f"{answer!r} {answer.body!r}", "the answer to a forged webhook")

    @needs(ReceivesWebhooks)
    @pytest.mark.parametrize("kind", GARBAGE)
    async def test_garbage_is_not_believed(self, rig: ChannelRig, sale: tuple[ListingId, str], kind: str) -> None:
        """A body that nobody signed, under a real delivery's headers or none, gives no hint, never raises."""
        signed = await rig.webhook(sale[1])
        for request in (replace(signed, body=GARBAGE[kind]), replace(signed, body=GARBAGE[kind], headers={})):
            self._assert_disbelieved(rig, request)

    @needs(ReceivesWebhooks)
    async def test_a_webhook_without_headers_or_query_never_raises(
        self, rig: ChannelRig, sale: tuple[ListingId, str]
    ) -> None:
        """Odd methods, no headers and an odd query are answered, never raised over."""
        signed = await rig.webhook(sale[1])
        for request in (
            replace(signed, method="GET", headers={}, body=b""),
            replace(signed, method="GET", query={"challenge_code": ""}, headers={}, body=b""),
            replace(signed, method="DELETE", query={"\x00": "\udcff"}, headers={"": "\x00"}, body=b"\x00"),
        ):
            self._assert_disbelieved(rig, request)

    @staticmethod
    def _assert_disbelieved(rig: ChannelRig, request: WebhookRequest) -> None:
        answer = receiver(rig).receive_webhook(request)
        assert not believed(answer), f"believed {answer.hints}"
        assert_untold(rig, repr(answer), "the answer to a webhook that is not the channel's")
