"""Linking a listing to stock: by the SKU the seller wrote on the channel, and never by guessing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from syncd.channel.port import ChannelListing
from syncd.identity import ListingKey, Sku
from syncd.identity import sku as parse_sku
from syncd.listing.listing import Component


@dataclass(frozen=True, slots=True)
class Link:
    """The components found, or why there are none, in one sentence with what to do."""

    components: tuple[Component, ...]
    why_not: str = ""


def link(key: ListingKey, found: ChannelListing, known: Collection[Sku]) -> Link:
    """Link by exact SKU. A listing without SKU, or with one nobody stocks, is a question for a person."""
    advice = f"write the right SKU on the channel, or type: syncd link {key} SKU"
    if not found.sku or not found.sku.strip():
        return Link((), f"{key} ({found.title}) carries no SKU; {advice}")
    try:
        wanted = parse_sku(found.sku)
    except ValueError as error:
        return Link((), f"{key} ({found.title}): {error}; {advice}")
    if wanted not in known:
        return Link((), f"{key} ({found.title}) carries SKU {wanted}, which no stock or offer is known for; {advice}")
    return Link((Component(wanted),))
