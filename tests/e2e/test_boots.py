"""Each boot of each process declares its schedules: they are there once, and run once a tick."""

from __future__ import annotations

import contextlib
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from mrcore import client
from mrcore.journal import keys
from mrcore.model import queue
from tests import waiting
from tests.e2e import running


@contextlib.contextmanager
def another_worker(state: Path) -> Iterator[None]:
    """A further `mrcore worker` of a running stack."""
    argv = [*running.MRCORE, "worker", "--state", str(state)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


async def boot(
    state: Path, *, ticks: int = 0
) -> tuple[dict[str, queue.Schedule], dict[str, list[float]]]:
    """A stack with both colours and three workers: its schedules, and when each enqueued.

    It ends when one of them has enqueued so many.
    """
    with running.stack(state) as stack, another_worker(state), another_worker(state):
        conn: Any = redis.Redis.from_url(stack.ready["redis"])
        with contextlib.closing(conn):
            await waiting.until(
                lambda: len(conn.keys(f"{keys.Root().alive('*')}")) >= 3,
                what="three workers",
                timeout_s=60,
            )
            async with client.CoreClient.at(state=state) as core:
                found: dict[str, queue.Schedule] = {}
                while not found:
                    found = await schedules(core)

            def ticked() -> bool:
                return max(map(len, enqueued(conn).values()), default=0) >= ticks

            await waiting.until(ticked, what="ticks", timeout_s=150)
            return found, enqueued(conn)


async def schedules(core: client.CoreClient) -> dict[str, queue.Schedule]:
    """The schedules of huey that screens see; a ref that is there twice fails."""
    live = await core.live()
    rows = [e for source in live.sources for e in source.upserts if isinstance(e, queue.Schedule)]
    assert len({row.ref for row in rows}) == len(rows)
    return {row.name: row for row in rows}


def enqueued(conn: Any) -> dict[str, list[float]]:
    """By schedule: when it enqueued the jobs that are still there, in epoch seconds."""
    found = defaultdict(list)
    for job in conn.keys("mr:journal:*:job:*"):
        at, schedule = conn.hmget(job, "enqueued_at", "schedule")
        if schedule:
            found[schedule.decode()].append(float(at))
    return {name: sorted(ats) for name, ats in found.items()}


@pytest.mark.proof
@pytest.mark.timeout(900)
async def test_ten_boots_two_colours_and_three_workers_leave_each_schedule_once(
    tmp_path: Path,
) -> None:
    first, _ = await boot(tmp_path)
    for _ in range(8):
        await boot(tmp_path)
    last, ran = await boot(tmp_path, ticks=3)
    assert set(last) == set(first)
    assert {row.registered for row in last.values()} == {1}
    for name, row in last.items():
        ats = ran.get(keys.schedule(name), [])
        if row.interval_s:  # a tick that was due while nobody ran comes late, before the next one
            ticks = [int(at / row.interval_s) for at in ats[1:]]  # the first was at once
            assert len(ticks) == len(set(ticks)), f"{name} ran twice for one tick"
