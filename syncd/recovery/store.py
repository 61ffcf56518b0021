"""What has to be distrusted in a restored store, and what its books say of a channel, as statements."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask
from syncd.identity import ChannelName, Sku
from syncd.invoice.invoice import InvoiceStatus
from syncd.invoice.store import invoice
from syncd.ledger.store import Write
from syncd.letter.letter import LetterStatus
from syncd.letter.store import letter
from syncd.listing.store import component, listing
from syncd.orders.store import order, read_cursor
from syncd.push.plan import Hold
from syncd.push.store import hold_channel
from syncd.recovery.recovery import RESTORED, Standing
from syncd.refund.refund import RefundStatus
from syncd.refund.store import refund
from syncd.reservation.store import demand
from syncd.supply.purchase_order import PurchaseStatus
from syncd.supply.store import purchase_order


def distrust(channels: Iterable[ChannelName], now: datetime) -> list[Write]:
    """Push nothing to these channels until somebody caught up with them, and take nothing for unsent.

    Money, letters and orders to suppliers that waited in the backup may have gone out since: they are looked for
    before they are sent, or a person is asked, exactly as after a crash in the middle of sending.
    """
    writes: list[Write] = []
    for name in channels:
        sentence = f"{name} is held: {RESTORED}; catch up with: syncd recover"
        writes.append(hold_channel(Hold(name, RESTORED, now)))
        writes.append(ask(Question(Topic.BRAKE, name, sentence, now)))
    for table, waiting, sending in (
        (refund, RefundStatus.WAITING, RefundStatus.SENDING),
        (letter, LetterStatus.WAITING, LetterStatus.SENDING),
        (invoice, InvoiceStatus.WAITING, InvoiceStatus.SENDING),
        (purchase_order, PurchaseStatus.DRAFT, PurchaseStatus.SENDING),
    ):
        writes.append(Write(update(table).where(table.c.status == waiting).values(status=sending)))
    return writes


async def read_standing(conn: AsyncConnection, channel: ChannelName) -> Standing:
    """What the books say of a channel now."""
    orders = select(func.count()).select_from(order).where(order.c.channel == channel)
    short = select(func.coalesce(func.sum(demand.c.short), 0)).where(demand.c.channel == channel)
    pair = (component.c.channel == listing.c.channel) & (component.c.listing_id == listing.c.listing_id)
    units = func.sum(listing.c.in_flight * component.c.units)
    flying = select(component.c.sku, units).select_from(listing.join(component, pair))
    flying = flying.where(listing.c.channel == channel, listing.c.in_flight > 0).group_by(component.c.sku)
    cursor = await read_cursor(conn, channel)
    return Standing(
        int((await conn.execute(orders)).scalar_one()),
        {Sku(sku): int(quantity) for sku, quantity in await conn.execute(flying)},
        int((await conn.execute(short)).scalar_one()),
        cursor.watermark_at if cursor else None,
    )
