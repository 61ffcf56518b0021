"""Commands about purchase orders: what is still coming from suppliers, and what a person says has become of one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from syncd.cli.age import ago
from syncd.cli.options import Common, command
from syncd.cli.screen import GOOD, LOOK, answer, counted, data, table
from syncd.cli.session import Session, in_session, parsed, unknown
from syncd.errors import OperatorError
from syncd.identity import Sku
from syncd.identity import sku as parse_sku
from syncd.ledger.store import Outcome
from syncd.supply.desk.service import PurchaseDesk
from syncd.supply.purchase_order import UNSETTLED, PurchaseOrder
from syncd.supply.store import read_purchase_orders

Reference = Annotated[str, typer.Argument(metavar="REFERENCE", help="As `syncd supplier orders` shows it.")]


def register(group: typer.Typer) -> None:
    """Add these commands to those about suppliers."""
    command(group, "orders")(orders)
    command(group, "confirm")(confirm)
    command(group, "refuse")(refuse)
    command(group, "resend")(resend)
    command(group, "calloff")(calloff)
    command(group, "receive")(receive)


def orders(
    common: Common,
    every: Annotated[bool, typer.Option("--all", help="Also those that are settled.")] = False,
) -> None:
    """Show purchase orders from which something may still come.

    JSON: [{"reference", "supplier", "status", "order_key", "created_at", "message", "expected_on",
    "lines": [{"sku", "supplier_sku", "quantity", "accepted"}]}, …]
    """

    async def work(session: Session) -> tuple[list[PurchaseOrder], Any]:
        async with session.db.read() as conn:
            return await read_purchase_orders(conn), session.clock.now()

    found, now = in_session(common.path, work)
    found = [one for one in found if every or one.status in UNSETTLED]
    if common.as_json:
        data([_shape(one) for one in found])
        return
    answer(f"{counted(len(found), 'purchase order')}, oldest first." if found else "Nothing is coming from a supplier.")
    if found:
        rows = [
            (one.reference, one.status.value, ago(one.created_at, now), _what(one), one.message or "") for one in found
        ]
        table(["Purchase order", "State", "Made", "What", "Message…"], rows)


def confirm(
    reference: Reference,
    common: Common,
    lacking: Annotated[list[str] | None, typer.Option("--lacking", help="SKU=N he will not send; may repeat.")] = None,
) -> None:
    """A supplier took an order you made by hand; what he will not send is short from now on.

    JSON: as in `supplier orders`.
    """
    less = dict(parsed(_lacking, text) for text in lacking or [])
    _settle(reference, common, lambda desk, order, _session: desk.confirm(order, less), "is confirmed")


def refuse(reference: Reference, common: Common) -> None:
    """A supplier sends nothing of a purchase order: what is still wanted of it is short from now on.

    JSON: as in `supplier orders`.
    """
    _settle(reference, common, lambda desk, order, _session: desk.refuse(order), "is refused")


def resend(reference: Reference, common: Common) -> None:
    """A supplier has not got a purchase order that may have been sent: send it by machine again.

    JSON: as in `supplier orders`.
    """
    _settle(reference, common, lambda desk, order, _session: desk.resend(order), "goes out again")


def calloff(reference: Reference, common: Common) -> None:
    """A supplier agreed to leave out of a purchase order what nobody wants any more.

    JSON: as in `supplier orders`.
    """
    _settle(reference, common, lambda desk, order, _session: desk.call_off(order), "holds only what is wanted")


def receive(
    reference: Reference,
    common: Common,
    at: Annotated[str | None, typer.Option("--at", metavar="LOCATION", help="Where the goods lie.")] = None,
) -> None:
    """The goods of a purchase order came to us: reserved for the order they were bought for, the rest on the shelf.

    JSON: as in `supplier orders`.
    """
    _settle(
        reference, common, lambda desk, order, session: desk.receive(order, session.location(at)), "lies on the shelf"
    )


Act = Callable[[PurchaseDesk, PurchaseOrder, Session], Awaitable[Outcome[PurchaseOrder]]]


def _settle(reference: str, common: Common, act: Act, said: str) -> None:
    async def work(session: Session) -> PurchaseOrder:
        desk = PurchaseDesk(session.db, session.writer, actor=session.actor)
        order = await desk.find(reference)
        if order is None:
            async with session.db.read() as conn:
                raise unknown("purchase order", reference, [one.reference for one in await read_purchase_orders(conn)])
        outcome = await act(desk, order, session)
        if outcome.value is None or outcome.explanation:
            raise OperatorError(outcome.explanation or f"purchase order {reference} could not be written")
        return outcome.value

    after = in_session(common.path, work)
    if common.as_json:
        data(_shape(after))
        return
    answer(f"Purchase order {after.reference} {said}: {after.status.value}, {_what(after)}.", GOOD if after else LOOK)


def _lacking(text: str) -> tuple[Sku, int]:
    name, _, count = text.rpartition("=")
    if not count.isdecimal() or not name:
        raise ValueError(f"--lacking {text}: give SKU=N, N being how many he will not send")
    return parse_sku(name), int(count)


def _what(order: PurchaseOrder) -> str:
    return ", ".join(f"{one.coming} × {one.sku}" for one in order.purchases if one.coming) or "nothing"


def _shape(order: PurchaseOrder) -> dict[str, Any]:
    lines = [
        {"sku": one.sku, "supplier_sku": one.supplier_sku, "quantity": one.quantity, "accepted": one.accepted}
        for one in order.purchases
    ]
    return {
        "reference": order.reference,
        "supplier": order.supplier,
        "status": order.status.value,
        "order_key": order.order_key,
        "created_at": order.created_at,
        "message": order.message,
        "expected_on": order.expected_on,
        "lines": lines,
    }
