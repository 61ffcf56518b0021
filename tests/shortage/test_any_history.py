"""Whatever customers, agents, merchants, channels and crashes do: nobody gets more than he paid for, and every case
has a next step."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncd.channel.port import OrderStatus, RefundLine, RefundRequest
from syncd.goodwill.goodwill import GoodwillConfig
from syncd.identity import Money
from syncd.refund.refund import RefundStatus
from syncd.shortage.case import Case, CaseStatus
from syncd.shortage.choice import CUSTOMER, Wish, parse_key
from syncd.shortage.resolution import ShortageConfig
from syncd.testkit.channel_rig import Fault
from tests.support.care import THINK_SECONDS, Care
from tests.support.rooms import ONE

ORDERED = 2
PRICE = Decimal("9.90")
RULES = ShortageConfig(
    answer_within_seconds=THINK_SECONDS,
    delay_notice_seconds=600,
    refund="auto",
    ship_now="shipping",
    refund_max_customer=Decimal(20),
    substitutes={"X": ("Y", "Z"), "Y": ("Z",)},
    restock={"X": date(2099, 1, 1)},
)


class Life:
    """One order of two X, of which one or none is there, and everything that may happen to it."""

    def __init__(self, care: Care, order_id: str) -> None:
        self.care = care
        self.order_id = order_id
        self.by_merchant = 0

    async def choose(self, key: str, by: str) -> None:
        """Somebody wishes for an option of the newest case, offered or not."""
        case = (await self.care.cases())[-1]
        wished = parse_key(key)
        assert wished is not None
        ticket = None
        if by == CUSTOMER:
            links = self.care.rules().links
            ticket = links.read(links.token(case))
            if ticket is None:
                return
        await self.care.shortage.decide(Wish(case.case_id, *wished, by, ticket))

    async def crash(self) -> None:
        """The process dies and a new one starts on the same store."""
        await self.care.writer.stop()
        await self.care._writing
        self.care.start()

    async def pass_time(self, seconds: float) -> None:
        """Everybody is at work meanwhile."""
        self.care.clock.advance(seconds)
        await self.care.step()
        await self.care.tend()

    async def fault(self, fault: Fault, operation: str) -> None:
        """The channel's next answer goes wrong."""
        self.care.shops["market"].fail_next(fault, operation=operation)

    async def stock(self, sku: str, units: int) -> None:
        """Units arrive, or those that are free go to somebody else."""
        free = (await self.care.held(sku)).get("available", 0)
        if units > 0 or free:
            await self.care.stock(sku, units if units > 0 else -min(free, -units))

    async def end(self, how: str) -> None:
        """The order is sent or cancelled on the channel."""
        shop = self.care.shops["market"]
        if shop.orders[self.order_id].status is OrderStatus.PAID:
            (shop.ship_order if how == "ship" else shop.cancel_order)(self.order_id)

    async def refund_by_hand(self) -> None:
        """The merchant gives back one unit on the channel himself."""
        money = Money(PRICE, "EUR")
        line = RefundLine(f"{self.order_id}-1", 1, money)
        reference = f"by hand {self.by_merchant}"
        done = self.care.shops["market"].refund(RefundRequest(self.order_id, reference, "", (line,), money))
        self.by_merchant += done is not None

    def refunded(self) -> int:
        """Units for which money went back, by us or by hand."""
        return sum(line.quantity for one in self.care.shops["market"].refunds for line in one.request.lines)

    async def check(self) -> None:
        """What must hold at any moment."""
        sent = sum([await self.care.sent(sku) for sku in "XYZ"])
        back = self.refunded()
        money = sum((one.request.amount.amount for one in self.care.shops["market"].refunds), Decimal(0))
        paid = self.care.shops["market"].orders[self.order_id].total.amount
        assert money <= paid, f"{money} of {paid} went back"
        told = [one.body for one in await self.care.written()]
        for code in self.care.channels["market"].coupons:  # type: ignore[attr-defined]
            assert sum(code in body for body in told) <= 1, "a coupon was told twice"
        assert len(self.care.channels["market"].coupons) <= len(await self.care.cases())  # type: ignore[attr-defined]
        assert back <= ORDERED, f"{back} of {ORDERED} were refunded"
        assert sent <= ORDERED, f"{sent} of {ORDERED} were sent"
        held = sum([(await self.care.held(sku)).get("reserved", 0) for sku in "XYZ"])
        assert sent + held <= ORDERED, f"{sent} sent and {held} promised of {ORDERED}"
        await self.care.assert_sound()

    async def check_next_steps(self) -> None:
        """No case waits for nothing."""
        subjects = {one.subject for one in await self.care.questions()}
        refunds = {one.reference: one.status for one in await self.care.wanted_refunds()}
        promises, demands = await self.care.promises()
        cases = await self.care.cases()
        for case in cases:
            refund = refunds.get(f"{case.case_id}/refund")
            held = sum(one.open for one in promises if one.sku == case.instead)
            assert self.goes_on(case, subjects, refund, held), case
        unresolved = {(one.line_id, one.sku) for one in cases if one.status is not CaseStatus.RESOLVED}
        for demand in demands:
            assert not demand.short or (demand.line_id, demand.sku) in unresolved, demand

    @staticmethod
    def goes_on(case: Case, subjects: set[str], refund: RefundStatus | None, held: int) -> bool:
        """Whether something will happen to the case without anybody asking for it."""
        match case.status:
            case CaseStatus.RESOLVED:
                return True
            case CaseStatus.OPEN | CaseStatus.NEEDS_PERSON:
                return not {case.case_id, f"{case.case_id}/refund"}.isdisjoint(subjects)
            case CaseStatus.ASKED | CaseStatus.WAITING:
                return case.deadline_at is not None
            case CaseStatus.ACTING if case.instead:
                return held > 0
            case CaseStatus.ACTING:
                return refund in (RefundStatus.WAITING, RefundStatus.SENDING, RefundStatus.PENDING)


