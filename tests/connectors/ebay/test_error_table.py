"""Every error code of the fact sheet, walked over HTTP: one consequence each, no code without one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors.ebay.channel import EbayChannel
from connectors.ebay.mapping_errors import CALL_CODES, DUPLICATE_CODES, ITEM_CODES, CallFault, ItemFault
from connectors.ebay.sandbox import EbaySandbox
from syncd.channel.port import PushVerdict, QuantityUpdate
from syncd.errors import ChannelAuthFailed, ChannelUnavailable, RateLimited, RemoteError
from syncd.identity import ListingId

Connect = Callable[..., EbayChannel]

FACTS_4 = (
    *("518", "18000", "218050", "21919144", "21919165", "10007", "21359", "219255"),
    *("21917053", "21916984", "930", "931", "932", "16110", "16118", "16119", "17470", "21916013"),
    *("841", "21919028"),
)
"""Codes of whole calls, as the fact sheet's table of classes lists them."""

FACTS_1_3 = (
    *("21917091", "21917092", "21916750", "291", "1047", "17", "231", "515", "21916254", "21916311", "21916286"),
    *("21916799", "21916735", "21916736", "21916591", "21916635", "21916664", "21916587", "21916585", "21916603"),
    *("21916582", "21916626", "21919188", "21916293", "21919474", "21919233", "21916734", "21919301", "21919302"),
    *("21919303", "21919136", "21919137", "21916884", "240", "37", "36", "70", "106", "21919067"),
)
"""Codes of stock writes, as the fact sheet's error table lists them."""

FAULT_OF: dict[CallFault, type[RemoteError]] = {
    CallFault.TOKEN: ChannelAuthFailed,
    CallFault.CONSENT: ChannelAuthFailed,
    CallFault.ACCOUNT: ChannelAuthFailed,
    CallFault.DAY_QUOTA: RateLimited,
    CallFault.SHORT_WINDOW: RateLimited,
    CallFault.TRANSIENT: ChannelUnavailable,
}

VERDICT_OF: dict[ItemFault, PushVerdict] = {
    ItemFault.NO_OP: PushVerdict.ACCEPTED,
    ItemFault.ENDED: PushVerdict.NOT_FOUND,
    ItemFault.GONE: PushVerdict.NOT_FOUND,
    ItemFault.ZERO_REFUSED: PushVerdict.REJECTED,
    ItemFault.OTHER_API: PushVerdict.REJECTED,
    ItemFault.SELLING_LIMIT: PushVerdict.DEFERRED,
    ItemFault.LATER: PushVerdict.DEFERRED,
    ItemFault.MAPPING: PushVerdict.REJECTED,
    ItemFault.TERMINAL: PushVerdict.REJECTED,
    ItemFault.OURS: PushVerdict.REJECTED,
}


def test_every_code_of_the_facts_has_one_consequence() -> None:
    """None is forgotten, none is in both tables, and what a duplicate means is in neither."""
    assert set(FACTS_4) == set(CALL_CODES)
    assert set(FACTS_1_3) == set(ITEM_CODES)
    assert not set(CALL_CODES) & set(ITEM_CODES)
    assert not DUPLICATE_CODES & (set(CALL_CODES) | set(ITEM_CODES))
    assert set(FAULT_OF) == set(CallFault)
    assert set(VERDICT_OF) == set(ItemFault)


@pytest.mark.parametrize("code", FACTS_4)
async def test_a_code_of_the_call_is_its_fault(sandbox: EbaySandbox, channel: EbayChannel, code: str) -> None:
    """Whatever was pushed, the whole call fails with the fault of its class and no item is blamed."""
    item = ListingId(sandbox.add_listing(quantity=1)["item_id"])
    sandbox.fail(f"code:{code}", call="ReviseInventoryStatus")
    with pytest.raises(FAULT_OF[CALL_CODES[code]]):
        await channel.push_quantities([QuantityUpdate(item, 5)])
    assert sandbox.account.items[item].available == 1


@pytest.mark.parametrize("code", FACTS_1_3)
async def test_a_code_of_an_item_is_its_verdict(sandbox: EbaySandbox, channel: EbayChannel, code: str) -> None:
    """The first of two listings is refused with the code: it gets the verdict of its class, its neighbour is done."""
    first, second = (ListingId(sandbox.add_listing(quantity=1)["item_id"]) for _ in range(2))
    sandbox.switch(partial_mode="shape_2")
    sandbox.fail(f"item:{code}", call="ReviseInventoryStatus")
    outcomes = await channel.push_quantities([QuantityUpdate(first, 5), QuantityUpdate(second, 7)])
    assert [one.verdict for one in outcomes] == [VERDICT_OF[ITEM_CODES[code]], PushVerdict.ACCEPTED]
    assert outcomes[0].message or ITEM_CODES[code] is ItemFault.NO_OP
    assert outcomes[0].wait_seconds == (86_400 if ITEM_CODES[code] is ItemFault.SELLING_LIMIT else None)


async def test_a_system_error_nobody_listed_passes_by_itself(sandbox: EbaySandbox, channel: EbayChannel) -> None:
    """ErrorClassification SystemError is enough: tried again later."""
    item = ListingId(sandbox.add_listing(quantity=1)["item_id"])
    sandbox.fail("http_500_xml")
    with pytest.raises(ChannelUnavailable):
        await channel.push_quantities([QuantityUpdate(item, 5)])
