"""A core that is killed in the middle of a retry, on every engine: no job lost, none run twice.

The engine's own library counts the runs: each job failed once, and ran once more.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections import Counter
from collections.abc import Iterator
from multiprocessing import process
from pathlib import Path

import pytest

from mrcore import client, errors
from mrcore.model import core, plans, ref
from tests import waiting
from tests.core import harness, retry_core
from tests.lives import engine, opening, script

FEW, WHOLE = 300, 10_000
PATIENCE_S = 300.0


@pytest.fixture(params=opening.KINDS)
def on(request: pytest.FixtureRequest, redis_url: str, tmp_path: Path) -> Iterator[engine.Engine]:
    with opening.opened(request.param, redis_url, tmp_path) as made:
        yield made


@contextlib.contextmanager
def dying(
    on: engine.Engine, state: Path, chunk: int, when: str, number: int
) -> Iterator[process.BaseProcess]:
    """A core of its own process that answers, and will kill itself."""
    spawn = multiprocessing.get_context("forkserver")  # what they import is loaded once
    spawn.set_forkserver_preload([retry_core.__name__])
    heard, said = spawn.Pipe(duplex=False)
    args = (said, state, {on.kind: on.table()}, chunk, when, number)
    child = spawn.Process(target=retry_core.run, args=args, daemon=True)
    child.start()
    said.close()
    try:
        with heard:
            assert heard.recv() == "ready"
        yield child
    finally:
        child.kill()
        child.join(20)


async def ended(own: client.CoreClient, of: str) -> core.Operation:
    """The operation at its end."""

    async def look() -> core.Operation | None:
        entity = (await own.detail(of)).entity
        assert isinstance(entity, core.Operation)
        return entity if entity.finished_at else None

    operation = await waiting.until(look, timeout_s=PATIENCE_S)
    assert operation is not None
    return operation


async def planned(own: client.CoreClient, on: engine.Engine, count: int) -> plans.Plan:
    """A plan to retry all that has failed, once the core has found the queue."""
    owner = ref.make(on.kind, "queue", on.queue)
    query = plans.Query(state="failed")
    whole = plans.Selection(ref=owner, collection="jobs", query=query)

    async def there() -> bool:
        live = await own.live()
        return any(one.ref == owner for source in live.sources for one in source.upserts)

    await waiting.until(there, what=owner)
    plan = await own.plan("queue.retry", whole)
    assert plan.total == count
    return plan


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("count", "chunk", "when", "number"),
    [
        (FEW, 100, "before", 3),  # what was done of the first chunk is not written down
        pytest.param(WHOLE, 500, "before", 9, marks=pytest.mark.proof),
        pytest.param(WHOLE, 500, "after", 20, marks=pytest.mark.proof),
    ],
)
async def test_killed_in_the_middle_of_a_retry_and_resumed(
    on: engine.Engine, state: Path, count: int, chunk: int, when: str, number: int
) -> None:
    on.send([script.Job(n, script.Fate.RETRIED, 1, f"535-5.7.8 refused {n}") for n in range(count)])
    on.run()
    assert on.counts()["failed"] == count
    with dying(on, state, chunk, when, number) as child:
        async with client.CoreClient.at(state=state) as first:
            plan = await planned(first, on, count)
            (state / retry_core.ARMED).touch()
            with contextlib.suppress(errors.CoreUnreachable):
                started = await first.apply(plan.plan_id, reason="crash test")
                await ended(first, started.ref)
        child.join(20)
        assert child.exitcode == -signal.SIGKILL
    left = on.counts()
    assert 0 < left["failed"] < count
    assert left["failed"] + left["waiting"] == count
    tables = {on.kind: on.table()}
    async with harness.running(state, sources=tables) as here, here.client() as second:
        operation = await ended(second, (await second.apply(plan.plan_id)).ref)
    assert operation.done + operation.skipped == count
    assert operation.failed == 0
    on.run()
    runs = Counter((told.state, told.attempts) for told in on.told().values())
    assert runs == {("completed", 2): count}
