"""The rooms that look after a customer when a promise breaks, on top of those between a channel and the ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from syncd.access.service import Gatekeeper
from syncd.channel.port import CouponOutcome, CouponRequest
from syncd.goodwill.goodwill import GoodwillConfig
from syncd.goodwill.service import GoodwillService
from syncd.http.live import LiveFeed
from syncd.http.parts import HttpOptions, HttpParts
from syncd.http.server import HttpServer
from syncd.identity import ChannelName, ListingId
from syncd.ledger.location import Locations
from syncd.letter.letter import Letter, LetterStatus
from syncd.letter.mail import MailConfig
from syncd.letter.service import LetterService
from syncd.letter.service_mail import Postman
from syncd.letter.store import read_letters
from syncd.privacy.service import Eraser
from syncd.refund.refund import Refund, RefundStatus
from syncd.refund.service import RefundService
from syncd.refund.store import read_refunds
from syncd.scanner.service import ScanDesk
from syncd.shortage.case import Case
from syncd.shortage.page import Links, PageConfig
from syncd.shortage.resolution import ShortageConfig
from syncd.shortage.service import ShortageService
from syncd.shortage.service_affair import Rules
from syncd.shortage.service_page import ChoicePages
from syncd.shortage.store import read_cases
from tests.support.rooms import ONE, MarketChannel, Rooms, Setup

SECRET = "0123456789abcdef0123456789abcdef"
"""Signs links here."""

THINK_SECONDS = 3600.0
"""How long a customer may think here."""

LAG_SECONDS = 300.0
"""Longer than any order list is late."""

CARING = ShortageConfig(answer_within_seconds=THINK_SECONDS, refund="auto", refund_max=Decimal(10_000))
"""Refunds by itself at the deadline."""


class CouponChannel(MarketChannel):
    """A market that makes coupons: the same request is the same coupon, another with its code is refused."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.coupons: dict[str, CouponRequest] = {}

    async def issue_coupon(self, request: CouponRequest) -> CouponOutcome:
        """Make it, or find it."""
        return await self._call("issue_coupon", lambda: self._made(request))

    def _made(self, request: CouponRequest) -> CouponOutcome:
        known = self.coupons.setdefault(request.code, request)
        return (
            CouponOutcome(f"c-{request.code}") if known == request else CouponOutcome(refusal="another has this code")
        )


class Care(Rooms):
    """Rooms with cases, refunds and letters. Use as `async with Care(path) as care`."""

    def __init__(
        self, folder: Path, setup: Setup = ONE, config: ShortageConfig = CARING, page: PageConfig | None = None
    ) -> None:
        self.config = config
        self.page = page or PageConfig(link_secret=SecretStr(SECRET))
        self.public_url = "http://127.0.0.1"
        self.mail: MailConfig | None = None
        self.goodwill, self.counting = GoodwillConfig(), frozenset[ChannelName]()
        super().__init__(folder, setup)
        self.channels = {
            name: CouponChannel(self.shops[name], name=name) if facts.sold_counter else one
            for (name, facts), one in zip(setup.channels.items(), self.channels.values(), strict=True)
        }

    def start(self) -> None:
        """Build every service anew, as a process does that starts on an existing store."""
        super().start()
        lines = {ChannelName(name): one for name, one in self.lines.items()}
        self.shortage = ShortageService(
            self.db, self.writer, policies=self.policies, rules=self.rules(), clock=self.clock
        )
        self.coupons = GoodwillService(self.db, self.writer, lines, clock=self.clock)
        self.refunds = RefundService(self.db, self.writer, lines, clock=self.clock)
        postman = Postman(self.mail) if self.mail else None
        self.letters = LetterService(self.db, self.writer, lines, clock=self.clock, postman=postman)

    def start_again(self) -> None:
        """Let the rules as they are now steer from here on."""
        self.shortage = ShortageService(
            self.db, self.writer, policies=self.policies, rules=self.rules(), clock=self.clock
        )

    def rules(self) -> Rules:
        """What steers cases and pages here."""
        return Rules(
            self.config, self.page, Links(self.public_url, self.page.link_secret), self.goodwill, self.counting
        )

    @asynccontextmanager
    async def doors(self) -> AsyncIterator[str]:
        """The rooms' HTTP server on a free port of loopback, at its address; letters link to it from then on."""
        desk = ScanDesk(self.db, self.writer, self.clock, Locations(("main",)))
        pages = ChoicePages(self.db, self.shortage, self.clock)
        names = {ChannelName(name): one for name, one in self.channels.items()}
        parts = HttpParts(
            self.db,
            self.clock,
            desk,
            policies=self.policies,
            channels=names,
            intakes={},
            modes={},
            eraser=Eraser(self.writer),
            gatekeeper=Gatekeeper(self.db, self.writer, self.clock),
            feed=LiveFeed(self.writer, self.clock),
            pages=pages,
        )
        server = HttpServer(HttpOptions(port=0), parts)
        url = await server.start()
        try:
            yield url
        finally:
            await server.aclose()

    async def path(self, case: Case) -> str:
        """The path of a case's page."""
        return self.rules().links.url(case).removeprefix(self.public_url)

    async def tend(self) -> dict[str, int]:
        """One round of cases, refunds and letters; returns what was done."""
        done: dict[str, int] = {}
        for service in (self.shortage, self.refunds, self.coupons, self.letters):
            for what, count in (await service.run_once(self.clock.now())).items():
                done[what] = done.get(what, 0) + count
        return done

    async def tend_for(self, seconds: float) -> None:
        """Let time pass with everybody at work, until cases, refunds and letters have come as far as they can."""
        self.clock.advance(seconds)
        for _ in range(6):
            await self.step()
            await self.tend()

    async def oversold(self, quantity: int = 1) -> str:
        """An order for more than there is (the listing shows it all the same); returns the order's id."""
        market = await self.empty_shelf(quantity)
        order_id = self.shops["market"].sell(market, quantity)
        await self.tend_for(LAG_SECONDS)
        return order_id

    async def empty_shelf(self, shown: int, sku: str = "X") -> ListingId:
        """A listing of something we have nothing of, edited on the channel to show so many all the same."""
        await self.stock(sku, 1)
        await self.stock(sku, -1)
        listing_id = await self.offer("market", sku, 0)
        await self.settle()
        self.shops["market"].edit_quantity(listing_id, shown)
        return listing_id

    async def cases(self) -> Sequence[Case]:
        """Every case, oldest first."""
        async with self.db.read() as conn:
            return await read_cases(conn)

    async def wanted_refunds(self) -> Sequence[Refund]:
        """Every refund of ours."""
        async with self.db.read() as conn:
            return await read_refunds(conn, list(RefundStatus))

    async def written(self) -> Sequence[Letter]:
        """Every letter of ours."""
        async with self.db.read() as conn:
            return await read_letters(conn, list(LetterStatus))

    def refunded(self) -> int:
        """How many refunds the market has made for us."""
        return len(self.shops["market"].refunds)
