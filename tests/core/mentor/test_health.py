"""`GET /api/health` over real servers that stop, go away and come back."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil
import pytest
import redis.asyncio

from mrcore import errors
from mrcore.mentor import app as mentor_app
from mrcore.mentor import config, health, links
from mrcore.stack import services
from tests import servers, waiting
from tests.core.mentor import conftest, serving

BODY = {
    "success",
    "status",
    "message",
    "timestamp",
    "uptime",
    "environment",
    "release",
    "database",
    "redis",
    "health",
    "degraded",
    "age_ms",
    "meetings",
}


@pytest.fixture(scope="module")
def own_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Postgres]:
    """A Postgres that these tests may stop."""
    with servers.postgres(tmp_path_factory.mktemp("own")) as server:
        yield server


@pytest.fixture(scope="module")
def own_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Valkey]:
    """A Valkey that these tests may stop."""
    with servers.valkey(tmp_path_factory.mktemp("own")) as server:
        yield server


@pytest.fixture
def own_env(own_postgres: servers.Postgres, own_valkey: servers.Valkey) -> dict[str, str]:
    """The environment of a backend over them."""
    env = conftest.environment(own_postgres.dsn(), own_valkey.url())
    return {**env, "DB_USERNAME": "mr_admin"}


@contextlib.asynccontextmanager
async def backend(env: dict[str, str], **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A backend that checks twenty times a second."""
    app = mentor_app.create("blue", env, health_interval_s=0.05, **options)
    async with (
        serving.serving(app) as url,
        httpx.AsyncClient(base_url=url, timeout=waiting.LONG_S) as client,
    ):
        yield client


async def ask(client: httpx.AsyncClient, mode: str = "deep") -> tuple[int, dict[str, Any]]:
    answer = await client.get("/api/health", params={"mode": mode})
    return answer.status_code, answer.json()


async def until(client: httpx.AsyncClient, code: int, mode: str = "deep") -> dict[str, Any]:
    async def now() -> dict[str, Any] | None:
        got, body = await ask(client, mode)
        late = "check.age" in body.get("degraded", ())  # this machine is busy: not what is asked
        return body if got == code and not late else None

    found = await waiting.until(now, what=f"{mode} health {code}")
    assert found is not None
    return found


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """SIGSTOP a server and all its children for a while."""
    everyone = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in everyone:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in reversed(everyone):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)


async def test_healthy_has_exactly_the_documented_body(own_env: dict[str, str]) -> None:
    async with backend(own_env) as client:
        body = await until(client, 200)
        assert set(body) == BODY
        assert body["success"] is True
        assert (body["status"], body["message"], body["environment"]) == ("OK", "Healthy", "test")
        assert set(body["database"]) == {
            "connected",
            "ok",
            "latency_ms",
            "saturation",
            "acquire_ms",
        }
        assert set(body["redis"]) == {"connected", "ok", "latency_ms"}
        assert body["database"]["connected"] is body["database"]["ok"] is True
        assert (body["health"], body["degraded"]) == ("pass", [])
        assert 0 <= body["age_ms"] < 15_000


async def test_the_body_tells_no_address_and_no_password(own_env: dict[str, str]) -> None:
    async with backend({**own_env, "DB_PORT": "1"}) as client:
        answer = await client.get("/api/health")
        assert answer.status_code == 503
        for secret in ("127.0.0.1", own_env["REDIS_PORT"], servers.PASSWORD, "mr_admin"):
            assert secret not in answer.text


@pytest.mark.parametrize("which", ["database", "redis"])
async def test_deep_sees_a_stopped_server_and_shallow_does_not(
    own_env: dict[str, str],
    own_postgres: servers.Postgres,
    own_valkey: servers.Valkey,
    which: str,
) -> None:
    other = {"database": "redis", "redis": "database"}[which]
    pid = {"database": own_postgres.pid, "redis": own_valkey.pid}[which]
    async with backend(own_env) as client:
        await until(client, 200)
        await until(client, 200, "shallow")
        with stopped(pid):
            body = await until(client, 503)
            assert (body["success"], body["status"]) == (False, "OK")
            assert body["message"] == "Service unavailable"
            assert (body["health"], body["degraded"]) == ("fail", [which])
            assert body[which]["connected"] is True
            assert body[which]["ok"] is False
            assert body[other]["ok"] is True
            code, shallow = await ask(client, "shallow")
            assert code == 200, "the playbook's check is blind to a wedged server"
            assert shallow[which] == {"connected": True}
        body = await until(client, 200)
        assert body[which]["ok"] is True


