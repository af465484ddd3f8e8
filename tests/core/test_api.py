"""The HTTP API over a real socket: what it answers, and that every refusal is a problem."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.abc
import json
import re
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mrcore import core, errors
from mrcore.api import app, ask, problem
from mrcore.model import plans, wire
from tests import waiting
from tests.core import harness


class Wedged(harness.Simulated):
    """Samples well, and never answers a question; it even swallows the cancellation."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.released = asyncio.Event()

    async def detail(self, ref: str) -> wire.Detail:
        while not self.released.is_set():
            try:
                await self.released.wait()
            except asyncio.CancelledError:
                continue
        raise errors.NotFound("too late")


@pytest.fixture
async def here(state: Path) -> AsyncIterator[harness.Running]:
    """A core with jobs, and a source that never answers."""
    jobs, wedged = harness.Jobs(), Wedged("wedged")
    jobs.add("1", "2")
    async with harness.running(state, jobs, wedged) as here:
        yield here
    wedged.released.set()


@pytest.fixture
async def http(here: harness.Running) -> AsyncIterator[httpx.AsyncClient]:
    """A plain HTTP client of that core."""
    socket = (here.where.read_json("core.json") or {})["socket"]
    transport = httpx.AsyncHTTPTransport(uds=socket)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://mrcore", timeout=waiting.LONG_S
    ) as http:
        yield http


