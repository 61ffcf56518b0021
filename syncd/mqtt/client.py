"""Takes scans from an MQTT broker and tells each station what became of them; the one importer of aiomqtt.

The same connection carries what the herald has to tell. A broker that is down delays nothing else: the client tries
again with growing pauses, and says down and up once each.
A scan is acknowledged to the broker only after it was judged and its station told, so that a crash in between makes the
broker bring it again; its id makes that harmless. Scans of one station are posted in the order they came.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
from paho.mqtt.client import Client as Paho
from pydantic import SecretStr

from syncd.clock import Clock
from syncd.mqtt.herald import UNDER_WAY_MAX, Herald, Message
from syncd.mqtt.topics import Broker, Topics, result_payload, status_payload, unread_payload
from syncd.scanner.scan import Problems
from syncd.scanner.service import POST_FAULTS, ScanDesk
from syncd.scanner.wire import decode
from syncd.telemetry import Event, log

QOS = 1
"""At least once: a scan may come twice, its id makes that harmless."""

TIMEOUT_SECONDS = 10.0
KEEPALIVE_SECONDS = 30

BACKOFF_FIRST_SECONDS = 1.0
BACKOFF_LONGEST_SECONDS = 60.0

INCOMING_MAX = 10_000
"""Scans that may wait inside the client; brokers send far fewer before they want some acknowledged."""

LANES = 8
"""How many stations' scans are posted at the same time."""

LANE_SCANS_MAX = 100
"""Scans that may wait in one lane."""

OUTGOING_MAX = UNDER_WAY_MAX + LANES
"""Messages of ours that may wait for the broker's acknowledgement at one time."""

Lane = asyncio.Queue[aiomqtt.Message]


