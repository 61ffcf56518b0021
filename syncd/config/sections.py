"""The sections of syncd.toml as frozen values: what each key means, its unit, its default and its limits.

A room's own section is defined beside the code it steers and listed in `ROOM_SECTIONS`. A connector's settings
are defined in its folder. Only [daemon], [database], [http], [mqtt] and what every channel and supplier has stand
here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from syncd.availability.ats import AvailabilityConfig
from syncd.channel.port import Capabilities, Channel
from syncd.channel.registry import Connector
from syncd.clock import DURATION_SECONDS_MAX, Clock
from syncd.errors import ConfigError
from syncd.goodwill.goodwill import GoodwillConfig
from syncd.identity import ChannelName, SupplierName, sku
from syncd.invoice.invoice import InvoiceConfig
from syncd.journal.entry import JournalConfig
from syncd.ledger.location import Locations, name_problem
from syncd.letter.mail import MailConfig
from syncd.mqtt.door import EMBEDDED
from syncd.push.plan import PushConfig
from syncd.reconcile.plan import ReconcileConfig
from syncd.redaction import redacted, redacted_fields
from syncd.shortage.levels import ServiceConfig
from syncd.shortage.page import PageConfig
from syncd.shortage.resolution import ShortageConfig
from syncd.supply.offer import SupplyConfig
from syncd.supply.port import Supplier

T = TypeVar("T", bound=BaseModel)

ROOM_SECTIONS: dict[str, type[BaseModel]] = {
    "availability": AvailabilityConfig,
    "goodwill": GoodwillConfig,
    "invoice": InvoiceConfig,
    "push": PushConfig,
    "journal": JournalConfig,
    "mail": MailConfig,
    "page": PageConfig,
    "reconcile": ReconcileConfig,
    "service": ServiceConfig,
    "shortage": ShortageConfig,
    "supply": SupplyConfig,
}
"""Section name → the room's frozen model; `Config.room(Model)` gives it back. Adding a room is one line."""


PORT_MAX = 65535


def _url(schemes: tuple[str, ...], text: str) -> str:
    try:
        parts = urlsplit(text)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme not in schemes or not parts.hostname or not port_is_right:
        raise ValueError(f"must be a URL such as {schemes[0]}://example.com")
    if parts.password is not None:
        raise ValueError("must not hold a password; give it as password_env, password_file or password_credential")
    return text.rstrip("/")


def _public_url(text: str) -> str:
    return _url(("https", "http"), text)


def _broker(text: str) -> str:
    return text if text == EMBEDDED else _url(("mqtt", "mqtts"), text)


def _listening(text: str) -> str:
    if (
        re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}", text)
        and 0 < int(text.rpartition(":")[2]) < 65536
    ):
        return text
    raise ValueError("must be an address and a port, such as 127.0.0.1:1883")


def _database_url(text: str) -> str:
    if re.fullmatch(r"sqlite:///[^?#]+", text):
        return text
    if text.startswith("sqlite:"):
        raise ValueError("must name a file: sqlite:///syncd.db, or sqlite:////var/lib/syncd/syncd.db for a whole path")
    try:
        return _url(("postgresql",), text)
    except ValueError as error:
        raise ValueError(f"{error}, or sqlite:///syncd.db" if "such as" in str(error) else str(error)) from None


def _sku(text: str) -> str:
    return sku(text)


def _location(text: str) -> str:
    problem = name_problem(text)
    if problem is not None:
        raise ValueError(problem)
    return text


LocationName = Annotated[str, AfterValidator(_location)]


_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


def problem_with_name(name: str) -> str:
    """What is wrong with the NAME of [channel.NAME] or [supplier.NAME]: it stands in URLs and before a colon."""
    if _NAME.fullmatch(name):
        return ""
    return "the name must begin with a letter a–z and hold only a–z, 0–9, - and _, 40 characters at most"


