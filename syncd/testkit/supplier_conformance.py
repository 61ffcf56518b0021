"""The kit every supplier connector passes: subclass SupplierConformance, give it a fixture `rig`, run pytest.

A case whose ability the supplier lacks asserts that he lacks it; nothing is skipped.
"""

# ruff: noqa: S101 — assertions are what a kit is made of.

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Literal

import pytest

from syncd.errors import ChannelAuthFailed, RateLimited
from syncd.identity import Money
from syncd.supply.port import OfferRow, PurchaseVerdict, TakesPurchaseOrders
from syncd.testkit.supplier_checks import (
    assert_keeps_secrets,
    cancelled_when_stalled,
    fault_of,
    impurities,
    order,
    order_desk,
    placed,
    repeatable_desk,
    without_zeros,
)
from syncd.testkit.supplier_rig import CONSEQUENCE, ImpossibleFaultError, RemoteFault, SupplierRig

MANY_ROWS = 2_000

GLOVES = OfferRow("GLOVE-X", 12, "Guanti da barbecue", Money(Decimal("9.90"), "EUR"))
TOOLS = OfferRow("TOOLKIT", 3, "Set attrezzi", Money(Decimal("24.50"), "EUR"))


class SupplierConformance:
    """The cases. The author's subclass has a fixture `rig` that yields a SupplierRig and closes it."""

    @pytest.fixture(autouse=True)
    def _no_secret_is_logged(self, rig: SupplierRig, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
        caplog.set_level(logging.DEBUG)
        yield
        phases: tuple[Literal["setup", "call"], ...] = ("setup", "call")
        for phase in phases:
            for record in caplog.get_records(phase):
                assert_keeps_secrets(rig, f"{record.getMessage()} {record.args!r} {record.exc_text or ''}")

    async def test_a_reachable_supplier_passes_check(self, rig: SupplierRig) -> None:
        """A supplier whose feed is in order passes its check."""
        await rig.set_offers([GLOVES])
        await rig.supplier.check()

    async def test_bad_credentials_are_an_auth_fault(self, rig: SupplierRig) -> None:
        """Wrong credentials end as ChannelAuthFailed; a supplier without credentials has no secrets."""
        stranger = rig.with_bad_credentials()
        if stranger is None:
            assert not rig.secrets, "a supplier with secrets must be able to have wrong ones"
            return
        assert isinstance(await fault_of(rig, stranger.check()), ChannelAuthFailed)
        assert isinstance(await fault_of(rig, stranger.fetch_offers(None)), ChannelAuthFailed)

    async def test_an_empty_feed_is_no_rows(self, rig: SupplierRig) -> None:
        """A supplier who offers nothing is not a fault."""
        await rig.set_offers([])
        snapshot = await rig.supplier.fetch_offers(None)
        assert (snapshot.rows, snapshot.problems, snapshot.unchanged) == ((), (), False)

    async def test_every_row_arrives_as_offered(self, rig: SupplierRig) -> None:
        """Number, quantity, title and cost of each of many offers arrive unchanged and in order."""
        rows = [
            OfferRow(f"SKU-{number}", number % 7, f"Articolo {number}", Money(Decimal(number) / 100, "EUR"))
            for number in range(MANY_ROWS)
        ]
        await rig.set_offers(rows)
        snapshot = await rig.supplier.fetch_offers(None)
        assert [without_zeros(row) for row in snapshot.rows] == [without_zeros(row) for row in rows]
        assert not snapshot.problems

    async def test_foreign_letters_survive(self, rig: SupplierRig) -> None:
        """Unicode in a SKU and a title arrives as written."""
        rows = (OfferRow("GUÀ-Ñ-ß", 1, "Così è: più caffè"), OfferRow("ПЕРЧ-€", 2, "„Grill”"))
        await rig.set_offers(rows)
        snapshot = await rig.supplier.fetch_offers(None)
        assert [(row.supplier_sku, row.title) for row in snapshot.rows] == [
            (row.supplier_sku, row.title) for row in rows
        ]

    async def test_the_same_content_is_unchanged(self, rig: SupplierRig) -> None:
        """Asked with the version just read, the feed is unchanged and without rows; asked again, still."""
        await rig.set_offers([GLOVES, TOOLS])
        first = await rig.supplier.fetch_offers(None)
        second = await rig.supplier.fetch_offers(first.version)
        third = await rig.supplier.fetch_offers(second.version)
        assert (second.unchanged, second.rows) == (True, ())
        assert (third.unchanged, third.rows) == (True, ())

    async def test_changed_content_comes_whole(self, rig: SupplierRig) -> None:
        """After any change the whole feed comes, under another version; a vanished article is not in it."""
        await rig.set_offers([GLOVES, TOOLS])
        first = await rig.supplier.fetch_offers(None)
        await rig.set_offers([OfferRow("GLOVE-X", 11)])
        second = await rig.supplier.fetch_offers(first.version)
        assert not second.unchanged
        assert second.version != first.version
        assert [(row.supplier_sku, row.quantity) for row in second.rows] == [("GLOVE-X", 11)]

    @pytest.mark.parametrize("version", ["", "no version of ours", "1|2|3|4|5", '"etag"'])
    async def test_a_version_it_never_gave_is_no_version(self, rig: SupplierRig, version: str) -> None:
        """A version from elsewhere brings the whole feed, never an empty or failing answer."""
        await rig.set_offers([GLOVES])
        snapshot = await rig.supplier.fetch_offers(version)
        assert not snapshot.unchanged
        assert [row.supplier_sku for row in snapshot.rows] == ["GLOVE-X"]

    async def test_the_snapshot_has_its_moment(self, rig: SupplierRig) -> None:
        """`as_of` is aware, UTC, and not in the future."""
        await rig.set_offers([GLOVES])
        snapshot = await rig.supplier.fetch_offers(None)
        assert snapshot.as_of.utcoffset() == timedelta(0)
        assert snapshot.as_of <= rig.clock.now()

    async def test_a_bad_row_costs_only_itself(self, rig: SupplierRig) -> None:
        """An unreadable row is a problem that names its line; the rows beside it arrive."""
        await rig.set_offers([GLOVES, TOOLS])
        line = await rig.add_bad_row()
        snapshot = await rig.supplier.fetch_offers(None)
        assert [row.supplier_sku for row in snapshot.rows] == ["GLOVE-X", "TOOLKIT"]
        assert [problem.line for problem in snapshot.problems] == [line]
        assert snapshot.problems[0].sentence

    @pytest.mark.parametrize("operation", ["check", "fetch_offers"])
    @pytest.mark.parametrize("fault", list(RemoteFault))
    async def test_a_fault_of_the_feed_is_one_of_ours(
        self, rig: SupplierRig, fault: RemoteFault, operation: str
    ) -> None:
        """Each thing that can go wrong is the fault with the right consequence, once; the next call works."""
        await rig.set_offers([GLOVES])
        if fault not in rig.fetch_faults:
            with pytest.raises(ImpossibleFaultError):
                await rig.fail_next_fetch(fault)
            return
        await rig.fail_next_fetch(fault)
        call = rig.supplier.check() if operation == "check" else rig.supplier.fetch_offers(None)
        assert type(await fault_of(rig, call)) is CONSEQUENCE[fault]
        await rig.recover()
        assert len((await rig.supplier.fetch_offers(None)).rows) == 1

    @pytest.mark.parametrize("seconds", [None, 0, 17])
    async def test_the_wait_asked_for_is_passed_on(self, rig: SupplierRig, seconds: int | None) -> None:
        """A rate limit carries the seconds the supplier named, or None if he named none."""
        if RemoteFault.RATE_LIMITED not in rig.fetch_faults:
            with pytest.raises(ImpossibleFaultError):
                await rig.fail_next_fetch(RemoteFault.RATE_LIMITED, retry_after_seconds=seconds)
            return
        await rig.fail_next_fetch(RemoteFault.RATE_LIMITED, retry_after_seconds=seconds)
        fault = await fault_of(rig, rig.supplier.fetch_offers(None))
        assert isinstance(fault, RateLimited)
        assert fault.retry_after_seconds == seconds

    async def test_a_cancelled_fetch_leaves_the_supplier_usable(self, rig: SupplierRig) -> None:
        """A fetch cancelled while it waits ends as cancelled, and the next one works."""
        await rig.set_offers([GLOVES])
        if RemoteFault.STALLED not in rig.fetch_faults:
            with pytest.raises(ImpossibleFaultError):
                await rig.fail_next_fetch(RemoteFault.STALLED)
            return
        await rig.fail_next_fetch(RemoteFault.STALLED)
        await cancelled_when_stalled(rig, rig.supplier.fetch_offers(None))
        assert len((await rig.supplier.fetch_offers(None)).rows) == 1

    async def test_calls_may_overlap(self, rig: SupplierRig) -> None:
        """Several fetches at once each get the whole feed."""
        await rig.set_offers([GLOVES, TOOLS])
        snapshots = await asyncio.gather(*(rig.supplier.fetch_offers(None) for _ in range(5)))
        assert {len(snapshot.rows) for snapshot in snapshots} == {2}

    async def test_closing_twice_is_harmless(self, rig: SupplierRig) -> None:
        """`aclose` may come twice, after use, and a later call is a fault of ours, not of a library."""
        await rig.set_offers([GLOVES])
        await rig.supplier.fetch_offers(None)
        await rig.supplier.aclose()
        await rig.supplier.aclose()
        await fault_of(rig, rig.supplier.fetch_offers(None))

    async def test_ordering_is_there_exactly_if_declared(self, rig: SupplierRig) -> None:
        """The supplier implements TakesPurchaseOrders if, and only if, he is configured to."""
        assert isinstance(rig.supplier, TakesPurchaseOrders) == rig.takes_orders

    async def test_an_order_is_accepted(self, rig: SupplierRig) -> None:
        """What is in stock is accepted whole, line by line, with the supplier's own number, and is bought."""
        if (desk := order_desk(rig)) is not None:
            await rig.set_offers([GLOVES, TOOLS])
            outcome = await desk.place_order(order("r-1", ("a", "GLOVE-X", 2), ("b", "TOOLKIT", 3)))
            assert outcome.verdict is PurchaseVerdict.ACCEPTED
            assert dict(outcome.accepted) == {"a": 2, "b": 3}
            assert outcome.supplier_reference
            assert await rig.units_bought() == {"GLOVE-X": 2, "TOOLKIT": 3}

    async def test_the_same_reference_buys_once(self, rig: SupplierRig) -> None:
        """The same order sent again gets the same answer and buys nothing more; another reference buys."""
        if (desk := repeatable_desk(rig)) is not None:
            await rig.set_offers([GLOVES])
            first = await desk.place_order(order("r-1", ("a", "GLOVE-X", 2)))
            assert await desk.place_order(order("r-1", ("a", "GLOVE-X", 2))) == first
            assert await rig.units_bought() == {"GLOVE-X": 2}
            await desk.place_order(order("r-2", ("a", "GLOVE-X", 2)))
            assert await rig.units_bought() == {"GLOVE-X": 4}

    async def test_an_order_whose_answer_was_lost_buys_once(self, rig: SupplierRig) -> None:
        """The order was taken and its answer lost: sent again, it is confirmed and bought once."""
        if (desk := repeatable_desk(rig)) is not None:
            for number, fault in enumerate((RemoteFault.DROPPED, RemoteFault.CUT, RemoteFault.SERVER_ERROR)):
                await rig.set_offers([GLOVES])
                request = order(f"lost-{number}", ("a", "GLOVE-X", 1))
                await rig.fail_next_order(fault, taken=True)
                assert type(await fault_of(rig, desk.place_order(request))) is CONSEQUENCE[fault]
                assert (await desk.place_order(request)).verdict is PurchaseVerdict.ACCEPTED
                assert await rig.units_bought() == {"GLOVE-X": number + 1}

    async def test_too_little_stock_is_partial(self, rig: SupplierRig) -> None:
        """What the supplier has too little of is accepted as far as it goes; the answer covers all lines."""
        if (desk := order_desk(rig)) is not None:
            await rig.set_offers([GLOVES, TOOLS])
            outcome = await desk.place_order(order("r-1", ("a", "TOOLKIT", 5), ("b", "UNKNOWN", 1)))
            assert outcome.verdict is PurchaseVerdict.PARTIAL
            assert dict(outcome.accepted) == {"a": 3, "b": 0}

    @pytest.mark.parametrize("supplier_sku", ["TOOLKIT", "UNKNOWN"])
    async def test_no_stock_is_a_refusal(self, rig: SupplierRig, supplier_sku: str) -> None:
        """Nothing in stock, or never heard of: a refusal, which is a value, and nothing bought."""
        if (desk := order_desk(rig)) is not None:
            await rig.set_offers([OfferRow("TOOLKIT", 0)])
            outcome = await desk.place_order(order("r-1", ("a", supplier_sku, 1)))
            assert (outcome.verdict, outcome.accepted) == (PurchaseVerdict.REFUSED, (("a", 0),))
            assert not any((await rig.units_bought()).values())

    @pytest.mark.parametrize("fault", list(RemoteFault))
    async def test_a_fault_of_the_order_desk_is_one_of_ours(self, rig: SupplierRig, fault: RemoteFault) -> None:
        """Each thing that can go wrong with an order is the right fault; sent again, it goes through."""
        if (desk := repeatable_desk(rig)) is not None:
            await rig.set_offers([GLOVES])
            await rig.fail_next_order(fault)
            assert type(await fault_of(rig, desk.place_order(order("r-1", ("a", "GLOVE-X", 1))))) is CONSEQUENCE[fault]
            assert await placed(desk, "r-1") == {"a": 1}
            assert await rig.units_bought() == {"GLOVE-X": 1}

    async def test_a_cancelled_order_can_be_sent_again(self, rig: SupplierRig) -> None:
        """An order cancelled while its answer was awaited is sent again and bought once."""
        if (desk := repeatable_desk(rig)) is not None:
            await rig.set_offers([GLOVES])
            await rig.fail_next_order(RemoteFault.STALLED, taken=True)
            await cancelled_when_stalled(rig, desk.place_order(order("r-1", ("a", "GLOVE-X", 1))))
            assert await placed(desk, "r-1") == {"a": 1}
            assert await rig.units_bought() == {"GLOVE-X": 1}

    def test_the_mapping_is_pure(self, rig: SupplierRig) -> None:
        """The mapping neither reads a clock nor reaches outside."""
        assert rig.pure_modules, "a connector has a mapping"
        for module in rig.pure_modules:
            assert impurities(inspect.getsource(module)) == [], module.__name__
