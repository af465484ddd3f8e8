"""Mr. Mentor's HTTP API, one colour: `create(colour, env)`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime

import fastapi
from fastapi import exceptions as wrong
from fastapi import responses
from starlette import exceptions

from mrcore.mentor import (
    auth_routes,
    caches,
    checkouts,
    cleanup_routes,
    config,
    crm_routes,
    desk,
    exotel,
    exotel_routes,
    gate,
    health,
    health_route,
    identity,
    links,
    origins,
    payment_routes,
    preflight,
    razorpay,
    redis_routes,
    release,
    routes,
    secret,
    signalling,
    sync_routes,
    trace,
    trail_routes,
)
from mrcore.mentor.board import routes as board
from mrcore.mentor.board import told

LOG = logging.getLogger("app")

_AGAIN_S = 0.5


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def create(
    colour: str,
    env: Mapping[str, str],
    *,
    now: Callable[[], datetime] = utc_now,
    health_interval_s: float = 5.0,
) -> fastapi.FastAPI:
    """The application; it starts although Postgres and Redis are away, and says 503 then.

    Raises SettingsError that names the variable of `env` that is wrong.
    """
    settings = config.Config.read(env)
    at = links.Links(settings, f"mentor-{colour}")
    checker = health.Checker(at, colour, interval_s=health_interval_s)
    own = told.Told.read(env)
    queues = board.Board(own, now=now)
    desk_, people = desk.Desk(at, now), identity.Identity(at, settings, now)
    door = gate.Gate(people)
    keys = redis_routes.Keys(own, door)
    sockets = signalling.Signalling(people, origins.read(env))
    account = razorpay.Settings.read(env)
    money = payment_routes.Payments(desk_, account, door)
    orders = checkouts.Checkouts(at.database, money.paid, now)

    @contextlib.asynccontextmanager
    async def lifespan(_: fastapi.FastAPI) -> AsyncIterator[None]:
        keeping, checking = asyncio.create_task(at.keep()), asyncio.create_task(checker.run())
        tasks = [checking, keeping]  # whoever asks ends before what is asked
        if settings.secret_version:
            noting = _note(at, f"backend-{colour}", now())
            tasks.insert(0, asyncio.create_task(noting))
        if account.is_on:
            tasks.insert(0, asyncio.create_task(orders.run()))
        for task in tasks:
            task.add_done_callback(_say_why)
        sockets.begin()
        yield
        for task in tasks:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await sockets.close()
        await queues.close()
        await keys.close()

    app = fastapi.FastAPI(title=f"Mr. Mentor ({colour})", lifespan=lifespan, version="1")
    if settings.release.fails:
        app.add_middleware(release.Middleware, release=settings.release)
    app.add_middleware(trace.Middleware)
    health_ = health_route.Health(settings, at, checker, now, live=sockets.rooms.counts)
    app.include_router(health_.router)
    app.include_router(preflight.Preflight(at, settings.release.name).router)
    app.include_router(caches.Caches(at).router)
    _open(app, env, desk_, people, door)
    app.include_router(money.router)
    app.include_router(keys.router)
    app.include_router(queues.router)
    app.mount(signalling.PATH, sockets)
    app.state.hang_up = sockets.close
    app.add_exception_handler(exceptions.HTTPException, _refused)
    app.add_exception_handler(wrong.RequestValidationError, _wrong)
    for kind in links.LOST:
        app.add_exception_handler(kind, _failed)
    return app


def _open(
    app: fastapi.FastAPI,
    env: Mapping[str, str],
    desk_: desk.Desk,
    people: identity.Identity,
    door: gate.Gate,
) -> None:
    """The routes that do their work themselves, and ask no core."""
    app.include_router(routes.build(desk_))
    app.include_router(auth_routes.build(desk_, people, door))
    app.include_router(cleanup_routes.build(desk_, door))
    app.include_router(crm_routes.build(desk_, door))
    app.include_router(sync_routes.build(desk_, door))
    app.include_router(trail_routes.build(desk_, door))
    app.include_router(exotel_routes.Telephony(desk_, exotel.Settings.read(env), door).router)


async def _note(at: links.Links, process: str, read_at: datetime) -> None:
    """Write down which version of the secret this process runs with, once Postgres is there."""
    while True:
        try:
            async with at.database() as connection:
                await secret.note(connection, process, at.settings, read_at)
        except links.LOST:
            await asyncio.sleep(_AGAIN_S)
        else:
            return


def _say_why(task: asyncio.Task[None]) -> None:
    # A background task that ends by itself is a bug; without it the check grows stale: 503.
    if not task.cancelled() and (error := task.exception()):
        LOG.error("background task ended", exc_info=error)


async def _refused(request: fastapi.Request, error: Exception) -> responses.JSONResponse:
    assert isinstance(error, exceptions.HTTPException)
    body = {"success": False, "message": error.detail}
    return responses.JSONResponse(body, error.status_code, headers=error.headers)


async def _wrong(request: fastapi.Request, error: Exception) -> responses.JSONResponse:
    """Which fields are wrong, and how; never what was sent in them, which may be a password."""
    assert isinstance(error, wrong.RequestValidationError)
    parts = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
    return responses.JSONResponse({"success": False, "message": "; ".join(parts)}, 422)


async def _failed(request: fastapi.Request, error: Exception) -> responses.JSONResponse:
    LOG.error("%s %s: %s: %s", request.method, request.url.path, type(error).__name__, error)
    return responses.JSONResponse({"success": False, "message": "Internal server error"}, 500)
