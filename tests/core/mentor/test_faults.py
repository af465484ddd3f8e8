"""The demo's faults: each begins, leaves what it says it leaves, and ends."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import asyncpg
import httpx
import pytest

from mrcore.mentor import (
    config,
    faults,
    lms,
    mail,
    people,
    queues,
    smtp_sink,
    tools,
    trace,
    upstream_http,
    visitors,
)
from tests import waiting
from tests.core.mentor import conftest, serving, test_routes

NOW_AND_ONCE = faults.Rhythm(first_s=0, hold_s=0, pause_s=60)
NOW_AND_LONG = faults.Rhythm(first_s=0, hold_s=60, pause_s=60)


@contextlib.asynccontextmanager
async def _going(fault: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(fault)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def crowd(url: str) -> visitors.Visitors:
    """Visitors of the healthy backend."""
    return visitors.Visitors([url], conftest.SEED, conftest.TINY, lambda: conftest.NOW)


_SESSIONS = (
    "SELECT application_name, state, cardinality(pg_blocking_pids(pid)) AS blocked_by"
    " FROM pg_stat_activity WHERE application_name LIKE 'mentor-report%'"
    " AND datname = current_database() ORDER BY 1"
)


async def test_the_forgotten_transaction_blocks_two_until_it_is_ended(
    env: dict[str, str], seeded: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = config.Config.read(env).database
    admin = await asyncpg.connect(seeded)
    async with _going(faults.forgotten_transaction(settings, NOW_AND_LONG)):

        async def blocking() -> bool:
            rows = [tuple(row) for row in await admin.fetch(_SESSIONS)]
            # The second reader waits for the first as well as for the report.
            return [(name, state, count > 0) for name, state, count in rows] == [
                (faults.REPORT, "idle in transaction", False),
                *[("mentor-report-reader", "active", True)] * 2,
            ]

        await waiting.until(blocking)
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1"
            " AND datname = current_database()",
            faults.REPORT,
        )

        async def gone() -> bool:
            return not await admin.fetch(_SESSIONS)

        await waiting.until(gone)
        await waiting.until(lambda: "ended early" in caplog.text)
        assert "fault: mentor-report leaves a transaction open" in caplog.text
    await admin.close()


async def test_the_forgotten_transaction_ends_by_itself(
    env: dict[str, str], seeded: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    settings = config.Config.read(env).database
    rhythm = faults.Rhythm(first_s=0, hold_s=0.2, pause_s=60)
    async with _going(faults.forgotten_transaction(settings, rhythm)):
        await waiting.until(lambda: "the open transaction is closed" in caplog.text)


async def test_people_with_dead_addresses_log_in(
    crowd: visitors.Visitors, app: asyncpg.Connection, env: dict[str, str]
) -> None:
    bouncing = people.BOUNCES
    count = "SELECT count(*) FROM users WHERE email LIKE '%' || $1"
    expected = min(5, await app.fetchval(count, bouncing))
    async with _going(faults.bounces(crowd, NOW_AND_ONCE)):
        await waiting.until(lambda: sum(crowd.counters.values()) >= expected > 0)
    assert crowd.counters == {"2xx": expected}
    sent = [payload["to"] for _, payload in test_routes.waiting_in(env, "emailQueue")]
    assert len(sent) == expected
    assert all(to.endswith(bouncing) for to in sent)


def test_a_window_comes_soon_and_lasts_longer_than_a_jobs_attempts() -> None:
    window = faults.Rhythm.of_window
    assert window(7, "smtp") == window(7, "smtp")
    assert window(7, "smtp") != window(8, "smtp")
    named = {queue.name: queue for queue in queues.TABLE}
    jobs = [*named["emailQueue"].jobs, *named["mrtestSyncQueue"].jobs]
    # huey looks for what is due once a second.
    longest_s = max(job.retries * (job.retry_delay_s + 1) for job in jobs)
    for seed in range(50):
        found = window(seed, "smtp")
        assert found.first_s <= 5
        assert longest_s < found.hold_s
        assert 120 < found.pause_s < 300


async def _welcome(at_hand: tools.Tools) -> str:
    return await mail.send_welcome(at_hand, to="a@learners.example", name="A", seller="R")


async def test_mail_that_is_refused_in_the_window_is_sent_after_it(
    at_hand: tools.Tools,
    sink: smtp_sink.Sink,
    crowd: visitors.Visitors,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    async with _going(faults.refused_logins(sink, crowd, NOW_AND_LONG)):
        await waiting.until(lambda: "mail logins are refused (535)" in caplog.text)
        with pytest.raises(smtplib.SMTPAuthenticationError, match="535"):
            await _welcome(at_hand)
    async with _going(faults.refused_logins(sink, crowd, NOW_AND_ONCE)):
        await waiting.until(lambda: "mail logins work again" in caplog.text)
        assert await _welcome(at_hand) == "sent"


async def test_a_sync_that_begins_without_quota_works_when_it_is_retried(
    at_hand: tools.Tools,
    app: asyncpg.Connection,
    sink: smtp_sink.Sink,
    crowd: visitors.Visitors,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    services = upstream_http.Upstreams(conftest.SEED, conftest.TINY, sink, lambda: conftest.NOW)
    async with serving.serving(services.app()) as address:
        await app.execute("UPDATE sync_configs SET base_url = $1", address)
        async with _going(faults.used_up_quota(services, crowd, NOW_AND_LONG)):
            await waiting.until(lambda: crowd.counters["2xx"])
            (task,) = at_hand.queues["mrtestSyncQueue"].pending()
            del task.kwargs[trace.PAYLOAD]
            with pytest.raises(httpx.HTTPStatusError, match="429 Too Many Requests"):
                await lms.sync_results(at_hand, **task.kwargs)
        async with _going(faults.used_up_quota(services, crowd, NOW_AND_ONCE)):
            await waiting.until(lambda: "mrtest answers again" in caplog.text)
            assert await lms.sync_results(at_hand, **task.kwargs) > 0
