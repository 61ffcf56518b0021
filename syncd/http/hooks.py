"""The door for channels' calls: a connector judges the call, and its hints are durable before the answer goes out."""

from __future__ import annotations

from aiohttp import web

from syncd.channel.port import PreparesWebhooks, ReceivesWebhooks, WebhookAnswer, WebhookRequest
from syncd.errors import RemoteError
from syncd.http.body import HOOK_BYTES_MAX, read_body
from syncd.http.parts import OPTIONS, PARTS
from syncd.http.problem import ApiProblem
from syncd.identity import ChannelName
from syncd.telemetry import Event, log

REFUSED_FROM = 400


def add_routes(app: web.Application) -> None:
    """Open /hooks/{channel}. It asks for no token: calls are signed, and the connector checks that."""
    app.router.add_get("/hooks/{channel}", take_hook, allow_head=False)
    app.router.add_post("/hooks/{channel}", take_hook)


async def take_hook(request: web.Request) -> web.Response:
    """Judge a call, keep what it hints at, answer what the connector says."""
    parts = request.app[PARTS]
    name = ChannelName(request.match_info["channel"])
    channel, intake = parts.channels.get(name), parts.intakes.get(name)
    if intake is None or not isinstance(channel, ReceivesWebhooks):
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
    if isinstance(channel, PreparesWebhooks):
        try:
            await channel.prepare_webhook(call)
        except RemoteError as fault:
            log(Event.HINT_REFUSED, channel=name, status=503, explanation=str(fault))
            raise ApiProblem(503, "not_now", "the call cannot be checked now; send it again") from None
    answer = channel.receive_webhook(call)
    if answer.status >= REFUSED_FROM:
        log(Event.HINT_REFUSED, channel=name, status=answer.status, explanation=answer.reason)
    else:
        intake.reach(call.received_at)
        if answer.erased_buyers:
            await parts.eraser.forget(name, answer.erased_buyers)
        elif answer.hints:
            await intake.receive(answer, call.received_at)
    return _response(answer)


def _url(request: web.Request) -> str:
    """The address as the channel called it, which some of them sign; a proxy in front of us has another."""
    public_url = request.app[OPTIONS].public_url
    return str(request.url) if public_url is None else public_url.rstrip("/") + request.path_qs


def _response(answer: WebhookAnswer) -> web.Response:
    return web.Response(status=answer.status, body=answer.body, content_type=answer.content_type)
