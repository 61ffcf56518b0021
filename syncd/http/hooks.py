"""The door for channels' calls: a connector judges the call, and its hints are durable before the answer goes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from syncd.channel.port import PreparesWebhooks, ReceivesWebhooks, WebhookAnswer, WebhookRequest
from syncd.errors import RemoteError
from syncd.http.body import HOOK_BYTES_MAX, read_body
from syncd.http.parts import OPTIONS, PARTS
from syncd.http.problem import ApiProblem
from syncd.identity import ChannelName
from syncd.orders.service import IntakeService
from syncd.telemetry import Event, log

REFUSED_FROM = 400


@dataclass(frozen=True, slots=True)
class Door:
    """One channel's. What it can do is asked once: a look at every method, at every call, would cost more than the
    signature. `prepares` is the same channel, where it has to.
    """

    channel: ReceivesWebhooks
    prepares: PreparesWebhooks | None
    intake: IntakeService


DOORS: web.AppKey[Mapping[ChannelName, Door]] = web.AppKey("doors")


def add_routes(app: web.Application) -> None:
    """Open /hooks/{channel}. It asks for no token: calls are signed, and the connector checks that."""
    parts = app[PARTS]
    app[DOORS] = {
        name: Door(channel, channel if isinstance(channel, PreparesWebhooks) else None, parts.intakes[name])
        for name, channel in parts.channels.items()
        if isinstance(channel, ReceivesWebhooks) and name in parts.intakes
    }
    app.router.add_get("/hooks/{channel}", take_hook, allow_head=False)
    app.router.add_post("/hooks/{channel}", take_hook)


async def take_hook(request: web.Request) -> web.Response:
    """Judge a call, keep what it hints at, answer what the connector says."""
    parts = request.app[PARTS]
    name = ChannelName(request.match_info["channel"])
    door = request.app[DOORS].get(name)
    if door is None:
        raise ApiProblem(404, "unknown_channel", "no channel of this name takes calls here")
    try:
        body = await read_body(request, HOOK_BYTES_MAX)
    except ApiProblem as problem:
        log(Event.HINT_REFUSED, channel=name, explanation=problem.detail)
        raise
    call = WebhookRequest(
        request.method,
        _url(request),
        dict(request.query),
        {header.lower(): value for header, value in request.headers.items()},
        body,
        parts.clock.now(),
    )
    if door.prepares is not None:
        try:
            await door.prepares.prepare_webhook(call)
        except RemoteError as fault:
            log(Event.HINT_REFUSED, channel=name, status=503, explanation=str(fault))
            raise ApiProblem(503, "not_now", "the call cannot be checked now; send it again") from None
    answer = door.channel.receive_webhook(call)
    if answer.status >= REFUSED_FROM:
        log(Event.HINT_REFUSED, channel=name, status=answer.status, explanation=answer.reason)
    else:
        door.intake.reach(call.received_at)
        if answer.erased_buyers:
            await parts.eraser.forget(name, answer.erased_buyers)
        elif answer.hints:
            await door.intake.receive(answer, call.received_at)
    return _response(answer)


def _url(request: web.Request) -> str:
    """The address as the channel called it, which some of them sign; a proxy in front of us has another."""
    public_url = request.app[OPTIONS].public_url
    called = f"{request.scheme}://{request.host}" if public_url is None else public_url.rstrip("/")
    return called + request.path_qs


def _response(answer: WebhookAnswer) -> web.Response:
    return web.Response(status=answer.status, body=answer.body, content_type=answer.content_type)
