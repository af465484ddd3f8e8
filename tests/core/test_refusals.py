"""Who may not is refused, on every route that the OpenAPI has: a new one enters by itself."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from mrcore import api
from mrcore.api import app, gate, health, problem
from mrcore.model import wire
from mrcore.sources import base
from tests.core import doors, harness

OPEN = {"/livez", "/readyz", "/openapi.json"}
"""Routes that need no login: they say nothing of what is watched."""

HARMLESS = {("post", "/api/v1/plans"), ("post", "/api/v1/heartbeats/{name}")}
"""Writes that change nothing that is watched: a plan may be made, and looked at, by who is not
armed; and what runs elsewhere may say so."""

OPENED_FIRST = {"/api/v1/reveal"}
"""Routes that answer only what the same login's action has opened, which the audit then has."""


@dataclass(frozen=True)
class Route:
    """An operation of the OpenAPI, and a request of it that is right."""

    method: str
    path: str
    declared: frozenset[int]
    params: dict[str, str]
    body: Any

    @property
    def writes(self) -> bool:
        """Whether it may change something, or show what is hidden."""
        return self.method not in ("get", "head") or self.path in OPENED_FIRST

    async def ask(self, http: httpx.AsyncClient, **headers: str) -> httpx.Response:
        """Send the request; only the head of the answer is waited for."""
        named = {name: value for name, value in self.params.items() if f"{{{name}}}" in self.path}
        asked = {name: value for name, value in self.params.items() if name not in named}
        request = http.build_request(
            self.method, self.path.format(**named), params=asked, json=self.body, headers=headers
        )
        response = await http.send(request, stream=True)
        if response.is_error:
            await response.aread()
        await response.aclose()
        return response


class Examples:
    """Values for what routes ask for, by their names in the OpenAPI."""

    def __init__(self, schema: dict[str, Any], plan_id: str, ref: str) -> None:
        self._schema = schema
        self._known: dict[str, Any] = {
            "plan_id": plan_id,
            "ref": ref,
            "collection": "jobs",
            "name": "nightly",
            "metric": "core.clients",
            "action": "queue.retry",
            "selection": {"refs": [ref]},
        }

    def routes(self) -> Iterator[Route]:
        """Every operation."""
        for path, operations in self._schema["paths"].items():
            for method, operation in operations.items():
                yield Route(
                    method,
                    path,
                    frozenset(map(int, operation["responses"])),
                    {
                        p["name"]: self._value(p["name"])
                        for p in operation.get("parameters", [])
                        if p["required"]
                    },
                    self._body(operation),
                )

    def _body(self, operation: dict[str, Any]) -> Any:
        if "requestBody" not in operation:
            return None
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        name = schema["$ref"].rpartition("/")[2]
        required = self._schema["components"]["schemas"][name].get("required", [])
        return {field: self._value(field) for field in required}

    def _value(self, name: str) -> Any:
        assert name in self._known, f"Examples has no value for {name}, which a new route asks for."
        return self._known[name]


@dataclass(frozen=True)
class World:
    """A core with one failed job, the plan of asha to retry it, and every route."""

    core: doors.Open
    asha: str
    plan_id: str
    routes: list[Route]

    async def refused(
        self, http: httpx.AsyncClient, status: int, code: str, routes: list[Route], **headers: str
    ) -> None:
        """Assert that each of these routes refuses so, as it is declared to."""
        assert routes
        for route in routes:
            answer = await route.ask(http, **headers)
            assert answer.is_error, f"{route.method} {route.path}: {answer.status_code}"
            where = f"{route.method} {route.path}: {answer.text}"
            assert answer.status_code == status, where
            assert status in route.declared, where
            assert answer.headers["content-type"] == problem.MEDIA_TYPE, where
            found = wire.Problem.model_validate(answer.json())
            assert (found.status, found.code) == (status, code), where
            assert found.detail, where

    @property
    def closed(self) -> list[Route]:
        """Routes that need a login."""
        return [route for route in self.routes if route.path not in OPEN]

    @property
    def writes(self) -> list[Route]:
        """Routes that may change something, or show what is hidden."""
        return [route for route in self.routes if route.writes]


