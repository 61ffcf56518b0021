"""Suppliers on whose way nothing may be sent twice, and what they answer later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from syncd.attention.question import Topic
from syncd.errors import ChannelAuthFailed, ChannelProtocolError, ChannelUnavailable, RateLimited, RemoteError
from syncd.supply.desk.service import PurchaseDesk
from syncd.supply.parcel import ParcelStatus
from syncd.supply.port import (
    AnswerKind,
    AnswerPage,
    FeedProblem,
    OfferRow,
    PurchaseAnswer,
    PurchaseOutcome,
    PurchaseRequest,
    PurchaseVerdict,
)
from syncd.supply.purchase_order import PurchaseStatus
from syncd.supply.store_parcel import read_parcels
from syncd.testkit.fake_clock import START_AT
from syncd.testkit.fake_supplier import FakeOrderingSupplier
from tests.support.desk import BUY, CATALOGUE, DEMAND, DRAFT, FETCH_SECONDS, NORD, Desk, desk_over, opened_desk
from tests.support.store import GLOVES

SENT = PurchaseOutcome(PurchaseVerdict.SENT, "", ())


class Letterbox(FakeOrderingSupplier):
    """A supplier who gets letters: nobody sees whether one arrives, and he answers when he likes."""

    letters: list[PurchaseRequest]
    lost: list[RemoteError]
    unsent = 0
    page = AnswerPage((), "")

    @property
    def repeatable(self) -> bool:
        """Two letters are two orders."""
        return False

    async def place_order(self, request: PurchaseRequest) -> PurchaseOutcome:
        """Into the box, or lost on the way."""
        if self.unsent:
            self.unsent -= 1
            return PurchaseOutcome(PurchaseVerdict.UNSENT, "", (), "no stamp")
        self.letters.append(request)
        if self.lost:
            raise self.lost.pop()
        return SENT

    async def fetch_answers(self, cursor: str | None) -> AnswerPage:
        """What he wrote."""
        return AnswerPage((), self.page.cursor) if cursor == self.page.cursor else self.page


class GlassLetterbox(Letterbox):
    """One can see whether a letter lies in it."""

    async def find_order(self, request: PurchaseRequest) -> PurchaseOutcome | None:
        """Look."""
        return SENT if request in self.letters else None


@pytest.fixture
async def desk(store_url: str) -> AsyncIterator[Desk]:
    """A worker for a supplier who gets letters."""
    async with opened_desk(store_url) as opened:
        put(opened, Letterbox(NORD, clock=opened.store.clock))
        yield opened


def put(desk: Desk, supplier: Letterbox) -> Letterbox:
    """Let the desk's worker work with this supplier."""
    supplier.letters, supplier.lost = [], []
    supplier.set_offers([*CATALOGUE, OfferRow(GLOVES, 9)])
    desk.supplier = supplier
    desk.service = desk_over(desk.store, supplier)
    return supplier


def box(desk: Desk) -> Letterbox:
    """The supplier."""
    assert isinstance(desk.supplier, Letterbox)
    return desk.supplier


async def status(desk: Desk) -> PurchaseStatus:
    """How the one purchase order stands."""
    return (await desk.orders())[DRAFT.reference].status


async def test_a_letter_is_sent_once_and_its_units_stay_taken(desk: Desk) -> None:
    """Sent and unanswered: what he offers meanwhile is said without regard to it; nothing is short."""
    await desk.draft(DRAFT)
    await desk.run()
    await desk.run(10)
    assert len(box(desk).letters) == 1
    assert await status(desk) is PurchaseStatus.SENT
    box(desk).set_offers([*CATALOGUE, OfferRow(GLOVES, 8)])
    await desk.run(FETCH_SECONDS)
    assert await desk.usable_units(GLOVES) == 8 - 3
    assert await desk.demand() == DEMAND


@pytest.mark.parametrize("error", [ChannelUnavailable, ChannelProtocolError])
async def test_a_letter_nobody_saw_arrive_is_never_sent_again(desk: Desk, error: type[RemoteError]) -> None:
    """The connection broke on the way: a person asks him, and says whether it goes out again."""
    await desk.draft(DRAFT)
    box(desk).lost = [error(NORD, "place_order", "cut")]
    await desk.run()
    await desk.run(100_000)
    assert len(box(desk).letters) == 1
    assert await status(desk) is PurchaseStatus.BY_HAND
    (question,) = [one for one in await desk.questions() if one.topic is Topic.PURCHASE_ORDER]
    assert f"syncd supplier resend {DRAFT.reference}" in question.sentence
    hand = PurchaseDesk(desk.store.db, desk.store.writer, actor="test")
    assert not (await hand.resend((await desk.orders())[DRAFT.reference])).explanation
    await desk.run(1)
    assert len(box(desk).letters) == 2
    assert "only one that is by_hand" in (await hand.resend((await desk.orders())[DRAFT.reference])).explanation


async def test_a_crash_while_sending_does_not_send_twice(desk: Desk) -> None:
    """Killed between the letter and its note: the next process finds it half sent, and asks instead of sending."""
    await desk.draft(DRAFT)
    box(desk).lost = [KilledError()]  # type: ignore[list-item]
    with pytest.raises(KilledError):
        await desk.run()
    assert await status(desk) is PurchaseStatus.SENDING
    desk.service = desk_over(desk.store, desk.supplier)
    await desk.run(1)
    assert len(box(desk).letters) == 1
    assert await status(desk) is PurchaseStatus.BY_HAND


