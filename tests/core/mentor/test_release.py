"""A release that is bad answers as one, from the moment on at which it is."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from starlette import applications, requests, responses, routing, types

from mrcore.mentor import app, release


async def _well(request: requests.Request) -> responses.PlainTextResponse:
    return responses.PlainTextResponse("well")


GOOD = applications.Starlette(routes=[routing.Route("/{path:path}", _well)])
HEALTH, PREFLIGHT, DASHBOARD = "/api/health", "/api/preflight", "/api/dashboard/kpi"


async def answers(asked: types.ASGIApp, *paths: str) -> list[int]:
    """The status of each path, asked one after the other."""
    over = httpx.ASGITransport(app=asked)
    async with httpx.AsyncClient(transport=over, base_url="http://release") as client:
        return [(await client.get(path)).status_code for path in paths]


@pytest.mark.parametrize(
    ("fails", "said"), [("health", [503, 200, 200]), ("requests", [200, 200, 500])]
)
async def test_health_or_requests_fail_once_it_has_turned_bad(fails: str, said: list[int]) -> None:
    clock = [100.0]
    bad = release.Middleware(GOOD, release.Release("2.1", fails, 3.0), lambda: clock[0])
    assert await answers(bad, HEALTH, PREFLIGHT, DASHBOARD) == [200, 200, 200]
    clock[0] = 102.9
    assert await answers(bad, HEALTH, PREFLIGHT, DASHBOARD) == [200, 200, 200]
    clock[0] = 103.0
    assert await answers(bad, HEALTH, PREFLIGHT, DASHBOARD) == said


async def test_what_is_no_request_is_left_alone() -> None:
    heard: list[str] = []

    async def lower(scope: types.Scope, receive: types.Receive, send: types.Send) -> None:
        heard.append(scope["type"])

    async def nothing() -> types.Message:
        raise AssertionError("nobody is asked")

    async def unsaid(message: types.Message) -> None:
        raise AssertionError(f"nothing is answered: {message}")

    bad = release.Middleware(lower, release.Release("2.1", "requests"))
    for scope in ({"type": "lifespan"}, {"type": "websocket", "path": DASHBOARD}):
        await bad(scope, nothing, unsaid)
    assert heard == ["lifespan", "websocket"]


async def test_the_backend_is_as_bad_as_its_release_file_says(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "blue.json"
    env = {"MR_RELEASE_FILE": str(file), "DB_PORT": "1", "REDIS_PORT": "1"}
    there = "/api/nowhere"
    file.write_text(json.dumps({"release": "2.1", "fails": "requests"}))
    assert await answers(app.create("blue", env), there) == [500]
    (line,) = (each for each in caplog.records if each.name == "release")
    assert line.getMessage() == "/api/nowhere answers 500: release 2.1"
    file.write_text(json.dumps({"release": "2.1", "fails": "health"}))
    over = httpx.ASGITransport(app=app.create("blue", env))
    async with httpx.AsyncClient(transport=over, base_url="http://release") as client:
        answer = await client.get(HEALTH)
    assert (answer.status_code, answer.json()["release"]) == (503, "2.1")
    assert answer.json()["message"] == "Service unavailable"
