"""What led to what: a correlation id and the platform, from a request through its jobs' logs.

A request brings `x-correlation-id` and `x-platform`, or gets an id; its jobs carry both in their
payload under `trace`, and so do the jobs that those lead to. Requests and jobs end with a line of
JSON that says both, beside the free text that production prints.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette import datastructures, types

LOG = logging.getLogger("request")
JOBS = logging.getLogger("job")

HEADER = "x-correlation-id"
PLATFORMS = ("mr-mentor", "my-analytics-school")
PAYLOAD = "trace"
"""The name in a job's payload."""

_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_POLLED, _SOCKETS = "/api/health", "/socket.io/"


@dataclass(frozen=True)
class Trace:
    """`platform` is "" where nobody said it."""

    id: str
    platform: str = ""

    def payload(self) -> dict[str, str]:
        """How a job carries it."""
        return {"correlationId": self.id, "platform": self.platform}


_CURRENT: contextvars.ContextVar[Trace | None] = contextvars.ContextVar("trace", default=None)


def current() -> Trace | None:
    """What this request or job belongs to; None at start-up and in the background."""
    return _CURRENT.get()


def read(said: Mapping[str, Any]) -> Trace:
    """What was carried, or a new one; what is no id of ours is not believed."""
    found, platform = said.get("correlationId"), said.get("platform")
    known = isinstance(found, str) and _ID.fullmatch(found)
    return Trace(
        str(found) if known else uuid.uuid4().hex, platform if platform in PLATFORMS else ""
    )


@contextlib.contextmanager
def within(trace: Trace) -> Iterator[Trace]:
    """Everything in the block, and what it starts, belongs to `trace`."""
    token = _CURRENT.set(trace)
    try:
        yield trace
    finally:
        _CURRENT.reset(token)


@contextlib.contextmanager
def job(
    queue: str, name: str, job_id: str, carried: Mapping[str, Any], *, again: bool = False
) -> Iterator[None]:
    """A job's run, with its line of JSON at the end; `again`: a failure will be tried again."""
    started = time.monotonic()
    outcome = "failed"
    with within(read(carried)):
        try:
            yield
            outcome = "completed"
        finally:
            level = logging.WARNING if again else logging.ERROR
            level = logging.INFO if outcome == "completed" else level
            said = {"queue": queue, "job": name, "jobId": job_id, "outcome": outcome}
            tell(JOBS, level, f"{name} {outcome}", took_ms=_ms(started), **said)


def tell(log: logging.Logger, level: int, message: str, **fields: Any) -> None:
    """A line of JSON with these fields, the correlation id and the platform."""
    trace = current()
    log.log(level, message, extra={"fields": {**fields, **(trace.payload() if trace else {})}})


class Middleware:
    """Gives each request of `app` its trace, and says how it ended."""

    def __init__(self, app: types.ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: types.Scope, receive: types.Receive, send: types.Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = datastructures.Headers(scope=scope)
        said = {"correlationId": headers.get(HEADER), "platform": headers.get("x-platform")}
        started, status = time.monotonic(), 500
        with within(read(said)) as trace:

            async def answer(message: types.Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                    datastructures.MutableHeaders(scope=message)[HEADER] = trace.id
                await send(message)

            try:
                await self._app(scope, receive, answer)
            finally:
                _ended(scope, status, started)


def _ended(scope: types.Scope, status: int, started: float) -> None:
    method, path = scope["method"], scope["path"]
    if path == _POLLED and status in (200, 503):
        return  # asked every few seconds by everybody; the check itself says why it turned
    if path.startswith(_SOCKETS) and status == 200:
        return  # one a message; each event says so itself
    level = logging.ERROR if status >= 500 else logging.INFO
    fields = {"method": method, "path": path, "status": status, "took_ms": _ms(started)}
    tell(LOG, level, f"{method} {path} {status}", **fields)


def _ms(started: float) -> float:
    return round(1000 * (time.monotonic() - started), 1)
