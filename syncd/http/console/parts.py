"""What the console needs besides what every page has: hands that act, and the channels' lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from syncd.channel.service import ChannelLine
from syncd.identity import ChannelName
from syncd.ledger.service import Writer
from syncd.shortage.service import ShortageService


@dataclass(frozen=True)
class ConsoleParts:
    """The writer, the channels' lines (calls left and health), and the desk that decides cases."""

    writer: Writer
    lines: Mapping[ChannelName, ChannelLine]
    desk: ShortageService


CONSOLE = web.AppKey("console", ConsoleParts)
