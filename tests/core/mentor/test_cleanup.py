"""`/api/cleanup/*`: the counts agree with each other and with the table, only admins get them."""

from __future__ import annotations

from typing import Any

import asyncpg
import httpx
import pytest
import redis

from mrcore.mentor import config, queues
from tests.core.mentor import conftest, test_routes

COUNTS = ("total", "available", "booked", "future", "expired", "expiredUnbooked")
ROUTES = (
    ("GET", "statistics"),
    ("GET", "statistics/00000000-0000-0000-0000-000000000000"),
    ("GET", "slots/all"),
    ("DELETE", "slots"),
    ("POST", "schedule"),
)


@pytest.fixture
async def admin(app: asyncpg.Connection, env: dict[str, str]) -> dict[str, str]:
    return await conftest.bearer(app, env, "admin")


async def get(web: httpx.AsyncClient, path: str, headers: dict[str, str]) -> dict[str, Any]:
    answer = await web.get(f"/api/cleanup/{path}", headers=headers)
    found: dict[str, Any] = answer.raise_for_status().json()
    assert found["success"] is True
    return found


async def test_only_admins_get_in(
    web: httpx.AsyncClient, app: asyncpg.Connection, env: dict[str, str]
) -> None:
    before = await app.fetchval("SELECT count(*) FROM slots")
    mentor = await conftest.bearer(app, env, "mentor")
    for method, path in ROUTES:
        nobody = await web.request(method, f"/api/cleanup/{path}")
        assert (nobody.status_code, nobody.json()["success"]) == (401, False)
        refused = await web.request(method, f"/api/cleanup/{path}", headers=mentor)
        assert refused.status_code == 403
    assert await app.fetchval("SELECT count(*) FROM slots") == before
    assert test_routes.waiting_in(env, "cleanupQueue") == []


async def test_the_counts_are_those_of_the_lists_and_of_the_mentors(
    web: httpx.AsyncClient, app: asyncpg.Connection, admin: dict[str, str]
) -> None:
    counts = (await get(web, "statistics", admin))["data"]
    assert set(counts) == set(COUNTS)
    assert counts["total"] == await app.fetchval("SELECT count(*) FROM slots")
    assert all(0 < counts[name] < counts["total"] for name in COUNTS[1:])
    for name in COUNTS:
        word = "all" if name == "total" else name
        found = await get(web, f"slots/{word}?limit=1000", admin)
        assert len(found["data"]) == found["count"] == counts[name]
    by_mentor = [
        (await get(web, f"statistics/{row['id']}", admin))["data"]
        for row in await app.fetch("SELECT id FROM mentors")
    ]
    assert {name: sum(one[name] for one in by_mentor) for name in COUNTS} == counts
    assert len({one["mentorId"] for one in by_mentor}) == conftest.TINY.mentors


async def test_a_filter_lists_what_it_says_the_earliest_first(
    web: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    now = conftest.NOW.isoformat()
    stale = (await get(web, "slots/expiredUnbooked", admin))["data"]
    assert all(slot["bookedBy"] is None and slot["endsAt"] < now for slot in stale)
    free = (await get(web, "slots/available", admin))["data"]
    assert all(slot["bookedBy"] is None and slot["startsAt"] > now for slot in free)
    booked = (await get(web, "slots/booked", admin))["data"]
    assert all(slot["bookedBy"] and slot["mentorName"] for slot in booked)
    assert [slot["startsAt"] for slot in booked] == sorted(slot["startsAt"] for slot in booked)


async def test_a_list_has_100_unless_asked_for_more_or_fewer(
    web: httpx.AsyncClient, app: asyncpg.Connection, admin: dict[str, str]
) -> None:
    await app.execute(
        "INSERT INTO slots (mentor_id, starts_at, ends_at) SELECT m.id, $1::timestamptz + n * i,"
        " $1::timestamptz + (n + 1) * i FROM generate_series(1, 60) n,"
        " (SELECT interval '1 hour' AS i) x, mentors m",
        conftest.NOW,
    )
    assert (await get(web, "slots/future", admin))["count"] == 100
    assert (await get(web, "slots/future?limit=7", admin))["count"] == 7
    for path in ("slots/future?limit=0", "slots/future?limit=1001", "statistics/nobody"):
        answer = await web.get(f"/api/cleanup/{path}", headers=admin)
        assert answer.status_code == 422
    wrong = await web.get("/api/cleanup/slots/unbooked", headers=admin)
    assert wrong.status_code == 400
    assert "'unbooked' is no filter; there are all, available," in wrong.json()["message"]
    gone = await web.get(f"/api/cleanup/{ROUTES[1][1]}", headers=admin)
    assert (gone.status_code, gone.json()["message"]) == (404, "Mentor not found")


async def test_a_cleanup_deletes_what_is_stale_and_says_whose(
    web: httpx.AsyncClient, app: asyncpg.Connection, admin: dict[str, str]
) -> None:
    before = (await get(web, "statistics", admin))["data"]
    done = (await web.delete("/api/cleanup/slots", headers=admin)).raise_for_status().json()
    assert done["deletedCount"] == before["expiredUnbooked"] > 0
    assert sum(one["deletedCount"] for one in done["details"]) == done["deletedCount"]
    assert all(one["newestEndsAt"] < conftest.NOW.isoformat() for one in done["details"])
    after = (await get(web, "statistics", admin))["data"]
    lost = before["expiredUnbooked"]
    less = {"total": lost, "expired": lost, "expiredUnbooked": lost}
    assert after == {name: before[name] - less.get(name, 0) for name in COUNTS}
    again = (await web.delete("/api/cleanup/slots", headers=admin)).json()
    assert (again["deletedCount"], again["details"]) == (0, [])


async def test_a_cleanup_can_be_enqueued(
    web: httpx.AsyncClient, admin: dict[str, str], env: dict[str, str]
) -> None:
    answer = await web.post("/api/cleanup/schedule", headers=admin)
    assert (answer.status_code, answer.json()["success"]) == (202, True)
    assert [name for name, _ in test_routes.waiting_in(env, "cleanupQueue")] == [
        "cleanupExpiredSlots"
    ]
    pool = redis.ConnectionPool(**config.Config.read(env).redis.options())
    try:
        [task] = queues.hueys(pool)["cleanupQueue"].pending()
    finally:
        pool.disconnect()
    assert task.id == answer.json()["jobId"]


async def test_a_cleanup_deletes_exactly_what_was_seen_and_once(
    web: httpx.AsyncClient, app: asyncpg.Connection, admin: dict[str, str], env: dict[str, str]
) -> None:
    seen = await web.get("/api/cleanup/slots/expiredUnbooked?limit=1", headers=admin)
    once = {**admin, "idempotency-key": "7:abc"}
    wrong = await web.delete("/api/cleanup/slots", headers={**once, "if-match": '"1-x"'})
    assert wrong.status_code == 412
    stale = (await get(web, "statistics", admin))["data"]["expiredUnbooked"]
    assert stale > 0
    exact = {**once, "if-match": seen.headers["etag"]}
    done = await web.delete("/api/cleanup/slots", headers=exact)
    assert done.json()["deletedCount"] == stale, "what was refused may come again"
    again = await web.delete("/api/cleanup/slots", headers=exact)
    assert (again.json(), again.headers["idempotent-replayed"]) == (done.json(), "true")
    for _ in range(2):
        told = await web.post("/api/cleanup/schedule", headers=once)
        assert told.status_code == 202
    assert len(test_routes.waiting_in(env, "cleanupQueue")) == 1
