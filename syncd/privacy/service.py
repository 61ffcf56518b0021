"""Forgets a buyer: every name, address and letter of his goes, in one transaction; what moved stock or money stays.

A channel asks for it when its user has left it (eBay: MARKETPLACE_ACCOUNT_DELETION, mandatory for every application).
"""

from __future__ import annotations

from collections.abc import Sequence

from syncd.courtesy.store import forget_birthdays
from syncd.goodwill.store import forget_coupons
from syncd.identity import ChannelName
from syncd.ledger.service import Writer
from syncd.letter.store import forget_letters
from syncd.orders.store_erasure import forget_buyers, select_keys_of_buyers
from syncd.shortage.store_timeline import forget_entries
from syncd.supply.store import forget_addresses
from syncd.telemetry import Event, log


class Eraser:
    """One per process."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def forget(self, channel: ChannelName, buyer_ids: Sequence[str]) -> None:
        """Forget the buyers a channel knows by any of these ids; returns once it cannot be lost. Again changes nothing.

        An order still to be sent loses its address as well: the channel says when that may be asked.
        """
        keys = select_keys_of_buyers(channel, buyer_ids)
        words = (*forget_letters(keys), forget_entries(keys), forget_coupons(keys))
        rows = (forget_addresses(keys), forget_birthdays(channel, buyer_ids), forget_buyers(channel, buyer_ids))
        await self._writer.write(*words, *rows)
        log(Event.BUYER_FORGOTTEN, channel=channel)