@dataclass(frozen=True)
class MqttOptions:
    """Where the broker is and how to log in. `client_id` must be this installation's own at the broker.

    `ca`: a file with the certificates that the broker's must be signed by; None: those this machine trusts.
    `is_own`: the broker is in this process, on this machine, whatever name its certificate tells the others.
    """

    broker: Broker
    topics: Topics
    client_id: str = "syncd"
    username: str | None = None
    password: SecretStr | None = None
    ca: Path | None = None
    is_own: bool = False

    def tls(self) -> ssl.SSLContext | None:
        """How the connection is secured; None where it is not."""
        if not self.broker.uses_tls:
            return None
        context = ssl.create_default_context(cafile=self.ca)
        if self.is_own:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class ScanListener:
    """One connection to one broker."""

    def __init__(self, options: MqttOptions, desk: ScanDesk, herald: Herald, clock: Clock) -> None:
        self._options = options
        self._topics = options.topics
        self._desk = desk
        self._herald = herald
        self._clock = clock
        self._is_lost = False
        self.connected = asyncio.Event()

    async def run(self) -> None:
        """Listen until cancelled, through every loss of the broker."""
        pause = BACKOFF_FIRST_SECONDS
        while True:
            try:
                await self._listen()
            except* aiomqtt.MqttError as faults:
                if self.connected.is_set():
                    pause = BACKOFF_FIRST_SECONDS
                self._lost(_first(faults))
            _leave_if_told()
            await self._clock.sleep(pause)
            pause = min(BACKOFF_LONGEST_SECONDS, pause * 2)

    async def _listen(self) -> None:
        async with self._client() as client:
            try:
                await client.subscribe([(topic, QOS) for topic in (self._topics.scans, *self._own)])
                await self._say(client, is_online=True)
                _leave_if_told()
                self._found()
                await self._serve(client)
            except asyncio.CancelledError:
                with suppress(aiomqtt.MqttError):  # who leaves by himself has no last will: he says so
                    await self._say(client, is_online=False)
                raise

    @property
    def _own(self) -> tuple[str, str]:
        """Our note at the broker, and our own word, which comes back once the note has come."""
        return self._topics.told, self._topics.status

    def _client(self) -> aiomqtt.Client:
        options = self._options
        client = aiomqtt.Client(
            options.broker.host,
            options.broker.port,
            username=options.username,
            password=options.password.get_secret_value() if options.password else None,
            identifier=options.client_id,
            clean_session=False,  # the broker keeps what stations scan while we are away
            will=aiomqtt.Will(self._topics.status, status_payload(is_online=False), qos=QOS, retain=True),
            timeout=TIMEOUT_SECONDS,
            keepalive=KEEPALIVE_SECONDS,
            max_queued_incoming_messages=INCOMING_MAX,
            max_inflight_messages=OUTGOING_MAX,
            tls_context=options.tls(),
        )
        client.pending_calls_threshold = OUTGOING_MAX
        _paho(client).manual_ack_set(True)
        return client

    async def _say(self, client: aiomqtt.Client, *, is_online: bool) -> None:
        await client.publish(self._topics.status, status_payload(is_online=is_online), qos=QOS, retain=True)

    def _found(self) -> None:
        self._is_lost = False
        self.connected.set()
        log(Event.BROKER_CONNECTED, broker=str(self._options.broker))

    def _lost(self, fault: BaseException) -> None:
        self.connected.clear()
        if not self._is_lost:
            self._is_lost = True
            log(Event.BROKER_LOST, broker=str(self._options.broker), explanation=str(fault))

    async def _serve(self, client: aiomqtt.Client) -> None:
        """Share incoming scans out to the lanes until the connection ends; the herald begins once it is known how far
        this broker was told: what it retains comes before our own word of being online comes back.
        """
        lanes: list[Lane] = [asyncio.Queue(LANE_SCANS_MAX) for _ in range(LANES)]
        note: bytes | None = None
        is_telling = False
        async with asyncio.TaskGroup() as group:
            for lane in lanes:
                group.create_task(self._work(client, lane))
            async for message in client.messages:
                topic = str(message.topic)
                if topic not in self._own:
                    await lanes[zlib.crc32(topic.encode()) % LANES].put(message)
                    continue
                _paho(client).ack(message.mid, message.qos)
                if is_telling:
                    continue
                if topic == self._topics.told:
                    note = message.payload if isinstance(message.payload, bytes) else None
                elif not message.retain and message.payload == status_payload(is_online=True):
                    is_telling = True
                    group.create_task(self._tell(client, note))

    async def _tell(self, client: aiomqtt.Client, note: bytes | None) -> None:
        await client.unsubscribe(list(self._own))
        _leave_if_told()

        async def publish(message: Message) -> None:
            await client.publish(message.topic, message.payload, qos=QOS, retain=message.is_retained)
            _leave_if_told()

        await self._herald.run(note, publish)

    async def _work(self, client: aiomqtt.Client, lane: Lane) -> None:
        while True:
            message = await lane.get()
            station = self._topics.station(str(message.topic))
            if station is None:
                log(Event.SCAN_REFUSED, explanation="a scan came on a topic whose last part is no station's name")
            else:
                payload = message.payload if isinstance(message.payload, bytes) else b""
                answer = await self._post(station, payload)
                await client.publish(self._topics.result(station), answer, qos=QOS)
            _paho(client).ack(message.mid, message.qos)
            _leave_if_told()

    async def _post(self, station: str, payload: bytes) -> bytes:
        """Post one scan; returns what its station is told."""
        try:
            told = decode(payload)
        except ValueError as error:
            return self._unreadable(station, f"the scan cannot be read: {error}", None)
        if isinstance(told, dict):
            told.setdefault("actor", station)
        scan = self._desk.read(told)
        if isinstance(scan, Problems):
            scan_id = told.get("scan_id") if isinstance(told, dict) else None
            return self._unreadable(station, scan.sentences[0], scan_id, scan)
        try:
            return result_payload(await self._desk.post(scan))
        except POST_FAULTS as fault:
            log(Event.REQUEST_FAILED, station=station, scan_id=scan.scan_id, exc_info=fault)
            return unread_payload("failed", "syncd could not write the scan; send it again", scan_id=scan.scan_id)

    def _unreadable(self, station: str, sentence: str, scan_id: object, found: Problems | None = None) -> bytes:
        log(Event.SCAN_REFUSED, station=station, explanation=sentence)
        known = scan_id if isinstance(scan_id, str) and len(scan_id) <= 100 else None
        return unread_payload("unreadable", sentence, scan_id=known, problems=found.sentences if found else ())


def _leave_if_told() -> None:
    """Raise a cancellation again that was swallowed: asyncio.wait_for of Python 3.11, which aiomqtt waits with, drops
    one that comes in the moment its wait ends (python/cpython issue 86296).
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _paho(client: aiomqtt.Client) -> Paho:
    """The client beneath, for what aiomqtt 2 does not offer: acknowledging a message when we are done with it."""
    return client._client


def _first(faults: BaseExceptionGroup[aiomqtt.MqttError]) -> BaseException:
    """One fault out of what the tasks of a lost connection raised; they all say the same."""
    fault: BaseException = faults
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return fault
