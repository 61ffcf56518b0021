"""The rooms that look after a customer when a promise breaks, on top of those between a channel and the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from syncd.identity import ChannelName, ListingId
from syncd.letter.letter import Letter, LetterStatus
from syncd.letter.service import LetterService
from syncd.letter.store import read_letters
from syncd.refund.refund import Refund, RefundStatus
from syncd.refund.service import RefundService
from syncd.refund.store import read_refunds
from syncd.shortage.case import Case
from syncd.shortage.resolution import ShortageConfig
from syncd.shortage.service import ShortageService
from syncd.shortage.store import read_cases
from tests.support.rooms import ONE, Rooms, Setup

THINK_SECONDS = 3600.0
"""How long a customer may think here."""

LAG_SECONDS = 300.0
"""Longer than any order list is late."""

CARING = ShortageConfig(answer_within_seconds=THINK_SECONDS, refund="auto", refund_max=Decimal(10_000))
"""Refunds by itself at the deadline."""


class Care(Rooms):
    """Rooms with cases, refunds and letters. Use as `async with Care(path) as care`."""

    def __init__(self, folder: Path, setup: Setup = ONE, config: ShortageConfig = CARING) -> None:
        self.config = config
        super().__init__(folder, setup)

    def start(self) -> None:
        """Build every service anew, as a process does that starts on an existing store."""
        super().start()
        lines = {ChannelName(name): one for name, one in self.lines.items()}
        self.shortage = ShortageService(
            self.db, self.writer, policies=self.policies, config=self.config, clock=self.clock
        )
        self.refunds = RefundService(self.db, self.writer, lines, clock=self.clock)
        self.letters = LetterService(self.db, self.writer, lines, clock=self.clock)

    async def tend(self) -> dict[str, int]:
        """One round of cases, refunds and letters; returns what was done."""
        done: dict[str, int] = {}
        for service in (self.shortage, self.refunds, self.letters):
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
