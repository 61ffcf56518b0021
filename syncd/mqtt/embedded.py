"""A broker inside the daemon, for a shop that wants none of its own: amqtt, with one account for the shop's stations.

It keeps nothing on disk: after a start it is empty, and the herald tells it everything again. Stations may send scans
and hear everything under the prefix; what syncd says only syncd may say.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from amqtt.broker import Broker as AmqttBroker
from amqtt.contexts import Action
from amqtt.errors import BrokerError
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session
from pydantic import SecretStr

from syncd.errors import OperatorError
from syncd.mqtt.topics import Broker, Topics

CONNECTIONS_MAX = 200
"""Stations that may be connected at one time; further ones wait."""

SESSION_SECONDS = 7 * 86_400
"""How long a station that is away is remembered, with what it is to hear: as long as a scan is taken afterwards."""

OURSELVES = "syncd-daemon"
"""The account of the daemon itself; its password is made at every start."""


@dataclass(frozen=True)
class EmbeddedOptions:
    """Where to listen, and the account stations log in with. With a certificate only TLS is spoken."""

    listen: str
    topics: Topics
    username: str | None
    password: SecretStr | None
    certificate: Path | None = None
    private_key: Path | None = None


class EmbeddedBroker:
    """One broker on one address."""

    def __init__(self, options: EmbeddedOptions) -> None:
        self._options = options
        self._own_password = secrets.token_urlsafe(32)
        self._broker: AmqttBroker | None = None

    async def start(self) -> None:
        """Listen. Raises OperatorError where there is no account for stations, or the address cannot be had."""
        options = self._options
        if not options.username or options.password is None:
            raise OperatorError(
                "[mqtt] broker: the embedded broker needs an account for the stations",
                ["give [mqtt] username, and password_env, password_file or password_credential"],
            )
        if options.username == OURSELVES:
            raise OperatorError(f"[mqtt] username: {OURSELVES} is the daemon's own name; take another")
        try:
            broker = AmqttBroker(self._config(options.username, options.password))
            await broker.start()
        except (BrokerError, OSError, ValueError) as error:
            cause = error.__cause__ or error
            reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
            raise OperatorError(f"[mqtt] listen: cannot listen on {options.listen}: {reason.lower()}") from None
        self._broker = broker

    def _config(self, username: str, password: SecretStr) -> dict[str, Any]:
        options = self._options
        listener: dict[str, Any] = {"type": "tcp", "bind": options.listen, "max_connections": CONNECTIONS_MAX}
        if options.certificate is not None:
            listener |= {"ssl": True, "certfile": options.certificate, "keyfile": options.private_key}
        accounts = {username: password.get_secret_value(), OURSELVES: self._own_password}
        return {
            "listeners": {"default": listener},
            "session_expiry_interval": SESSION_SECONDS,
            "plugins": {
                f"{__name__}.Accounts": {"passwords": accounts},
                f"{__name__}.Rules": {"prefix": options.topics.prefix},
            },
        }

    @property
    def address(self) -> Broker:
        """Where the daemon itself finds it."""
        host, _, port = self._options.listen.rpartition(":")
        near = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))  # noqa: S104  compared, not bound
        return Broker(near, int(port), uses_tls=self._options.certificate is not None)

    @property
    def own_account(self) -> tuple[str, SecretStr]:
        """The daemon's own name and password."""
        return OURSELVES, SecretStr(self._own_password)

    async def aclose(self) -> None:
        """Let go of every station and of the address. May be called twice."""
        broker, self._broker = self._broker, None
        if broker is not None:
            await asyncio.shield(broker.shutdown())


class Accounts(BaseAuthPlugin):  # type: ignore[misc]  # the library has no types
    """Lets in who knows a password."""

    @dataclass
    class Config:
        """Passwords by name."""

        passwords: dict[str, str] = field(default_factory=dict, repr=False)

    async def authenticate(self, *, session: Session) -> bool | None:
        """Whether the name and the password belong together; a name nobody has takes as long as a wrong password."""
        known = self.config.passwords.get(session.username or "", "")
        given = session.password or ""
        is_same = hmac.compare_digest(given.encode("utf-8", "surrogateescape"), known.encode())
        return bool(known) and is_same


class Rules(BaseTopicPlugin):  # type: ignore[misc]  # as above
    """What stations may say and hear."""

    @dataclass
    class Config:
        """The first part of every topic."""

        prefix: str = ""

    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool | None:
        """Whether this session may do that with the topic, or topic filter."""
        if session is None or topic is None:
            return False
        if session.username == OURSELVES:
            return True
        topics = Topics(self.config.prefix)
        if action is Action.PUBLISH:
            return topics.station(topic) is not None
        return topic.startswith(f"{topics.prefix}/")
