"""The routes: what they write, which jobs follow, what they refuse."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
import redis
import redis.asyncio

from mrcore.mentor import app as mentor_app
from mrcore.mentor import config, kpi, mail, people, queues, trace
from tests import waiting
from tests.core.mentor import conftest, serving

STUDENT = people.person(conftest.SEED, conftest.TINY.first_student, conftest.TINY)
MENTOR = people.person(conftest.SEED, conftest.TINY.staff, conftest.TINY)


@pytest.fixture
async def client(env: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a healthy backend, as of NOW."""
    app = mentor_app.create("green", env, now=lambda: conftest.NOW, health_interval_s=0.05)
    headers = {"x-platform": "mr-mentor", "user-agent": "test-agent"}
    async with (
        serving.serving(app) as url,
        httpx.AsyncClient(base_url=url, headers=headers, timeout=waiting.LONG_S) as made,
    ):

        async def healthy() -> bool:
            return (await made.get("/api/health")).status_code == 200

        await waiting.until(healthy)
        yield made


@pytest.fixture
async def cache(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    """The backend's Redis."""
    async with redis.asyncio.from_url(redis_url, decode_responses=True) as made:
        yield made


def waiting_in(env: dict[str, str], queue: str) -> list[tuple[str, dict[str, Any]]]:
    """Names and payloads of the jobs that wait there, without what led to them."""
    pool = redis.ConnectionPool(**config.Config.read(env).redis.options())
    try:
        found = queues.hueys(pool)[queue].pending()
        for task in found:
            task.kwargs.pop(trace.PAYLOAD)
        return [(task.name, task.kwargs) for task in found]
    finally:
        pool.disconnect()


async def test_a_login_without_a_password_sends_a_code(
    client: httpx.AsyncClient, cache: redis.asyncio.Redis, env: dict[str, str]
) -> None:
    answer = await client.post("/api/auth/login", json={"email": STUDENT.email.upper()})
    assert answer.status_code == 200
    request_id = answer.json()["requestId"]
    code = await cache.get(mail.otp_key(request_id))
    assert len(code) == 6
    [(name, payload)] = waiting_in(env, "emailQueue")
    assert (name, payload["to"], payload["request_id"]) == ("sendOtp", STUDENT.email, request_id)
    assert code not in json.dumps(payload), "a payload is shown, a code must not be"
    assert [name for name, _ in waiting_in(env, "studentRiskComputationQueue")] == ["computeRisk"]


async def test_a_stranger_is_answered_as_anybody_is_and_gets_nothing(
    client: httpx.AsyncClient, app: asyncpg.Connection, env: dict[str, str]
) -> None:
    before = await app.fetchval("SELECT count(*) FROM login_logs")
    asked = [
        await client.post("/api/auth/login", json={"email": email})
        for email in ("who@else.example", STUDENT.email)
    ]
    stranger, known = ({**each.json(), "requestId": ""} for each in asked)
    assert [each.status_code for each in asked] == [200, 200]
    assert stranger == known
    assert len({len(each.json()["requestId"]) for each in asked}) == 1
    assert [payload["to"] for _, payload in waiting_in(env, "emailQueue")] == [STUDENT.email]
    code = {"requestId": asked[0].json()["requestId"], "code": "000000"}
    assert (await client.post("/api/auth/verify", json=code)).status_code == 401
    assert await app.fetchval("SELECT count(*) FROM login_logs") == before


async def test_a_lead_is_kept_called_and_greeted(
    client: httpx.AsyncClient, app: asyncpg.Connection, env: dict[str, str]
) -> None:
    lead = {"name": "Asha", "email": "asha@learners.example", "phone": "+911234567890"}
    answer = await client.post("/api/leads", json=lead)
    assert answer.status_code == 201
    made = answer.json()
    trail = await app.fetch(
        "SELECT activity_type, new_value FROM mas_crm.lead_activity_log WHERE lead_id = $1",
        made["leadId"],
    )
    assert [tuple(row) for row in trail] == [("created", "new")]
    assert [name for name, _ in waiting_in(env, "emailQueue")] == ["sendWelcome"]
    event = {"callId": made["callId"], "state": "completed"}
    assert (await client.post("/api/webhooks/miss-ozone", json=event)).status_code == 200
    state = "SELECT state FROM ai_call_events WHERE call_id = $1"
    assert await app.fetchval(state, made["callId"]) == "completed"
    event["callId"] = made["leadId"]
    assert (await client.post("/api/webhooks/miss-ozone", json=event)).status_code == 404


async def test_a_booking_takes_one_slot_until_none_is_left(
    client: httpx.AsyncClient, app: asyncpg.Connection, env: dict[str, str]
) -> None:
    free = await app.fetch(
        "SELECT id FROM slots WHERE booked_by IS NULL AND starts_at > $1", conftest.NOW
    )
    await app.execute("DELETE FROM slots WHERE booked_by IS NULL AND id <> $1", free[0]["id"])
    answer = await client.post("/api/meetings/book", json={"email": STUDENT.email})
    assert answer.status_code == 201
    row = await app.fetchrow(
        "SELECT m.status, u.email, s.booked_by = u.id AS same FROM meetings m"
        " JOIN users u ON u.id = m.student_id JOIN slots s ON s.id = m.slot_id"
        " WHERE m.id = $1 AND s.id = $2",
        answer.json()["meetingId"],
        free[0]["id"],
    )
    assert row is not None
    assert tuple(row) == ("scheduled", STUDENT.email, True)
    names = [name for name, _ in waiting_in(env, "emailQueue")]
    assert names == ["sendMeetingConfirmation"]
    assert len(waiting_in(env, "badgeEvaluationQueue")) == 1
    again = await client.post("/api/meetings/book", json={"email": STUDENT.email})
    assert again.status_code == 409
    nobody = await client.post("/api/meetings/book", json={"email": "who@else.example"})
    assert nobody.status_code == 404


async def test_a_mentor_opens_a_slot_and_a_student_cannot(
    client: httpx.AsyncClient, app: asyncpg.Connection
) -> None:
    starts = conftest.NOW + timedelta(days=3)
    body = {"email": MENTOR.email, "startsAt": starts.isoformat()}
    answer = await client.post("/api/slots", json=body)
    assert answer.status_code == 201
    found = "SELECT starts_at FROM slots WHERE id = $1"
    assert await app.fetchval(found, answer.json()["slotId"]) == starts
    body["email"] = STUDENT.email
    assert (await client.post("/api/slots", json=body)).status_code == 404


async def test_dashboards_come_from_the_cache_and_a_missing_key_is_computed(
    client: httpx.AsyncClient, cache: redis.asyncio.Redis
) -> None:
    for path, key in (("kpi", kpi.DASHBOARD_KEY), ("sales-overview", kpi.SALES_KEY)):
        await cache.set(key, json.dumps({"computedAt": "long ago"}))
        answer = await client.get(f"/api/dashboard/{path}")
        assert answer.json()["data"] == {"computedAt": "long ago"}
        await cache.delete(key)
        answer = await client.get(f"/api/dashboard/{path}")
        assert answer.json()["data"]["computedAt"] == conftest.NOW.isoformat()
        assert json.loads(await cache.get(key)) == answer.json()["data"]


async def test_a_sync_runs_by_hand(
    client: httpx.AsyncClient, app: asyncpg.Connection, env: dict[str, str]
) -> None:
    path = "/api/sync/elevenlabs/run"
    assert (await client.post(path)).status_code == 401
    student = await conftest.bearer(app, env, "student")
    assert (await client.post(path, headers=student)).status_code == 403
    admin = await conftest.bearer(app, env, "admin")
    assert (await client.post(path, headers=admin)).status_code == 202
    assert waiting_in(env, "aaryaSyncQueue") == [("syncCalls", {"config_id": "elevenlabs"})]
    assert (await client.post("/api/sync/nothing/run", headers=admin)).status_code == 404


async def test_the_kpis_are_computed_again_for_admins_only(
    client: httpx.AsyncClient, app: asyncpg.Connection, env: dict[str, str]
) -> None:
    path = "/api/admin/kpi/recompute"
    assert (await client.post(path)).status_code == 401
    sales = await conftest.bearer(app, env, "sales")
    assert (await client.post(path, headers=sales)).status_code == 403
    admin = await conftest.bearer(app, env, "admin")
    assert (await client.post(path, headers=admin)).status_code == 202
    jobs = [("calculateKpi", {}), ("calculateSalesOverview", {})]
    assert sorted(waiting_in(env, "kpiQueue")) == jobs


async def test_an_export_is_ordered_by_month(
    client: httpx.AsyncClient, env: dict[str, str]
) -> None:
    answer = await client.post("/api/finance/exports", json={"month": "2026-11"})
    assert answer.status_code == 202
    assert waiting_in(env, "financeExportQueue") == [("prepareExport", {"month": "2026-11"})]
    wrong = await client.post("/api/finance/exports", json={"month": "2026-13"})
    assert wrong.status_code == 422


WRONG: list[tuple[str, Any, str]] = [
    ("auth/login", {"password": "hunter2"}, "body.email: Field required"),
    ("auth/login", {"email": ["hunter2"]}, "body.email: Input should be a valid string"),
    ("auth/login", "hunter2", "body: Input should be"),
    ("finance/exports", {"month": "hunter2"}, "body.month: String should match pattern"),
]


@pytest.mark.parametrize(("path", "body", "said"), WRONG)
async def test_a_wrong_request_is_named_and_what_it_sent_is_not_repeated(
    client: httpx.AsyncClient, path: str, body: Any, said: str
) -> None:
    answer = await client.post(f"/api/{path}", json=body)
    assert answer.status_code == 422
    assert answer.json().keys() == {"success", "message"}
    assert answer.json()["success"] is False
    assert answer.json()["message"].startswith(said)
    assert "hunter2" not in answer.text


async def test_without_postgres_a_route_is_500_and_says_nothing_of_it(
    env: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    app = mentor_app.create("green", {**env, "DB_PORT": "1"})
    async with (
        serving.serving(app) as url,
        httpx.AsyncClient(base_url=url, timeout=waiting.LONG_S) as client,
    ):
        answer = await client.post("/api/auth/login", json={"email": STUDENT.email})
    assert answer.status_code == 500
    assert answer.json() == {"success": False, "message": "Internal server error"}
    assert "Could not acquire a connection" in caplog.text
