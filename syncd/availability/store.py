"""Reads what there is of SKUs (balances, offers, the channels' own holds and sales) for the pure function beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from syncd.availability.ats import SkuSupply
from syncd.identity import Sku, SupplierName
from syncd.ledger.movement import State
from syncd.ledger.store import read_balances
from syncd.listing.store import read_unheld
from syncd.reservation.store import read_channel_holds
from syncd.supply.offer import SupplierPolicy, usable
from syncd.supply.store import read_offers


async def read_supplies(
    conn: AsyncConnection,
    skus: Sequence[Sku],
    suppliers: Mapping[SupplierName, SupplierPolicy],
    now: datetime,
) -> dict[Sku, SkuSupply]:
    """What there is of each SKU now; one entry for every SKU asked for. Offers of unknown suppliers count nothing."""
    balances = await read_balances(conn, skus)
    offers = await read_offers(conn, skus=skus) if suppliers else {}
    holds = await read_channel_holds(conn, skus)
    unheld = await read_unheld(conn, skus)
    supplies: dict[Sku, SkuSupply] = {}
    for sku in skus:
        trusted = [one for one in offers.get(sku, ()) if one.supplier in suppliers]
        supplies[sku] = SkuSupply(
            available=balances.by_location(sku, State.AVAILABLE),
            as_of=now,
            offers=[usable(one, suppliers[one.supplier], now) for one in trusted],
            held_on_channel={key: units for (owner, key), units in holds.items() if owner == sku},
            sold_unheld=unheld.get(sku, 0),
        )
    return supplies
