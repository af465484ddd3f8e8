"""The board's routes, matched on the path as it was sent: a queue's name may hold a slash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import NamedTuple
from urllib.parse import unquote

import fastapi
from fastapi import responses
from pydantic import JsonValue

from mrcore import errors
from mrcore.mentor.board import call, login, names, page, problem, reading, told, writes

MOUNT = "/admin/queues"
API = f"{MOUNT}/api/"
BODY_MOST = 1 << 20
SAFE = {
    "cache-control": "private, no-cache",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
}

Handler = Callable[[call.Call], Awaitable[call.Answer]]


class Route(NamedTuple):
    """A method and the parts of a path; those that begin with `:` are parameters."""

    method: str
    parts: tuple[str, ...]
    handler: Handler


def _table(*rows: tuple[str, str, Handler]) -> tuple[Route, ...]:
    return tuple(Route(method, tuple(path.split("/")), handler) for method, path, handler in rows)


ROUTES = _table(
    ("GET", "redis/stats", reading.redis_stats),
    ("GET", "queues", reading.queues),
    ("GET", "job-schedulers", reading.schedules),
    ("GET", "queues/:queueName/metrics", reading.metrics),
    ("GET", "queues/:queueName/default-job-options", reading.nothing),
    ("GET", "queues/:queueName/workers", reading.workers),
    ("GET", "queues/:queueName/rate-limit", reading.rate_limit),
    ("GET", "queues/:queueName/job-data-schema", reading.nothing),
    ("PUT", "queues/pause", writes.pause_all),
    ("PUT", "queues/resume", writes.resume_all),
    ("GET", "queues/:queueName/:jobId/logs", reading.logs),
    ("GET", "queues/:queueName/:jobId/flow", reading.flow),
    ("GET", "queues/:queueName/:jobId", reading.job),
    ("POST", "queues/:queueName/add", writes.add),
    ("PUT", "queues/:queueName/retry/:queueStatus", writes.retry_all),
    ("PUT", "queues/:queueName/promote", writes.promote_all),
    ("PUT", "queues/:queueName/clean/:queueStatus", writes.clean),
    ("PUT", "queues/:queueName/pause", writes.pause),
    ("PUT", "queues/:queueName/resume", writes.resume),
    ("PUT", "queues/:queueName/concurrency", writes.concurrency),
    ("PUT", "queues/:queueName/rate-limit", writes.set_rate_limit),
    ("PUT", "queues/:queueName/rate-limit/release", writes.release_rate_limit),
    ("PUT", "queues/:queueName/empty", writes.drain),
    ("PUT", "queues/:queueName/obliterate", writes.obliterate),
    ("PUT", "queues/:queueName/job-schedulers/:schedulerId/remove", writes.remove_schedule),
    ("PATCH", "queues/:queueName/job-schedulers/:schedulerId", writes.update_schedule),
    ("PUT", "queues/:queueName/job-schedulers/:schedulerId/run", writes.run_schedule),
    ("PUT", "queues/:queueName/:jobId/retry", writes.retry),
    ("PUT", "queues/:queueName/:jobId/clean", writes.remove),
    ("PUT", "queues/:queueName/:jobId/promote", writes.promote),
    ("PATCH", "queues/:queueName/:jobId/update-data", writes.update_data),
    ("PATCH", "queues/:queueName/:jobId/delay", writes.delay),
    ("PATCH", "queues/:queueName/:jobId/priority", writes.priority),
    ("PUT", "queues/:queueName/:jobId/remove-unprocessed-children", writes.remove_children),
)
"""In the order of @bull-board/api 9.10.2: the first that fits is it."""


def find(method: str, raw_path: str) -> tuple[Handler, tuple[str, ...]] | None:
    """The handler of a path below the API, still encoded, and its parameters, decoded."""
    sent = raw_path.split("/")
    for route in ROUTES:
        if route.method != method or len(route.parts) != len(sent):
            continue
        pairs = list(zip(route.parts, sent, strict=True))
        if all(is_parameter(part) or part == given for part, given in pairs):
            return route.handler, tuple(unquote(g) for part, g in pairs if is_parameter(part))
    return None


def is_parameter(part: str) -> bool:
    return part.startswith(":")


class Board:
    """The board of one backend. `own` says its login and where the core is."""

    def __init__(self, own: told.Told, *, now: Callable[[], datetime]) -> None:
        self._own = own
        self._door = login.Door(own, now=now)
        self._link = told.Link(own)
        self.router = fastapi.APIRouter(include_in_schema=False)
        self.router.add_api_route(MOUNT, self._page, methods=["GET"])
        methods = ["GET", "PUT", "POST", "PATCH", "DELETE"]
        self.router.add_api_route(API + "{rest:path}", self._api, methods=methods)

    async def close(self) -> None:
        """Close the connections to the core."""
        await self._link.close()

    async def _page(self, request: fastapi.Request) -> responses.Response:
        async def show(name: str) -> responses.Response:
            snapshot = await self._link.client().live()
            shown = page.counts(names.Names(snapshot), snapshot.environment)
            return responses.HTMLResponse(shown, headers=SAFE)

        return await self._guarded(request, show)

    async def _api(self, request: fastapi.Request) -> responses.Response:
        async def answer(name: str) -> responses.Response:
            raw = request.scope["raw_path"].decode("ascii", "replace")
            found = find(request.method, raw.removeprefix(API))
            if found is None:
                shown = page.no_route(request.method, raw)
                return responses.HTMLResponse(shown, 404, headers=SAFE)
            handler, parts = found
            body = await _body(request)
            asked = call.Call(self._link.client(), name, parts, request.query_params, body)
            return _response(await handler(asked), request.headers.get("if-none-match", ""))

        return await self._guarded(request, answer)

    async def _guarded(
        self,
        request: fastapi.Request,
        work: Callable[[str], Awaitable[responses.Response]],
    ) -> responses.Response:
        """Do it for who may; what goes wrong is answered as Bull Board's client reads it."""
        if not self._own.is_on:
            return responses.JSONResponse(problem.body("FORBIDDEN", login.OFF), 404)
        address = request.client.host if request.client else ""
        try:
            return await work(self._door.enter(request.headers, address))
        except login.Unauthorized:
            return responses.Response(
                status_code=401, headers={"www-authenticate": login.CHALLENGE}
            )
        except login.TooMany as error:
            wait_s = int(error.retry_after_s) + 1
            body = problem.body("FORBIDDEN", f"Too many logins have failed: wait {wait_s} s.")
            return responses.JSONResponse(body, 429, headers={"retry-after": str(wait_s)})
        except problem.Problem as error:
            return responses.JSONResponse(error.body, error.status, headers=SAFE)
        except errors.MrError as error:
            if isinstance(error, errors.Unauthenticated | errors.CoreUnreachable):
                await self._link.close()
            said = problem.of(error)
            return responses.JSONResponse(said.body, said.status, headers=SAFE)


