"""The stand-in's Notification API: configuration, destinations that are challenged, subscriptions, signed messages."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from connectors.ebay.mapping_xml import stamp
from connectors.ebay.sandbox_rest import RestRefusal
from connectors.ebay.sandbox_signature import NotificationSigner
from connectors.ebay.sandbox_state import Account, NotPossibleError

DOMAIN = "API_NOTIFICATION"
TOPICS = frozenset(
    {"MARKETPLACE_ACCOUNT_DELETION", "AUTHORIZATION_REVOCATION", "ORDER_CONFIRMATION", "ITEM_MARKED_SHIPPED"}
)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,80}")
CHALLENGE_SECONDS = 3


@dataclass
class CommerceNotifications:
    """One application's."""

    account: Account
    signer: NotificationSigner = field(default_factory=NotificationSigner)
    destinations: list[dict[str, Any]] = field(default_factory=list)
    subscriptions: list[dict[str, Any]] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)

    async def answer(self, method: str, path: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """One call below /commerce/notification/v1: status and body. Raises RestRefusal."""
        match method, *path.strip("/").split("/"):
            case "PUT", "config":
                self.account.switches.alert_email = str(body.get("alertEmail", ""))
                return 204, {}
            case "GET", "destination":
                return 200, {"total": len(self.destinations), "destinations": self.destinations}
            case "POST", "destination":
                return await self._create_destination(body)
            case "PUT", "destination", one:
                return await self._replace_destination(one, body)
            case "GET", "subscription":
                return 200, {"total": len(self.subscriptions), "subscriptions": self.subscriptions}
            case "POST", "subscription":
                return self._create_subscription(body)
            case "POST", "subscription", one, "enable":
                self._subscription(one)["status"] = "ENABLED"
                return 204, {}
            case "GET", "public_key", one:
                if one != self.signer.key_id:
                    raise RestRefusal(404, 195001, "Invalid or missing public key id.", DOMAIN)
                return 200, dict(self.signer.public_key())
        raise RestRefusal(404, 195000, "There is no such operation.", DOMAIN)

    async def deliver(self, topic: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Send one message of a topic to its destinations; tells the statuses it was answered with."""
        if topic not in TOPICS:
            raise NotPossibleError(f"{topic!r} is no topic; there are: {', '.join(sorted(TOPICS))}")
        body = self.message(topic, data)
        wanted = {s["destinationId"] for s in self.subscriptions if s["topicId"] == topic and s["status"] == "ENABLED"}
        statuses = []
        for destination in self.destinations:
            if destination["destinationId"] in wanted and destination["status"] == "ENABLED":
                statuses.append(await self._post(destination["deliveryConfig"]["endpoint"], body))
        self.log.append({"topic": topic, "statuses": statuses})
        return {"statuses": statuses}

    def message(self, topic: str, data: Mapping[str, Any]) -> bytes:
        """A message as eBay writes it: compact JSON."""
        now = stamp(self.account.now())
        told = {
            "metadata": {"topic": topic, "schemaVersion": "1.0", "deprecated": False},
            "notification": {
                "notificationId": f"{uuid.uuid4()}_{uuid.uuid4()}",
                "eventDate": now,
                "publishDate": now,
                "publishAttemptCount": 1,
                "data": dict(data),
            },
        }
        return json.dumps(told, separators=(",", ":")).encode()

    async def _create_destination(self, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        if not self.account.switches.alert_email:
            raise RestRefusal(409, 195003, "Please provide configurations required for notifications.", DOMAIN)
        endpoint = str((body.get("deliveryConfig") or {}).get("endpoint", ""))
        if any(one["deliveryConfig"]["endpoint"] == endpoint for one in self.destinations):
            raise RestRefusal(409, 195021, "Destination already exists.", DOMAIN)
        await self._check(body)
        destination = {**body, "destinationId": str(uuid.uuid4())}
        self.destinations.append(destination)
        return 201, {}

    async def _replace_destination(self, destination_id: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        found = next((one for one in self.destinations if one["destinationId"] == destination_id), None)
        if found is None:
            raise RestRefusal(404, 195013, "There is no such destination.", DOMAIN)
        await self._check(body)
        found.update(body)
        return 204, {}

    def _create_subscription(self, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        if body.get("topicId") not in TOPICS:
            raise RestRefusal(400, 195002, "Invalid or missing topic id.", DOMAIN)
        if body.get("destinationId") not in [one["destinationId"] for one in self.destinations]:
            raise RestRefusal(400, 195014, "Subscription cannot be enabled.", DOMAIN)
        if any(one["topicId"] == body["topicId"] for one in self.subscriptions):
            raise RestRefusal(409, 195012, "Subscription already exists.", DOMAIN)
        self.subscriptions.append({**body, "subscriptionId": str(uuid.uuid4())})
        return 201, {}

    def _subscription(self, subscription_id: str) -> dict[str, Any]:
        for one in self.subscriptions:
            if one["subscriptionId"] == subscription_id:
                return one
        raise RestRefusal(404, 195013, "There is no such subscription.", DOMAIN)

    async def _check(self, body: Mapping[str, Any]) -> None:
        """Token and status have their forms, and the address answers the challenge.

        eBay takes https addresses only; the stand-in calls this machine.
        """
        config = body.get("deliveryConfig") or {}
        endpoint, token = str(config.get("endpoint", "")), str(config.get("verificationToken", ""))
        if body.get("status") not in ("ENABLED", "DISABLED"):
            raise RestRefusal(400, 195018, "Invalid or missing destination status.", DOMAIN)
        if not _TOKEN.fullmatch(token):
            raise RestRefusal(400, 195019, "Invalid or missing verification token.", DOMAIN)
        code = str(uuid.uuid4())
        expected = hashlib.sha256(f"{code}{token}{endpoint}".encode()).hexdigest()
        try:
            timeout = aiohttp.ClientTimeout(total=CHALLENGE_SECONDS)
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(endpoint, params={"challenge_code": code}) as response,
            ):
                told = await response.json()
        except (aiohttp.ClientError, TimeoutError, ValueError):
            told = None
        if not isinstance(told, dict) or told.get("challengeResponse") != expected:
            raise RestRefusal(400, 195020, "Challenge verification failed for requested endpoint.", DOMAIN)

    async def _post(self, endpoint: str, body: bytes) -> int:
        headers = {"Content-Type": "application/json", "X-EBAY-SIGNATURE": self.signer.header(body)}
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
            session.post(endpoint, data=body, headers=headers) as response,
        ):
            return response.status
