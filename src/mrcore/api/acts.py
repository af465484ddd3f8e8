"""The only writes: a plan, and its operation; and what is shown to who has asked for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.sse import KEEPALIVE_COMMENT
from pydantic import BaseModel
from starlette.responses import Response

from mrcore import core as cores
from mrcore import errors
from mrcore.api import deps, live, problem
from mrcore.model import core as entities
from mrcore.model import plans, wire
from mrcore.trust import auth

PROGRESS_S = 0.2

log = logging.getLogger(__name__)

router = APIRouter(tags=["act"], responses=problem.may(*problem.WITH_LOGIN, 404))

PlanId = Annotated[str, Path(min_length=1, max_length=128)]
Ref = Annotated[str, Query(min_length=1, max_length=4096, examples=["huey/job/emailQueue/7"])]

_STREAM = live.EventStream.media_type


@router.post(
    "/plans",
    response_model=plans.Plan,
    responses={
        200: {"content": {_STREAM: {"schema": {"type": "string"}}}},
        **problem.may(*problem.ASKING),
    },
)
async def make(
    core: deps.Core, login: deps.Login, request: Request, body: plans.PlanRequest
) -> Response:
    """What an action would do to a selection; valid for 60 s, nothing is done.

    Asked for `text/event-stream` it says how far it is: `progress` {"looked", "total"}, then
    `plan` or `problem`. A client that goes away stops the planning.
    """
    if _STREAM in request.headers.get("accept", ""):
        return live.EventStream(_stream(core, login, body))
    planning = asyncio.ensure_future(_plan(core, login, body))
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({planning, gone}, return_when=asyncio.FIRST_COMPLETED)
        if planning.done():
            return deps.answer(planning.result())
        return Response(status_code=HTTPStatus.BAD_REQUEST)  # which nobody reads
    finally:
        gone.cancel()
        planning.cancel()


async def _plan(
    core: cores.Core,
    login: auth.Login,
    body: plans.PlanRequest,
    progress: Callable[[int, int | None], None] = lambda looked, total: None,
) -> plans.Plan:
    """Raises TooMany for a login that is having too many plans made: a large one takes 90 MB."""
    with core.plans.one_of(login.name):
        return await core.door.plan(login, body, progress)


async def _gone(request: Request) -> None:
    """Wait until the client is gone; the body has been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _stream(
    core: cores.Core, login: auth.Login, body: plans.PlanRequest
) -> AsyncGenerator[bytes, None]:
    """Planning as events; in silence a comment."""
    progress = plans.Progress()

    def looked(done: int, total: int | None) -> None:
        nonlocal progress
        progress = plans.Progress(looked=done, total=total)

    planning = asyncio.ensure_future(_plan(core, login, body, looked))
    told, quiet_s = progress, 0.0
    try:
        while not planning.done() and not core.hub.closed:
            await asyncio.wait({planning}, timeout=PROGRESS_S)
            quiet_s += PROGRESS_S
            if progress is not told:
                told, quiet_s = progress, 0.0
                yield _event("progress", told)
            elif quiet_s >= live.PING_S:
                quiet_s = 0.0
                yield KEEPALIVE_COMMENT
        if planning.done():
            yield _ended(planning)
    finally:
        planning.cancel()


def _ended(planning: asyncio.Future[plans.Plan]) -> bytes:
    try:
        return _event("plan", planning.result())
    except Exception as error:
        if not isinstance(error, errors.MrError):
            log.exception("Planning broke.")
        return _event("problem", problem.of(error))


def _event(name: str, value: BaseModel) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), deps.encode(value))


@router.get("/reveal", response_model=wire.Detail, responses=problem.may(*problem.ASKING))
async def reveal(core: deps.Core, login: deps.Login, ref: Ref) -> Response:
    """What is hidden of a job or a key otherwise, to who has asked for it by its action."""
    return deps.answer(await core.door.reveal(login, ref))


@router.get("/plans/{plan_id}", response_model=plans.Plan)
async def get(core: deps.Core, login: deps.Login, plan_id: PlanId) -> Response:
    """A plan again."""
    return deps.answer(await core.door.get(plan_id))


@router.get("/plans/{plan_id}/targets", response_model=plans.Targets)
async def targets(
    core: deps.Core,
    login: deps.Login,
    plan_id: PlanId,
    first: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Response:
    """At most 500 of a plan's targets from number `first` on, and what became of each."""
    return deps.answer(await core.door.targets(plan_id, first))


@router.post(
    "/plans/{plan_id}/apply",
    response_model=entities.Operation,
    responses=problem.may(400, 409),
)
async def apply(
    core: deps.Core, login: deps.Login, plan_id: PlanId, request: plans.ApplyRequest
) -> Response:
    """Start what the plan says; the same login and plan again gets the same operation."""
    return deps.answer(await core.door.apply(login, plan_id, request))
