"""What eBay tells us by itself: Platform Notifications, Commerce Notification, and having both registered."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from connectors.ebay import mapping_commerce, mapping_webhook
from connectors.ebay.calls import Calls
from connectors.ebay.client_rest import RestCall
from connectors.ebay.client_signature import BadKey, NotificationSignature, PublicKey
from connectors.ebay.mapping_rest import RestAnswer
from connectors.ebay.mapping_xml import Unreadable
from connectors.ebay.settings import Settings
from syncd.channel.port import WebhookAnswer, WebhookCare, WebhookRequest
from syncd.errors import ChannelProtocolError, RateLimited, RemoteError

KEYS_MAX = 20
KEYS_FETCHED_PER_HOUR_MAX = 30
"""Fetching a key costs a call of the application, and a stranger can name any key: more are refused for the hour."""
UNKNOWN_MAX = 200
SIGNATURE_HEADER = "x-ebay-signature"

HOUR = timedelta(hours=1)
REGISTERED_FOR = timedelta(days=1)
"""Preferences are set again so long after: looking whether they still stand would cost a Trading call as well."""


class Notices:
    """One account's."""

    def __init__(self, calls: Calls, settings: Settings) -> None:
        self._calls = calls
        self._settings = settings
        self._platform_keys = mapping_webhook.NotificationKeys(
            settings.dev_id, settings.app_id, settings.cert_id.get_secret_value(), settings.notification_user
        )
        self._public_keys: OrderedDict[str, tuple[PublicKey, datetime]] = OrderedDict()
        self._unknown: OrderedDict[str, datetime] = OrderedDict()
        self._fetched_at: deque[datetime] = deque(maxlen=KEYS_FETCHED_PER_HOUR_MAX)
        self._registered_at: datetime | None = None

    async def prepare(self, request: WebhookRequest) -> None:
        """Fetch the public key that signed a Commerce Notification, if it is not at hand."""
        signature = NotificationSignature.read(request.headers.get(SIGNATURE_HEADER, ""))
        now = self._calls.clock.now()
        if request.method != "POST" or signature is None or self._knows(signature.key_id, now):
            return
        is_known = signature.key_id in self._public_keys
        if len(self._fetched_at) == KEYS_FETCHED_PER_HOUR_MAX and now - self._fetched_at[0] < HOUR:
            if is_known:  # an old key of eBay's is still eBay's; strangers' calls must not shut eBay's own out
                return
            wait = (self._fetched_at[0] + HOUR - now).total_seconds()
            raise RateLimited(self._calls.name, "getPublicKey", "too many unknown keys were named this hour", wait)
        self._fetched_at.append(now)
        path = f"{mapping_commerce.ROOT}/public_key/{signature.key_id}"
        try:
            answer = await self._calls.rest(RestCall("getPublicKey", "GET", path, is_app=True))
        except RemoteError:
            if is_known:
                return
            raise
        if answer.error_ids:
            _keep(self._unknown, signature.key_id, now, UNKNOWN_MAX)
            return
        try:
            _keep(self._public_keys, signature.key_id, (PublicKey.read(answer.body), now), KEYS_MAX)
        except BadKey as fault:
            raise ChannelProtocolError(self._calls.name, "getPublicKey", str(fault)) from None

    def _knows(self, key_id: str, now: datetime) -> bool:
        """At least for an hour, as eBay asks."""
        fetched_at = self._public_keys[key_id][1] if key_id in self._public_keys else self._unknown.get(key_id)
        return fetched_at is not None and now - fetched_at < HOUR

    def receive(self, request: WebhookRequest) -> WebhookAnswer:
        """A Commerce Notification, a Platform Notification, or the challenge of a destination."""
        settings = self._settings
        if request.method == "POST" and SIGNATURE_HEADER in request.headers:
            return self._commerce(request)
        if request.method == "POST":
            return mapping_webhook.answer_notification(request, self._platform_keys)
        if request.method == "GET" and settings.verification_token and settings.notification_url:
            token = settings.verification_token.get_secret_value()
            return mapping_webhook.answer_challenge(request, token=token, url=settings.notification_url)
        return WebhookAnswer(405, f"{request.method} is not how eBay notifies")

    def _commerce(self, request: WebhookRequest) -> WebhookAnswer:
        if len(request.body) > mapping_webhook.BODY_BYTES_MAX:
            return WebhookAnswer(413, f"the notification is larger than {mapping_webhook.BODY_BYTES_MAX} bytes")
        signature = NotificationSignature.read(request.headers[SIGNATURE_HEADER])
        key = self._public_keys.get(signature.key_id) if signature is not None else None
        # 412 is how eBay's own listener refuses a signature.
        if signature is None or key is None:
            return WebhookAnswer(412, "the notification names no key of eBay's")
        if not key[0].verifies(signature, request.body):
            return WebhookAnswer(412, "the notification's signature does not fit its body")
        try:
            return mapping_commerce.read_message(request.body)
        except Unreadable as fault:
            return WebhookAnswer(400, f"the notification cannot be read: {fault}")

    async def care(self, url: str) -> WebhookCare:
        """Register Platform Notifications, and the account deletion topic where a verification token is set."""
        settings, now = self._settings, self._calls.clock.now()
        if self._registered_at is None or now - self._registered_at >= REGISTERED_FOR:
            request = mapping_commerce.platform_request(
                settings.notification_url or url, version=settings.compatibility_level, alert_email=settings.alert_email
            )
            await self._calls.call("SetNotificationPreferences", request)
            self._registered_at = now
        if settings.verification_token is None or settings.notification_url is None:
            return WebhookCare()
        mended: list[str] = []
        problems: list[str] = []
        token = settings.verification_token.get_secret_value()
        destination = await self._destination(settings.notification_url, token, mended, problems)
        if destination is not None:
            await self._subscription(destination, settings.notification_url, mended, problems)
        return WebhookCare(tuple(mended), tuple(problems))

    async def _destination(self, url: str, token: str, mended: list[str], problems: list[str]) -> str | None:
        """The id of the enabled destination for our address, or None with the problem said."""
        listed = await self._commerce_call("getDestinations", "GET", "/destination?limit=100")
        try:
            found = mapping_commerce.destination_at(listed.body, url)
        except Unreadable as fault:
            self._calls.unreadable("getDestinations", fault)
        if found is not None and found.get("status") == "ENABLED":
            return str(found.get("destinationId"))
        if self._settings.alert_email:
            alert = {"alertEmail": self._settings.alert_email}
            await self._commerce_call("updateConfig", "PUT", "/config", alert)
        body = mapping_commerce.destination_request(url, token)
        if found is None:
            answer = await self._commerce_call("createDestination", "POST", "/destination", body)
        else:
            path = f"/destination/{found.get('destinationId')}"
            answer = await self._commerce_call("updateDestination", "PUT", path, body)
        if answer.error_ids:
            problems.append(mapping_commerce.problem(answer.error_ids, answer.message, url))
            return None
        mended.append(f"destination {url}")
        if found is not None:
            return str(found.get("destinationId"))
        again = await self._commerce_call("getDestinations", "GET", "/destination?limit=100")
        try:
            made = mapping_commerce.destination_at(again.body, url)
        except Unreadable as fault:
            self._calls.unreadable("getDestinations", fault)
        return str(made.get("destinationId")) if made is not None else None

    async def _subscription(self, destination: str, url: str, mended: list[str], problems: list[str]) -> None:
        topic = mapping_commerce.ACCOUNT_DELETION
        listed = await self._commerce_call("getSubscriptions", "GET", "/subscription?limit=100")
        try:
            found = mapping_commerce.subscription_to(listed.body, topic, destination)
        except Unreadable as fault:
            self._calls.unreadable("getSubscriptions", fault)
        if found is not None and found.get("status") == "ENABLED":
            return
        if found is None:
            body = mapping_commerce.subscription_request(topic, destination)
            answer = await self._commerce_call("createSubscription", "POST", "/subscription", body)
        else:
            path = f"/subscription/{found.get('subscriptionId')}/enable"
            answer = await self._commerce_call("enableSubscription", "POST", path)
        if answer.error_ids:
            problems.append(mapping_commerce.problem(answer.error_ids, answer.message, url))
        else:
            mended.append(f"subscription to {topic}")

    async def _commerce_call(
        self, operation: str, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> RestAnswer:
        return await self._calls.rest(RestCall(operation, method, mapping_commerce.ROOT + path, body, is_app=True))


def _keep(kept: OrderedDict[str, Any], key: str, value: Any, most: int) -> None:
    kept[key] = value
    if len(kept) > most:
        kept.popitem(last=False)
