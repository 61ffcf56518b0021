"""Everything that waits for a person, oldest first, each with the place where it is settled."""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web

from syncd.access.role import STAFF
from syncd.attention.question import Question, Topic
from syncd.attention.store import open_questions
from syncd.http.console.frame import show, some
from syncd.http.door import Door, Kind
from syncd.http.parts import PARTS

OF_CASES = frozenset({Topic.REFUND, Topic.MESSAGE})
OF_LISTINGS = frozenset({Topic.UNLINKED_LISTING, Topic.PARKED_LISTING, Topic.DRIFT, Topic.UNEXPLAINED_SALE})
OF_ORDERS = frozenset({Topic.UNLINKED_ORDER_LINE, Topic.COPIED_ORDER, Topic.RETURN, Topic.INVOICE})
OF_CHANNELS = frozenset(
    {Topic.BRAKE, Topic.CHANNEL_PAUSED, Topic.CHANNEL_LIMIT, Topic.CREDENTIALS, Topic.CHANNEL_SETUP, Topic.WEBHOOK}
)
OF_SUPPLIERS = frozenset({Topic.SUPPLIER_PAUSED, Topic.FEED_HELD, Topic.FEED_STALE, Topic.PURCHASE_ORDER})


async def get_questions(request: web.Request) -> web.StreamResponse:
    """All of them."""
    async with request.app[PARTS].db.read() as conn:
        found = await open_questions(conn)
    rows, has_more = some(found)
    facts = {"questions": [(one, settled_at(one)) for one in rows], "count": len(found), "has_more": has_more}
    return show(request, "questions", facts)


def settled_at(one: Question) -> str:
    """The page where a person sees what the question is about; '' where only its own sentence helps."""
    subject = quote(one.subject, safe="/:")
    if one.topic in OF_CASES:
        return f"/console/cases/{subject}" if "/" in one.subject else ""
    if one.topic in OF_LISTINGS:
        return f"/console/listing/{subject}" if ":" in one.subject else ""
    if one.topic in OF_ORDERS:
        return f"/console/orders/{subject}" if ":" in one.subject else ""
    if one.topic in OF_CHANNELS:
        return "/console/channels"
    return "/console/suppliers" if one.topic in OF_SUPPLIERS else ""


DOORS_HERE = (Door("GET", "/console/questions", get_questions, STAFF, Kind.PAGE, summary="Questions", nav="Questions"),)
