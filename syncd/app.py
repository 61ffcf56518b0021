"""The composition root: builds every room from the configuration, runs them in one TaskGroup, stops them in order."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from syncd.access.service import Gatekeeper
from syncd.account.service import AccountService
from syncd.availability.ats import Policies
from syncd.availability.service import PaceService
from syncd.channel.service import ChannelLine
from syncd.channel.service_budget import BudgetService
from syncd.clock import Clock
from syncd.config.sections import ChannelConfig, Config
from syncd.config.watched import watched_of
from syncd.courtesy.service import CourtesyService
from syncd.db import Database
from syncd.fence import HOUSE, channel_duty, supplier_duty
from syncd.goodwill.service import GoodwillService
from syncd.goodwill.store import coupon
from syncd.heartbeat import Heartbeat
from syncd.http.console.parts import ConsoleParts
from syncd.http.live import LiveFeed
from syncd.http.parts import HttpOptions, HttpParts
from syncd.http.server import HttpServer
from syncd.identity import ChannelName, Sku, SupplierName
from syncd.invoice.invoice import InvoiceConfig
from syncd.invoice.service import InvoiceService
from syncd.journal.entry import JournalConfig
from syncd.journal.service import JournalService
from syncd.lease.service import Guard, Keeper
from syncd.lease.service_node import alone_on, node_of
from syncd.ledger.service import Writer
from syncd.ledger.store import touched
from syncd.letter.mail import MailConfig
from syncd.letter.service import LetterService
from syncd.letter.service_mail import Postman
from syncd.letter.store import letter
from syncd.migrations import schema
from syncd.mqtt.door import DoorSettings, MqttDoor
from syncd.orders.service import IntakeOptions, IntakeService
from syncd.orders.situation import ReturnPolicy
from syncd.privacy.service import Eraser
from syncd.push.plan import PushConfig
from syncd.push.service import Pusher
from syncd.push.service_planner import Planner
from syncd.push.store import mark_everything
from syncd.reconcile.plan import DriftPolicy, ReconcileConfig, SweepOptions
from syncd.reconcile.service import SweepService
from syncd.refund.service import RefundService
from syncd.refund.store import refund
from syncd.reservation.service import ExpiryService
from syncd.reservation.store import demand
from syncd.scanner.service import ScanDesk
from syncd.shipment.service import ShipmentService
from syncd.shortage.service import ShortageService
from syncd.shortage.service_page import ChoicePages
from syncd.shortage.service_track import TrackPages
from syncd.shortage.store import shortage_case
from syncd.steering import care_rules, open_database, policies_of
from syncd.supervision import Supervisor
from syncd.supply.offer import SupplyConfig
from syncd.supply.port import Supplier
from syncd.supply.service import SupplierOptions, SupplyService
from syncd.supply.store import feed, purchase, purchase_order
from syncd.supply.store_parcel import parcel
from syncd.telemetry import Event, log
from syncd.webhook.service import WebhookService
from syncd.worker import Service, Worker, finish

IDLE_SECONDS = 1.0
"""How long a worker waits at most before it looks again by itself."""

JOURNAL_SECONDS = 60.0
"""How often old entries of the journal are forgotten."""

PACE_SECONDS = 5.0
"""How often it is counted how fast SKUs sell."""

UNHURRIED_SECONDS = 15.0
"""How often what is never urgent is looked at: accounts, invoices, webhooks, birthdays."""

FOREIGN_COMMIT_SECONDS = 0.2
"""How often another process's commits (the command line beside the daemon) are looked for."""

STOP_GRACE_SECONDS = 20.0
"""How long runs may go on once the daemon is told to stop; well below TimeoutStopSec in deploy/syncd.service."""


@dataclass(frozen=True)
class Rooms:
    """Every room's service, built; nothing runs yet."""

    lines: Mapping[ChannelName, ChannelLine]
    suppliers: Mapping[SupplierName, Supplier]
    intakes: Mapping[ChannelName, IntakeService]
    sweeps: Mapping[ChannelName, SweepService]
    pushers: Mapping[ChannelName, Pusher]
    supplies: Mapping[SupplierName, SupplyService]
    planner: Planner
    pace: PaceService
    budgets: BudgetService
    journal: JournalService
    shortage: ShortageService
    refunds: RefundService
    goodwill: GoodwillService
    courtesy: CourtesyService
    letters: LetterService
    invoices: InvoiceService
    accounts: AccountService
    webhooks: WebhookService
    shipments: ShipmentService
    expiry: ExpiryService
    desk: ScanDesk


