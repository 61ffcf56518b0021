"""What the HTTP server is given: the rooms it opens doors to, and how it may be reached."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import SecretStr

from syncd.access.service import Gatekeeper
from syncd.availability.ats import Policies
from syncd.channel.port import Channel
from syncd.clock import Clock
from syncd.db import Database
from syncd.identity import ChannelName
from syncd.orders.service import IntakeService
from syncd.privacy.service import Eraser
from syncd.scanner.service import ScanDesk
from syncd.shortage.service_page import ChoicePages
from syncd.vitals.figure import Watched

if TYPE_CHECKING:
    from syncd.http.console.parts import ConsoleParts
    from syncd.http.live import LiveFeed


@dataclass(frozen=True)
class HttpOptions:
    """Where to listen, how the world reaches it, and the token /api asks for (None: this machine's programs only)."""

    host: str = "127.0.0.1"
    port: int = 8713
    public_url: str | None = None
    api_token: SecretStr | None = None

    @cached_property
    def is_https(self) -> bool:
        """Whether the world reaches the server over https: then cookies never travel without it."""
        return self.public_url is not None and urlsplit(self.public_url).scheme == "https"

    @cached_property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        hosts = [self.host] if self.public_url is None else [self.host, urlsplit(self.public_url).hostname or ""]
        return all(is_loopback(host) for host in hosts)


NOTHING_WATCHED = Watched({}, {}, ())


@dataclass(frozen=True)
class HttpParts:
    """The rooms behind the doors. `modes`: observe or live, by channel. `unready`: why work cannot be taken on.
    `stalled`: workers that hang. `watched`: what /metrics tells of.
    `feed`: what changes, as it changes. `pages` and `console`: what customers and staff see; None where there are no
    such pages.
    """

    db: Database
    clock: Clock
    desk: ScanDesk
    policies: Policies
    channels: Mapping[ChannelName, Channel]
    intakes: Mapping[ChannelName, IntakeService]
    modes: Mapping[ChannelName, str]
    eraser: Eraser
    gatekeeper: Gatekeeper
    feed: LiveFeed
    unready: Callable[[], Sequence[str]] = tuple
    stalled: Callable[[], Sequence[str]] = tuple
    pages: ChoicePages | None = None
    console: ConsoleParts | None = None
    watched: Watched = NOTHING_WATCHED


PARTS = web.AppKey("parts", HttpParts)
OPTIONS = web.AppKey("options", HttpOptions)


@lru_cache(256)  # asked at every call, and nearly always of the same name
def is_loopback(host: str) -> bool:
    """Whether the name or address means this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
