"""`/api/redis/keys`: what is shown is redacted, what is deleted went through the core's door."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import redis

from mrcore import client
from mrcore.mentor import app as mentor_app
from mrcore.model import core
from tests import waiting
from tests.core import harness
from tests.core.mentor import boards, conftest, serving

KEYS = "/api/redis/keys"
KPI = "mentor:kpi:dashboard"
ODD = b"odd/key \xff%?"


class Here:
    """A backend beside a core."""

    def __init__(self, web: httpx.AsyncClient, core: client.CoreClient) -> None:
        self.web = web
        self.core = core

    async def pages(self, **query: Any) -> dict[str, Any]:
        """All keys, page by page."""
        data: dict[str, Any] = {}
        cursor = ""
        while True:
            answer = await self.web.get(KEYS, params={**query, "cursor": cursor})
            body = answer.raise_for_status().json()
            assert set(body) == {"success", "data", "nextCursor"}
            data |= body["data"]
            cursor = body["nextCursor"]
            if cursor is None:
                return data


@pytest.fixture
def cache(redis_url: str) -> redis.Redis:
    """Redis with a key of each kind that matters here."""
    made = redis.Redis.from_url(redis_url)
    made.set(KPI, '{"students": 12, "contact": "asha@learners.example"}')
    made.set("mentor:api_token", "hunter2")
    made.hset("mentor:hash", mapping={"a": "1"})
    made.set(ODD, "odd")
    return made


@contextlib.asynccontextmanager
async def running(
    env: dict[str, str], state: Path, app: asyncpg.Connection, **options: Any
) -> AsyncIterator[Here]:
    """The backend, its core watching the same Redis, and an admin's client."""
    url = f"redis://127.0.0.1:{env['REDIS_PORT']}/{env['REDIS_DB']}"
    sources = {"cache": {"kind": "redis", "url": url, "interval_s": 0.1}}
    async with harness.running(state, sources=sources, **options) as here:
        file = state / "backend-token"
        file.write_text(await boards.token(here.core))
        told = {
            "MR_CORE_URL": f"unix:{here.where.runtime / 'core.sock'}",
            "MR_CORE_TOKEN_FILE": str(file),
        }
        made = mentor_app.create("blue", {**env, **told}, now=lambda: conftest.NOW)
        headers = await conftest.bearer(app, env, "admin")
        async with (
            here.client() as core,
            serving.serving(made) as found,
            httpx.AsyncClient(base_url=found, headers=headers, timeout=waiting.LONG_S) as web,
        ):

            async def ready() -> bool:
                return (await web.get(KEYS)).status_code == 200

            await waiting.until(ready)
            yield Here(web, core)


@pytest.fixture
async def here(
    env: dict[str, str], state: Path, app: asyncpg.Connection, cache: redis.Redis
) -> AsyncIterator[Here]:
    async with running(env, state, app) as made:
        yield made


async def test_keys_and_values_are_shown_page_by_page_and_redacted(here: Here) -> None:
    found = await here.pages(limit=2)
    assert found[KPI]["students"] == 12
    assert "asha" not in found[KPI]["contact"]
    assert "hunter2" not in found["mentor:api_token"]
    assert found["mentor:hash"] == {"a": "1"}
    assert set(await here.pages(prefix="mentor:h")) == {"mentor:hash"}


async def test_a_key_is_deleted_once_and_the_audit_names_who_asked(
    here: Here, cache: redis.Redis
) -> None:
    answer = await here.web.delete(f"{KEYS}/{KPI}")
    assert (answer.status_code, answer.json()) == (200, {"success": True, "deletedCount": 1})
    assert not cache.exists(KPI)
    again = await here.web.delete(f"{KEYS}/{KPI}")
    assert again.status_code == 404
    assert again.json() == {"success": False, "message": "Key not found"}
    rows = (await here.core.page("core/core/self", "audit")).rows
    mine = [r for r in rows if isinstance(r, core.AuditRow) and r.action == "key.delete"]
    assert {row.login for row in mine} == {"backend"}
    assert {row.stage for row in mine} == {"intent", "outcome"}
    assert all(row.reason.startswith("DELETE /api/redis/keys: ") for row in mine)


async def test_who_asks_for_which_key_of_which_redis(here: Here, cache: redis.Redis) -> None:
    answer = await here.web.delete(f"{KEYS}/odd%2Fkey%20%FF%25%3F")
    assert answer.json() == {"success": True, "deletedCount": 1}, "a key is bytes"
    assert not cache.exists(ODD)
    for method, path in (("GET", KEYS), ("DELETE", f"{KEYS}/{KPI}")):
        answer = await here.web.request(method, path, headers={"authorization": ""})
        assert answer.status_code == 401
    assert cache.exists(KPI)
    answer = await here.web.get(KEYS, params={"source": "other"})
    assert answer.status_code == 400
    assert "the core watches cache" in answer.json()["message"]
    assert (await here.web.get(KEYS, params={"source": "cache"})).status_code == 200


async def test_what_the_core_refuses_is_said_and_not_done(
    env: dict[str, str], state: Path, app: asyncpg.Connection, cache: redis.Redis
) -> None:
    async with running(env, state, app, protected=True) as here:
        answer = await here.web.delete(f"{KEYS}/{KPI}")
        assert (answer.status_code, answer.json()["success"]) == (403, False)
        assert "arm" in answer.json()["message"]
        assert cache.exists(KPI)


async def test_without_a_core_it_is_a_503_with_a_sentence(
    web: httpx.AsyncClient, app: asyncpg.Connection, env: dict[str, str]
) -> None:
    headers = await conftest.bearer(app, env, "admin")
    for method, path in (("GET", KEYS), ("DELETE", f"{KEYS}/{KPI}")):
        answer = await web.request(method, path, headers=headers)
        assert answer.status_code == 503
        assert answer.json()["message"].startswith("This backend knows no core.")