def build_rooms(config: Config, db: Database, writer: Writer, clock: Clock) -> Rooms:
    """Connect the channels and suppliers and give each room what it needs."""
    policies = policies_of(config)
    lines = {name: _line(channel, clock) for name, channel in config.channels.items()}
    suppliers: dict[SupplierName, Supplier] = {
        name: supplier.connect(clock) for name, supplier in config.suppliers.items()
    }
    intakes: dict[ChannelName, IntakeService] = {}
    sweeps: dict[ChannelName, SweepService] = {}
    pushers: dict[ChannelName, Pusher] = {}
    for name, line in lines.items():
        channel = config.channels[name].options
        returns = ReturnPolicy(channel.returned)
        intake = IntakeOptions(channel.poll_interval_seconds, channel.locations, policies.suppliers, returns)
        every, often = channel.sweep_interval_seconds, channel.poll_interval_seconds
        sweep = SweepOptions(every, often, channel.locations, DriftPolicy(channel.drift))
        rules = config.room(ReconcileConfig)
        intakes[name] = IntakeService(db, writer, line, options=intake, clock=clock)
        sweeps[name] = SweepService(db, writer, line, options=sweep, config=rules, clock=clock)
        pushers[name] = Pusher(db, writer, line, policies=policies, config=config.room(PushConfig), clock=clock)
    live = {name: line for name, line in lines.items() if config.channels[name].options.mode == "live"}
    return Rooms(
        lines,
        suppliers,
        intakes,
        sweeps,
        pushers,
        _supplies(config, policies, suppliers, db, writer, clock=clock),
        Planner(db, writer, policies),
        PaceService(db, writer, policies),
        BudgetService(db, writer, lines),
        JournalService(db, writer, config.room(JournalConfig)),
        ShortageService(db, writer, policies=policies, rules=care_rules(config), clock=clock),
        RefundService(db, writer, lines, clock=clock),
        GoodwillService(db, writer, lines, clock=clock),
        CourtesyService(db, writer, care_rules(config)),
        LetterService(db, writer, lines, clock=clock, postman=Postman(config.room(MailConfig))),
        InvoiceService(db, writer, live, config=config.room(InvoiceConfig), clock=clock),
        AccountService(db, writer, lines, clock=clock),
        WebhookService(db, writer, live, public_url=config.http.public_url, clock=clock),
        ShipmentService(db, writer, live, clock=clock),
        ExpiryService(db, writer),
        ScanDesk(db, writer, clock, config.locations),
    )


def _line(channel: ChannelConfig, clock: Clock) -> ChannelLine:
    return ChannelLine(channel.name, channel.connect(clock), clock)


def _supplies(
    config: Config,
    policies: Policies,
    suppliers: Mapping[SupplierName, Supplier],
    db: Database,
    writer: Writer,
    *,
    clock: Clock,
) -> dict[SupplierName, SupplyService]:
    services: dict[SupplierName, SupplyService] = {}
    for name, supplier in suppliers.items():
        told = config.suppliers[name].options
        links = {number: Sku(sku) for number, sku in told.links.items()}
        options = SupplierOptions(policies.suppliers[name], told.fetch_interval_seconds, links)
        rules = config.room(SupplyConfig)
        services[name] = SupplyService(db, writer, supplier, options=options, config=rules, clock=clock)
    return services


