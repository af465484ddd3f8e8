"""The world outside: deterministic visitors, and the process itself."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import smtplib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import asyncpg
import httpx
import pytest
import redis

from mrcore import errors
from mrcore.mentor import mail, people, upstreams, visitors
from mrcore.stack import services
from tests import waiting
from tests.core.mentor import conftest


def _first(seed: int, count: int = 300) -> list[visitors.Visit]:
    found = visitors.visits(seed, people.SMALL, lambda: conftest.NOW)
    return list(itertools.islice(found, count))


def test_visits_are_the_same_for_the_same_seed_only() -> None:
    assert _first(7) == _first(7)
    assert _first(7) != _first(8)


def test_two_to_four_visits_a_second_of_every_kind() -> None:
    found = _first(7, 2000)
    assert 2 <= len(found) / sum(visit.pause_s for visit in found) <= 4
    paths = Counter(visit.path.split("/")[2] for visit in found)
    assert set(paths) == {"auth", "leads", "dashboard", "meetings", "slots", "sync", "finance"}


async def test_the_backend_understands_every_visit(url: str) -> None:
    crowd = visitors.Visitors([url], conftest.SEED, conftest.TINY, lambda: conftest.NOW)
    seen = Counter[int]()
    async with httpx.AsyncClient(timeout=waiting.LONG_S) as client:
        found = visitors.visits(conftest.SEED, conftest.TINY, lambda: conftest.NOW)
        for visit in itertools.islice(found, 120):
            answer = await crowd.send(client, url, visit)
            assert answer is not None
            seen[answer.status_code] += 1
    assert set(seen) <= {200, 201, 202, 409}, seen
    assert crowd.counters["2xx"] > 100


async def test_visitors_log_in_with_the_code_and_out_again(
    url: str, app: asyncpg.Connection, redis_url: str
) -> None:
    known = {str(row["id"]): row["email"] for row in await app.fetch("SELECT id, email FROM users")}
    cache = redis.Redis.from_url(redis_url, decode_responses=True)

    def inbox(address: str) -> str | None:
        for key in cache.scan_iter(mail.otp_user_key("*")):
            if known[str(cache.get(key))] == address:
                code = cache.get(mail.otp_key(key.rpartition(":")[2]))
                return str(code) if code else None
        return None

    crowd = visitors.Visitors(
        [url], conftest.SEED, conftest.TINY, lambda: conftest.NOW, inbox=inbox, look_s=0.01
    )
    running = asyncio.create_task(crowd.run())

    async def both() -> bool:
        rows = await app.fetch(
            "SELECT DISTINCT action FROM login_logs WHERE timestamp = $1", conftest.NOW
        )
        return {row["action"] for row in rows} == {"login", "logout"}

    try:
        await waiting.until(both, timeout_s=60)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        cache.close()


async def test_a_backend_that_is_away_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    away = f"http://127.0.0.1:{services.free_port()}"
    crowd = visitors.Visitors([away], conftest.SEED, conftest.TINY, lambda: conftest.NOW)
    async with httpx.AsyncClient(timeout=waiting.LONG_S) as client:
        for visit in _first(7, 5):
            assert await crowd.send(client, away, visit) is None
    assert crowd.counters == {"unanswered": 5}
    assert caplog.text.count("does not answer") == 1


async def test_the_process_announces_itself_serves_mail_and_ends_on_sigterm(
    env: dict[str, str], app: asyncpg.Connection, tmp_path: Path
) -> None:
    port = services.free_port()
    reader, writer = os.pipe()
    told = {"MR_SMTP_PORT": str(port), "MR_SEED": str(conftest.SEED), "MR_BACKENDS": ""}
    log = tmp_path / "upstreams.log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "mrcore", "upstreams"],
            env={**os.environ, **env, **told, "MR_READY_FD": str(writer)},
            pass_fds=[writer],
            stdout=output,
            stderr=output,
        )
    os.close(writer)
    with os.fdopen(reader, "rb") as ready:
        assert await asyncio.to_thread(ready.read, 1) == b"1"
    await asyncio.to_thread(_log_in, port, env)

    async def pointed() -> str:
        query = "SELECT base_url FROM sync_configs WHERE id = 'graphy-main'"
        return str(await app.fetchval(query))

    base = await waiting.until(pointed)
    async with httpx.AsyncClient(base_url=base, timeout=waiting.LONG_S) as client:
        key = people.api_key(conftest.SEED, "graphy")
        answer = await client.get("/graphy/v1/progress", headers={"x-api-key": key})
        assert answer.status_code == 200
        counters = (await client.get("/control/counters")).json()
    assert counters == {"smtp": {"logins": 1}, "http": {"graphy": 1}}
    child.send_signal(signal.SIGTERM)
    await waiting.until(lambda: child.poll() is not None)
    assert child.returncode == 0, log.read_text()
    assert env["EMAIL_PASS"] not in log.read_text()


def _log_in(port: int, env: dict[str, str]) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as server:
        code, _ = server.login(env["EMAIL_USER"], env["EMAIL_PASS"])
    assert code == 235


def test_a_wrong_scale_is_refused_by_name() -> None:
    with pytest.raises(errors.SettingsError, match="MR_SCALE is 'huge'"):
        upstreams.Order.read({"MR_SCALE": "huge"})


async def test_a_taken_mail_port_is_a_sentence(env: dict[str, str]) -> None:
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "mrcore", "upstreams"],
        env={**os.environ, **env, "MR_SMTP_PORT": str(port)},
        capture_output=True,
        text=True,
    )
    server.close()
    assert done.returncode == 2
    assert f"Mail cannot listen on port {port}" in done.stderr
