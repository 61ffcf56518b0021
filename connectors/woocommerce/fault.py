"""Which fault an answer that is no success stands for. Pure: the client raises what is made here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from connectors.woocommerce.answer import excerpt, is_page, redacted, retry_after_seconds
from syncd.errors import (
    ChannelAuthFailed,
    ChannelBlocked,
    ChannelRefused,
    ChannelUnavailable,
    RateLimited,
    RemoteError,
)

MAINTENANCE_WAIT_SECONDS_MAX = 60.0
"""WordPress says Retry-After 600 while it updates itself, and in the same answer "check back in a minute"."""

_MAINTENANCE_CODE = "wp_die"
_NO_ROUTE_CODE = "rest_no_route"


@dataclass(frozen=True, slots=True)
class FailedAnswer:
    """An answer other than 2xx with JSON. `source` and `operation` are for the fault's text."""

    source: str
    operation: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    received_at: datetime


def redirect_fault(answer: FailedAnswer) -> RemoteError:
    """Followed, a POST would become a GET and a PUT lose its body, both answering 200 (facts §0.8).

    It concerns the shop, not what was asked for: no listing is to be parked for it.
    """
    target = redacted(answer.headers.get("Location", "").partition("?")[0])
    message = (
        f"the shop answers {answer.status} and sends us to {target!r}: set url to the address that the shop itself uses"
    )
    return ChannelUnavailable(answer.source, answer.operation, message)


def coded_fault(answer: FailedAnswer, code: str, message: str) -> RemoteError:
    """From WordPress's error form, whose code says more than the status."""
    source, operation, status = answer.source, answer.operation, answer.status
    wait_seconds = retry_after_seconds(answer.headers.get("Retry-After"), answer.received_at)
    text = f"{message or 'no message'} ({code or f'HTTP {status}'})"
    if status == 429:
        return RateLimited(source, operation, text, wait_seconds)
    if status == 503 and code == _MAINTENANCE_CODE and wait_seconds is not None:
        # WordPress refuses before it loads anything: nothing was applied.
        return RateLimited(source, operation, text, min(wait_seconds, MAINTENANCE_WAIT_SECONDS_MAX))
    if status in (401, 403):
        return ChannelAuthFailed(source, operation, f"{text}{_advice(status, code)}")
    # Permanent refusals of refunds come as 500 with a code of WooCommerce's own (facts §5.2).
    if status == 408 or (status >= 500 and not code.startswith("woocommerce_rest_")):
        return ChannelUnavailable(source, operation, text)
    if code == _NO_ROUTE_CODE:
        # So it is too while WooCommerce itself is updated: nothing asked for is to be parked for it.
        text = f"there is no WooCommerce REST API (wc/v3) at the configured url: {text}"
        return ChannelUnavailable(source, operation, text)
    return ChannelRefused(source, operation, text, code or f"http_{status}")


def _advice(status: int, code: str) -> str:
    """A shop that has seen no key at all answers like one that does not know it."""
    if status != 401 or not code.startswith("woocommerce_rest_cannot_"):
        return ""
    return "; the shop knows no such key, or its host withholds the header with it: then set keys_in_query = true"


def bare_fault(answer: FailedAnswer, body: bytes) -> RemoteError:
    """From an answer without JSON: a proxy's, a firewall's, a crashed PHP's, or not a WooCommerce at all.

    None of them is about the item that was asked for, so none is a refusal of it.
    """
    source, operation, status = answer.source, answer.operation, answer.status
    words = excerpt(body)
    said = f": {words!r}" if words else ""
    if status in (408, 429) or status >= 500:
        return coded_fault(answer, "", "an answer without JSON")
    if status == 401:
        message = f"HTTP 401 without JSON: the site asks for a password of its own{said}"
        return ChannelAuthFailed(source, operation, message)
    if status in (403, 406, 418) or (status < 300 and is_page(body)):
        message = (
            f"HTTP {status} with a page instead of JSON: a firewall or security plug-in before the shop, or not its "
            f"API; let syncd's address pass there, and check url{said}"
        )
        return ChannelBlocked(source, operation, message)
    if status >= 400:
        # WooCommerce refuses in JSON: who answers here is not the shop, and knows nothing of the item.
        message = (
            f"HTTP {status} without JSON: check url, and that WordPress's permalinks are not 'plain'; where the web "
            "server rewrites no addresses, let url end in /index.php"
        )
        return ChannelUnavailable(source, operation, message)
    # PHP has died on the way; for a write the work may be done.
    what = "nothing" if not body.strip() else "something that is not JSON"
    return ChannelUnavailable(source, operation, f"the shop answered {status} with {what}{said}")
