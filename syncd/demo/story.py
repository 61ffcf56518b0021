"""The glove story, played against the stand-in servers by the real daemon, each act asserted and measured."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console

from syncd.clock import Clock, SystemClock
from syncd.demo.report import Act, Report, Shown, Timeline
from syncd.demo.stage import EBAY, SHOP, SUPPLIER, Stage
from syncd.errors import OperatorError

GLOVE, KIT, APRON, APRON_Y, TONGS = "GLOVE-X", "TOOLKIT", "APRON-X", "APRON-Y", "TONGS"
TITLES = {
    GLOVE: "Barbecue gloves brand X",
    KIT: "Barbecue tool kit",
    APRON: "Leather apron brand X",
    APRON_Y: "Leather apron brand Y",
    TONGS: "Long tongs",
}
OPENING = {GLOVE: 2, APRON: 1, APRON_Y: 3, TONGS: 5}
SETTLE_SECONDS = 12.0
BUYER = {"id": "mrossi", "name": "Mario Rossi", "email": "mario.rossi@example.com"}
BILLING = {"first_name": "Anna", "last_name": "Bianchi", "email": "anna.bianchi@example.com"}


class Play:
    """The acts in order. Each returns its own ending; a fault in one is its ending, and the next is not played."""

    def __init__(self, stage: Stage, timeline: Timeline) -> None:
        self.stage = stage
        self.timeline = timeline
        self.listing: dict[tuple[str, str], str] = {}

    async def perform(self, report: Report) -> None:
        """Play every act and collect what is shown at the end."""
        acts: list[tuple[str, str, Callable[[], Awaitable[Act]]]] = [
            ("opening", "Two gloves in the warehouse, listed on eBay and in the shop", self.opening),
            ("counter sale", "One glove is sold over the counter", self.counter_sale),
            ("ebay order", "An eBay buyer takes the last glove and a tool kit", self.ebay_order),
            ("same instant", "Two buyers take the last apron in the same instant", self.same_instant),
            ("count", "The warehouse counts fewer than the books say", self.count),
            ("stale feed", "The supplier's feed goes stale", self.stale_feed),
            ("channel down", "The shop is down for a while and comes back", self.channel_down),
        ]
        for number, (name, title, play) in enumerate(acts, 1):
            self.timeline.act(number, title)
            try:
                act = await play()
            except (TimeoutError, OperatorError) as fault:
                act = Act(name, ok=False, detail=str(fault))
            report.acts.append(act)
            self.timeline.end(act)
            if not act.ok:
                break
        await self.curtain(report)

    async def opening(self) -> Act:
        """Set the shelves, the listings and the supplier; wait until every listing tells the truth."""
        stage, say = self.stage, self.timeline.say
        await stage.drive(EBAY, "switches", order_lag_seconds=1, refund_seconds=0.5)
        await self._offer_kits(5)
        for sku, quantity in ((GLOVE, 2), (APRON, 1), (TONGS, 5), (KIT, 0)):
            await self._list_on_ebay(sku, quantity)
        for sku, quantity in ((GLOVE, 3), (APRON, 1), (APRON_Y, 3), (TONGS, 5)):
            await self._list_in_shop(sku, quantity)
        say("the shop shows 3 gloves, one more than there are")
        opening = stage.folder / "opening.csv"
        rows = [f"{sku},{quantity},{TITLES[sku]}" for sku, quantity in OPENING.items()]
        opening.write_text("sku,quantity,title\n" + "\n".join(rows) + "\n", encoding="utf-8")
        await stage.command("migrate")
        await stage.command("stock", "import", str(opening))
        await stage.start_daemon()
        await stage.drive(EBAY, "notifications", url=f"{stage.url}/hooks/{EBAY}")
        say("the daemon runs; it reads both channels and the supplier's list")
        seconds = await self._wait({(EBAY, GLOVE): 2, (SHOP, GLOVE): 2, (EBAY, KIT): 5, (SHOP, APRON_Y): 3})
        detail = "both channels show 2 gloves; eBay shows the supplier's 5 tool kits"
        return Act("opening", ok=True, detail=detail, latency_ms=round(seconds * 1000, 1))

    async def counter_sale(self) -> Act:
        """Scan a sale; measure until each channel has accepted the new number."""
        scanned_at = self.stage.clock.now()
        await self._scan("counter_sale", GLOVE, 1, "counter-1")
        await self._wait({(EBAY, GLOVE): 1, (SHOP, GLOVE): 1})
        to_ebay = _milliseconds(scanned_at, await self._applied_at(EBAY, GLOVE, 1))
        to_shop = _milliseconds(scanned_at, await self._applied_at(SHOP, GLOVE, 1))
        detail = f"both fell to 1: eBay {to_ebay:.0f} ms after the scan, the shop {to_shop:.0f} ms"
        return Act("counter sale", ok=True, detail=detail, latency_ms=round(max(to_ebay, to_shop), 1))

    async def ebay_order(self) -> Act:
        """A signed notification brings an order; the shop falls to 0, eBay is told nothing, the supplier gets his
        order."""
        stage, say = self.stage, self.timeline.say
        gloves_before, kits_before = await self._ebay_writes(GLOVE), await self._ebay_writes(KIT, 5)
        sold_at = stage.clock.now()
        lines = [
            {"item_id": self.listing[EBAY, GLOVE], "quantity": 1},
            {"item_id": self.listing[EBAY, KIT], "quantity": 1},
        ]
        await stage.drive(EBAY, "sales", lines=lines, buyer=BUYER, paid=True)
        await self._wait({(SHOP, GLOVE): 0, (EBAY, GLOVE): 0})
        latency = _milliseconds(sold_at, await self._applied_at(SHOP, GLOVE, 0))
        say(f"the shop shows 0 gloves {latency:.0f} ms after the sale")
        await stage.until(self._kit_is_ordered, SETTLE_SECONDS, "the purchase order at the supplier")
        say("the supplier has the purchase order for the tool kit")
        await self._quiet()
        # His newer list may lower the kits further; what must not come is the 5 that eBay itself has just lowered.
        echoes = await self._ebay_writes(GLOVE) - gloves_before + await self._ebay_writes(KIT, 5) - kits_before
        detail = f"nothing was pushed back to eBay ({echoes} calls); the kit is on its way"
        return Act("ebay order", ok=echoes == 0, detail=detail, latency_ms=round(latency, 1))

    async def same_instant(self) -> Act:
        """One apron, two buyers: one gets it, the other is told, may choose, and is refunded at the deadline."""
        stage, say = self.stage, self.timeline.say
        line = [{"item_id": self.listing[EBAY, APRON], "quantity": 1}]
        sold_at = stage.clock.now()
        await asyncio.gather(
            stage.drive(EBAY, "sales", lines=line, buyer={**BUYER, "id": "lverdi", "name": "Luca Verdi"}, paid=True),
            stage.drive(SHOP, "sales", listing_id=self.listing[SHOP, APRON], quantity=1, billing=BILLING),
        )
        await stage.until(self._case_is_asked, SETTLE_SECONDS, "a case with options")
        case = (await stage.get("cases"))["items"][0]
        options = ", ".join(f"{n}. {option['kind']}" for n, option in enumerate(case["options"], 1))
        say(f"the buyer on {case['channel']} lost: a case is open; he may choose {options}")
        await stage.until(lambda: self._letter_arrived(case["channel"]), SETTLE_SECONDS, "his message")
        told = _milliseconds(sold_at, stage.clock.now())
        say(f"his message was delivered by {case['channel']} {told:.0f} ms after he bought")
        await stage.until(lambda: self._refunded(case["channel"]), 25, "his refund")
        await stage.until(self._cases_are_resolved, SETTLE_SECONDS, "the case to be resolved")
        await self._wait({(EBAY, APRON): 0, (SHOP, APRON): 0})
        detail = "he did not answer; at the deadline his money went back through the channel, without his asking"
        return Act("same instant", ok=True, detail=detail, latency_ms=round(told, 1))

    async def count(self) -> Act:
        """The shelf holds 3, the books say 5."""
        counted_at = self.stage.clock.now()
        await self._scan("count", TONGS, 3, "count-1")
        await self._wait({(EBAY, TONGS): 3, (SHOP, TONGS): 3})
        applied = [await self._applied_at(EBAY, TONGS, 3), await self._applied_at(SHOP, TONGS, 3)]
        latency = _milliseconds(counted_at, max(applied))
        return Act("count", ok=True, detail="both channels show the 3 that are there", latency_ms=round(latency, 1))

    async def stale_feed(self) -> Act:
        """The supplier's export dies: his word is worth nothing once it is too old, and counts again when it is
        fresh."""
        stage = self.stage
        await stage.drive(SUPPLIER, "feed", frozen=True)
        seconds = await self._wait({(EBAY, KIT): 0}, 20)
        self.timeline.say(f"{seconds:.1f} s later his kits are no longer promised: eBay shows 0")
        await stage.drive(SUPPLIER, "feed", frozen=False)
        await self._offer_kits(6)
        await self._wait({(EBAY, KIT): 6}, 20)
        return Act("stale feed", ok=True, detail="his list is fresh again, with a delivery: eBay shows his 6")

    async def channel_down(self) -> Act:
        """The shop answers with errors while a sale happens; eBay is right at once, the shop as soon as it is back."""
        stage = self.stage
        await stage.drive(SHOP, "faults", mode="server_error", times=10_000)
        await self._scan("counter_sale", TONGS, 1, "counter-2")
        await self._wait({(EBAY, TONGS): 2})
        self.timeline.say("eBay fell to 2; the shop is down and still shows 3")
        await stage.clock.sleep(2)
        await stage.drive(SHOP, "faults", mode="none")
        back_at = stage.clock.now()
        await self._wait({(SHOP, TONGS): 2}, 20)
        latency = _milliseconds(back_at, await self._applied_at(SHOP, TONGS, 2))
        detail = f"the shop was put right {latency:.0f} ms after it came back"
        return Act("channel down", ok=True, detail=detail, latency_ms=round(latency, 1))

    async def curtain(self, report: Report) -> None:
        """Compare every listing with its target and ask the doctor."""
        self.timeline.act(8, "What is shown now, and what the doctor says")
        if not self.listing or self.stage.daemon_ended_with is not None:
            return
        await self._quiet()
        told = await self.stage.command("listings")
        targets = {(one["channel"], one["components"][0]["sku"]): one["target"] for one in told}
        for (channel, sku), _ in sorted(self.listing.items()):
            shown = await self._shown(channel, sku)
            report.listings.append(Shown(channel, sku, targets[channel, sku], shown))
        doctor = await self.stage.command("doctor")
        report.findings.extend(doctor["findings"])
        ok = not report.findings and report.phantom_units == 0
        act = Act("doctor", ok=ok, detail=f"the doctor finds {len(report.findings) or 'nothing'}")
        report.acts.append(act)
        self.timeline.end(act)

    async def _offer_kits(self, quantity: int) -> None:
        kit = {"sku": KIT, "quantity": quantity, "title": TITLES[KIT], "cost": "21,50"}
        await self.stage.drive(SUPPLIER, "offers", offers=[kit])

    async def _list_on_ebay(self, sku: str, quantity: int) -> None:
        told = await self.stage.drive(EBAY, "listings", title=TITLES[sku], sku=sku, price="19.90", quantity=quantity)
        self.listing[EBAY, sku] = told["item_id"]

    async def _list_in_shop(self, sku: str, quantity: int) -> None:
        told = await self.stage.drive(SHOP, "listings", title=TITLES[sku], sku=sku, price="19.90", quantity=quantity)
        self.listing[SHOP, sku] = told["listing_ids"][0]

    async def _scan(self, kind: str, sku: str, quantity: int, scan_id: str) -> None:
        told = await self.stage.scan(
            scan_id=scan_id, kind=kind, code=sku, quantity=quantity, location="main", actor="demo"
        )
        if told.get("verdict") != "posted":
            raise OperatorError(f"the scan was not posted: {told}")

    async def _shown(self, channel: str, sku: str) -> int:
        """What a customer sees, asked of the stand-in itself."""
        state, listing_id = await self.stage.state(channel), self.listing[channel, sku]
        if channel == EBAY:
            item = next(item for item in state["listings"] if item["item_id"] == listing_id)
            return int(item["offers"][0]["available"])
        product = next(product for product in state["products"] if product["listing_id"] == listing_id)
        return int(product["stock_quantity"])

    async def _wait(self, wanted: dict[tuple[str, str], int], seconds: float = SETTLE_SECONDS) -> float:
        async def all_show() -> bool:
            return all([await self._shown(*listing) == quantity for listing, quantity in wanted.items()])

        told = ", ".join(f"{channel} to show {quantity} × {sku}" for (channel, sku), quantity in wanted.items())
        return await self.stage.until(all_show, seconds, told)

    async def _applied_at(self, channel: str, sku: str, quantity: int) -> datetime:
        """When the channel applied our last write of this number, by its own log."""
        listing_id = self.listing[channel, sku]
        for call in reversed((await self.stage.state(channel))["calls"]):
            if any(_is_write(applied, listing_id, quantity) for applied in call["applied"]):
                return datetime.fromisoformat(call["at"])
        raise OperatorError(f"{channel} has no record of being told {quantity} × {sku}")

    async def _ebay_writes(self, sku: str, quantity: int | None = None) -> int:
        """How often this listing was written on eBay (with this number), by eBay's own log."""
        listing_id = self.listing[EBAY, sku]
        calls = (await self.stage.state(EBAY))["calls"]
        changes = [applied for call in calls for applied in call["applied"]]
        return sum(1 for one in changes if _is_write(one, listing_id, quantity))

    async def _quiet(self) -> None:
        """Wait until nothing is marked, twice in a row."""
        for _ in range(2):

            async def settled() -> bool:
                listings = await self.stage.get("listings")
                return all(one["push"] is None or not one["push"]["pending"] for one in listings["items"])

            await self.stage.until(settled, SETTLE_SECONDS, "every listing to be in sync")
            await self.stage.clock.sleep(0.5)

    async def _kit_is_ordered(self) -> bool:
        orders = (await self.stage.state(SUPPLIER))["orders"]
        return any(KIT in str(order) for order in orders)

    async def _case_is_asked(self) -> bool:
        return any(case["options"] for case in (await self.stage.get("cases"))["items"])

    async def _cases_are_resolved(self) -> bool:
        return all(case["status"] == "resolved" for case in (await self.stage.get("cases"))["items"])

    async def _letter_arrived(self, channel: str) -> bool:
        state = await self.stage.state(channel)
        return bool(state["messages"] if channel == EBAY else state["mails"])

    async def _refunded(self, channel: str) -> bool:
        orders = (await self.stage.state(channel))["orders"]
        if channel == EBAY:
            return any(Decimal(order["refunded"]) > 0 for order in orders)
        return any(order["refunds"] for order in orders)