def workers_of(
    config: Config,
    rooms: Rooms,
    writer: Writer,
    clock: Clock,
    *,
    idle_seconds: float = IDLE_SECONDS,
    keeper: Keeper | None = None,
) -> list[Worker]:
    """Every room's worker: woken by hints or by commits to tables that concern it; looks by itself in between.

    With a keeper of leases each works only for what this node holds.
    """

    def worker(name: str, service: Service, *wakes: asyncio.Event, every_seconds: float = idle_seconds) -> Worker:
        guard = None if keeper is None else Guard([keeper.duties[one] for one in duties_behind(name, keeper.duties)])
        return Worker(name, service, clock, wakes=wakes, interval_seconds=every_seconds, guard=guard)

    listen = writer.listen
    workers = [
        worker("planner", rooms.planner, listen(touched)),
        worker("pace", rooms.pace, every_seconds=PACE_SECONDS),
        worker("budgets", rooms.budgets),
        worker("journal", rooms.journal, every_seconds=JOURNAL_SECONDS),
        worker("shortage", rooms.shortage, listen(demand, shortage_case, refund, letter, coupon)),
        worker("goodwill", rooms.goodwill, listen(coupon)),
        worker("courtesy", rooms.courtesy, listen(coupon), every_seconds=UNHURRIED_SECONDS),
        worker("refunds", rooms.refunds, listen(refund)),
        worker("letters", rooms.letters, listen(letter)),
        worker("invoices", rooms.invoices, every_seconds=UNHURRIED_SECONDS),
        worker("accounts", rooms.accounts, every_seconds=UNHURRIED_SECONDS),
        worker("webhooks", rooms.webhooks, every_seconds=UNHURRIED_SECONDS),
        worker("shipments", rooms.shipments, listen(parcel)),
        worker("expiry", rooms.expiry),
    ]
    for name in rooms.lines:
        intake = rooms.intakes[name]
        workers.append(worker(f"hints {name}", intake.hints, intake.hints.woken))
        workers.append(worker(f"intake {name}", intake, intake.woken))
        workers.append(worker(f"sweep {name}", rooms.sweeps[name]))
        if config.channels[name].options.mode == "live":
            workers.append(worker(f"push {name}", rooms.pushers[name], rooms.pushers[name].woken))
    told = (purchase_order, purchase, feed)
    workers += [worker(f"supply {name}", supply, listen(*told)) for name, supply in rooms.supplies.items()]
    return workers


def duties_of(config: Config) -> list[str]:
    """The parts of the work that one node does at a time."""
    channels = [channel_duty(name) for name in config.channels]
    return [HOUSE, *channels, *[supplier_duty(name) for name in config.suppliers]]


ABOUT_CHANNELS = frozenset(
    {"budgets", "refunds", "goodwill", "letters", "invoices", "accounts", "webhooks", "shipments"}
)
"""Workers that call channels, each for those of this node."""


def duties_behind(worker: str, duties: Iterable[str]) -> list[str]:
    """The duties a worker is part of, by its name."""
    room, _, of = worker.partition(" ")
    if not of:
        return [one for one in duties if one == HOUSE or (room in ABOUT_CHANNELS and one.startswith(channel_duty("")))]
    return [supplier_duty(of) if room == "supply" else channel_duty(of)]


