"""When an engine forgets a job: what its own retention says, as the pane counts down to it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from rq.job import Job

from mrcore import sources
from mrcore.model import plans, queue
from mrcore.sources import base as source_base
from mrtui.columns import job as job_columns
from tests import servers
from tests.contract import rq_desk
from tests.node import engines

QUEUE = "trimmed"


async def ended(source: source_base.Source, state: str) -> list[queue.Job]:
    query, owner = plans.Query(state=state, limit=300), f"{source.name}/queue/{QUEUE}"
    page = await source.page(owner, "jobs", query, None, 0)
    rows = [row for row in page.rows if isinstance(row, queue.Job)]
    told = (await source.detail(rows[0].ref)).entity
    assert isinstance(told, queue.Job)
    assert (told.trims_at is None) == (rows[0].trims_at is None)
    assert any(column.title == "trims" for column in job_columns.table_of(rows).columns) == any(
        row.trims_at is not None for row in rows
    )
    return rows


async def test_rqs_time_to_live_is_when_it_is_trimmed(redis_url: str) -> None:
    with contextlib.closing(rq_desk.Desk(redis_url)) as desk:
        failed = desk.fail(QUEUE, failure_ttl=3_600)
        done, kept = desk.send(QUEUE, result_ttl=600), desk.send(QUEUE, result_ttl=-1)
        desk.run_all(QUEUE)
        async with sources.build("rq", {"url": redis_url})[0] as source:
            (row,) = await ended(source, "failed")
            ends = Job.fetch(failed, connection=desk.conn).ended_at
            assert ends is not None
            assert row.trims_at is not None
            hour = (row.trims_at - ends.replace(tzinfo=UTC)).total_seconds()
            assert hour == pytest.approx(3_600, abs=2)
            rows = {row.id: row.trims_at for row in await ended(source, "completed")}
            at = datetime.fromtimestamp(desk.conn.expiretime(f"rq:job:{done}"), UTC)
            assert rows[done] is not None
            assert abs(rows[done] - at) <= timedelta(seconds=2)
            assert rows[kept] is None, "kept for ever"


@pytest.fixture
def node(valkey: servers.Valkey, redis_url: str, node_modules: object) -> Iterator[engines.Engine]:
    db = int(redis_url.rpartition("/")[2])
    with contextlib.closing(engines.Engine(valkey.port, db=db)) as made:
        yield made


async def test_bullmqs_age_and_count_are_when_it_is_trimmed(
    node: engines.Engine, redis_url: str
) -> None:
    node.add(QUEUE, "send", {"fails": -1}, removeOnFail={"age": 3_600, "count": 5})
    node.add(QUEUE, "send", {"fails": -1})
    counted = {"name": "send", "data": {}, "opts": {"removeOnComplete": 150}}
    node("bulk", QUEUE, jobs=[counted] * 120)
    node("run", QUEUE)
    async with sources.build("bullmq", {"url": redis_url})[0] as source:
        kept, aged = await ended(source, "failed")
        assert kept.trims_at is None
        assert aged.trims_at is not None
        assert aged.finished_at is not None
        assert aged.trims_at - aged.finished_at == timedelta(hours=1)
        done = await ended(source, "completed")
        left = [row.trims_at for row in done if row.trims_at is not None]
        assert len(left) == len(done) == 120
        assert left == sorted(left, reverse=True), "the oldest goes first"
