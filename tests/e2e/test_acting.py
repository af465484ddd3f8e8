"""What is done on the real stack is done by keys in a real terminal, and undone as it was."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest
import redis

from mrcore.journal import keys
from tests import waiting
from tests.e2e import running, terminal

pytestmark = pytest.mark.xdist_group("stack")

KEY = "acting:kept"
ROLE = "acting_tester"
QUEUE = keys.Root().queue("emailQueue")


@pytest.fixture(scope="module")
def screen(stack: running.Stack) -> Iterator[terminal.Terminal]:
    """A person's terminal, who does one thing after the other in it."""
    with terminal.attached(stack.state) as attached:
        yield attached


@pytest.fixture
def valkey(stack: running.Stack) -> Iterator[Any]:
    """The stack's Valkey itself, beside what the screens say of it."""
    with redis.from_url(stack.ready["redis"]) as connected:
        yield connected


def confirm(screen: terminal.Terminal, titled: str, said: str = "") -> None:
    """See a plan for one target, apply it, and wait for what came of it."""
    screen.until(rf"(?s)─ {titled}.*{said}.*Cancel +Apply to 1")
    screen.press("right", "enter")
    screen.until(rf"● 1 of 1 done · operation \d+: {titled}")


def to_queue(screen: terminal.Terminal, name: str) -> None:
    """The cursor on a queue, whatever the list was filtered by before."""
    screen.press("1")
    screen.until("HEALTH")
    screen.press("2")
    screen.until("▸ queues")
    if re.search(r"\n  /", screen.text):
        screen.press("esc")
        screen.until(lambda text: not re.search(r"\n  /", text))
    screen.filter(name)
    screen.until(rf"▸ . {name} ")


def to_jobs(screen: terminal.Terminal, state: str, pattern: str) -> None:
    """The jobs of emailQueue in a state whose ids match."""
    to_queue(screen, "emailQueue")
    screen.press("enter")
    screen.until(r"▸ emailQueue.*\n(?s:.*)\[\w+ [\d,]+\]")
    to_state(screen, state)
    screen.filter(pattern)


def to_state(screen: terminal.Terminal, state: str) -> None:
    """The tab of a state, which is there once a job is in it."""
    screen.until(rf"\b{state} [\d,]+")
    for _ in range(6):
        tab = re.search(r"\[(\w+) [\d,]+\]", screen.until(r"\[\w+ [\d,]+\]"))
        assert tab is not None
        if tab[1] == state:
            return
        screen.press("tab")
        screen.until(lambda text, last=f"[{tab[1]} ": last not in text)  # type: ignore[misc]


def test_a_deleted_key_comes_back_as_it_was(screen: terminal.Terminal, valkey: Any) -> None:
    valkey.hset(KEY, mapping={"name": "kept", "bytes": b"\x00\xff\x1b[31m"})
    valkey.pexpire(KEY, 3_600_000)
    before = (valkey.dump(KEY), valkey.pexpiretime(KEY))
    screen.press("4")
    screen.until("▸ redis")
    screen.filter(KEY)
    screen.until(rf"▸ {KEY} +hash")
    screen.press("D")
    screen.until(rf"(?s)─ Delete key: {KEY} .*Cancel +Apply to 1")
    screen.press("enter")  # the focus is on Cancel
    screen.until(lambda text: "Apply to 1" not in text)
    assert valkey.exists(KEY)
    screen.press("D")
    confirm(screen, f"Delete key: {KEY}", "undo +possible: puts it back with its TTL")
    assert not valkey.exists(KEY)
    screen.press("u")
    confirm(screen, f"Undo delete key: {KEY}")
    assert (valkey.dump(KEY), valkey.pexpiretime(KEY)) == before
    valkey.delete(KEY)


