"""Mr. Mentor's HTTP API, one colour: `create(colour, env)`."""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime

import fastapi
from fastapi import exceptions as wrong
from fastapi import responses
from starlette import exceptions

from mrcore.mentor import (
    auth_routes,
    background,
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
    signalling,
    sync_routes,
    trace,
    trail_routes,
)
from mrcore.mentor.board import routes as board
from mrcore.mentor.board import told

LOG = logging.getLogger("app")


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

    @contextlib.asynccontextmanager
    async def lifespan(_: fastapi.FastAPI) -> AsyncIterator[None]:
        runs: list[background.Run] = [checker.run, at.keep]
        if settings.secret_version:
            runs.insert(0, functools.partial(background.note, at, f"backend-{colour}", now()))
        if account.is_on:
            runs.insert(0, checkouts.Checkouts(at.database, money.paid, now).run)
        async with background.running(runs):
            sockets.begin()
            yield
        for each in (sockets, queues, keys):
            await each.close()

    app = fastapi.FastAPI(title=f"Mr. Mentor ({colour})", lifespan=lifespan, version="1")
    _between(app, settings)
    looked = health_route.Health(settings, at, checker, now, sockets.rooms.counts)
    ready = preflight.Preflight(at, settings.release.name)
    _open(app, env, desk_, people, door)
    for part in (looked, ready, caches.Caches(at), money, keys, queues):
        app.include_router(part.router)
    app.mount(signalling.PATH, sockets)
    app.state.hang_up = sockets.close
    return app


def _between(app: fastapi.FastAPI, settings: config.Config) -> None:
    """What stands between a request and its route, and what is answered where that fails."""
    if settings.release.fails:
        app.add_middleware(release.Middleware, release=settings.release)
    app.add_middleware(trace.Middleware)
    app.add_exception_handler(exceptions.HTTPException, _refused)
    app.add_exception_handler(wrong.RequestValidationError, _wrong)
    for kind in links.LOST:
        app.add_exception_handler(kind, _failed)


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