class Section(BaseModel):
    """What all sections of syncd.toml share: values never change, and no key goes unread."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DaemonConfig(Section):
    """[daemon]: the process itself."""

    name: str = Field("syncd", min_length=1, description="the name of this installation, in logs and messages")
    state_dir: Path = Field(Path(), description="folder for files of its own; relative to the folder of syncd.toml")
    log_format: Literal["console", "json", "auto"] = Field("auto", description="auto: console on a terminal, else JSON")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="quietest level still written")
    locations: tuple[LocationName, ...] = Field(
        (), description="further places where stock may lie, besides those of the channels"
    )


class DatabaseConfig(Section):
    """[database]: where the ledger lives. A relative SQLite path counts from the folder of syncd.toml."""

    url: Annotated[str, AfterValidator(_database_url)] = Field(
        "sqlite:///syncd.db", description="sqlite:///FILE or postgresql://USER@HOST/NAME, without a password"
    )
    password: SecretStr | None = Field(None, description="the database user's password")

    @property
    def sqlite_path(self) -> Path | None:
        """The SQLite file, or None for another database."""
        return Path(self.url.removeprefix("sqlite:///")) if self.url.startswith("sqlite:") else None


class HttpConfig(Section):
    """[http]: where syncd listens, and how the world outside reaches it."""

    host: str = Field("127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(8713, ge=0, le=65535, description="port to listen on; 0 takes any free one")
    public_url: Annotated[str, AfterValidator(_public_url)] | None = Field(
        None, description="how customers and channels reach this server, e.g. https://stock.example.com"
    )
    api_token: SecretStr | None = Field(
        None, description="token that /api asks for; needed as soon as others than this machine can reach it"
    )


class MqttConfig(Section):
    """[mqtt]: the broker that scanners and displays talk to; off while `broker` is not given."""

    broker: Annotated[str, AfterValidator(_broker)] | None = Field(
        None, description='mqtt://HOST:PORT, mqtts://HOST:PORT, or "embedded"; not given means no MQTT'
    )
    username: str | None = Field(None, description="our user name at the broker; embedded: the stations' name")
    password: SecretStr | None = Field(None, description="our password at the broker; embedded: the stations'")
    ca: Path | None = Field(None, description="file with the certificates a broker's own must be signed by")
    listen: Annotated[str, AfterValidator(_listening)] = Field(
        "127.0.0.1:1883", description="embedded: the address and port to listen on"
    )
    certificate: Path | None = Field(None, description="embedded: its certificate; then it speaks TLS only")
    private_key: Path | None = Field(None, description="embedded: the key of the certificate")
    topic_prefix: str = Field("syncd", pattern=r"^[^#+\s/][^#+\s]*$", description="first part of every topic")


class ChannelOptions(Section):
    """What every [channel.NAME] has, whatever its connector."""

    connector: str = Field(description="the connector's folder name")
    mode: Literal["observe", "live"] = Field("observe", description="observe: plan and show, push nothing")
    locations: tuple[LocationName, ...] = Field(
        ("main",), min_length=1, description="locations whose stock is sold here"
    )
    poll_interval_seconds: float = Field(
        60.0, gt=0, le=DURATION_SECONDS_MAX, description="pause between two looks for orders"
    )
    sweep_interval_seconds: float = Field(
        3600.0, gt=0, le=DURATION_SECONDS_MAX, description="pause between two readings of all listings"
    )
    drift: Literal["enforce", "adopt", "ask"] = Field(
        "enforce",
        description="a number edited on the channel by hand: put ours back, count it as ours, or ask",
    )
    returned: Literal["ask", "available", "unavailable"] = Field(
        "ask",
        description="units the channel put back after they were sent: ask, or they are on our shelf, or set aside",
    )
    cap: int | None = Field(None, ge=0, description="most a listing ever shows, in listing units; not given: no cap")
    share: Decimal | None = Field(
        None,
        gt=0,
        le=1,
        decimal_places=2,
        description="part of the stock offered here, in steps of 0.01; not given: all of it, whatever others have",
    )
    priority: int = Field(
        0, ge=-100, le=100, description="who comes first when the last units cannot be shared; higher goes before lower"
    )


class SupplierOptions(Section):
    """What every [supplier.NAME] has, whatever its connector."""

    connector: str = Field(description="the connector's folder name")
    fetch_interval_seconds: float = Field(
        900.0, gt=0, le=DURATION_SECONDS_MAX, description="pause between two readings of the feed"
    )
    stale_after_seconds: float = Field(
        86400.0, gt=0, le=DURATION_SECONDS_MAX, description="age from which an offer is worth 0"
    )
    confidence: Decimal = Field(Decimal(1), ge=0, le=1, description="share of a fresh offer that may be promised")
    lead_days: int | None = Field(
        None, ge=0, le=365, description="days from our purchase order to dispatch that he stands for"
    )
    links: dict[str, Annotated[str, AfterValidator(_sku)]] = Field(
        default_factory=dict, description="the supplier's own number = our SKU, for numbers that differ"
    )


@dataclass(frozen=True)
class ChannelConfig:
    """One [channel.NAME]. `capabilities` are the connector's, as tightened by this channel's section.

    `settings` are None where a secret of them is not here; `sealed` says of each such secret what is missing.
    """

    name: ChannelName
    options: ChannelOptions
    connector: Connector
    settings: BaseModel | None
    capabilities: Capabilities
    sealed: tuple[str, ...] = ()

    def connect(self, clock: Clock) -> Channel:
        """The channel, live. Raises ConfigError where its secrets are not here."""
        settings = _opened(self.name, self.settings, self.sealed)
        return self.connector.connect_channel(settings, name=self.name, clock=clock, capabilities=self.capabilities)


@dataclass(frozen=True)
class SupplierConfig:
    """One [supplier.NAME]; `settings` and `sealed` as for a channel."""

    name: SupplierName
    options: SupplierOptions
    connector: Connector
    settings: BaseModel | None
    sealed: tuple[str, ...] = ()

    def connect(self, clock: Clock) -> Supplier:
        """The supplier, live. Raises ConfigError where its secrets are not here."""
        settings = _opened(self.name, self.settings, self.sealed)
        live: Supplier = self.connector.connect_supplier(settings, name=self.name, clock=clock)
        return live


def _opened(name: str, settings: BaseModel | None, sealed: tuple[str, ...]) -> BaseModel:
    if settings is None:
        raise ConfigError(f"{name} cannot be reached: its secrets are not here", sealed)
    return settings


@dataclass(frozen=True)
class Config:
    """The whole of syncd.toml, checked, with secrets filled in."""

    path: Path
    daemon: DaemonConfig
    database: DatabaseConfig
    http: HttpConfig
    mqtt: MqttConfig
    channels: Mapping[ChannelName, ChannelConfig]
    suppliers: Mapping[SupplierName, SupplierConfig]
    rooms: Mapping[str, BaseModel]

    @property
    def locations(self) -> Locations:
        """Every place stock may lie at: the channels' first, then those of [daemon]."""
        sold_from = (name for channel in self.channels.values() for name in channel.options.locations)
        return Locations.of([*sold_from, *self.daemon.locations])

    def room(self, model: type[T]) -> T:
        """The section of the room whose model this is, with its defaults where syncd.toml is silent."""
        for section in self.rooms.values():
            if isinstance(section, model):
                return section
        raise KeyError(f"{model.__name__} is not listed in ROOM_SECTIONS")

    def redacted(self) -> dict[str, object]:
        """Every value in force, as JSON can hold it, with each secret replaced by whether it is set."""
        named = {"daemon": self.daemon, "database": self.database, "http": self.http, "mqtt": self.mqtt}
        view: dict[str, object] = {name: redacted_fields(section) for name, section in {**named, **self.rooms}.items()}
        view["channel"] = {
            name: {
                **redacted_fields(channel.options),
                "settings": redacted(channel.settings),
                "capabilities": asdict(channel.capabilities),
            }
            for name, channel in self.channels.items()
        }
        view["supplier"] = {
            name: {**redacted_fields(supplier.options), "settings": redacted(supplier.settings)}
            for name, supplier in self.suppliers.items()
        }
        return view