@contextlib.asynccontextmanager
async def sessions(stack: running.Stack) -> AsyncIterator[tuple[Any, Any, Any]]:
    """Two sessions of a role without rights, and an admin's."""
    dsn = stack.ready["postgres"]
    admin = await asyncpg.connect(dsn)
    await admin.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{ROLE}'")
    made = [
        await asyncpg.connect(
            dsn, user=ROLE, password=ROLE, server_settings={"application_name": f"acting-{name}"}
        )
        for name in ("holder", "waiter")
    ]
    try:
        yield made[0], made[1], admin
    finally:
        for each in made:
            each.terminate()
        await admin.execute(f"DROP ROLE {ROLE}")
        await admin.close()


async def test_who_waits_behind_a_terminated_session_goes_on(
    stack: running.Stack, screen: terminal.Terminal
) -> None:
    async with sessions(stack) as (holder, waiter, admin):
        await holder.execute("BEGIN; SELECT pg_advisory_xact_lock(4711)")
        waits = asyncio.ensure_future(waiter.fetchval("SELECT pg_advisory_xact_lock(4711)::text"))
        pid = holder.get_server_pid()

        async def blocked() -> bool:
            said = "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))"
            return bool(await admin.fetchval(said, pid))

        await waiting.until(blocked)
        screen.press("3")
        screen.until("▸ postgres")
        screen.filter("acting-holder")
        screen.until(rf"▸ . {pid} +idle in tx .*blocks 1")
        screen.press("K")
        confirm(screen, f"Terminate session: pid {pid}", "causes +unblocks 1 session")
        assert await asyncio.wait_for(waits, 30) == ""
        assert holder.is_closed() or await waiting.until(holder.is_closed)
        screen.until(lambda text: not re.search(rf"▸ . {pid} +idle in tx", text))


def test_a_queue_is_paused_and_resumed_by_one_key(screen: terminal.Terminal, valkey: Any) -> None:
    paused = keys.Root().queue("kpiQueue").paused
    to_queue(screen, "kpiQueue")
    screen.until("P pause")
    screen.press("P")
    screen.until(r"● 1 of 1 done · operation \d+: Pause queue: kpiQueue")
    assert valkey.exists(paused)
    screen.until(r"(?s)▸ . kpiQueue .*paused \d+s.*P resume")
    screen.press("P")
    screen.until(r"● 1 of 1 done · operation \d+: Resume queue: kpiQueue")
    assert not valkey.exists(paused)
    screen.until(lambda text: "P pause" in text and not re.search(r"kpiQueue .*paused", text))


def _bounced(valkey: Any) -> str:
    """A job that has failed for good, and does so whenever it is run."""
    for job in valkey.zrevrange(QUEUE.state("failed"), 0, -1):
        error, payload = valkey.hmget(QUEUE.job(job.decode()), "error", "payload")
        if b"550" in (error or b"") and b"@bounce." in (payload or b""):
            return str(job.decode())
    return ""


async def test_a_removed_job_comes_back_and_a_quarantined_one_is_released(
    screen: terminal.Terminal, valkey: Any
) -> None:
    job = await waiting.until(lambda: _bounced(valkey), timeout_s=60, what="a bounced mail")
    key, row = QUEUE.job(job), rf"▸ ✖ {job[:8]} "
    before = (valkey.dump(key), valkey.zscore(QUEUE.state("failed"), job))
    to_jobs(screen, "failed", job[:8])
    screen.until(row)
    screen.press("X")
    confirm(screen, rf"Remove job: .*{job[:8]}", "undo +possible: puts it back where it was")
    assert not valkey.exists(key)
    screen.press("u")
    confirm(screen, rf"Undo remove job: .*{job[:8]}")
    assert (valkey.dump(key), valkey.zscore(QUEUE.state("failed"), job)) == before
    screen.until(row)
    screen.press("Q")
    confirm(screen, rf"Quarantine job: .*{job[:8]}")
    assert valkey.zscore(QUEUE.state("quarantined"), job) is not None
    to_state(screen, "quarantined")
    screen.until(rf"(?s)▸ . {job[:8]} .*Q release")
    screen.press("Q")
    screen.until(rf"● 1 of 1 done · operation \d+: Release job: .*{job[:8]}")
    assert valkey.zscore(QUEUE.state("quarantined"), job) is None
    await waiting.until(lambda: valkey.exists(key) and valkey.hget(key, "state") != b"quarantined")