@contextlib.asynccontextmanager
async def world(state: Path, **options: Any) -> AsyncIterator[World]:
    """A core, and asha, an operator who has made a plan."""
    jobs = harness.Jobs()
    (ref,) = jobs.add("1")
    options = {"alerts": {"heartbeats": {"nightly": {"every_s": 3600}}}, **options}
    async with doors.opened(state, jobs, **options) as here:
        asha = await here.token("asha", "operator")
        async with here.by_tcp(asha) as http:
            body = {"action": "queue.retry", "selection": {"refs": [ref]}}
            made = await http.post("/api/v1/plans", json=body)
            plan_id = made.raise_for_status().json()["plan_id"]
        schema = app.create(here.core, gate.Clients()).openapi()
        yield World(here, asha, plan_id, list(Examples(schema, plan_id, ref).routes()))
        assert not jobs.chunks, "something was done"


@pytest.fixture
async def local(state: Path) -> AsyncIterator[World]:
    """A core of an environment that is not protected."""
    async with world(state) as here:
        yield here


async def test_right_requests_are_answered_so_that_a_refusal_is_one(local: World) -> None:
    async with local.core.by_tcp(local.asha) as http:
        for route in local.routes:
            if (route.method, route.path) not in HARMLESS and route.writes:
                continue  # the world ends with an assertion that nothing was done
            answer = await route.ask(http)
            assert answer.status_code == 200, (route, answer.text)


async def test_no_route_is_left_out_of_the_openapi(local: World) -> None:
    modules = [
        importlib.import_module(m.name) for m in pkgutil.iter_modules(api.__path__, "mrcore.api.")
    ]
    routers = [module.router for module in modules if hasattr(module, "router")]
    served = {
        (method.lower(), prefix + route.path)
        for router in routers
        for route in router.routes
        for method in route.methods
        for prefix in ("" if router is health.router else app.PREFIX,)
    }
    assert {(route.method, route.path) for route in local.routes} == served
    made = app.create(local.core.core, gate.Clients())
    beside = {route.path for route in made.routes if hasattr(route, "path")}
    assert beside - {path for _, path in served} == {"/openapi.json"}


async def test_nobody_is_refused_over_tcp(local: World) -> None:
    async with local.core.by_tcp() as http:
        await local.refused(http, 401, "unauthenticated", local.closed)


async def expired(here: doors.Open) -> str:
    return await here.token("asha", "operator", days=-1)


async def revoked(here: doors.Open) -> str:
    bearer = await here.token("asha", "operator")
    await here.revoke(bearer)
    return bearer


async def wrong(here: doors.Open) -> str:
    return await here.token("asha", "operator") + "x"


@pytest.mark.parametrize("over", ["tcp", "socket"])
@pytest.mark.parametrize("ended", [expired, revoked, wrong])
async def test_a_token_that_is_none_is_refused(
    local: World, ended: Callable[[doors.Open], Awaitable[str]], over: str
) -> None:
    connect = local.core.by_tcp if over == "tcp" else local.core.by_socket
    for first in range(0, len(local.closed), 10):  # then the answer for one token is another
        async with connect(await ended(local.core)) as http:
            await local.refused(http, 401, "unauthenticated", local.closed[first : first + 10])


async def test_who_has_failed_ten_times_waits_and_a_right_token_passes(state: Path) -> None:
    at = base.utc_now()
    async with world(state, now=lambda: at) as still:  # the minute does not end before the test
        async with still.core.by_tcp() as http:
            for number in range(10):
                wrong = {"Authorization": f"Bearer x{number}"}
                answer = await http.get("/api/v1/me", headers=wrong)
                assert answer.status_code == 401
        async with still.core.by_tcp("mr_1_x") as http:
            await still.refused(http, 429, "too_many", still.closed)
        async with still.core.by_tcp(still.asha) as http:
            assert (await http.get("/api/v1/me")).json()["login"] == "asha"


RECORDS = [
    "/api/v1/page?ref=core/core/self&collection=audit",
    "/api/v1/page?ref=core/core/self&collection=audit&wait_s=1",
    "/api/v1/page?ref=mr://core/core/self&collection=tokens",
    "/api/v1/page?ref=%2563ore/core/self&collection=tokens",
    "/api/v1/detail?ref=core/audit/1",
    "/api/v1/detail?ref=core/%2561udit/1",
    "/api/v1/detail?ref=core/token/1",
]
"""What is on record of people, in every spelling."""


