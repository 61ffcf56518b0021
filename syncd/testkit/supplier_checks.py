"""The assertions the supplier kit is made of: faults are ours, secrets stay in, mappings are pure."""
# ruff: noqa: S101 — assertions are what a kit is made of.

from __future__ import annotations

import ast
import asyncio
import traceback
from collections.abc import Awaitable, Sequence
from decimal import Decimal

import pytest

from syncd.errors import RemoteError
from syncd.supply.port import OfferRow, PurchaseLine, PurchaseRequest, TakesPurchaseOrders
from syncd.testkit.supplier_rig import SupplierRig

IMPURE_MODULES = {"asyncio", "aiohttp", "random", "requests", "secrets", "socket", "time", "threading"}
CLOCK_CALLS = {"now", "utcnow", "today"}


def order(reference: str, *lines: tuple[str, str, int]) -> PurchaseRequest:
    """A purchase order without address; lines are (line_id, supplier_sku, quantity)."""
    return PurchaseRequest(reference, tuple(PurchaseLine(*line) for line in lines), None)


async def placed(desk: TakesPurchaseOrders, reference: str) -> dict[str, int]:
    """Accepted quantities of the order for one pair of gloves."""
    outcome = await desk.place_order(order(reference, ("a", "GLOVE-X", 1)))
    return dict(outcome.accepted)


def order_desk(rig: SupplierRig) -> TakesPurchaseOrders | None:
    """The supplier, if he takes orders; else None, having asserted that he was not meant to."""
    if isinstance(rig.supplier, TakesPurchaseOrders):
        return rig.supplier
    assert not rig.takes_orders, "the supplier is declared to take orders and has no place_order"
    return None


def repeatable_desk(rig: SupplierRig) -> TakesPurchaseOrders | None:
    """The same, if the reference protects an order sent again; about another way a person has to be asked."""
    desk = order_desk(rig)
    return desk if desk is not None and desk.repeatable else None


async def fault_of(rig: SupplierRig, call: Awaitable[object]) -> RemoteError:
    """The fault the call ends with; any other exception passes through and fails the test."""
    try:
        answer = await call
    except RemoteError as fault:
        text = "".join(traceback.format_exception(fault))
        assert_keeps_secrets(rig, f"{text} {fault!r} {vars(fault)!r}")
        return fault
    raise AssertionError(f"a fault was expected and an answer came: {answer!r}")


async def cancelled_when_stalled(rig: SupplierRig, call: Awaitable[object]) -> None:
    """Cancel the call once it waits for its answer, and see it end as cancelled."""
    task = asyncio.ensure_future(call)
    await rig.stalled()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def assert_keeps_secrets(rig: SupplierRig, text: str) -> None:
    """Fail, without repeating it, if a secret stands in the text."""
    for place, secret in enumerate(rig.secrets, start=1):
        assert secret not in text, f"secret number {place} of the rig came out"


def without_zeros(row: OfferRow) -> tuple[str, int, str, Decimal | None]:
    """The row with its cost as a plain number, so that 1.50 and 1.5 are equal."""
    return row.supplier_sku, row.quantity, row.title, row.cost.amount.normalize() if row.cost else None


def impurities(source: str) -> Sequence[str]:
    """Imports and calls in the source that a pure module must not have."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in IMPURE_MODULES]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in IMPURE_MODULES:
            found.append(node.module or "")
        elif isinstance(node, ast.Attribute) and node.attr in CLOCK_CALLS:
            found.append(node.attr)
        elif isinstance(node, ast.AsyncFunctionDef):
            found.append(f"async def {node.name}")
    return found
