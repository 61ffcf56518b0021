"""The command line as a test types it: in this process, or in one of its own, on a real SQLite file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.engine import make_url
from typer.testing import CliRunner

from syncd.channel.port import Buyer, ChannelListing, ChannelOrder, ListingObservation, ListingStatus, OrderLine
from syncd.channel.port import OrderStatus as Status
from syncd.cli.main import app
from syncd.cli.session import Session, in_session
from syncd.identity import ChannelName, ListingId, ListingKey, Money, Sku
from syncd.ledger.movement import Movement, Reason, available, reserved
from syncd.ledger.store import Command, Plan, View
from syncd.listing.belief import Belief
from syncd.listing.listing import Component
from syncd.listing.store import believe, link, seen
from syncd.orders.order import KnownLine
from syncd.orders.store import save_lines, save_order
from syncd.reservation.hold import Demand, HoldStatus, Reservation
from syncd.reservation.store import save_demands, save_reservations

T = TypeVar("T")

EBAY, SHOP = ChannelName("ebay"), ChannelName("shop")
MOMENT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

TOML = """\
[channel.ebay]
connector = "ebay"
mode = "live"
endpoint_url = "http://127.0.0.1:9"
app_id = "APP"
dev_id = "DEV"
iaf_token_env = "EBAY_TOKEN"
cert_id_env = "EBAY_CERT"

[channel.shop]
connector = "woocommerce"
locations = ["main", "garage"]
url = "http://127.0.0.1:9"
consumer_key_env = "WOO_KEY"
consumer_secret_env = "WOO_SECRET"

[supplier.toolmaker]
connector = "dropship"
feed_url = "http://127.0.0.1:9/feed.csv"
columns = { sku = "sku", quantity = "qty" }
"""
"""A shop whose channels nobody answers for: port 9 discards."""

SECRETS = {
    "EBAY_TOKEN": "v^1.1#token-of-the-test",
    "EBAY_CERT": "cert-of-the-test",
    "WOO_KEY": "ck_0123456789012345678901234567890123456789",
    "WOO_SECRET": "cs_9876543210987654321098765432109876543210",
}


@dataclass(frozen=True)
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its one JSON value."""
        return json.loads(self.out)


@dataclass
class Shop:
    """A folder with a syncd.toml, and the commands typed in it."""

    folder: Path
    environ: dict[str, str] = field(default_factory=lambda: dict(SECRETS))

    @property
    def config(self) -> Path:
        """Its syncd.toml."""
        return self.folder / "syncd.toml"

    @property
    def is_postgresql(self) -> bool:
        """Whether its store is PostgreSQL."""
        return "postgresql://" in self.config.read_text(encoding="utf-8")

    def store_at(self, url: str, toml: str) -> None:
        """Write its syncd.toml, with the store at this address."""
        address = make_url(url)
        section = f'\n[database]\nurl = "{address.set(password=None).render_as_string()}"\n'
        if address.password is not None:
            self.environ["STORE_PASSWORD"] = str(address.password)
            section += 'password_env = "STORE_PASSWORD"\n'
        self.config.write_text(toml + section, encoding="utf-8")

    def syncd(self, *words: str) -> Said:
        """Type a command, whatever becomes of it. A fault nobody expected is raised here."""
        result = CliRunner().invoke(app, ["-c", str(self.config), *words], env=self.environ)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    def done(self, *words: str) -> str:
        """Type a command that must succeed; what it said."""
        said = self.syncd(*words)
        assert said.code == 0, said
        return said.out

    def told(self, *words: str) -> Any:
        """The JSON of a command that must succeed."""
        return json.loads(self.done(*words, "--json"))

    def refused(self, *words: str, code: int = 1) -> str:
        """What a command complains of; it must end with this code and say nothing on standard output."""
        said = self.syncd(*words)
        assert (said.code, said.out) == (code, ""), said
        assert "Traceback" not in said.err
        return said.err

    def other_process(self, *words: str) -> Said:
        """The same command as a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "syncd", "-c", str(self.config), *words],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, **self.environ},
            cwd=Path(__file__).parents[2],
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def within(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Do something to the store that the daemon would do."""
        return in_session(self.config, work)

    def stocked(self, sku: str, units: int, title: str = "Barbecue gloves") -> None:
        """A product with so many on hand."""
        self.done("product", "add", sku, "--title", title)
        if units:
            self.done("stock", "post", sku, str(units), "--receipt")

    def listed(self, key: ListingKey, sku: str | None, shown: int | None, belief: Belief | None = None) -> ListingKey:
        """A listing as a sweep finds it, showing so many."""
        observed = ListingObservation(key.listing_id, shown, None, ListingStatus.ACTIVE, MOMENT)
        found = ChannelListing(key.listing_id, sku, "Gloves, heat proof", Money.parse("19.90", "EUR"), observed)

        async def work(session: Session) -> None:
            at = session.clock.now()
            known = belief or Belief(shown=shown, shown_at=at)
            writes = [seen(key.channel, found, at), believe(key, known)]
            if sku is not None:
                writes += link(key, [Component(Sku(sku))])
            await session.writer.write(*writes)

        self.within(work)
        return key


def listing_key(channel: str, listing_id: str) -> ListingKey:
    """A listing's key."""
    return ListingKey(ChannelName(channel), ListingId(listing_id))


def an_order(order_id: str, sku: str, quantity: int, listing_id: str | None = None) -> ChannelOrder:
    """A paid order of one line, by an invented buyer."""
    price = Money.parse("19.90", "EUR")
    told_id = ListingId(listing_id) if listing_id else None
    line = OrderLine(f"L-{order_id}", told_id, sku, "Gloves, heat proof", quantity, price)
    buyer = Buyer("mrossi", "Mario Rossi", "mario.rossi@example.com", "it")
    now = datetime.now(UTC)
    return ChannelOrder(order_id, order_id, Status.PAID, now, now, (line,), buyer, None, price.times(quantity))


def held(shop: Shop, units: int, sku: str = "GLOVE-X", order_id: str = "1001") -> str:
    """An order taken in, its units held at main; its key."""
    told = an_order(order_id, sku, units)
    key = f"shop:{order_id}"

    async def work(session: Session) -> None:
        known = await session.sku(sku)

        def decide(view: View) -> Plan[None]:
            now, line = view.now, told.lines[0].line_id
            move = Movement(key, known, units, available("main"), reserved("main"), Reason.SALE, now, key)
            promise = Reservation(key, SHOP, line, key, known, "main", units, 0, 0, HoldStatus.HELD, now)
            writes = (
                save_order(SHOP, told, key, before_start=False, now=now),
                *save_lines(SHOP, told, [KnownLine(line, key, None, units, units, 1, linked=True)]),
                save_reservations([promise]),
                save_demands([Demand(SHOP, line, known, key, units)]),
            )
            return Plan(None, (move,), writes)

        outcome = await session.submit(Command(decide, skus=frozenset({known})))
        assert outcome.verdict == "posted", outcome

    shop.within(work)
    return key
