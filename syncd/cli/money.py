"""Commands about money and goodwill: refunds that a person makes himself, coupons that wait for his word."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer

from syncd.cli.age import ago
from syncd.cli.options import Common, callback, command
from syncd.cli.screen import GOOD, LOOK, answer, counted, data, say, table
from syncd.cli.session import Session, in_session, unknown
from syncd.errors import OperatorError
from syncd.goodwill.goodwill import Coupon, CouponStatus
from syncd.goodwill.store import answer_coupon, read_coupon, read_coupons
from syncd.http import shape
from syncd.refund.refund import Refund, RefundStatus
from syncd.refund.store import made_by_hand, read_refund, read_refunds

SHOWN_MAX = 200
"""Coupons shown at most: the newest."""

HOW_LENGTH_MAX = 200

UNFINISHED = [one for one in RefundStatus if one is not RefundStatus.DONE]

Reference = Annotated[str, typer.Argument(metavar="REFERENCE", help="As the list shows it.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(help="Money that goes back; `refunds made REFERENCE HOW` once you gave it back yourself.")
    callback(group)(refunds)
    command(group, "made")(made)
    app.add_typer(group, name="refunds")
    group = typer.Typer(help="Coupons for customers; `coupons agree REFERENCE` or `decline`.")
    callback(group)(coupons)
    command(group, "agree")(agree)
    command(group, "decline")(decline)
    app.add_typer(group, name="coupons")


def refunds(
    ctx: typer.Context,
    common: Common,
    everything: Annotated[bool, typer.Option("--all", help="Also those that were made.")] = False,
) -> None:
    """Show the refunds that are not made yet, the oldest first.

    JSON: [{"reference", "order", "amount", "shipping", "status", "asked_at", "done_at", "message"}, …]
    """
    if ctx.invoked_subcommand is not None:
        return

    async def work(session: Session) -> tuple[list[Refund], datetime]:
        async with session.db.read() as conn:
            statuses = list(RefundStatus) if everything else UNFINISHED
            return await read_refunds(conn, statuses), session.clock.now()

    found, now = in_session(common.path, work)
    if common.as_json:
        data([shape.refund(one) for one in found])
        return
    waiting = sum(one.status is RefundStatus.NEEDS_PERSON for one in found)
    open_ones = sum(one.status is not RefundStatus.DONE for one in found)
    answer(f"{counted(open_ones, 'refund')} under way, {waiting} for you to make.", LOOK if waiting else "")
    if found:
        rows = [
            (one.reference, str(one.amount), _words(one.status), ago(one.asked_at, now), one.message) for one in found
        ]
        table(["Refund", "Amount", "Status", "Asked", "What is known"], rows)


def made(
    reference: Reference,
    how: Annotated[str, typer.Argument(help="How you gave it back, e.g. the number of the bank transfer.")],
    common: Common,
) -> None:
    """You gave the money back yourself, past syncd: the case ends and the customer is told.

    JSON: as in `syncd refunds`.
    """
    said = " ".join(how.split())
    if not 0 < len(said) <= HOW_LENGTH_MAX:
        raise OperatorError(f"say in 1 to {HOW_LENGTH_MAX} characters how it went back")

    async def work(session: Session) -> Refund:
        async with session.db.read() as conn:
            known = await read_refund(conn, reference)
            if known is None:
                raise unknown("refund", reference, [one.reference for one in await read_refunds(conn, UNFINISHED)])
        done = (await session.submit(made_by_hand(reference, f"by hand: {said}"))).value
        if done is None:
            raise OperatorError(f"the refund {reference} is {_words(known.status)}: it is not yours to make")
        return done

    done = in_session(common.path, work)
    if common.as_json:
        data(shape.refund(done))
        return
    answer(f"{done.amount} went back by hand.", GOOD)
    say("The customer is told, and the case ends.")


def coupons(
    ctx: typer.Context,
    common: Common,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are settled.")] = False,
) -> None:
    """Show the coupons that wait for somebody or for their channel.

    JSON: [{"reference", "occasion", "order", "code", "worth", "expires_at", "status", "told_in", "message"}, …]
    """
    if ctx.invoked_subcommand is not None:
        return

    async def work(session: Session) -> list[Coupon]:
        wanted = list(CouponStatus) if everything else [CouponStatus.ASKED, CouponStatus.NEEDS_PERSON]
        wanted += [] if everything else [CouponStatus.WAITING]
        async with session.db.read() as conn:
            return await read_coupons(conn, wanted, limit=SHOWN_MAX)

    found = in_session(common.path, work)
    if common.as_json:
        data([shape.coupon(one) for one in found])
        return
    answer(f"{counted(len(found), 'coupon')}{'' if everything else ' not settled'}.", LOOK if found else "")
    if found:
        rows: Sequence[tuple[str, ...]] = [
            (one.reference, one.worth, f"{one.expires_at:%Y-%m-%d}", _words(one.status), one.message) for one in found
        ]
        table(["Coupon", "Worth", "Until", "Status", "Why"], rows)


def agree(reference: Reference, common: Common) -> None:
    """Let a coupon be made, or tried again.

    JSON: as in `syncd coupons`.
    """
    _answer(reference, common, agreed=True)


def decline(reference: Reference, common: Common) -> None:
    """No coupon: the customer never hears of it.

    JSON: as in `syncd coupons`.
    """
    _answer(reference, common, agreed=False)


def _answer(reference: str, common: Common, *, agreed: bool) -> None:
    async def work(session: Session) -> Coupon:
        async with session.db.read() as conn:
            known = await read_coupon(conn, reference)
            if known is None:
                names = [one.reference for one in await read_coupons(conn, list(CouponStatus), limit=SHOWN_MAX)]
                raise unknown("coupon", reference, names)
        answered = (await session.submit(answer_coupon(reference, agreed=agreed))).value
        if answered is None:
            raise OperatorError(f"the coupon {reference} is {_words(known.status)}: nothing is asked about it")
        return answered

    answered = in_session(common.path, work)
    if common.as_json:
        data(shape.coupon(answered))
        return
    said = "is made within a minute, and the customer is told" if agreed else "is not made"
    answer(f"The coupon of {answered.worth} {said}.", GOOD)


def _words(status: RefundStatus | CouponStatus) -> str:
    return status.value.replace("_", " ")
