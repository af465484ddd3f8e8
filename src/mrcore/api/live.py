"""What is: the sources, the live sets, and the stream of changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi import APIRouter, Depends
from fastapi.sse import KEEPALIVE_COMMENT
from starlette.responses import Response, StreamingResponse

from mrcore import hub
from mrcore.api import deps, problem
from mrcore.model import wire

PING_S = 5.0

router = APIRouter(
    tags=["live"],
    dependencies=[Depends(deps.login_of)],
    responses=problem.may(*problem.WITH_LOGIN),
)


class EventStream(StreamingResponse):
    """Events as bytes; FastAPI's own class would encode them again, in a task of its own."""

    media_type = "text/event-stream"


@router.get("/sources", response_model=wire.Sources)
async def sources(core: deps.Core) -> Response:
    """How every source is."""
    found = wire.Sources(at=core.now(), sources=tuple(core.monitor.statuses()))
    return deps.answer(found)


@router.get("/live", response_model=wire.Snapshot)
async def live(core: deps.Core) -> Response:
    """Everything that is live now."""
    return deps.answer(core.hub.snapshot())


@router.get("/changes", response_class=EventStream)
async def changes(core: deps.Core, login: deps.Login) -> EventStream:
    """Server-sent events: `snapshot`, then `changed` and `touched`; in silence a comment.

    The data leave out every field that is at its default, the type too: it is the event's name.
    The stream ends within 5 s of its login's token.
    """
    return EventStream(_stream(core.hub, lambda: core.auth.holds(login)))


async def _stream(
    source: hub.Hub, may_go_on: Callable[[], Awaitable[bool]]
) -> AsyncIterator[bytes]:
    subscriber = source.subscribe()
    asked_s = time.monotonic()
    try:
        while not source.closed:
            if time.monotonic() - asked_s >= PING_S:
                asked_s = time.monotonic()
                if not await may_go_on():
                    return
            for event in subscriber.take():
                data = deps.encode(event, brief=True)
                yield b"event: %b\ndata: %b\n\n" % (event.type.encode(), data)
            try:
                async with asyncio.timeout(PING_S):
                    await subscriber.news()
            except TimeoutError:
                yield KEEPALIVE_COMMENT
    finally:
        source.unsubscribe(subscriber)
