"""A core that is killed at any moment of an operation: nothing twice, nothing unaccounted."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from mrcore import client, errors
from mrcore.model import core, plans
from mrcore.store import files
from mrcore.trust import audit
from tests import waiting

JOBS, FEW, CHUNK = 1_300, 12, 4
EVERY_JOB = plans.Selection(ref="files/queue/all", collection="jobs")


@contextlib.contextmanager
def serving(
    state: Path, folder: Path, *death: str, chunk: int = CHUNK
) -> Iterator[subprocess.Popen[str]]:
    """A core of its own process that answers."""
    argv = [sys.executable, "-m", "tests.core.crash_core", str(state), str(folder), str(chunk)]
    with subprocess.Popen([*argv, *death], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@contextlib.asynccontextmanager
async def asking(state: Path) -> AsyncIterator[client.CoreClient]:
    async with client.CoreClient.at(state=state) as own:
        yield own


def fill(folder: Path, count: int) -> None:
    folder.mkdir()
    for n in range(count):
        (folder / f"job-{n:04}").write_text("failed 0")


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


async def ended(own: client.CoreClient, ref: str) -> core.Operation:
    """The operation at its end."""

    async def look() -> core.Operation | None:
        entity = (await own.detail(ref)).entity
        assert isinstance(entity, core.Operation)
        return entity if entity.finished_at else None

    operation = await waiting.until(look)
    assert operation is not None
    return operation


async def act(
    own: client.CoreClient, action: str, selection: plans.Selection = EVERY_JOB
) -> core.Operation:
    """Plan and apply; what was done."""
    plan = await own.plan(action, selection)
    return await ended(own, (await own.apply(plan.plan_id, reason="crash test")).ref)


@pytest.mark.parametrize(
    "killed_after", [*(pytest.param(n, marks=pytest.mark.proof) for n in (1, 500)), 777]
)
async def test_kill_9_in_the_middle_of_a_chunk(
    state: Path, tmp_path: Path, killed_after: int
) -> None:
    folder = tmp_path / "jobs"
    fill(folder, JOBS)
    with serving(state, folder, chunk=500) as process:
        async with asking(state) as first:
            plan = await first.plan("queue.retry", EVERY_JOB)
            assert plan.total == JOBS
            started = await first.apply(plan.plan_id, reason="crash test")
            await waiting.until(lambda: len(lines(folder / "calls")) >= killed_after)
            process.kill()
    interrupted = len(lines(folder / "calls"))
    with serving(state, folder, chunk=500):
        async with asking(state) as second:
            operation = await ended(second, started.ref)
            assert (await second.apply(plan.plan_id)).id == started.id
    _each_target_once(folder, interrupted)
    assert operation.done + operation.skipped == JOBS
    assert operation.failed == 0
    _audit_is_complete(state, started.id, JOBS)


def _each_target_once(folder: Path, interrupted: int) -> None:
    """Every job was retried once, and only the chunk that was open was given out again."""
    assert {path.read_text() for path in folder.glob("job-*")} == {"waiting 1"}
    calls = Counter(lines(folder / "calls"))
    again = [name for name, count in calls.items() if count == 2]
    assert max(calls.values()) <= 2
    chunk = (interrupted - 1) // 500 if interrupted < JOBS else None
    if chunk is not None:
        assert {int(name[4:]) // 500 for name in again} <= {chunk}


def _audit_is_complete(state: Path, operation: int, count: int) -> None:
    """Every target has an intent before its one outcome, and the chain holds."""

    def read(connection: sqlite3.Connection) -> list[dict[str, object]]:
        assert audit.verify(connection).broken_at is None
        return [json.loads(b) for (b,) in connection.execute("SELECT body FROM audit ORDER BY seq")]

    ledger = files.ledger(state)
    rows = [row for row in ledger.run_here(read) if row["operation"] == operation]
    intended: set[str] = set()
    outcomes: Counter[str] = Counter()
    for row in rows:
        refs = row["refs"]
        assert isinstance(refs, list)
        if row["stage"] == "intent":
            intended.update(refs)
        else:
            assert intended.issuperset(refs)
            outcomes.update(refs)
    assert len(outcomes) == count
    assert set(outcomes.values()) == {1}


async def killed_at_a_write(state: Path, folder: Path, action: str, when: str, number: int) -> bool:
    """Kill a core at one write of an operation and look what the next one makes of it.

    False when the operation has not so many writes.
    """
    fill(folder, FEW)
    selection = EVERY_JOB
    with serving(state, folder, when, str(number)) as process:
        async with asking(state) as first:
            if action == "undo":
                removed = await act(first, "job.remove")
                (folder / "did").unlink()
                selection = plans.Selection(refs=(removed.ref,))
            (folder / "armed").touch()
            plan: plans.Plan | None = None
            with contextlib.suppress(errors.CoreUnreachable):
                plan = await first.plan(action, selection)
                await ended(first, (await first.apply(plan.plan_id)).ref)
                process.kill()
                return False
        assert process.wait(20) == -signal.SIGKILL
    with serving(state, folder):
        async with asking(state) as second:
            again = plan or await second.plan(action, selection)
            operation = await ended(second, (await second.apply(again.plan_id)).ref)
            assert operation.state is core.OperationState.DONE
            assert operation.done + operation.skipped == FEW
            assert Counter(lines(folder / "did")) == {f"job-{n:04}": 1 for n in range(FEW)}
            _audit_is_complete(state, operation.id, FEW)
            if action == "job.remove":
                assert operation.done == FEW  # also what the first core has not written down
                await _undone(second, folder, operation)
    return True


async def _undone(own: client.CoreClient, folder: Path, operation: core.Operation) -> None:
    """What was noted as done can be undone, whatever was killed on the way."""
    undone = await act(own, "undo", plans.Selection(refs=(operation.ref,)))
    assert undone.done == operation.done
    restored = [path.read_text() for path in folder.glob("job-*")].count("failed 0")
    assert restored == operation.done


@pytest.mark.parametrize(
    ("action", "when", "number"),
    [
        ("job.remove", "before", 2),  # the begin, with the first intent
        ("job.remove", "before", 3),  # the first outcome, with its mementos
        ("undo", "after", 8),  # the end
    ],
)
async def test_kill_9_at_a_write(
    state: Path, tmp_path: Path, action: str, when: str, number: int
) -> None:
    assert await killed_at_a_write(state, tmp_path / "jobs", action, when, number)


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize("action", ["job.remove", "undo"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_kill_9_at_every_write(tmp_path: Path, action: str, when: str) -> None:
    number = 1
    while True:
        here = tmp_path / str(number)
        here.mkdir()
        if not await killed_at_a_write(here / "state", here / "jobs", action, when, number):
            break
        number += 1
    assert number > 8


async def test_kill_9_while_a_pause_is_wanted(state: Path, tmp_path: Path) -> None:
    folder = tmp_path / "jobs"
    fill(folder, FEW)
    (folder / "hold").touch()
    with serving(state, folder) as process:
        async with asking(state) as first:
            plan = await first.plan("queue.retry", EVERY_JOB)
            operation = await first.apply(plan.plan_id)
            await waiting.until(lambda: lines(folder / "calls"))
            paused = await act(first, "operation.pause", plans.Selection(refs=(operation.ref,)))
            assert paused.done == 1
            process.kill()
    (folder / "hold").unlink()
    with serving(state, folder):
        async with asking(state) as second:

            async def rests() -> bool:
                entity = (await second.detail(operation.ref)).entity
                assert isinstance(entity, core.Operation)
                return entity.state is core.OperationState.PAUSED

            await waiting.until(rests)
            assert lines(folder / "did") == []
            await act(second, "operation.resume", plans.Selection(refs=(operation.ref,)))
            done = await ended(second, operation.ref)
            assert done.done == FEW
    assert Counter(lines(folder / "did")) == {f"job-{n:04}": 1 for n in range(FEW)}
    _audit_is_complete(state, operation.id, FEW)
