"""RQ: which failed attempts go again, by its own worker, which counts both kinds as one."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import rq
from rq.job import Job

from mrcore import sources
from mrcore.model import queue, ref
from mrcore.sources import base as source_base
from tests.contract import rq_desk, rq_jobs

QUEUE = "exports"
OWNER = ref.make("rq", "queue", QUEUE)
SIDE = 25
"""So many in 20 s are more than one a second."""


@pytest.fixture
def desk(redis_url: str) -> Iterator[rq_desk.Desk]:
    with contextlib.closing(rq_desk.Desk(redis_url)) as made:
        yield made


class Life:
    """A worker that works when it is told, beside a source whose clock goes on when it is told."""

    def __init__(self, desk: rq_desk.Desk) -> None:
        self.desk = desk
        self._at = datetime.now(UTC)
        self._queue = desk.queue(QUEUE)
        self._worker = rq_desk.Worker([self._queue], connection=desk.conn)
        self._worker.register_birth()  # type: ignore[no-untyped-call]
        self._worker.set_state("idle")
        self._worker.log.setLevel("CRITICAL")

    @contextlib.asynccontextmanager
    async def seen(self, url: str) -> AsyncIterator[source_base.Source]:
        made = sources.build("rq", {"url": url}, now=lambda: self._at)[0]
        async with made as source:
            await source.sample()
            yield source

    def work(self, attempts: int) -> None:
        for _ in range(attempts):
            found = self._worker.dequeue_job_and_maintain_ttl(None)
            assert found is not None
            self._worker.execute_job(*found)  # type: ignore[no-untyped-call]
        self._worker.set_state("idle")

    async def says(self, source: source_base.Source) -> tuple[str, dict[str, float]]:
        """The queue's verdict and its points 20 s later."""
        self._at += timedelta(seconds=20)
        sample = await source.sample()
        row = next(one for one in sample.entities if one.ref == OWNER)
        assert isinstance(row, queue.Queue)
        return row.verdict.code, {p.metric: p.value for p in sample.points if p.ref == OWNER}


@pytest.fixture
def life(desk: rq_desk.Desk) -> Life:
    return Life(desk)


@pytest.mark.parametrize("jobs", [1, 10])
async def test_jobs_that_go_again_are_a_storm(jobs: int, life: Life, redis_url: str) -> None:
    for number in range(jobs):
        life.desk.fail(QUEUE, number, retry=rq.Retry(max=60 // jobs), failure_ttl=-1)
    async with life.seen(redis_url) as source:
        life.work(40)
        code, points = await life.says(source)
        assert code == "retry_storm"
        assert points["queue.fail_rate"] == 0
        life.work(20 + jobs)
        _, points = await life.says(source)
        assert points["queue.fail_rate"] == jobs / 40


@pytest.mark.proof
async def test_a_job_that_asks_for_its_retry_goes_again(life: Life, redis_url: str) -> None:
    life.desk.queue(QUEUE).enqueue(rq_jobs.again, 54, failure_ttl=-1)
    async with life.seen(redis_url) as source:
        life.work(5)
        assert (await life.says(source))[0] != "retry_storm"
        life.work(50)
        code, points = await life.says(source)
        assert code == "retry_storm"
        assert points["queue.fail_rate"] == 6 / 40, "the first 5 were not yet known as such"


@pytest.mark.proof
async def test_of_many_that_go_again_those_that_come_next_tell(life: Life, redis_url: str) -> None:
    for number in range(100):
        life.desk.fail(QUEUE, number, retry=rq.Retry(max=3, interval=[600]))
    async with life.seen(redis_url) as source:
        life.work(50)
        code, points = await life.says(source)
        assert code == "retry_storm"
        assert points["queue.fail_rate"] == 30 / 20, "of the others it is not known"


@pytest.mark.parametrize(("before", "after"), [(-1, -1), (None, 0), (10, 100)])
async def test_what_fails_for_good_is_no_storm(
    before: int | None, after: int | None, life: Life, redis_url: str
) -> None:
    for ttl in (before, after):
        for number in range(SIDE):
            life.desk.fail(QUEUE, number, failure_ttl=ttl)
    life.work(SIDE)
    async with life.seen(redis_url) as source:
        life.work(SIDE)
        later = datetime.now(UTC) + timedelta(seconds=20)
        life.desk.queue(QUEUE).failed_job_registry.cleanup(later.timestamp())
        code, points = await life.says(source)
        assert code in ("", "failing")
        assert points["queue.fail_rate"] == SIDE / 20


@pytest.mark.proof
async def test_what_is_requeued_and_fails_again_is_no_storm(life: Life, redis_url: str) -> None:
    ids = [life.desk.fail(QUEUE, number) for number in range(SIDE)]
    life.work(SIDE)
    async with life.seen(redis_url) as source:
        for job_id in ids:
            Job.fetch(job_id, connection=life.desk.conn).requeue()
        life.work(SIDE)
        code, points = await life.says(source)
        assert code == "failing"
        assert points["queue.fail_rate"] == SIDE / 20


async def test_a_few_retries_beside_many_failures_are_no_storm(life: Life, redis_url: str) -> None:
    life.desk.fail(QUEUE, retry=rq.Retry(max=9))
    for number in range(SIDE):
        life.desk.fail(QUEUE, number, failure_ttl=0)
    async with life.seen(redis_url) as source:
        life.work(SIDE + 5)
        code, points = await life.says(source)
        assert code != "retry_storm"
        assert points["queue.fail_rate"] == SIDE / 20
