"""Commands that answer what was asked about orders: whose copy one is, and whether several become one invoice."""

from __future__ import annotations

from typing import Annotated

import typer

from syncd.attention.question import Topic
from syncd.attention.store import close
from syncd.cli.options import Common, command
from syncd.cli.screen import GOOD, answer, data, say
from syncd.cli.session import Session, in_session, unknown
from syncd.errors import OperatorError
from syncd.invoice.invoice import InvoiceStatus
from syncd.invoice.service import answer_invoice
from syncd.invoice.store import read_invoices
from syncd.orders.copy import BY_HAND, OWN
from syncd.orders.kin.store import mark_copy
from syncd.orders.store import read_newest, read_orders

Key = Annotated[str, typer.Argument(metavar="KEY", help="As `syncd orders` shows it.")]

KEYS_NAMED_MAX = 500
"""Orders among which the nearest name is looked for."""


def register(group: typer.Typer) -> None:
    """Add these commands to those about orders."""
    command(group, "copied")(copied)
    command(group, "own")(own)
    command(group, "invoice")(invoice)


def copied(key: Key, common: Common) -> None:
    """An order is the copy of one made on another channel: it takes no stock any more.

    JSON: {"order", "copy"}
    """
    _mark(key, common, BY_HAND, f"{key} is a copy: what it holds is given back at the next look for orders.")


def own(key: Key, common: Common) -> None:
    """An order that looked like a copy is one of its own: it keeps its stock.

    JSON: {"order", "copy"}
    """
    _mark(key, common, OWN, f"{key} is an order of its own.")


def _mark(key: str, common: Common, mark: str, said: str) -> None:
    async def work(session: Session) -> None:
        async with session.db.read() as conn:
            if key not in await read_orders(conn, [key]):
                raise unknown("order", key, await read_newest(conn, after=None, limit=KEYS_NAMED_MAX))
        await session.writer.write(*mark_copy(key, mark), close(Topic.COPIED_ORDER, key, session.clock.now()))

    in_session(common.path, work)
    if common.as_json:
        data({"order": key, "copy": mark != OWN})
        return
    answer(said, GOOD)


def invoice(
    key: Key,
    common: Common,
    no: Annotated[bool, typer.Option("--no", help="Leave the orders as they are.")] = False,
) -> None:
    """Agree that an order and the others of its buyer are offered as one invoice, or decline it.

    JSON: {"invoice", "orders", "status"}
    """

    async def work(session: Session) -> tuple[str, tuple[str, ...], InvoiceStatus]:
        async with session.db.read() as conn:
            asked = [one for one in await read_invoices(conn) if one.status is InvoiceStatus.ASKED]
        found = next((one for one in asked if key in one.order_keys), None)
        if found is None:
            raise OperatorError(f"nothing is asked about an invoice over {key}; see: syncd questions")
        status = (await session.submit(answer_invoice(found.reference, agreed=not no))).value
        if status is None:
            raise OperatorError(f"the invoice over {key} has moved on meanwhile; see: syncd questions")
        return found.reference, found.order_keys, status

    reference, keys, status = in_session(common.path, work)
    if common.as_json:
        data({"invoice": reference, "orders": list(keys), "status": status.value})
        return
    answer(f"{', '.join(keys)}: {'left as they are' if no else 'one invoice'}.", GOOD)
    if not no:
        say("It is sent within a minute, unless the buyer has paid or bought more meanwhile.")
