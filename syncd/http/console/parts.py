"""What the console needs besides what every page has: hands that act, and the rules by which listings are judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from syncd.channel.service import ChannelLine
from syncd.identity import ChannelName, SupplierName
from syncd.ledger.service import Writer
from syncd.push.plan import PushConfig
from syncd.shortage.resolution import ShortageConfig
from syncd.shortage.service import ShortageService
from syncd.supply.offer import SupplierPolicy


@dataclass(frozen=True)
class ConsoleParts:
    """The writer, the channels' lines (budgets and health), the desk for cases, and configuration that is shown."""

    writer: Writer
    lines: Mapping[ChannelName, ChannelLine]
    desk: ShortageService
    suppliers: Mapping[SupplierName, SupplierPolicy]
    push: PushConfig
    shortage: ShortageConfig


CONSOLE = web.AppKey("console", ConsoleParts)