async def _body(request: fastapi.Request) -> JsonValue:
    """A body that is JSON by its type, too: a form of another site cannot send that.

    Raises Problem 400, 413, 415.
    """
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > BODY_MOST:
            raise problem.Problem(413, "INVALID_REQUEST_BODY", "The body is larger than 1 MiB.")
    if not size:
        return None
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise problem.Problem(415, "INVALID_REQUEST_BODY", "A body is application/json.")
    try:
        found: JsonValue = json.loads(b"".join(parts))
    except (ValueError, RecursionError):
        raise problem.Problem(400, "INVALID_REQUEST_BODY", code="INVALID_REQUEST") from None
    return found


def _response(answer: call.Answer, known: str) -> responses.Response:
    """The answer with a weak ETag; 304 where the client has it already."""
    if answer.status == 204:
        return responses.Response(status_code=204, headers=SAFE)
    content = json.dumps(answer.body, separators=(",", ":"), ensure_ascii=False).encode()
    etag = f'W/"{len(content):x}-{hashlib.sha256(content).hexdigest()[:27]}"'
    headers: Mapping[str, str] = {**SAFE, "etag": etag}
    if answer.status == 200 and etag in [one.strip() for one in known.split(",")]:
        return responses.Response(status_code=304, headers=headers)
    kind = "application/json; charset=utf-8"
    return responses.Response(content, answer.status, headers=headers, media_type=kind)
