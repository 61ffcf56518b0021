"""Commands about birthdays: customers who agreed to be wished a happy one are added, and taken out again."""

from __future__ import annotations

from typing import Annotated

import typer

from syncd.channel.port import ChannelOrder
from syncd.cli.options import Common, callback, command
from syncd.cli.screen import GOOD, answer, counted, data
from syncd.cli.session import Session, in_session, parsed, unknown
from syncd.courtesy.birthday import Birthday, from_codice_fiscale, from_date
from syncd.courtesy.store import count_birthdays, forget_birthdays, save_birthday
from syncd.errors import OperatorError
from syncd.goodwill.goodwill import GoodwillConfig
from syncd.identity import ChannelName
from syncd.orders.store import read_newest, read_orders

Key = Annotated[str, typer.Argument(metavar="ORDER", help="An order of his, as `syncd orders` shows it.")]

KEYS_NAMED_MAX = 500
"""Orders among which the nearest name is looked for."""


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(
        help="Customers who agreed to a birthday coupon; `birthdays add ORDER`, `birthdays remove ORDER`."
    )
    callback(group)(birthdays)
    command(group, "add")(add)
    command(group, "remove")(remove)
    app.add_typer(group, name="birthdays")


def birthdays(ctx: typer.Context, common: Common) -> None:
    """Say how many customers agreed, and what they get. Nobody's day is shown.

    JSON: {"agreed", "birthday", "percent", "days", "channels"}
    """
    if ctx.invoked_subcommand is not None:
        return

    async def work(session: Session) -> tuple[int, GoodwillConfig]:
        async with session.db.read() as conn:
            return await count_birthdays(conn), session.config.room(GoodwillConfig)

    agreed, config = in_session(common.path, work)
    if common.as_json:
        percent, channels = str(config.birthday_percent), list(config.channels)
        days = config.birthday_days
        data({"agreed": agreed, "birthday": config.birthday, "percent": percent, "days": days, "channels": channels})
        return
    is_off = config.birthday == "off" or not config.channels
    gift = f"they get {config.birthday_percent:f} % off for {counted(config.birthday_days, 'day')}"
    answer(
        f"{counted(agreed, 'customer')} agreed; {'nothing is sent ([goodwill] birthday is off)' if is_off else gift}."
    )


def add(
    key: Key,
    common: Common,
    born: Annotated[str | None, typer.Option("--date", help="As he gave it: 1980-02-29, or 02-29.")] = None,
    code: Annotated[
        str | None, typer.Option("--codice-fiscale", help="Day and month are read from it; it is not kept.")
    ] = None,
    agreed: Annotated[bool, typer.Option("--agreed", help="He agreed to be written to on his birthday.")] = False,
) -> None:
    """Note the birthday of an order's customer, who agreed to it. Only day and month are kept.

    JSON: {"order", "agreed"}
    """
    if not agreed:
        raise OperatorError("only who agreed is written to; if he did, say so with: --agreed")
    if (born is None) == (code is None):
        raise OperatorError("give either --date or --codice-fiscale")
    month, day = parsed(from_date, born) if born is not None else parsed(from_codice_fiscale, code or "")

    async def work(session: Session) -> None:
        order, channel = await _order(session, key)
        one = Birthday(channel, order.buyer.buyer_id, month, day, session.clock.now())
        await session.writer.write(save_birthday(one))

    in_session(common.path, work)
    if common.as_json:
        data({"order": key, "agreed": True})
        return
    answer("Noted: day and month, and that he agreed.", GOOD)


def remove(key: Key, common: Common) -> None:
    """The customer of an order does not want to be written to on his birthday any more.

    JSON: {"order", "agreed"}
    """

    async def work(session: Session) -> None:
        order, channel = await _order(session, key)
        await session.writer.write(forget_birthdays(channel, [order.buyer.buyer_id]))

    in_session(common.path, work)
    if common.as_json:
        data({"order": key, "agreed": False})
        return
    answer("Forgotten: he is not written to on his birthday.", GOOD)


async def _order(session: Session, key: str) -> tuple[ChannelOrder, ChannelName]:
    async with session.db.read() as conn:
        found = (await read_orders(conn, [key])).get(key)
        if found is None:
            raise unknown("order", key, await read_newest(conn, after=None, limit=KEYS_NAMED_MAX))
    if not found.buyer.buyer_id:
        raise OperatorError(f"the customer of {key} was forgotten: nothing of him is kept")
    return found, ChannelName(key.partition(":")[0])
