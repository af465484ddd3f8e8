"""The finance export: ordered through huey, written by a real `mrcore rqworker`."""

from __future__ import annotations

import asyncio
import csv
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
import redis
import rq

from mrcore.mentor import finance, tools
from tests import waiting


def test_a_month_begins_and_ends_in_india() -> None:
    start, end = finance.bounds("2026-12")
    assert start.astimezone(UTC) == datetime(2026, 11, 30, 18, 30, tzinfo=UTC)
    assert end.astimezone(UTC) == datetime(2026, 12, 31, 18, 30, tzinfo=UTC)


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "", "2026-11-01", "November"])
def test_what_is_no_month_is_refused(month: str) -> None:
    with pytest.raises(ValueError, match="is not a month; write it as 2026-11"):
        finance.bounds(month)


async def test_the_rq_worker_writes_the_months_payments(
    at_hand: tools.Tools,
    app: asyncpg.Connection,
    env: dict[str, str],
    redis_url: str,
    state: Path,
) -> None:
    expected = await app.fetchval(
        "SELECT count(*) FROM payments WHERE status IN ('captured', 'refunded')"
        " AND captured_at >= $1 AND captured_at < $2",
        *finance.bounds("2026-10"),
    )
    job_id = await finance.prepare(at_hand, month="2026-10")
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "mrcore", "rqworker", "--burst"],
        env={**os.environ, **env, "MR_STATE": str(state)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with redis.from_url(redis_url) as connection:
        job = rq.job.Job.fetch(job_id, connection=connection)
        assert job.return_value()["rows"] == expected > 0
        assert job.meta == {"done": expected, "total": expected}
    with (state / "exports" / "payments-2026-10.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == expected
    assert {row["status"] for row in rows} <= {"captured", "refunded"}
    assert list((state / "exports").iterdir()) == [state / "exports" / "payments-2026-10.csv"]


async def test_a_month_without_payments_orders_nothing(
    at_hand: tools.Tools, redis_url: str
) -> None:
    assert await finance.prepare(at_hand, month="1999-01") == ""
    with redis.from_url(redis_url) as connection:
        assert rq.Queue(finance.QUEUE, connection=connection).count == 0


async def test_the_worker_announces_itself_and_ends_on_sigterm(
    env: dict[str, str], redis_url: str, state: Path
) -> None:
    reader, writer = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-m", "mrcore", "rqworker"],
        env={**os.environ, **env, "MR_STATE": str(state), "MR_READY_FD": str(writer)},
        pass_fds=[writer],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    with os.fdopen(reader, "rb") as ready, redis.from_url(redis_url) as connection:
        assert await asyncio.to_thread(ready.read, 1) == b"1"
        assert len(rq.Worker.all(connection=connection)) == 1
        child.send_signal(signal.SIGTERM)
        assert await waiting.until(lambda: child.poll() is not None)
        assert child.returncode == 0
        assert rq.Worker.all(connection=connection) == []


def test_redis_away_is_a_sentence(env: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mrcore", "rqworker"],
        env={**os.environ, **env, "REDIS_PORT": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "mrcore: Redis at 127.0.0.1:1 does not answer." in done.stderr