def refused(response: httpx.Response, status: int, code: str) -> wire.Problem:
    """The problem in a response."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == problem.MEDIA_TYPE
    found = wire.Problem.model_validate(response.json())
    assert (found.status, found.code) == (status, code)
    assert found.detail
    return found


async def test_the_probes_and_the_metrics(http: httpx.AsyncClient) -> None:
    assert (await http.get("/livez")).json() == {"status": "ok"}
    assert (await http.get("/readyz")).json() == {"status": "ok"}
    text = (await http.get("/metrics")).text
    assert 'mr_source_up{source="huey"} 1.0' in text
    assert 'mr_core_clients{ref="core/core/self"} 0.0' in text
    assert 'mr_source_sample_ms{ref="core/source/huey"}' in text


async def test_what_the_metrics_need_is_imported_off_the_loop(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[str] = set()

    class Seeing(importlib.abc.MetaPathFinder):
        def find_spec(self, name: str, path: object, target: object = None) -> None:
            if name.startswith("prometheus_client"):
                threads.add(threading.current_thread().name)

    for name in [name for name in sys.modules if name.startswith("prometheus_client")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Seeing(), *sys.meta_path])
    assert (await http.get("/metrics")).status_code == 200
    assert threads
    assert threading.main_thread().name not in threads


async def test_a_failing_source_is_down_in_the_metrics_and_leaves_its_points_out(
    state: Path,
) -> None:
    source = harness.Simulated("redis")
    point = wire.Point(metric="redis.ops", ref="redis/node/main", at=source.now(), value=5.0)
    source.points = (point,)
    async with harness.running(state, source) as here:
        socket = (here.where.read_json("core.json") or {})["socket"]
        transport = httpx.AsyncHTTPTransport(uds=socket)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://mrcore", timeout=waiting.LONG_S
        ) as http:
            assert 'mr_redis_ops{ref="redis/node/main"} 5.0' in (await http.get("/metrics")).text
            source.points = (point.model_copy(update={"ref": "other/node/main"}),)

            async def down() -> str:
                text = (await http.get("/metrics")).text
                return text if 'mr_source_up{source="redis"} 0.0' in text else ""

            assert "mr_redis_ops{" not in await waiting.until(down)


async def test_me_sources_catalogue_and_live(here: harness.Running) -> None:
    async with here.client() as client:
        me = await client.me()
        assert (me.via, me.roles, me.environment) == ("socket", ("admin",), "test")
        assert [s.name for s in (await client.sources()).sources] == ["core", "huey", "wedged"]
        assert any(action.id == "queue.retry" for action in (await client.catalogue()).actions)
        live = await client.live()
        assert {"core", "huey", "wedged"} == {source.source for source in live.sources}


async def test_a_ref_in_the_form_that_is_shown_means_the_same(http: httpx.AsyncClient) -> None:
    plain = (await http.get("/api/v1/detail?ref=huey/job/emailQueue/1")).json()["entity"]
    shown = (await http.get("/api/v1/detail?ref=mr://huey/job/emailQueue/1")).json()["entity"]
    assert shown["ref"] == plain["ref"] == "huey/job/emailQueue/1"
    chosen = plans.Selection(refs=("mr://huey/job/a/1", "huey/job/a/2"), ref="mr://huey/queue/a")
    assert chosen.refs == ("huey/job/a/1", "huey/job/a/2")
    assert chosen.ref == "huey/queue/a"


async def test_every_refusal_is_a_problem_with_a_stable_code(http: httpx.AsyncClient) -> None:
    refused(await http.get("/nowhere"), 404, "no_route")
    refused(await http.get("/api/v1/nowhere"), 404, "no_route")
    refused(await http.delete("/api/v1/live"), 405, "method_not_allowed")
    refused(await http.get("/api/v1/detail"), 422, "validation")
    refused(await http.get("/api/v1/detail?ref=nonsense"), 400, "bad_request")
    refused(await http.get("/api/v1/detail?ref=away/x/1"), 404, "not_found")
    refused(await http.get("/api/v1/page?ref=huey/q/a&collection=x&wait_s=26"), 422, "validation")
    refused(await http.get("/api/v1/plans/none"), 404, "plan_not_found")
    refused(await http.get("/api/v1/points?metric=no&ref=a/b/c"), 400, "bad_request")
    refused(await http.post("/api/v1/plans", content=b"{"), 415, "not_json")
    said_json = {"Content-Type": "application/json"}
    broken = await http.post("/api/v1/plans", content=b"{", headers=said_json)
    refused(broken, 422, "validation")
    late = "/api/v1/points?metric=redis.ops&ref=a/b/c&to=0001-01-01T00:00:00Z"
    refused(await http.get(late), 400, "bad_request")


async def test_a_wrong_request_is_named_and_its_values_are_not_repeated(
    http: httpx.AsyncClient,
) -> None:
    body = {"action": "queue.retry", "selection": {"refs": 5}, "password": "hunter2"}
    found = refused(await http.post("/api/v1/plans", json=body), 422, "validation")
    assert "selection.refs" in found.detail
    assert "password" in found.detail
    assert "hunter2" not in found.detail


HOSTILE = [
    "",
    "%",
    "%00",
    "%ff%fe",
    "%ED%A0%80",
    "9" * 40,
    "-1",
    "core%2Faudit%2F" + "9" * 20,
    "core%2Foperation%2F" + "9" * 400,
    "core%2Faudit%2F%C2%B2",
    "core%2Fcheck%2F%2500",
    "core%2Fcore%2Fself",
    "huey%2Fjob%2FemailQueue%2F%25FF",
    "%2F%2F%2F",
    "mr%3A%2F%2Fcore%2Faudit%2F1",
    "x" * 5000,
]
ROUTES = [
    "/api/v1/detail?ref={0}",
    "/api/v1/page?ref={0}&collection=audit",
    "/api/v1/page?ref=core/core/self&collection={0}",
    "/api/v1/page?ref=core/core/self&collection=audit&cursor={0}",
    "/api/v1/page?ref=core/core/self&collection=operations&cursor={0}",
    "/api/v1/page?ref=core/core/self&collection=audit&text={0}",
    "/api/v1/page?ref=core/core/self&collection=audit&limit={0}",
    "/api/v1/page?ref=core/core/self&collection=audit&wait_s={0}",
    "/api/v1/points?metric=core.clients&ref={0}",
    "/api/v1/points?metric={0}&ref=core/core/self",
    "/api/v1/points?metric=core.clients&ref=core/core/self&step={0}",
    "/api/v1/points?metric=core.clients&ref=core/core/self&from={0}",
    "/api/v1/reveal?ref={0}",
    "/api/v1/plans/{0}",
    "/api/v1/plans/{0}/targets",
    "/api/v1/plans/none/targets?after={0}",
    "/api/v1/sources?at={0}",
    "/api/v1/live?at={0}",
    "/api/v1/me?{0}",
    "/api/v1/catalogue?{0}",
    "/livez?{0}",
    "/readyz?{0}",
    "/metrics?{0}",
    "/openapi.json?{0}",
]


@pytest.mark.parametrize("value", HOSTILE)
async def test_nothing_that_is_asked_is_the_cores_defect(
    http: httpx.AsyncClient, value: str
) -> None:
    for route in ROUTES:
        answer = await http.get(route.format(value))
        assert answer.status_code < 500 or answer.status_code in (502, 503), (route, answer.text)


async def test_every_get_route_is_asked_hostile_questions(http: httpx.AsyncClient) -> None:
    schema = (await http.get("/openapi.json")).json()
    gets = {path for path, operations in schema["paths"].items() if "get" in operations}
    asked = {re.sub(r"[?].*", "", route).replace("{0}", "{plan_id}") for route in ROUTES}
    asked |= {"/api/v1/changes"}  # it takes nothing and never ends
    assert gets <= asked


async def test_a_wrong_cursor_or_expression_is_the_clients_mistake(http: httpx.AsyncClient) -> None:
    audit = "/api/v1/page?ref=core/core/self&collection=audit"
    refused(await http.get(f"{audit}&cursor=x"), 400, "bad_request")
    refused(await http.get(f"{audit}&text=("), 400, "bad_request")
    refused(await http.get("/api/v1/page?ref=core/core/self&collection=x"), 400, "unsupported")


@pytest.mark.parametrize("text", [r"(.*.*.*.*.*)*\x00", "a{99999999999999999999}", "(a+)+~$"])
async def test_no_expression_wedges_the_core(
    here: harness.Running, http: httpx.AsyncClient, text: str
) -> None:
    jobs = here.core.monitor.source("huey")
    assert isinstance(jobs, harness.Jobs)
    async with here.client() as client:
        plan = await client.plan("queue.retry", harness.selection(*jobs.add("a" * 200)))
        await client.apply(plan.plan_id)
    asked = asyncio.create_task(
        http.get(
            "/api/v1/page",
            params={"ref": "core/core/self", "collection": "audit", "text": text},
        )
    )
    assert (await http.get("/livez")).status_code == 200
    found = await asked
    assert (found.status_code, found.json()["rows"]) == (200, [])


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"Host": "evil.example"}, "Host"),
        ({"Host": "127.0.0.1.evil.example"}, "Host"),
        ({"Host": ""}, "Host"),
        ({"Host": "["}, "Host"),
        ({"Origin": "http://evil.example"}, "site"),
        ({"Origin": "http://localhost:3000"}, "site"),
        ({"Origin": "null"}, "site"),
        ({"Origin": "http://["}, "site"),
    ],
)
async def test_another_sites_page_may_not_ask(
    http: httpx.AsyncClient, headers: dict[str, str], why: str
) -> None:
    for path in ("/api/v1/live", "/livez"):
        assert why in refused(await http.get(path, headers=headers), 403, "foreign").detail


async def test_a_page_of_ours_may_ask(http: httpx.AsyncClient) -> None:
    headers = {"Host": "localhost:8137", "Origin": "http://localhost:8137"}
    assert (await http.get("/api/v1/me", headers=headers)).status_code == 200


async def test_a_source_that_does_not_answer_has_a_deadline_and_holds_nobody_up(
    http: httpx.AsyncClient,
) -> None:
    asked = asyncio.create_task(http.get("/api/v1/detail?ref=wedged/check/1"))
    answers = [await http.get("/api/v1/detail?ref=huey/job/emailQueue/1") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert not asked.done()
    found = refused(await asked, 503, "unreachable")
    assert "wedged did not answer within 2 s" in found.detail


async def test_questions_that_are_left_behind_are_bounded(
    here: harness.Running, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ask, "ANSWER_S", 0.01)
    monkeypatch.setattr(core, "QUESTIONS_MAX", 3)
    for _ in range(3):
        found = refused(await http.get("/api/v1/detail?ref=wedged/check/1"), 503, "unreachable")
        assert "did not answer" in found.detail
    found = refused(await http.get("/api/v1/detail?ref=wedged/check/1"), 503, "unreachable")
    assert "still owes 3 earlier answers" in found.detail
    assert here.core.asks("wedged").left == 3


async def test_a_ledger_that_cannot_be_written_is_not_ready(
    here: harness.Running, http: httpx.AsyncClient
) -> None:
    ledger = here.core.ledger
    await ledger.read(lambda c: c.execute("PRAGMA query_only = 1").fetchall())
    with pytest.raises(errors.StoreError):
        await ledger.run(lambda c: c.execute("CREATE TABLE t (n)"))
    found = refused(await http.get("/readyz"), 503, "store")
    assert "readonly" in found.detail
    assert (await http.get("/livez")).status_code == 200


async def test_the_stream_is_a_snapshot_and_then_every_change(here: harness.Running) -> None:
    async with here.client() as client:
        events: list[Any] = []

        async def read() -> None:
            async for event in client.changes():
                events.append(event)

        reading = asyncio.create_task(read())
        await waiting.until(lambda: len(events) > 5)
        assert isinstance(events[0], wire.Snapshot)
        jobs = here.core.monitor.source("huey")
        assert isinstance(jobs, harness.Jobs)
        jobs.states = {"2": "active", "3": "failed"}
        await waiting.until(lambda: "huey/job/emailQueue/3" in harness.replay(events))
        replayed = harness.replay(events)
        assert "huey/job/emailQueue/1" not in replayed
        assert replayed["huey/job/emailQueue/2"].state == "active"
        assert here.core.hub.subscribers == 1
        reading.cancel()
        await waiting.until(lambda: here.core.hub.subscribers == 0)


async def test_stopping_ends_streams_and_questions_at_once(state: Path) -> None:
    jobs = harness.Jobs()
    async with harness.running(state, jobs) as here, here.client() as client:
        streaming = asyncio.create_task(_count(client.changes()))
        following = asyncio.create_task(
            client.page("core/core/self", "audit", cursor="7", wait_s=25)
        )
        await waiting.until(
            lambda: here.core.hub.subscribers == 1 and here.core.asks("core").left == 1
        )
        here.core.quiet()
        with pytest.raises(errors.CoreUnreachable, match="ended"):
            await streaming
        with pytest.raises(errors.Unreachable, match="stopping"):
            await following


async def _count(events: AsyncIterator[Any]) -> int:
    return len([event async for event in events])


async def test_requests_are_counted_so_that_an_idle_core_can_end(here: harness.Running) -> None:
    async with here.client() as client:
        async with contextlib.aclosing(client.changes()) as stream:
            await anext(stream)
            assert here.clients.idle_s == 0
        await waiting.until(lambda: here.clients.idle_s > 0)


async def test_the_openapi_declares_of_every_route_the_problems_that_it_may_answer(
    http: httpx.AsyncClient,
) -> None:
    schema = (await http.get("/openapi.json")).json()
    declared: dict[str, set[int]] = {}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            failing = {k: v for k, v in operation["responses"].items() if k[0] in "45"}
            assert all(list(v["content"]) == [problem.MEDIA_TYPE] for v in failing.values())
            declared[f"{method} {path.removeprefix(app.PREFIX)}"] = set(map(int, failing))
    assert "HTTPValidationError" not in json.dumps(schema)
    assert not [route for route, statuses in declared.items() if 500 in statuses]
    gate, login = {403, 408, 413}, {401, 403, 408, 413, 429, 507}
    assert declared["get /livez"] == gate
    assert declared["get /readyz"] == {*gate, 503}
    assert declared["get /live"] == declared["get /changes"] == declared["get /me"] == login
    assert declared["get /points"] == {*login, 400, 422}
    assert declared["get /page"] == {*login, 400, 404, 422, 502, 503}
    assert declared["post /plans"] == {*login, 400, 404, 415, 422, 502, 503}
    assert declared["get /plans/{plan_id}"] == {*login, 404, 422}
    assert declared["post /plans/{plan_id}/apply"] == {*login, 400, 404, 409, 415, 422}


async def test_a_problem_is_redacted_also_at_the_end_of_a_stream(
    here: harness.Running, http: httpx.AsyncClient
) -> None:
    async def plan(*asked: Any) -> AsyncIterator[Any]:
        where = "postgresql://u:hunter2secret@db/app"
        raise errors.Unreachable(f"No connection to {where}.", fix=f"Look at {where} \ud800.")
        yield

    jobs = here.core.monitor.source("huey")
    jobs.plan = plan  # type: ignore[method-assign]
    body = {"action": "queue.retry", "selection": {"refs": ["huey/job/emailQueue/1"]}}
    plain = refused(await http.post("/api/v1/plans", json=body), 503, "unreachable")
    streamed = await http.post("/api/v1/plans", json=body, headers={"Accept": "text/event-stream"})
    data = streamed.text.rpartition("event: problem\ndata: ")[2]
    assert wire.Problem.model_validate_json(data) == plain
    assert "hunter2secret" not in plain.model_dump_json()
    assert plain.fix.startswith("Look at postgresql://u:")
    assert plain.fix.endswith("?.")


@pytest.mark.parametrize(
    "body",
    [
        b'{"args": {"\\ud800": 1}}',
        b'{"args": {"minutes": "\\uDFFF"}}',
        b'{"\\ud800": {}}',
        b'{"args": {"\xed\xa0\x80": 1}}',
        '{"args": {"\\ud800": 1}}'.encode("utf-16"),
        '{"args": {"\\ud800": 1}}'.encode("utf-16-le"),
    ],
)
async def test_a_body_that_is_no_text_is_refused(http: httpx.AsyncClient, body: bytes) -> None:
    whole = b'{"action": "core.arm", "selection": {"refs": ["core/environment/test"]}, '
    if body.startswith(b'{"'):
        body = whole + body[1:]
    headers = {"Content-Type": "application/json"}
    answer = await http.post("/api/v1/plans", content=body, headers=headers)
    assert "no Unicode text" in refused(answer, 422, "validation").detail


async def test_a_body_with_a_whole_surrogate_pair_is_text(http: httpx.AsyncClient) -> None:
    selection = '{"refs": ["core/environment/test"]}'
    body = f'{{"action": "core.arm", "selection": {selection}, "args": {{"\\ud83d\\ude00": 1}}}}'
    headers = {"Content-Type": "application/json"}
    answer = await http.post("/api/v1/plans", content=body, headers=headers)
    assert "takes no argument 😀" in refused(answer, 400, "bad_request").detail


async def test_a_problem_of_what_no_json_can_hold_is_one_all_the_same() -> None:
    error = errors.BadRequest("There is no \ud800.", fix="Ask for \udfff.")
    assert problem.response(problem.of(error)).body.count(b"?") == 2


async def test_a_login_has_four_plans_made_at_once(
    here: harness.Running, http: httpx.AsyncClient
) -> None:
    begun, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def plan(*asked: Any) -> AsyncIterator[Any]:
        begun.release()
        await go_on.wait()
        yield plans.LeftOut(why="is gone", count=1)

    jobs = here.core.monitor.source("huey")
    jobs.plan = plan  # type: ignore[method-assign]
    body = {"action": "queue.retry", "selection": {"refs": ["huey/job/emailQueue/1"]}}
    making = [asyncio.create_task(http.post("/api/v1/plans", json=body)) for _ in range(4)]
    for _ in making:
        await begun.acquire()
    answer = await http.post("/api/v1/plans", json=body)
    assert "has 4 plans in the making already" in refused(answer, 429, "too_many").detail
    assert answer.headers["retry-after"] == "1"
    go_on.set()
    assert {(await made).status_code for made in making} == {200}
    assert (await http.post("/api/v1/plans", json=body)).status_code == 200


async def test_the_audit_is_a_collection_that_can_be_followed(here: harness.Running) -> None:
    async with here.client() as client:
        followed: list[str] = []

        async def follow() -> None:
            async for page in client.follow("core/core/self", "audit"):
                followed.extend(row.ref for row in page.rows)

        following = asyncio.create_task(follow())
        for job in ("1", "2"):
            ref = f"huey/job/emailQueue/{job}"
            plan = await client.plan("queue.retry", harness.selection(ref))
            await client.apply(plan.plan_id)
        await waiting.until(lambda: len(followed) == 4)
        assert followed == [f"core/audit/{n}" for n in (1, 2, 3, 4)]
        following.cancel()
        newest = await client.page("core/core/self", "audit", harness.query(limit=3))
        assert [row.ref for row in newest.rows] == [f"core/audit/{n}" for n in (4, 3, 2)]
        rest = await client.page("core/core/self", "audit", cursor=newest.cursor)
        assert ([row.ref for row in rest.rows], rest.cursor) == (["core/audit/1"], None)
        operations = await client.page("core/core/self", "operations")
        assert [row.ref for row in operations.rows] == ["core/operation/2", "core/operation/1"]
        detail = await client.detail("core/audit/2")
        assert detail.entity.ref == "core/audit/2"
