"""Cases as a work list, the next deadline first; one case with its story and what can be done, each explained."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from aiohttp import web

from syncd.access.role import DESK, STAFF
from syncd.http.console.frame import show, some
from syncd.http.console.parts import CONSOLE
from syncd.http.door import FORM, Door, Kind, principal_of
from syncd.http.parts import PARTS
from syncd.identity import Sku
from syncd.ledger.movement import State
from syncd.ledger.store import read_balances
from syncd.orders.store import read_orders
from syncd.shortage.case import Case, CaseStatus
from syncd.shortage.resolution import OptionKind
from syncd.shortage.store import read_case, read_cases
from syncd.shortage.store_timeline import append, assign, read_timeline
from syncd.shortage.timeline import OWNER_LENGTH_MAX, WORDS_LENGTH_MAX, Entry, EntryKind

OPEN = tuple(one for one in CaseStatus if one is not CaseStatus.RESOLVED)


async def get_cases(request: web.Request) -> web.StreamResponse:
    """What is not resolved; `mine` only those of whoever asks."""
    is_mine = "mine" in request.query
    async with request.app[PARTS].db.read() as conn:
        found = await read_cases(conn, OPEN)
        chosen = [one for one in found if not is_mine or one.owner == principal_of(request).name]
        rows, has_more = some(by_deadline(chosen))
        orders = await read_orders(conn, sorted({one.order_key for one in rows}))
    facts = {"cases": rows, "has_more": has_more, "orders": orders, "is_mine": is_mine, "count": len(found)}
    return show(request, "cases", facts)


def by_deadline(cases: Sequence[Case]) -> list[Case]:
    """Those that wait for a person first, then the next deadline."""

    def place(one: Case) -> tuple[bool, datetime, str]:
        return one.status is not CaseStatus.NEEDS_PERSON, one.deadline_at or one.opened_at, one.case_id

    return sorted(cases, key=place)


async def get_case(request: web.Request) -> web.StreamResponse:
    """One case."""
    return await _case(request)


async def _case(request: web.Request, problem: str = "", status: int = 200) -> web.StreamResponse:
    async with request.app[PARTS].db.read() as conn:
        case = await read_case(conn, request.match_info["case"])
        if case is None:
            raise web.HTTPNotFound
        order = (await read_orders(conn, [case.order_key])).get(case.order_key)
        timeline = await read_timeline(conn, case)
        skus = [case.sku, *(one.substitute for one in case.options if one.substitute)]
        balances = await read_balances(conn, skus)
    stock = {sku: sum(balances.by_location(sku, State.AVAILABLE).values()) for sku in skus}
    line = next((one for one in order.lines if one.line_id == case.line_id), None) if order else None
    facts = {
        "case": case,
        "order": order,
        "line": line,
        "timeline": timeline[::-1],
        "stock": stock,
        "problem": problem,
        "may_choose": case.status in (CaseStatus.ASKED, CaseStatus.NEEDS_PERSON),
        "is_over": case.status is CaseStatus.RESOLVED,
    }
    return show(request, "case", facts, status=status)


async def post_choice(request: web.Request) -> web.StreamResponse:
    """Decide for the customer. Money and letters follow by themselves, once."""
    kind, _, substitute = request[FORM].get("choice", "").partition(":")
    if kind not in tuple(OptionKind):
        return await _case(request, "choose one of the options", 422)
    why_not = await request.app[CONSOLE].desk.choose(
        request.match_info["case"],
        OptionKind(kind),
        by=principal_of(request).name,
        substitute=Sku(substitute) if substitute else None,
    )
    if why_not is not None:
        return await _case(request, why_not, 409)
    raise _back(request)


async def post_note(request: web.Request) -> web.StreamResponse:
    """Note something, or that the customer had to write or phone."""
    said = " ".join(request[FORM].get("words", "").split())
    if not 0 < len(said) <= WORDS_LENGTH_MAX:
        return await _case(request, f"a note has 1 to {WORDS_LENGTH_MAX} characters", 422)
    kind = EntryKind.CONTACT if request[FORM].get("contact") else EntryKind.NOTE
    entry = Entry(request.app[PARTS].clock.now(), kind, principal_of(request).name, said)
    async with request.app[PARTS].db.read() as conn:
        if await read_case(conn, request.match_info["case"]) is None:
            raise web.HTTPNotFound
    await request.app[CONSOLE].writer.write(append(request.match_info["case"], entry))
    raise _back(request)


async def post_owner(request: web.Request) -> web.StreamResponse:
    """Take it, or hand it over."""
    owner = " ".join(request[FORM].get("owner", "").split()) or principal_of(request).name
    why = " ".join(request[FORM].get("words", "").split())
    if len(owner) > OWNER_LENGTH_MAX or len(why) > WORDS_LENGTH_MAX:
        return await _case(request, f"a name has at most {OWNER_LENGTH_MAX} characters", 422)
    command = assign(request.match_info["case"], owner, by=principal_of(request).name, why=why)
    if (await request.app[CONSOLE].writer.submit(command)).value is None:
        return await _case(request, "the case is resolved: nobody has to see to it any more", 409)
    raise _back(request)


def _back(request: web.Request) -> web.HTTPSeeOther:
    """The case anew: going back or reloading sends nothing twice."""
    return web.HTTPSeeOther(f"/console/cases/{quote(request.match_info['case'])}")


WHO = DESK & STAFF

DOORS_HERE = (
    Door("GET", "/console/cases", get_cases, WHO, Kind.PAGE, summary="Cases, the next deadline first", nav="Cases"),
    Door("GET", "/console/cases/{case:.+}", get_case, WHO, Kind.PAGE, summary="One case"),
    Door("POST", "/console/choose/{case:.+}", post_choice, WHO, Kind.PAGE, summary="Decide a case", did="case.chosen"),
    Door("POST", "/console/note/{case:.+}", post_note, WHO, Kind.PAGE, summary="Note with a case", did="case.noted"),
    Door("POST", "/console/assign/{case:.+}", post_owner, WHO, Kind.PAGE, summary="Give a case", did="case.assigned"),
)
