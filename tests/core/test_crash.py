"""A core that is killed in the middle of an operation: nothing twice, nothing unaccounted."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mrcore import audit, client
from mrcore.model import core, plans
from mrcore.store import files
from tests import waiting

JOBS = 1_300
EVERY_JOB = plans.Selection(ref="files/queue/all", collection="jobs")


@contextlib.contextmanager
def serving(state: Path, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A core of its own process that answers."""
    argv = [sys.executable, "-m", "tests.core.crash_core", str(state), str(folder)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.parametrize("killed_after", [1, 500, 777])
async def test_kill_9_in_the_middle_of_an_operation(
    state: Path, tmp_path: Path, killed_after: int
) -> None:
    folder = tmp_path / "jobs"
    folder.mkdir()
    for n in range(JOBS):
        (folder / f"job-{n:04}").write_text("failed 0")
    with serving(state, folder) as process:
        async with client.CoreClient.at(state=state) as first:
            plan = await first.plan("queue.retry", EVERY_JOB)
            assert plan.total == JOBS
            started = await first.apply(plan.plan_id, reason="crash test")
            await waiting.until(lambda: len(lines(folder / "calls")) >= killed_after)
            process.kill()
    interrupted = len(lines(folder / "calls"))
    with serving(state, folder):
        async with client.CoreClient.at(state=state) as second:

            async def ended() -> core.Operation | None:
                entity = (await second.detail(started.ref)).entity
                assert isinstance(entity, core.Operation)
                return entity if entity.finished_at else None

            operation = await waiting.until(ended)
            assert (await second.apply(plan.plan_id)).id == started.id
    assert operation is not None
    _each_target_once(folder, interrupted)
    assert operation.done + operation.skipped == JOBS
    assert operation.failed == 0
    _audit_is_complete(state, plan.plan_id)


def _each_target_once(folder: Path, interrupted: int) -> None:
    """Every job was retried once, and only the chunk that was open was given out again."""
    assert {path.read_text() for path in folder.glob("job-*")} == {"waiting 1"}
    calls = Counter(lines(folder / "calls"))
    again = [name for name, count in calls.items() if count == 2]
    assert max(calls.values()) <= 2
    chunk = (interrupted - 1) // 500 if interrupted < JOBS else None
    if chunk is not None:
        assert {int(name[4:]) // 500 for name in again} <= {chunk}


def _audit_is_complete(state: Path, plan_id: str) -> None:
    """Every target has an intent before its one outcome, and the chain holds."""

    def read(connection: sqlite3.Connection) -> list[dict[str, object]]:
        assert audit.verify(connection).broken_at is None
        return [json.loads(b) for (b,) in connection.execute("SELECT body FROM audit ORDER BY seq")]

    ledger = files.ledger(state)
    rows = ledger.run_here(read)
    intended: set[str] = set()
    outcomes: Counter[str] = Counter()
    for row in rows:
        assert row["plan_id"] == plan_id
        refs = row["refs"]
        assert isinstance(refs, list)
        if row["stage"] == "intent":
            intended.update(refs)
        else:
            assert intended.issuperset(refs)
            outcomes.update(refs)
    assert len(outcomes) == JOBS
    assert set(outcomes.values()) == {1}
