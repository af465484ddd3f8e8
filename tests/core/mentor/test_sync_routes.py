"""Saving a sync config registers its schedule in a scheduler that runs already."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import asyncpg
import httpx
import pytest
import redis

from mrcore import scheduler, sources
from mrcore.journal import keys
from mrcore.mentor import config, queues, schedules
from mrcore.model import queue
from tests.core.mentor import conftest, test_routes

CONFIGS = "/api/admin/sync-configs"
NEW = {"kind": "mrlearn", "baseUrl": "https://graphy.example", "everyHours": 6, "apiKey": "k1"}


@pytest.fixture
async def admin(app: asyncpg.Connection, env: dict[str, str]) -> dict[str, str]:
    return await conftest.bearer(app, env, "admin")


async def listed(web: httpx.AsyncClient, admin: dict[str, str]) -> dict[str, dict[str, Any]]:
    answer = (await web.get(CONFIGS, headers=admin)).raise_for_status()
    return {one["id"]: one for one in answer.json()["data"]}


async def test_a_saved_config_is_in_the_list_without_its_key(
    web: httpx.AsyncClient, admin: dict[str, str], app: asyncpg.Connection
) -> None:
    answer = await web.put(f"{CONFIGS}/graphy-new", json=NEW, headers=admin)
    names = ["mrlearn-sync-graphy-new", "mrlearn-reminders-graphy-new"]
    assert answer.json() == {"success": True, "schedules": names}
    shown = (await listed(web, admin))["graphy-new"]
    assert shown == {
        "id": "graphy-new",
        "kind": "mrlearn",
        "baseUrl": "https://graphy.example",
        "everyHours": 6.0,
        "enabled": True,
        "hasKey": True,
        "lastSyncedAt": None,
    }
    await web.put(f"{CONFIGS}/graphy-new", json={**NEW, "apiKey": None}, headers=admin)
    key = "SELECT api_key FROM sync_configs WHERE id = 'graphy-new'"
    assert await app.fetchval(key) == "k1", "a key that is left out stays"
    await web.put(f"{CONFIGS}/graphy-new", json={**NEW, "apiKey": "k2"}, headers=admin)
    assert await app.fetchval(key) == "k2"


async def test_a_running_scheduler_follows_what_is_saved(
    web: httpx.AsyncClient, admin: dict[str, str], env: dict[str, str], redis_url: str
) -> None:
    pool = redis.ConnectionPool.from_url(redis_url)
    conn: Any = redis.Redis(connection_pool=pool)
    again = functools.partial(schedules.declared, config.Config.read(env))

    def start() -> scheduler.Scheduler:
        made = scheduler.Scheduler(
            queues.hueys(pool), again(), owner="test", now=lambda: conftest.NOW, again=again
        )
        made.tick()
        return made

    clock = await asyncio.to_thread(start)  # a worker's has no event loop either
    removed = keys.schedule("mrtest-sync-mrtest-main")
    conn.hset(removed, mapping={"removed_at": "1", "removed_by": "asha"})
    body = {**NEW, "kind": "mrtest", "everyHours": 0.5}
    await web.put(f"{CONFIGS}/mrtest-main", json=body, headers=admin)
    await web.put(f"{CONFIGS}/graphy-new", json=NEW, headers=admin)
    off = {**NEW, "enabled": False}
    gone = await web.put(f"{CONFIGS}/graphy-main", json=off, headers=admin)
    assert gone.json()["schedules"] == []
    assert await asyncio.to_thread(clock.tick) == 2, "what is new is due at once"
    assert conn.hget(removed, "declared") == b"every 30 min"
    assert not conn.hexists(removed, "removed_at")
    registered = {name.decode() for name in conn.smembers(keys.SCHEDULES)}
    assert registered > {"mrlearn-sync-graphy-new", "mrlearn-reminders-graphy-new"}
    assert not any(name.endswith("graphy-main") for name in registered)
    pool.disconnect()


async def test_two_configs_of_one_kind_and_interval_are_registered_once_each(
    web: httpx.AsyncClient, admin: dict[str, str], env: dict[str, str], redis_url: str
) -> None:
    for name in ("graphy-main", "graphy-new"):
        saved = await web.put(f"{CONFIGS}/{name}", json={**NEW, "everyHours": 1}, headers=admin)
        assert saved.status_code == 200
    pool = redis.ConnectionPool.from_url(redis_url)
    declared = await asyncio.to_thread(schedules.declared, config.Config.read(env))
    built = queues.hueys(pool)
    clock = scheduler.Scheduler(built, declared, owner="test", now=lambda: conftest.NOW)
    await asyncio.to_thread(clock.tick)
    source, _ = sources.build("huey", {"url": redis_url}, now=lambda: conftest.NOW)
    async with source:
        entities = (await source.sample()).entities
    found = {each.name: each for each in entities if isinstance(each, queue.Schedule)}
    names = {
        f"mrlearn-{what}-graphy-{of}" for what in ("sync", "reminders") for of in ("main", "new")
    }
    assert {found[name].declared for name in names} == {"every 1 h"}
    assert {name: found[name].registered for name in found} == dict.fromkeys(found, 1)
    assert not [each.verdict for each in found.values() if each.verdict.code == "doubled"]
    waiting = built["mrlearnReminderQueue"].pending()
    assert {"graphy-main", "graphy-new"} <= {task.kwargs["config_id"] for task in waiting}
    pool.disconnect()


async def test_what_is_wrong_is_refused(web: httpx.AsyncClient, admin: dict[str, str]) -> None:
    before = await listed(web, admin)
    wrong = [
        ("graphy-main", {**NEW, "kind": "mrtest"}, 409),
        ("graphy-main", {**NEW, "everyHours": 0}, 422),
        ("graphy-main", {**NEW, "baseUrl": "file:///etc/passwd"}, 422),
        ("Graphy Main", NEW, 422),
    ]
    for name, body, status in wrong:
        answer = await web.put(f"{CONFIGS}/{name}", json=body, headers=admin)
        assert answer.status_code == status, answer.text
    kindless = {"baseUrl": "", "everyHours": 1, "apiKey": "hunter2"}
    answer = await web.put(f"{CONFIGS}/graphy-main", json=kindless, headers=admin)
    message = "body.kind: Field required"
    assert answer.json() == {"success": False, "message": message}
    assert (await web.put(f"{CONFIGS}/graphy-main", json=NEW)).status_code == 401
    assert await listed(web, admin) == before


async def test_an_admin_runs_a_sync_now(
    web: httpx.AsyncClient, admin: dict[str, str], env: dict[str, str]
) -> None:
    answer = await web.post(f"{CONFIGS}/graphy-main/run", headers=admin)
    assert answer.status_code == 202
    assert test_routes.waiting_in(env, "mrlearnSyncQueue") == [
        ("syncProgress", {"config_id": "graphy-main"})
    ]
    assert (await web.post(f"{CONFIGS}/nothing/run", headers=admin)).status_code == 404
    assert (await web.post(f"{CONFIGS}/graphy-main/run")).status_code == 401
