"""The webhooks by which the shop calls us: made, made anew when the shop has switched them off, and never doubled."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.woocommerce.client import Call, WooClient
from connectors.woocommerce.mapping import JsonObject
from connectors.woocommerce.mapping_webhook import WebhookPlan, plan_webhooks
from syncd.channel.port import WebhookCare
from syncd.errors import ChannelRefused

PAGES_MAX = 10
"""Most pages of a hundred webhooks that are looked through; a shop with more has something else wrong."""

OPERATION = "care_for_webhooks"
_GONE = "woocommerce_rest_shop_webhook_invalid_id"


class ShopWebhooks:
    """Through a client that the channel owns. Without a secret no webhooks are wanted."""

    def __init__(self, client: WooClient, secret: str | None) -> None:
        self._client = client
        self._secret = secret
        self._told_secret: set[int] = set()

    async def care(self, url: str) -> WebhookCare:
        """Look at all of the shop's webhooks and put right what is ours."""
        if self._secret is None:
            return WebhookCare()
        mended: list[str] = []
        problems: list[str] = []
        for plan in plan_webhooks(await self._all(), url):
            if plan.is_wanted:
                problem = await self._make(plan.topic, url)
                if problem:
                    problems.append(problem)
                    continue
                mended.append(plan.topic)
            await self._remove(plan)
            await self._tell_secret(plan.kept)
        return WebhookCare(tuple(mended), tuple(problems), calls_at_once=True)

    async def _all(self) -> list[JsonObject]:
        found: list[JsonObject] = []
        for page in range(1, PAGES_MAX + 1):
            query = {"page": str(page), "per_page": "100", "orderby": "id", "order": "asc"}
            rows = await self._client.rows(Call("GET", "webhooks", OPERATION, query))
            found += rows
            if len(rows) < 100:
                break
        return found

    async def _make(self, topic: str, url: str) -> str:
        """A new one, its failures not counted yet: making an old one active again would keep its count (facts §7)."""
        body = {"name": f"syncd {topic}", "topic": topic, "delivery_url": url, "secret": self._secret}
        try:
            row = await self._client.record(Call("POST", "webhooks", OPERATION, body={**body, "status": "active"}))
        except ChannelRefused as refused:
            return f"the shop refuses a webhook {topic} to {url}: {refused.message}"
        if row.get("topic") != topic or row.get("status") != "active" or not isinstance(row.get("id"), int):
            return f"the shop was asked for a webhook {topic} and made something else: look at its list of webhooks"
        self._told_secret.add(row["id"])
        return ""

    async def _remove(self, plan: WebhookPlan) -> None:
        for number in plan.surplus:
            try:
                await self._client.call(Call("DELETE", f"webhooks/{number}", OPERATION, {"force": "true"}))
            except ChannelRefused as refused:
                if refused.code != _GONE:
                    raise

    async def _tell_secret(self, numbers: Sequence[int]) -> None:
        """Once for each: a secret cannot be read, and one that differs from ours would have every call refused."""
        for number in numbers:
            if number in self._told_secret:
                continue
            await self._client.record(Call("PUT", f"webhooks/{number}", OPERATION, body={"secret": self._secret}))
            self._told_secret.add(number)
