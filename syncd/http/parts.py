"""What the HTTP server is given: the rooms it opens doors to, and how it may be reached."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import SecretStr

from syncd.availability.ats import Policies
from syncd.channel.port import Channel
from syncd.clock import Clock
from syncd.db import Database
from syncd.identity import ChannelName
from syncd.orders.service import IntakeService
from syncd.scanner.service import ScanDesk


class HttpOptions(Protocol):
    """Where to listen, how the world reaches it, and the token /api asks for (None: this machine's programs only)."""

    @property
    def host(self) -> str:
        """The address to listen on."""
        ...

    @property
    def port(self) -> int:
        """The port to listen on; 0 takes any free one."""
        ...

    @property
    def public_url(self) -> str | None:
        """How channels reach this server, or None when they reach it as it listens."""
        ...

    @property
    def api_token(self) -> SecretStr | None:
        """The token, or None."""
        ...


@dataclass(frozen=True)
class HttpParts:
    """The rooms behind the doors. `modes`: observe or live, by channel. `unready`: why work cannot be taken on."""

    db: Database
    clock: Clock
    desk: ScanDesk
    policies: Policies
    channels: Mapping[ChannelName, Channel]
    intakes: Mapping[ChannelName, IntakeService]
    modes: Mapping[ChannelName, str]
    unready: Callable[[], Sequence[str]] = tuple


PARTS = web.AppKey("parts", HttpParts)
OPTIONS: web.AppKey[HttpOptions] = web.AppKey("options")


def is_local(options: HttpOptions) -> bool:
    """Whether only this machine can reach the server."""
    hosts = (
        [options.host] if options.public_url is None else [options.host, urlsplit(options.public_url).hostname or ""]
    )
    return all(is_loopback(host) for host in hosts)


def is_loopback(host: str) -> bool:
    """Whether the name or address means this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
