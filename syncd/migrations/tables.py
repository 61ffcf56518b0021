"""Every table of every room, so that migrations and tests see the whole schema."""

from __future__ import annotations

from sqlalchemy import MetaData
from sqlmodel import SQLModel

import syncd.access.store
import syncd.attention.store
import syncd.availability.store
import syncd.channel.store
import syncd.courtesy.store
import syncd.goodwill.store
import syncd.invoice.store
import syncd.journal.store
import syncd.lease.store
import syncd.ledger.store
import syncd.letter.store
import syncd.listing.store
import syncd.orders.hint.store
import syncd.orders.store
import syncd.orders.unread.store
import syncd.product.store
import syncd.push.store
import syncd.refund.store
import syncd.reservation.store
import syncd.scanner.store
import syncd.shortage.store
import syncd.shortage.store_timeline
import syncd.supply.store
import syncd.supply.store_parcel  # noqa: F401  imported for the tables they define


def schema() -> MetaData:
    """The tables as the rooms define them."""
    return SQLModel.metadata