def does(name: str, *arguments: object) -> st.SearchStrategy[Callable[[Life], Awaitable[None]]]:
    """A thing that happens."""

    def act(life: Life) -> Awaitable[None]:
        made: Awaitable[None] = getattr(life, name)(*arguments)
        return made

    act.__name__ = f"{name}{arguments}"
    return st.just(act)


KEYS = ("substitute:Y", "substitute:Z", "part_now", "wait", "refund")
FAULTS = (Fault.TIMEOUT_AFTER_APPLYING, Fault.TIMEOUT_BEFORE_APPLYING, Fault.HTML_BODY)
HAPPENINGS = st.one_of(
    *(does("choose", key, by) for key in KEYS for by in (CUSTOMER, "agent")),
    *(
        does("fault", fault, operation)
        for fault in FAULTS
        for operation in ("refund", "find_refund", "message_buyer", "issue_coupon")
    ),
    *(does("pass_time", seconds) for seconds in (1.0, 400.0, THINK_SECONDS + 1)),
    *(does("stock", sku, units) for sku in "XY" for units in (2, -2)),
    does("crash"),
    does("end", "ship"),
    does("end", "cancel"),
    does("refund_by_hand"),
)


async def _live(folder: Path, there: int, happenings: list[Callable[[Life], Awaitable[None]]]) -> None:
    async with Care(folder, ONE, RULES) as care:
        care.goodwill = GoodwillConfig(channels=("market",), coupons="auto", max_customer=1)
        care.start_again()
        care.shops["market"].shipping = Money(Decimal("4.90"), "EUR")
        await care.stock("Y", 2)
        await care.stock("Z", 2)
        if there:
            await care.stock("X", there)
        listing = await care.empty_shelf(ORDERED)
        order_id = care.shops["market"].sell(listing, ORDERED)
        life = Life(care, order_id)
        await life.pass_time(300)
        for happening in happenings:
            await happening(life)
            await life.check()
        for _ in range(6):
            await life.pass_time(300)
        await life.check()
        await life.check_next_steps()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(there=st.integers(0, 1), happenings=st.lists(HAPPENINGS, max_size=12))
def test_no_history_gives_too_much_or_leaves_a_case_alone(
    there: int, happenings: list[Callable[[Life], Awaitable[None]]]
) -> None:
    """Choices by customer and agent, faults, crashes, arriving and vanishing stock, shipping, cancelling, refunds by
    hand, in any order."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_live(Path(folder), there, happenings))
