"""Which addresses a supplier may lead us to: never into our own network, unless the merchant named that host himself.

A list that moved redirects, and a name can be made to mean any address: whoever runs the supplier's server could have
us ask the router, the database or the cloud's own service for him, and read the answer in what we complain of.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

LOCAL_NAMES = ("localhost", "localhost.localdomain")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""IPv4 addresses behind NAT64; RFC 6052."""


def is_inner(text: str) -> bool:
    """Whether an IP address leads into a machine or network of ours: loopback, private, link-local and the like."""
    address: Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        within = address.ipv4_mapped or address.sixtofour
        if address in TRANSLATED:
            within = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        address = within or address
    return not address.is_global or address.is_multicast


@dataclass(frozen=True)
class Reach:
    """Where calls to one supplier may go. `named`: hosts of the configured addresses that may lie within."""

    named: frozenset[str] = frozenset()

    @classmethod
    def of(cls, urls: Iterable[str], *, private_hosts: bool) -> Reach:
        """A host written as an inner address is meant; one written as a name only where `private_hosts` says so."""
        hosts = {(urlsplit(url).hostname or "").lower() for url in urls if url}
        return cls(frozenset(host for host in hosts if host and (private_hosts or _is_written_inner(host))))

    def refuses(self, host: str, address: str) -> bool:
        """Whether a call to this host must not go to this address."""
        return host.lower().strip("[]") not in self.named and is_inner(address)

    def refuses_literal(self, host: str) -> bool:
        """Whether a host is written as an address it must not be; a name is judged by what it means."""
        bare = host.lower().strip("[]")
        try:
            return self.refuses(bare, bare)
        except ValueError:
            return False


def _is_written_inner(host: str) -> bool:
    try:
        return is_inner(host)
    except ValueError:
        return host in LOCAL_NAMES
