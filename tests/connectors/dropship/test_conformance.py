"""The dropship connector passes the supplier kit: over HTTP with and without an order desk, from a file."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import ModuleType

import pytest

from connectors.dropship import (
    mapping,
    mapping_header,
    mapping_number,
    mapping_purchase,
    mapping_table,
    sandbox,
)
from connectors.dropship.feed import Settings, connect
from syncd.clock import SystemClock
from syncd.supply.port import OfferRow, Supplier
from syncd.testkit.supplier_conformance import SupplierConformance
from syncd.testkit.supplier_rig import ImpossibleFaultError, RemoteFault

PURE = (mapping, mapping_header, mapping_number, mapping_purchase, mapping_table)

KIND = {
    RemoteFault.UNAUTHORIZED: "403",
    RemoteFault.RATE_LIMITED: "429",
    RemoteFault.SERVER_ERROR: "500",
    RemoteFault.STALLED: "stall",
    RemoteFault.DROPPED: "drop",
    RemoteFault.CUT: "cut",
    RemoteFault.HTML: "html",
    RemoteFault.EMPTY: "empty",
}

BAD_ROW = "BAD;Senza numero;molti;1,00"


def cost_text(row: OfferRow) -> str:
    """The cost as an Italian supplier writes it."""
    return str(row.cost.amount).replace(".", ",") if row.cost else ""


class WebRig:
    """The connector talking to its sandbox over loopback."""

    fetch_faults = frozenset(RemoteFault)
    secrets = tuple(sandbox.EXAMPLE_SECRETS.values())
    pure_modules: tuple[ModuleType, ...] = PURE

    def __init__(self, server: sandbox.Sandbox, *, takes_orders: bool) -> None:
        self.clock = SystemClock()
        self.takes_orders = takes_orders
        self._server = server
        self._opened: list[Supplier] = []
        self.supplier = self._connect(sandbox.EXAMPLE_SECRETS)

    def _connect(self, secrets: dict[str, str]) -> Supplier:
        values = {**sandbox.settings_at(self._server.url), **secrets, "timeout_seconds": 0.5}
        if not self.takes_orders:
            del values["purchase_url"], values["purchase_token"]
        supplier = connect(Settings.model_validate(values), name="rossi", clock=self.clock)
        self._opened.append(supplier)
        return supplier

    def with_bad_credentials(self) -> Supplier | None:
        return self._connect({"feed_token": "wrong-token", "purchase_token": "wrong-token"})

    async def set_offers(self, rows: Sequence[OfferRow]) -> None:
        self._server.set_offers(
            [sandbox.Offer(row.supplier_sku, row.quantity, row.title, cost_text(row)) for row in rows]
        )

    async def add_bad_row(self) -> int:
        self._server.books.raw_lines = (BAD_ROW,)
        return len(self._server.books.offers) + 2

    async def fail_next_fetch(self, fault: RemoteFault, *, retry_after_seconds: int | None = None) -> None:
        wait = "" if retry_after_seconds is None else str(retry_after_seconds)
        # aiohttp itself asks once more when the connection of a GET breaks.
        times = 2 if fault is RemoteFault.DROPPED else 1
        self._server.add_fault(sandbox.Fault(KIND[fault], times=times, retry_after=wait))

    async def fail_next_order(
        self, fault: RemoteFault, *, taken: bool = False, retry_after_seconds: int | None = None
    ) -> None:
        wait = "" if retry_after_seconds is None else str(retry_after_seconds)
        self._server.add_fault(sandbox.Fault(KIND[fault], on="orders", taken=taken, retry_after=wait))

    async def recover(self) -> None:
        self._server.clear_faults()

    async def stalled(self) -> None:
        await self._server.stalled()

    async def units_bought(self) -> dict[str, int]:
        units: dict[str, int] = {}
        for taken in self._server.books.orders.values():
            accepted = {line["line_id"]: line["accepted"] for line in taken.answer["lines"]}
            for line in taken.order["lines"]:
                units[line["sku"]] = units.get(line["sku"], 0) + accepted[line["line_id"]]
        return units

    async def aclose(self) -> None:
        for supplier in self._opened:
            await supplier.aclose()
        await self._server.aclose()


class FileRig:
    """The connector reading a file that somebody else writes; a fault is what can happen to a file."""

    fetch_faults = frozenset({RemoteFault.DROPPED, RemoteFault.HTML, RemoteFault.EMPTY})
    secrets: tuple[str, ...] = ()
    pure_modules: tuple[ModuleType, ...] = PURE
    takes_orders = False

    def __init__(self, path: Path) -> None:
        self.clock = SystemClock()
        self._path = path
        self._lines: list[str] = []
        values = {**sandbox.EXAMPLE_SETTINGS, "feed_path": path, "feed_settle_seconds": 0, "timeout_seconds": 5.0}
        self.supplier = connect(Settings.model_validate(values), name="verdi", clock=self.clock)

    def with_bad_credentials(self) -> Supplier | None:
        return None

    async def set_offers(self, rows: Sequence[OfferRow]) -> None:
        self._lines = ["Codice;Descrizione;Disponibilità;Prezzo"]
        self._lines += [f"{row.supplier_sku};{row.title};{row.quantity};{cost_text(row)}" for row in rows]
        await self.recover()

    async def add_bad_row(self) -> int:
        self._lines.append(BAD_ROW)
        await self.recover()
        return len(self._lines)

    async def fail_next_fetch(self, fault: RemoteFault, *, retry_after_seconds: int | None = None) -> None:
        if fault not in self.fetch_faults:
            raise ImpossibleFaultError(fault)
        if fault is RemoteFault.DROPPED:
            self._path.unlink()
        else:
            self._path.write_text("<html>Manutenzione</html>" if fault is RemoteFault.HTML else "")

    async def fail_next_order(
        self, fault: RemoteFault, *, taken: bool = False, retry_after_seconds: int | None = None
    ) -> None:
        raise ImpossibleFaultError(fault)

    async def stalled(self) -> None:
        raise ImpossibleFaultError

    async def units_bought(self) -> dict[str, int]:
        raise ImpossibleFaultError

    async def recover(self) -> None:
        """Put the file in place whole, as a well-behaved export does."""
        fresh = self._path.with_suffix(".new")
        fresh.write_text("\n".join(self._lines), encoding="utf-8-sig")
        os.replace(fresh, self._path)


class TestOverHttpWithAnOrderDesk(SupplierConformance):
    """The kit on a supplier with feed_url and purchase_url."""

    @pytest.fixture
    async def rig(self) -> AsyncIterator[WebRig]:
        rig = WebRig(await sandbox.start(), takes_orders=True)
        yield rig
        await rig.aclose()


class TestOverHttpOrderedByHand(SupplierConformance):
    """The kit on a supplier without purchase_url."""

    @pytest.fixture
    async def rig(self) -> AsyncIterator[WebRig]:
        rig = WebRig(await sandbox.start(), takes_orders=False)
        yield rig
        await rig.aclose()


class TestFromAFile(SupplierConformance):
    """The kit on a supplier with feed_path."""

    @pytest.fixture
    async def rig(self, tmp_path: Path) -> AsyncIterator[FileRig]:
        rig = FileRig(tmp_path / "list.csv")
        await rig.set_offers([])
        yield rig
        await rig.supplier.aclose()
