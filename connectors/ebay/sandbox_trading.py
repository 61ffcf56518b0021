"""The stand-in's /ws/api.dll: credentials, quotas, faults on demand, and the dispatch to the calls."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

from aiohttp import web

from connectors.ebay.mapping_xml import Unreadable, parse_document, stamp, text
from connectors.ebay.sandbox_calls import HANDLERS, Refusal
from connectors.ebay.sandbox_faults import ERROR_FAULTS, MODE_FAULTS, FaultPlan, numbered
from connectors.ebay.sandbox_notify import Notifier
from connectors.ebay.sandbox_oauth import Grants
from connectors.ebay.sandbox_revise import Revision, put_applied, put_error, put_errors, revise
from connectors.ebay.sandbox_state import Account
from connectors.ebay.sandbox_xml import (
    put,
    put_envelope,
    put_version,
    reply_root,
    select_output,
    serialised,
)

WINDOW_SECONDS = 15.0
HTML = b"<!DOCTYPE html><html><head><title>Service Unavailable</title></head><body>Try later.</body></html>"
HUGE_BYTES = 11_000_000


@dataclass
class TradingEndpoint:
    """Answers Trading calls for one account."""

    account: Account
    notifier: Notifier
    faults: FaultPlan
    grants: Grants
    auth_token: str
    _windows: dict[str, deque[float]] = field(default_factory=dict)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One POST to /ws/api.dll."""
        body = await request.read()
        call = request.headers.get("X-EBAY-API-CALL-NAME", "")
        fault = self.faults.take(call)
        entry: dict[str, Any] = {"at": stamp(self.account.now()), "call": call, "fault": fault, "applied": []}
        self.account.calls.append(entry)
        if self.account.switches.latency_seconds:
            await asyncio.sleep(self.account.switches.latency_seconds)
        if fault in ("hang_before", "cut_before"):
            return await self.break_off(request, hang=fault == "hang_before")
        root = self._reply(request, call, body, fault, entry)
        if self.account.switches.token_ends_at:
            put(root, "HardExpirationWarning", self.account.switches.token_ends_at)
        entry["ack"] = text(root, "Ack")
        entry["codes"] = [text(error, "ErrorCode") for error in root.findall("Errors")]
        if fault in ("hang_after", "cut_after"):
            return await self.break_off(request, hang=fault == "hang_after")
        return _response(serialised(root), fault)

    async def break_off(self, request: web.Request, *, hang: bool) -> web.Response:
        """Keep the caller waiting, or drop the connection without a word."""
        if hang:
            await asyncio.sleep(self.account.switches.hang_seconds)
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    def _reply(self, http: web.Request, call: str, body: bytes, fault: str | None, entry: dict[str, Any]) -> Element:
        version = http.headers.get("X-EBAY-API-COMPATIBILITY-LEVEL", "1423")
        try:
            request = parse_document(body)
        except Unreadable:
            return self._failure(call or "XML", "5", None, version)
        message_id = text(request, "MessageID")
        code = self._refusal(http, call, request) or ERROR_FAULTS.get(fault or "") or numbered(fault, "code")
        if code:
            return self._failure(call, code, message_id, version)
        if call == "ReviseInventoryStatus":
            mode = fault if fault in MODE_FAULTS else None
            revision = revise(self.account, request, mode, numbered(fault, "item"))
            return self._revised(revision, message_id, version, entry)
        return self._perform(call, request, message_id, version)

    def _refusal(self, http: web.Request, call: str, request: Element) -> str | None:
        """What refuses the whole call before it is looked at."""
        if not call or request.tag != f"{call}Request":
            return "5"
        if call not in HANDLERS and call != "ReviseInventoryStatus":
            return "2"
        iaf = http.headers.get("X-EBAY-API-IAF-TOKEN")
        auth = text(request, "RequesterCredentials/eBayAuthToken")
        if not iaf and not auth:
            return "930"
        if iaf and (refused := self.grants.refuses_user(iaf)):
            return "21917053" if refused == "expired" else "931"
        if not iaf and auth != self.auth_token:
            return "931"
        if not iaf and self.grants.is_revoked:
            return "21916013"
        return self._throttle(call)

    def _throttle(self, call: str) -> str | None:
        account, switches = self.account, self.account.switches
        account.calls_today[account.day()] += 1
        if account.calls_today[account.day()] > switches.calls_per_day:
            return "518"
        limit = switches.seller_list_per_window if call == "GetSellerList" else switches.calls_per_window
        window = self._windows.setdefault(call, deque())
        now = account.clock.monotonic()
        while window and window[0] <= now - WINDOW_SECONDS:
            window.popleft()
        if len(window) >= limit:
            return "21919144"
        window.append(now)
        return None

    def _perform(self, call: str, request: Element, message_id: str | None, version: str) -> Element:
        account = self.account
        invocation = text(request, "InvocationID")
        if invocation is not None and account.invocations.get(invocation) == call:
            return self._duplicate(call, invocation, message_id, version)
        root = reply_root(call)
        put_envelope(root, at=account.now(), ack="Success", correlation_id=message_id)
        put_version(root, version)
        try:
            HANDLERS[call](account, self.notifier, request, root)
        except Refusal as refusal:
            return self._failure(call, refusal.code, message_id, version, refusal.parameter)
        if invocation is not None:
            account.invocations[invocation] = call
        select_output(root, [(element.text or "").strip() for element in request.findall("OutputSelector")])
        return root

    def _revised(self, revision: Revision, message_id: str | None, version: str, entry: dict[str, Any]) -> Element:
        entry["applied"] = [
            {"item_id": one.item_id, "sku": one.sku, "quantity": int(one.quantity or 0)}
            for one in revision.entries
            if one.is_applied
        ]
        root = reply_root("ReviseInventoryStatus")
        put_envelope(root, at=self.account.now(), ack=revision.ack, correlation_id=message_id)
        put_errors(root, self.account, revision)
        put_version(root, version)
        put_applied(root, self.account, revision)
        return root

    def _failure(self, call: str, code: str, message_id: str | None, version: str, parameter: str = "") -> Element:
        root = reply_root(call)
        put_envelope(root, at=self.account.now(), ack="Failure", correlation_id=message_id)
        put_error(root, code, (("0", parameter or (call if code == "2" else "")),))
        put_version(root, version)
        return root

    def _duplicate(self, call: str, invocation: str, message_id: str | None, version: str) -> Element:
        root = self._failure(call, "488", message_id, version, invocation)
        details = put(root, "DuplicateInvocationDetails")
        put(details, "DuplicateInvocationID", invocation)
        put(details, "Status", "Success")
        return root


def _response(body: bytes, fault: str | None) -> web.Response:
    kind = "text/xml"
    if fault == "html_503":
        return web.Response(status=503, body=HTML, content_type="text/html")
    if fault == "html_200":
        return web.Response(body=HTML, content_type="text/html")
    if fault == "http_429":
        return web.Response(status=429, body=b"", headers={"Retry-After": "7"})
    if fault == "http_500_xml":
        return web.Response(status=500, body=body, content_type=kind)
    if fault == "empty":
        body = b""
    elif fault == "huge":
        body = body[:-1] + b" " * HUGE_BYTES + b">"
    elif fault == "cut_body":
        body = body[: len(body) // 2]
    elif fault == "wrong_root":
        body = b'<?xml version="1.0"?><Unexpected xmlns="urn:ebay:apis:eBLBaseComponents"/>'
    return web.Response(body=body, content_type=kind, charset="utf-8")