class App:
    """One syncd process."""

    def __init__(
        self, config: Config, clock: Clock, environ: Mapping[str, str], door: socket.socket | None = None
    ) -> None:
        self.config = config
        self._environ = environ
        self._clock = clock
        self.db = open_database(config)
        self.writer = Writer(self.db, clock)
        self.rooms = build_rooms(config, self.db, self.writer, clock)
        self._stopping = asyncio.Event()
        self._supervisor = Supervisor(clock)
        node = node_of(config.daemon.name)
        self._keeper = None if self.db.is_sqlite else Keeper(self.db, clock, node, duties_of(config))
        self._pulse = Heartbeat(self.rooms.lines.values(), clock, environ)
        mqtt = DoorSettings(name=config.daemon.name, **dict(config.mqtt)) if config.mqtt.broker else None
        self._mqtt = MqttDoor(mqtt, self.rooms.desk, self.db, self.writer, clock) if mqtt else None
        at = config.http
        self.http = HttpServer(HttpOptions(at.host, at.port, at.public_url, at.api_token), self._http_parts(), door)

    def _http_parts(self) -> HttpParts:
        return HttpParts(
            db=self.db,
            clock=self._clock,
            desk=self.rooms.desk,
            policies=policies_of(self.config),
            channels={name: line.channel for name, line in self.rooms.lines.items()},
            intakes=self.rooms.intakes,
            eraser=Eraser(self.writer),
            modes={name: channel.options.mode for name, channel in self.config.channels.items()},
            gatekeeper=Gatekeeper(self.db, self.writer, self._clock),
            feed=LiveFeed(self.writer, self._clock),
            unready=self._unready,
            watched=watched_of(self.config),
            stalled=lambda: self._pulse.stalled,
            pages=ChoicePages(self.db, self.rooms.shortage, self._clock),
            tracks=TrackPages(self.db, self.rooms.shortage, self._clock),
            console=ConsoleParts(self.writer, self.rooms.lines, self.rooms.shortage),
        )

    def _unready(self) -> list[str]:
        """Why work cannot be taken on: the daemon begins or stops, the store is away, workers hang or have failed."""
        said = ["the daemon is stopping"] if self._stopping.is_set() else []
        if not self._pulse.is_ready:
            said.append("the workers are being started")
        said += [f"the worker {name!r} hangs" for name in self._pulse.stalled]
        return said + self._supervisor.unready()

    def stop(self) -> None:
        """Ask for an orderly end; `run` returns once everything is given back."""
        self._stopping.set()

    async def run(self) -> None:
        """Check the tables, start everything, tell systemd, and work until stopped."""
        try:
            await schema.check(self.db)
            with alone_on(self.config.database.sqlite_path):
                await self._run()
        finally:
            await self._give_back()

    async def _run(self) -> None:
        workers = workers_of(self.config, self.rooms, self.writer, self._clock, keeper=self._keeper)
        keep = self._supervisor.keep
        async with asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(self.writer.run(), name="writer")
            await self.rooms.budgets.begin(self._clock.now())
            for intake in self.rooms.intakes.values():
                await intake.begin(self._clock.now())
            await self.writer.write(mark_everything())
            url = await self.http.start()  # before the workers: one of them has channels call here at once
            running = [tasks.create_task(keep(worker.name, worker.run), name=worker.name) for worker in workers]
            watching = tasks.create_task(keep("watch", self._watch_foreign_commits), name="watch")
            doors = []
            if self._mqtt is not None:
                await self._mqtt.start()
                doors.append(tasks.create_task(keep("mqtt", self._alone(self._mqtt.run)), name="mqtt"))
            if self._keeper is not None:
                doors.append(tasks.create_task(keep("leases", self._keeper.run), name="leases"))
            log(Event.DAEMON_STARTED, name=self.config.daemon.name, url=url, channels=sorted(self.rooms.lines))
            await self._pulse.begin(workers, url)
            beating = tasks.create_task(self._pulse.run(), name="heartbeat")
            await self._stopping.wait()
            await self.http.aclose()
            for task in (watching, beating, *doors):
                task.cancel()
            await asyncio.gather(*doors, return_exceptions=True)  # they say goodbye before the broker goes
            await finish(workers, running, grace_seconds=STOP_GRACE_SECONDS)
            if self._keeper is not None:
                await self._keeper.give_all()
            await self.writer.stop()
            await writing
        log(Event.DAEMON_STOPPED, name=self.config.daemon.name)

    def _alone(self, run: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """Work without end that one node does: the broker knows this installation by one name."""
        keeper = self._keeper
        return run if keeper is None else partial(keeper.hold_open, HOUSE, run)

    async def _watch_foreign_commits(self) -> None:
        """Wake everybody when another process has committed."""
        seen = await self.db.version()
        while True:
            await self._clock.sleep(FOREIGN_COMMIT_SECONDS)
            version = await self.db.version()
            self._supervisor.look()
            if version != seen:
                seen = version
                self.writer.wake()
                for intake in self.rooms.intakes.values():  # hints may have come in through another node
                    intake.hints.woken.set()
                    intake.woken.set()

    async def _give_back(self) -> None:
        if self._mqtt is not None:
            await self._mqtt.aclose()
        for line in self.rooms.lines.values():
            await line.channel.aclose()
        for supplier in self.rooms.suppliers.values():
            await supplier.aclose()
        await self.db.aclose()
