"""The races of the echo protocol where a supplier, not a shelf, holds what is sold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from syncd.identity import SupplierName
from syncd.supply.offer import SupplierPolicy
from tests.support.rooms import MARKET, WEBSHOP, Rooms, Setup


async def test_r1_sale_of_what_only_a_supplier_has_is_not_put_back(tmp_path: Path) -> None:
    """No shelf can hold a unit the supplier will send: until its order is in, no channel offers it once more."""
    trusted = SupplierPolicy(SupplierName("maker"), stale_after_seconds=86400)
    setup = Setup({"market": replace(MARKET, order_lag_seconds=120), "shop": WEBSHOP}, supplier=trusted)
    async with Rooms(tmp_path, setup) as rooms:
        await rooms.supply("X", 5)
        market, shop = await rooms.offer("market", "X", 5), await rooms.offer("shop", "X", 5)
        await rooms.quiet(60)
        rooms.shops["market"].sell(market, 1)
        await rooms.look("market", market)
        await rooms.settle()
        assert (rooms.shown("market", market), rooms.shown("shop", shop)) == (4, 4)
        await rooms.quiet()
        assert (rooms.shown("market", market), rooms.shown("shop", shop)) == (4, 4)
        await rooms.assert_true()
