"""An order that could not be taken in: kept by its id, asked about, and fetched again until it can be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from syncd.attention.question import Question, Topic
from syncd.channel.port import ChannelOrder
from syncd.clock import doubled
from syncd.identity import ChannelName

PAUSE_FIRST_SECONDS = 300
PAUSE_LONGEST_SECONDS = 86_400
"""Pauses between two tries double up to a day: what cannot be read now may be mended there, or by an update here."""

UNITS_MAX = 1_000_000
"""No line of a real order is of more; a larger number is a mistake of the channel's and would empty every shelf."""

ASKED_SINGLY_MAX = 20
"""So many of one channel's are asked about one by one. Where there are more, it is not the orders that are at fault,
and a thousand questions would bury all others: one question tells how many.
"""

LINES_MAX = 1_000
TEXT_LENGTH_MAX = 20_000


@dataclass(frozen=True, slots=True)
class UnreadOrder:
    """`attempts` tries failed, the last one for the reason in `sentence`; the next is made at `next_at`."""

    channel: ChannelName
    order_id: str
    sentence: str
    attempts: int
    next_at: datetime

    def failed(self, sentence: str, now: datetime) -> UnreadOrder:
        """After one more try."""
        attempts = self.attempts + 1
        later = now + timedelta(seconds=doubled(PAUSE_FIRST_SECONDS, attempts, PAUSE_LONGEST_SECONDS))
        return replace(self, sentence=sentence, attempts=attempts, next_at=later)


def question_about(channel: ChannelName, order_id: str | None, sentence: str, now: datetime) -> Question:
    """What a person is asked about an order, or a part of the list, that could not be taken in."""
    if order_id is None:
        return Question(Topic.UNREAD_ORDER, f"{channel}/orders", f"on {channel} {sentence}", now)
    asked = f"{sentence}; look at it on {channel}: until it can be read it takes no stock here, and it is tried again"
    return Question(Topic.UNREAD_ORDER, f"{channel}:{order_id}", asked, now)


def question_about_all(channel: ChannelName, count: int, sentence: str, now: datetime) -> Question:
    """What a person is asked when a channel has too many of them to be asked about one by one."""
    newest = f"; the newest: {sentence}" if sentence else ""
    asked = (
        f"{count} orders of {channel} cannot be taken in{newest}; something changed on {channel}, such as a plug-in, "
        "or syncd has to be mended: until they can be read they take no stock here, and they are tried again"
    )
    return Question(Topic.UNREAD_ORDER, f"{channel}/unread", asked, now)


def problem_with(order: ChannelOrder) -> str:
    """Why an order cannot be true or cannot be kept, or ''. The sentence names the order and nobody."""
    if len(order.lines) > LINES_MAX:
        return f"order {order.number} has {len(order.lines)} lines"
    ids = [line.line_id for line in order.lines]
    twice = next((one for one in ids if ids.count(one) > 1), None)
    if twice is not None:
        return f"order {order.number} names its line {twice} twice"
    for line in order.lines:
        counts = (line.quantity, line.cancelled, line.refunded, line.decremented or 0)
        if min(counts) < 0 or max(counts) > UNITS_MAX:
            return f"line {line.line_id} of order {order.number} is of {line.quantity} units, which cannot be"
    return "" if all(map(_keepable, _texts(order))) else f"order {order.number} holds text that cannot be stored"


def _texts(order: ChannelOrder) -> list[str]:
    place = order.ship_to
    people = [order.buyer.buyer_id, order.buyer.name, order.buyer.email, order.buyer.language]
    if place is not None:
        people += [place.name, place.street, place.city, place.postcode, place.region, place.country, place.phone]
    lines = [text or "" for line in order.lines for text in (line.line_id, line.listing_id, line.sku, line.title)]
    return [order.order_id, order.number, *people, *lines]


def _keepable(text: str) -> bool:
    """No store keeps a zero character or half a character; no real text is that long."""
    return len(text) <= TEXT_LENGTH_MAX and "\0" not in text and not any("\ud800" <= one <= "\udfff" for one in text)