@pytest.mark.parametrize("route", RECORDS)
async def test_who_may_only_look_at_what_is_watched_reads_no_records(
    local: World, route: str
) -> None:
    async with local.core.by_tcp(await local.core.token("vera", "viewer")) as http:
        answer = await http.get(route)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert ", which needs the role auditor, operator or admin" in answer.json()["detail"]
        mine = await http.get("/api/v1/page?ref=core/core/self&collection=operations")
        assert mine.status_code == 200
    for role in ("auditor", "operator", "admin"):
        async with local.core.by_tcp(await local.core.token("olga", role)) as http:
            assert (await http.get(route)).status_code != 403


@pytest.mark.parametrize("role", ["viewer", "auditor"])
async def test_who_may_only_look_is_refused_every_write(local: World, role: str) -> None:
    bearer = await local.core.token("asha", role)
    async with local.core.by_tcp(bearer) as http:
        await local.refused(http, 403, "forbidden", local.writes)
        for route in local.closed:
            if not route.writes:
                assert (await route.ask(http)).status_code == 200, route


async def test_who_has_no_role_may_not_even_look(local: World) -> None:
    async with local.core.by_tcp(await local.core.token("asha")) as http:
        await local.refused(http, 403, "forbidden", local.closed)


async def test_another_logins_plan_is_refused(local: World) -> None:
    routes = [route for route in local.writes if "plan_id" in route.params]
    shows = [route for route in local.writes if route.path in OPENED_FIRST]
    bearer = await local.core.token("ravi", "admin")
    async with local.core.by_tcp(bearer) as http:
        await local.refused(http, 409, "plan_taken", routes)
        await local.refused(http, 403, "forbidden", shows)
    async with local.core.by_socket() as http:
        await local.refused(http, 409, "plan_taken", routes)
        await local.refused(http, 403, "forbidden", shows)


@pytest.mark.parametrize("role", ["operator", "admin"])
async def test_who_is_not_armed_is_refused_in_a_protected_environment(
    state: Path, role: str
) -> None:
    async with world(state, protected=True) as here:
        bearer = await here.core.token("asha", role)
        async with here.core.by_tcp(bearer) as http:
            acts = [r for r in here.writes if (r.method, r.path) not in HARMLESS]
            acts = [route for route in acts if route.path not in OPENED_FIRST]
            await here.refused(http, 403, "not_armed", acts)


async def test_nobody_changes_anything_in_a_core_that_is_read_only(state: Path) -> None:
    async with doors.opened(state, harness.Jobs(), read_only=True) as here:
        body = {"action": "queue.retry", "selection": {"refs": ["huey/job/emailQueue/1"]}}
        async with here.by_socket() as http:
            answer = await http.post("/api/v1/plans", json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Host", "evil.example"),
        ("Host", "127.0.0.1.evil.example"),
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Sec-Fetch-Site", "anything else"),
    ],
)
@pytest.mark.parametrize("over", ["tcp", "socket"])
async def test_another_sites_page_is_refused_everywhere(
    local: World, name: str, value: str, over: str
) -> None:
    connect = local.core.by_tcp if over == "tcp" else local.core.by_socket
    async with connect(local.asha) as http:
        await local.refused(http, 403, "foreign", local.routes, **{name: value})


async def test_a_preflight_is_allowed_nothing(local: World) -> None:
    headers = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    async with local.core.by_tcp(local.asha) as http:
        for origin, status in (("https://evil.example", 403), (local.core.url, 405)):
            for route in local.routes:
                path = route.path.format(plan_id=local.plan_id, name="nightly")
                answer = await http.options(path, headers={**headers, "Origin": origin})
                assert answer.status_code == status, route
                assert not [h for h in answer.headers if h.startswith("access-control-")], route


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
)
async def test_what_a_form_can_send_is_refused(local: World, kind: str) -> None:
    async with local.core.by_tcp(local.asha) as http:
        for route in local.writes:
            if route.method != "post":
                continue
            path = route.path.format(plan_id=local.plan_id, name="nightly")
            headers = {"Content-Type": kind} if kind else {}
            answer = await http.post(path, content=b'{"reason": "x"}', headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (415, "not_json"), route
