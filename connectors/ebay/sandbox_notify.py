"""The stand-in's Platform Notifications: signed SOAP messages, posted and posted again until answered 200."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from xml.etree.ElementTree import Element, SubElement

import aiohttp

from connectors.ebay.mapping_webhook import NotificationKeys, signature
from connectors.ebay.mapping_xml import stamp
from connectors.ebay.sandbox_records import Item, OrderVersion, SoldLine
from connectors.ebay.sandbox_state import Account
from connectors.ebay.sandbox_xml import (
    NAMESPACE,
    SELLER,
    put,
    put_envelope,
    put_item,
    put_transaction,
    put_version,
    serialised,
)

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
DELIVERIES_MAX = 1000
VERSION = "1423"


@dataclass
class Notifier:
    """Where notifications go, which events are wanted, and what became of each."""

    account: Account
    keys: NotificationKeys
    url: str | None = None
    is_enabled: bool = True
    events: set[str] = field(default_factory=lambda: {"FixedPriceTransaction"})
    log: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=DELIVERIES_MAX))
    _running: set[asyncio.Task[None]] = field(default_factory=set)
    _session: aiohttp.ClientSession | None = None

    def order_changed(self, event: str, order: OrderVersion) -> None:
        """Tell of an order: one FixedPriceTransaction per line, one message for the other events."""
        lines = order.lines if event == "FixedPriceTransaction" else order.lines[:1]
        for line in lines:
            self._send(event, partial(transactions_body, self.account, event, order, line))

    def item_changed(self, event: str, item: Item) -> None:
        """Tell of a listing."""
        self._send(event, partial(item_body, self.account, event, item))

    async def aclose(self) -> None:
        """Stop delivering."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _send(self, event: str, build: Callable[[datetime], Element]) -> None:
        mode = self.account.switches.notification_mode
        if self.url is None or not self.is_enabled or event not in self.events:
            return
        if mode == "lose" or len(self._running) >= DELIVERIES_MAX:
            self.log.append({"event": event, "at": stamp(self.account.now()), "status": "lost", "attempt": 0})
            return
        at = self.account.now()
        body = signed_message(build(at), stamp(at), self.keys)
        for _ in range(2 if mode == "double" else 1):
            task = asyncio.create_task(self._deliver(event, self.url, body))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _deliver(self, event: str, url: str, body: bytes) -> None:
        switches = self.account.switches
        if switches.notification_mode == "delay":
            await self.account.clock.sleep(switches.notification_delay_seconds)
        for attempt in range(1, switches.redeliveries + 2):
            status = await self._post(event, url, body)
            entry = {"event": event, "at": stamp(self.account.now()), "status": status, "attempt": attempt}
            self.log.append(entry)
            if status == 200:
                return
            await self.account.clock.sleep(switches.redelivery_seconds)

    async def _post(self, event: str, url: str, body: bytes) -> int | str:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        headers = {
            "Content-Type": 'text/xml; charset="utf-8"',
            "SOAPACTION": f'"https://developer.ebay.com/notification/{event}"',
        }
        with contextlib.suppress(TimeoutError):
            try:
                async with self._session.post(url, data=body, headers=headers) as response:
                    return response.status
            except aiohttp.ClientError as fault:
                return type(fault).__name__
        return "timeout"


def signed_message(payload: Element, timestamp: str, keys: NotificationKeys) -> bytes:
    """The SOAP envelope round a payload, with the signature in its header."""
    envelope = Element("soapenv:Envelope", {"xmlns:soapenv": SOAP})
    header = SubElement(envelope, "soapenv:Header")
    credentials = SubElement(
        header, "ebl:RequesterCredentials", {"soapenv:mustUnderstand": "0", "xmlns:ebl": NAMESPACE}
    )
    # White space round the signature is as eBay sends it.
    SubElement(credentials, "ebl:NotificationSignature").text = f"\n  {signature(timestamp, keys)}\n"
    SubElement(envelope, "soapenv:Body").append(payload)
    return serialised(envelope)


def transactions_body(account: Account, event: str, order: OrderVersion, line: SoldLine, at: datetime) -> Element:
    """GetItemTransactionsResponse for one line; Variations are no longer part of its Item (since 2024-01-31)."""
    root = _payload("GetItemTransactionsResponse", event, at)
    pages = put(root, "PaginationResult")
    put(pages, "TotalNumberOfPages", 1)
    put(pages, "TotalNumberOfEntries", 1)
    put(root, "HasMoreTransactions", False)
    put(root, "TransactionsPerPage", 100)
    put(root, "PageNumber", 1)
    put(root, "ReturnedTransactionCountActual", 1)
    item = account.items[line.item_id]
    put_item(root, item, now=at, switches=account.switches)
    variations = root[-1].find("Variations")
    if variations is not None:
        root[-1].remove(variations)
    put_transaction(put(root, "TransactionArray"), line, order)
    return root


def item_body(account: Account, event: str, item: Item, at: datetime) -> Element:
    """GetItemResponse for one listing."""
    root = _payload("GetItemResponse", event, at)
    put_item(root, item, now=at, switches=account.switches)
    return root


def _payload(kind: str, event: str, at: datetime) -> Element:
    root = Element(kind, {"xmlns": NAMESPACE})
    put_envelope(root, at=at, ack="Success", correlation_id=None)
    put(root, "CorrelationID", int((at - datetime(2026, 1, 1, tzinfo=at.tzinfo)) / timedelta(microseconds=1)))
    put_version(root, VERSION)
    put(root, "NotificationEventName", event)
    put(root, "RecipientUserID", SELLER)
    return root
