"""What changed, as it changes: server-sent events that name a topic; who listens asks for the rest himself.

Nothing is queued: a listener has one mark for each topic, however often it changes and however slow he reads. The marks
come from the writer, which wakes after every commit, of other processes too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiohttp import web
from sqlalchemy import Table

from syncd.access.role import EVERYBODY
from syncd.attention.store import question
from syncd.clock import Clock
from syncd.http.door import Door
from syncd.http.parts import PARTS
from syncd.http.problem import ApiProblem
from syncd.ledger.service import Writer
from syncd.ledger.store import movement
from syncd.listing.store import listing
from syncd.orders.store import order
from syncd.push.store import channel_hold, push
from syncd.shortage.store import shortage_case
from syncd.supply.store import offer, purchase_order

LISTENERS_MAX = 200
"""Open streams at once; one more is told to come back."""

BREATH_SECONDS = 15.0
"""After so long without news a comment is sent: proxies cut what is silent, and a reader that has gone is noticed."""

STREAM_SECONDS_MAX = 600.0
"""After so long a stream ends and the reader comes again: so one whose token was revoked hears no more."""

TOPICS: Mapping[str, tuple[Table, ...]] = {
    "stock": (movement,),
    "listings": (listing, push),
    "orders": (order,),
    "cases": (shortage_case,),
    "questions": (question,),
    "purchases": (purchase_order,),
    "offers": (offer,),
    "channels": (channel_hold,),
}


class Listener:
    """One open stream."""

    def __init__(self) -> None:
        self.changed: set[str] = set()
        self.woken = asyncio.Event()
        self.is_over = False

    def tell(self, topic: str) -> None:
        """Something of the topic changed."""
        self.changed.add(topic)
        self.woken.set()

    def take(self) -> list[str]:
        """What changed since it was last taken."""
        taken, self.changed = sorted(self.changed), set()
        self.woken.clear()
        return taken


class LiveFeed:
    """Passes the writer's wakes on to whoever listens. One per process."""

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._wakes = {topic: writer.listen(*tables) for topic, tables in TOPICS.items()}
        self._listeners: set[Listener] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self.clock = clock

    def start(self) -> None:
        """Begin to pass on."""
        self._tasks = [asyncio.create_task(self._pass_on(topic), name=f"live {topic}") for topic in self._wakes]

    async def aclose(self) -> None:
        """End every stream. May be called twice."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in self._listeners:
            one.is_over = True
            one.woken.set()

    async def _pass_on(self, topic: str) -> None:
        wake = self._wakes[topic]
        while True:
            await wake.wait()
            wake.clear()
            for one in self._listeners:
                one.tell(topic)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Listener]:
        """A place among the listeners. Raises ApiProblem when there are too many."""
        if len(self._listeners) >= LISTENERS_MAX:
            raise ApiProblem(503, "too_many_listeners", "too many pages listen already", headers={"Retry-After": "30"})
        one = Listener()
        self._listeners.add(one)
        try:
            yield one
        finally:
            self._listeners.discard(one)


async def get_events(request: web.Request) -> web.StreamResponse:
    """Server-sent events `changed` with {"topic"}; the first, `ready`, says that from now on nothing is missed."""
    feed = request.app[PARTS].feed
    async with feed.listening() as listener:
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        await answer.prepare(request)
        try:
            await answer.write(b"retry: 2000\nevent: ready\ndata: {}\n\n")
            until = feed.clock.monotonic() + STREAM_SECONDS_MAX
            while not listener.is_over and feed.clock.monotonic() < until:
                await _wait(listener)
                for topic in listener.take():
                    await answer.write(f'event: changed\ndata: {{"topic": "{topic}"}}\n\n'.encode())
                if not listener.woken.is_set():
                    await answer.write(b": \n\n")
        except ConnectionError:
            pass  # the reader has gone, which is how streams end
    return answer


async def _wait(listener: Listener) -> None:
    try:
        async with asyncio.timeout(BREATH_SECONDS):
            await listener.woken.wait()
    except TimeoutError:
        return


EVENTS = Door(
    "GET",
    "/api/v1/events",
    get_events,
    EVERYBODY,
    summary="What changes, as server-sent events",
    problems=("too_many_listeners",),
)
