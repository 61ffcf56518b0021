"""Who may do what: the roles, who is asking, and how long he is believed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ACTOR_LENGTH_MAX = 60
"""Longest name of a user or a token."""


class Role(StrEnum):
    """What somebody is here for. Each route names the roles it is open to; none includes another by itself."""

    WAREHOUSE = "warehouse"
    """Hands on shelves: scans, counts, picks."""
    AGENT = "agent"
    """Speaks with customers: looks things up, answers cases."""
    MANAGER = "manager"
    """Decides: approvals, channels, suppliers."""
    SERVICE = "service"
    """A program of the shop's."""


EVERYBODY = frozenset(Role)
STAFF = frozenset({Role.WAREHOUSE, Role.AGENT, Role.MANAGER})
"""People, who sign in with a browser."""
FLOOR = frozenset({Role.WAREHOUSE, Role.MANAGER, Role.SERVICE})
"""Who moves stock."""
DESK = frozenset({Role.AGENT, Role.MANAGER, Role.SERVICE})
"""Who sees orders and customers' cases."""
OFFICE = frozenset({Role.MANAGER, Role.SERVICE})
"""Who sees suppliers and purchases."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking. `name` stands in the audit and in the log of movements; `language` is '' where none was chosen.

    `csrf` is what a browser has to send along with whatever it changes; '' for programs, which no page can speak for.
    """

    name: str
    role: Role
    language: str = ""
    csrf: str = ""


LOCAL = Principal("this machine", Role.SERVICE)
"""A program of this machine, where no token is configured."""

CONFIGURED = Principal("api_token", Role.SERVICE)
"""Whoever shows the token of syncd.toml."""


def name_objection(name: str) -> str:
    """What is wrong with the name of a user or token; '' if nothing is."""
    if not name or len(name) > ACTOR_LENGTH_MAX:
        return f"a name has 1 to {ACTOR_LENGTH_MAX} characters"
    if not name.isprintable() or name != name.strip() or ":" in name:
        return "a name holds no colon, no control characters, and no blanks at its ends"
    return ""