async def test_shallow_is_the_playbooks_body_and_can_be_the_default(
    own_env: dict[str, str],
) -> None:
    async with backend({**own_env, "MR_HEALTH": "shallow"}) as client:
        await until(client, 200, "shallow")
        answer = await client.get("/api/health")
        assert answer.status_code == 200
        assert set(answer.json()) == BODY - {"release", "health", "degraded", "age_ms", "meetings"}


async def test_it_starts_without_servers_and_gets_well_when_they_come(
    own_env: dict[str, str], tmp_path: Path
) -> None:
    with servers.valkey(tmp_path / "first") as gone:
        port = gone.port
    env = {**own_env, "REDIS_PORT": str(port)}
    async with backend(env) as client:
        body = await until(client, 503)
        assert body["redis"]["connected"] is False
        assert (await ask(client, "shallow"))[0] == 503
        with _valkey_on(port, tmp_path / "second"):
            await until(client, 200)
            assert (await until(client, 200, "shallow"))["redis"] == {"connected": True}
        body = await until(client, 503)
        assert body["redis"]["connected"] is False
        assert (await ask(client, "shallow"))[0] == 503


@contextlib.contextmanager
def _valkey_on(port: int, folder: Path) -> Iterator[None]:
    folder.mkdir()
    service = services.valkey(port, folder)
    child = subprocess.Popen(
        service.argv,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=service.before_exec,
    )
    try:
        yield
    finally:
        child.send_signal(service.stop)
        child.wait(20)


async def test_a_killed_session_is_replaced(
    own_env: dict[str, str], own_postgres: servers.Postgres
) -> None:
    async with backend(own_env) as client:
        await until(client, 200)
        admin = await asyncpg.connect(own_postgres.dsn())
        try:
            killed = await admin.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'mentor-blue'"
            )
        finally:
            await admin.close()
        assert len(killed) >= links.POOL_MIN
        await until(client, 200)
        await until(client, 200, "shallow")


async def test_a_full_pool_warns_and_keeps_the_traffic(
    own_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "_ACQUIRE_S", 0.1)
    at = links.Links(config.Config.read(own_env), "mentor-blue")
    checker = health.Checker(at, "blue")
    keeping = asyncio.create_task(at.keep())
    try:
        await waiting.until(lambda: at.database_connected and at.redis_connected)
        assert at.pool is not None
        assert at.pool.get_min_size() == 5
        assert at.pool.get_max_size() == 20
        held = [await at.pool.acquire() for _ in range(19)]
        await checker.check()
        assert checker.healthy()
        assert checker.degraded() == ["database.saturation"]
        assert checker.saturation == 1.0
        with pytest.raises(TimeoutError, match="Could not acquire a connection"):
            async with at.database():
                pass
        for connection in held:
            await at.pool.release(connection)
        await checker.check()
        assert checker.degraded() == []
        assert checker.saturation < 0.5
    finally:
        await checker.drop()
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def test_a_check_that_stands_still_is_503(own_env: dict[str, str]) -> None:
    at = links.Links(config.Config.read(own_env), "mentor-blue")
    time = [0.0]
    checker = health.Checker(at, "blue", clock=lambda: time[0])
    checker.database.answered(1)
    checker.redis.answered(1)
    checker.checked_at = 0.0
    assert checker.healthy()
    time[0] = 15.1
    assert not checker.healthy()
    assert checker.degraded() == ["check.age"]
    await at.redis.aclose()
    await at.canary.aclose()


async def test_an_exception_in_the_check_is_500(own_env: dict[str, str]) -> None:
    def broken() -> Any:
        raise RuntimeError("no clock")

    async with backend(own_env, now=broken) as client:
        code, body = await ask(client)
        assert code == 500
        assert body == {"success": False, "status": "OK", "message": "Internal server error"}


async def test_the_canary_is_written_with_an_expiry(
    own_env: dict[str, str], own_valkey: servers.Valkey
) -> None:
    async with backend(own_env) as client:
        await until(client, 200)
        async with redis.asyncio.from_url(own_valkey.url()) as cache:
            key = health.CANARY.format("blue")
            assert await cache.get(key)
            assert 0 < await cache.ttl(key) <= 10


def test_an_unknown_health_mode_is_refused_by_name() -> None:
    with pytest.raises(errors.SettingsError, match="MR_HEALTH is 'deepest'"):
        config.Config.read({"MR_HEALTH": "deepest"})