def _milliseconds(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds() * 1000


def _is_write(applied: dict[str, Any], listing_id: str, quantity: int | None) -> bool:
    """Whether a stand-in's record of what a call changed is about this listing (and this number)."""
    told = applied.get("item_id") or applied.get("listing_id")
    number = applied.get("quantity", applied.get("after"))
    return str(told) == listing_id and (quantity is None or number == quantity)


def run(json_path: Path | None, *, keep: bool, console: Console | None = None) -> int:
    """Play the story; 0 only if every act ended as it should."""
    return asyncio.run(_run(json_path, keep, console or Console(), SystemClock()))


async def _run(json_path: Path | None, keep: bool, console: Console, clock: Clock) -> int:
    timeline, report = Timeline(console, clock), Report()
    console.print("[bold]syncd demo[/bold]: one warehouse, eBay, a webshop and a supplier, all on this machine")
    async with Stage(clock) as stage:
        await Play(stage, timeline).perform(report)
        timeline.finish(report)
        if json_path is not None:
            report.write(json_path)
        if not report.ok:
            console.print(f"the daemon's log:\n{(stage.folder / 'daemon.log').read_text(encoding='utf-8')[-4000:]}")
        if keep:
            await _keep(stage, console)
    return 0 if report.ok else 1


async def _keep(stage: Stage, console: Console) -> None:
    """Leave everything running until the person has seen enough."""
    console.print(f"\neverything keeps running; the daemon is {stage.url}, its folder {stage.folder}")
    for name, sandbox in stage.sandboxes.items():
        console.print(f"  stand-in {name}: {sandbox.url}/_sandbox/state")
    console.print(f"ask it, for example: syncd -c {stage.folder / 'syncd.toml'} listings", soft_wrap=True)
    console.print("press Ctrl-C to end")
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    await ended.wait()