class KilledError(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("arrived", [True, False])
async def test_where_it_can_be_seen_a_crash_settles_itself(desk: Desk, arrived: bool) -> None:
    """A letter that can be seen lying there was sent; one that cannot is asked about, for he may have taken it."""
    supplier = put(desk, GlassLetterbox(NORD, clock=desk.store.clock))
    await desk.draft(DRAFT)
    supplier.lost = [KilledError()]  # type: ignore[list-item]
    with pytest.raises(KilledError):
        await desk.run()
    if not arrived:
        supplier.letters.clear()
    desk.service = desk_over(desk.store, supplier)
    await desk.run(1)
    assert await status(desk) is (PurchaseStatus.SENT if arrived else PurchaseStatus.BY_HAND)


async def test_a_letter_that_surely_did_not_go_is_tried_again(desk: Desk) -> None:
    """Not sent is not unknown: it goes out at the next try."""
    await desk.draft(DRAFT)
    box(desk).unsent = 1
    await desk.run()
    assert await status(desk) is PurchaseStatus.DRAFT
    assert (await desk.orders())[DRAFT.reference].message == "no stamp"
    await desk.run(30)
    assert await status(desk) is PurchaseStatus.SENT


@pytest.mark.parametrize(("error", "after"), [(RateLimited, "draft"), (ChannelAuthFailed, "by_hand")])
async def test_what_was_surely_refused_is_not_unknown(desk: Desk, error: type[RemoteError], after: str) -> None:
    """Limited or locked out: nothing was applied, and nobody has to ask whether it was sent."""
    await desk.draft(DRAFT)
    box(desk).lost = [error(NORD, "place_order", "no")]
    await desk.run()
    assert (await status(desk)).value == after
    assert all("may have been sent" not in one.sentence for one in await desk.questions())


async def test_silence_is_asked_about_once(desk: Desk) -> None:
    """A day without an answer: one question, closed by whoever confirms."""
    await desk.draft(DRAFT)
    await desk.run()
    await desk.run(86_400)
    await desk.run(86_400)
    (question,) = [one for one in await desk.questions() if one.topic is Topic.PURCHASE_ORDER]
    assert "has not answered" in question.sentence
    hand = PurchaseDesk(desk.store.db, desk.store.writer, actor="test")
    await hand.confirm((await desk.orders())[DRAFT.reference], {})
    assert await status(desk) is PurchaseStatus.ACCEPTED
    assert (Topic.PURCHASE_ORDER, DRAFT.reference) not in await desk.asked()


def answers(*told: PurchaseAnswer, cursor: str = "c1") -> AnswerPage:
    """A page of answers, and one that cannot be read."""
    return AnswerPage(told, cursor, (FeedProblem(3, "a.csv", "'boh' is no state known"),))


def about(kind: AnswerKind, quantity: int | None = None, **more: str) -> PurchaseAnswer:
    """An answer about the draft."""
    return PurchaseAnswer(DRAFT.reference, kind, GLOVES, quantity, **more)  # type: ignore[arg-type]


async def test_answers_come_later_and_come_again(desk: Desk) -> None:
    """Two of three taken, one of them sent: one unit is short, once; the page heard again changes nothing."""
    await desk.draft(DRAFT)
    await desk.run()
    told = (
        about(AnswerKind.ACCEPTED, 2),
        about(AnswerKind.SHIPPED, 1, tracking_number="1Z9", carrier="BRT"),
        PurchaseAnswer("somebody/else/1", AnswerKind.REFUSED),
    )
    box(desk).page = answers(*told)
    assert await desk.run(FETCH_SECONDS) == {"answers": 1}
    order = (await desk.orders())[DRAFT.reference]
    assert (order.status, order.purchases[0].accepted) == (PurchaseStatus.PARTIAL, 2)
    expected = DEMAND.refused(1, "nord refused it", START_AT + timedelta(seconds=FETCH_SECONDS))
    assert await desk.demand() == expected
    box(desk).page = answers(*told, cursor="c2")
    assert await desk.run(FETCH_SECONDS) == {}
    assert await desk.demand() == expected
    box(desk).page = answers(about(AnswerKind.SHIPPED, tracking_number="1Z10"), cursor="c3")
    await desk.run(FETCH_SECONDS)
    assert await status(desk) is PurchaseStatus.SHIPPED
    async with desk.store.db.read() as conn:
        parcels = await read_parcels(conn, status=ParcelStatus.WAITING)
    assert [(one.tracking_number, one.quantity, one.line_id) for one in parcels] == [
        ("1Z9", 1, BUY.line_id),
        ("1Z10", 1, BUY.line_id),
    ]


async def test_a_slip_after_his_word_is_short_at_once(desk: Desk) -> None:
    """He had taken it and refuses now: everything is short, with the cause, and he is not asked twice."""
    await desk.draft(DRAFT)
    await desk.run()
    box(desk).page = answers(about(AnswerKind.ACCEPTED), cursor="c1")
    await desk.run(FETCH_SECONDS)
    assert await status(desk) is PurchaseStatus.ACCEPTED
    box(desk).page = answers(about(AnswerKind.REFUSED), cursor="c2")
    await desk.run(FETCH_SECONDS)
    demand = await desk.demand()
    assert (demand.short, demand.purchased, demand.cause) == (3, 0, "nord refused it")
    assert await status(desk) is PurchaseStatus.REFUSED
