"""Every fault syncd raises, as one tree, each class with the one consequence it has.

    SyncdError
    ├─ OperatorError          told to the person without a traceback, all problems at once
    │   └─ ConfigError        syncd.toml or a secret is wrong: refuse to start
    ├─ RemoteError            a channel or supplier; raised only in a connector's client.py
    │   ├─ ChannelUnavailable    retry with backoff; a write's outcome is unknown: read before believing
    │   │   └─ ChannelBlocked       the same with long pauses: something before the channel keeps us out
    │   ├─ RateLimited           wait exactly that long; nothing was applied
    │   ├─ ChannelAuthFailed     pause the channel, ask a person; nothing was applied
    │   ├─ ChannelRefused        park the item; no retry
    │   └─ ChannelProtocolError  park, keep the redacted body; a write's outcome is unknown
    ├─ LeaseLost              another node may do this work now: end the run, write and send nothing more
    └─ InvariantBroken        a bug: stop writing, keep reading, shout

Expected outcomes (a duplicate movement, a rejected item) are values, never exceptions.
"""

from __future__ import annotations

from collections.abc import Sequence


class SyncdError(Exception):
    """Any fault raised by syncd itself."""


class OperatorError(SyncdError):
    """A person has to do something. `problems` says each thing, with where and what."""

    def __init__(self, message: str, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  - {problem}" for problem in self.problems)])


class ConfigError(OperatorError):
    """syncd.toml, or a secret it names, is wrong."""


class RemoteError(SyncdError):
    """A channel or supplier did not do what was asked.

    `source` is the configured name of the channel or supplier, `operation` what was being done. The text never
    holds a credential or a customer's data.
    """

    def __init__(self, source: str, operation: str, message: str) -> None:
        super().__init__(f"{source}: {operation}: {message}")
        self.source = source
        self.operation = operation
        self.message = message


class ChannelUnavailable(RemoteError):
    """Not reachable, timed out, 5xx or an answer cut short. A write may or may not have been applied."""


class ChannelBlocked(ChannelUnavailable):
    """Not the channel answered but something before it: a firewall, a page that asks for a person or a password.

    Knocking on prolongs such a block, so the pauses are long.
    """


class RateLimited(RemoteError):
    """Too many calls. `retry_after_seconds` is what the other side said, or None if it did not say."""

    def __init__(self, source: str, operation: str, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(source, operation, message)
        self.retry_after_seconds = retry_after_seconds


class ChannelAuthFailed(RemoteError):
    """Credentials missing, wrong, expired or without the right."""


class ChannelRefused(RemoteError):
    """Understood and refused for good; repeating it changes nothing. `code` is the other side's own code."""

    def __init__(self, source: str, operation: str, message: str, code: str = "") -> None:
        super().__init__(source, operation, message)
        self.code = code


class ChannelProtocolError(RemoteError):
    """The answer is not what the protocol promises. `body` is a redacted, bounded excerpt."""

    def __init__(self, source: str, operation: str, message: str, body: str = "") -> None:
        super().__init__(source, operation, message)
        self.body = body[:2000]


class LeaseLost(SyncdError):
    """The lease this work was begun under is not surely ours any more: the run ends, and nothing of it is written."""

    def __init__(self, duty: str) -> None:
        super().__init__(f"the lease of {duty!r} is no longer surely ours")
        self.duty = duty


class InvariantBroken(SyncdError):
    """Something that must always hold does not. A bug of ours: stop writing, keep reading, shout."""
