"""RQ: what its library says is what is shown, nothing is unpickled, and no job is lost."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import pickle
import signal
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import rq
from rq import suspension
from rq.job import Job
from rq.results import Result
from rq.serializers import DefaultSerializer, JSONSerializer

from mrcore import errors, sources
from mrcore.model import base, plans, queue, ref, wire
from mrcore.sources import base as source_base
from mrcore.sources.engine import grouping, walking
from mrcore.sources.rq import keys
from tests import servers
from tests.contract import rq_desk

QUEUE = "exports"
OWNER = ref.make("rq", "queue", QUEUE)
ASHA = plans.By(login="asha", reason="the server is back", operation=7)
FAILED = plans.Query(state="failed")


@pytest.fixture
def desk(redis_url: str) -> Iterator[rq_desk.Desk]:
    with contextlib.closing(rq_desk.Desk(redis_url)) as made:
        yield made


@contextlib.asynccontextmanager
async def opened(url: str, **more: Any) -> AsyncIterator[source_base.Source]:
    async with sources.build("rq", {"url": url, **more})[0] as source:
        await source.sample()
        yield source


async def planned(
    source: source_base.Source, action: str, selection: plans.Selection, **args: Any
) -> list[source_base.Planned]:
    return [part async for part in source.plan(action, selection, args, lambda done, total: None)]


def targets(parts: list[source_base.Planned]) -> list[plans.Target]:
    return [part for part in parts if isinstance(part, plans.Target)]


async def the_queue(source: source_base.Source) -> queue.Queue:
    found = {entity.ref: entity for entity in (await source.sample()).entities}
    row = found[OWNER]
    assert isinstance(row, queue.Queue)
    return row


def section(detail: wire.Detail, name: str) -> wire.Section:
    return next(one for one in detail.sections if one.id == name)


class Evil:
    """A pickle that makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


async def test_a_malicious_pickle_is_shown_as_bytes(
    desk: rq_desk.Desk, redis_url: str, tmp_path: Path
) -> None:
    trap = tmp_path / "executed"
    evil = pickle.dumps(Evil(trap))
    job_id = desk.fail(QUEUE)
    desk.run_all(QUEUE)
    value = base64.b64encode(evil)
    desk.conn.xadd(keys.results(job_id), {"type": 1, "return_value": value})
    desk.conn.hset(keys.job(job_id), mapping={"data": zlib.compress(evil), "meta": evil})
    job = ref.make("rq", "job", QUEUE, job_id)
    async with opened(redis_url) as source:
        for collection, query in (("jobs", FAILED), ("found", plans.Query(text="refuse"))):
            assert (await source.page(OWNER, collection, query, None, 0)).rows
        assert (await source.page(OWNER, "groups", plans.Query(), None, 0)).rows
        for detail in (await source.detail(job), await source.reveal(job)):
            payload = section(detail, "payload").data
            assert isinstance(payload, dict)
            assert "mkdir" in str(payload["data"])
            assert "mkdir" in str(payload["meta"])
        for action in ("job.duplicate", "queue.retry"):
            parts = await planned(source, action, plans.Selection(refs=(job,)))
            await source.apply(action, targets(parts), {}, ASHA)
    assert job_id in desk.ids(QUEUE, "queued")
    assert desk.conn.hget(keys.job(job_id), "meta") == evil
    assert not trap.exists()


async def test_what_has_expired_is_counted_no_more_as_rq_counts(
    desk: rq_desk.Desk, redis_url: str
) -> None:
    ever = {"failure_ttl": -1, "result_ttl": -1}
    for name, one in (("failed", desk.fail), ("finished", desk.send)):
        one(QUEUE, **ever)
        _, over = one(QUEUE), one(QUEUE)
        desk.run_all(QUEUE)
        desk.conn.zadd(keys.where(name, QUEUE), {over: 1_700_000_000})
        desk.conn.delete(keys.job(over))
    async with opened(redis_url) as source:
        counts = (await the_queue(source)).counts
        page = await source.page(OWNER, "jobs", FAILED, None, 0)
    rqs = desk.queue(QUEUE)
    theirs = (rqs.failed_job_registry.count, rqs.finished_job_registry.count)
    assert (counts.failed, counts.completed) == theirs == (2, 2)
    assert (len(page.rows), page.looked.total) == (2, 2)


async def test_what_failed_and_is_kept_for_ever_can_be_found_retried_and_cleaned(
    desk: rq_desk.Desk, redis_url: str
) -> None:
    job_id = desk.fail(QUEUE, failure_ttl=-1)
    desk.run_all(QUEUE)
    of = ref.make("rq", "job", QUEUE, job_id)
    async with opened(redis_url) as source:
        assert "queue.clean" in (await the_queue(source)).actions
        for collection, text in (("jobs", ""), ("found", "refuse")):
            query = plans.Query(state="failed", text=text)
            (found,) = (await source.page(OWNER, collection, query, None, 0)).rows
            assert found.ref == of
        (group,) = (await source.page(OWNER, "groups", plans.Query(), None, 0)).rows
        assert isinstance(group, queue.FailureGroup)
        assert group.jobs == 1
        every = plans.Selection(ref=OWNER, collection="jobs", query=FAILED)
        (target,) = targets(await planned(source, "queue.retry", every))
        assert target.ref == of
        clean = plans.Selection(refs=(OWNER,))
        parts = await planned(source, "queue.clean", clean, state="failed", older_s=0)
        assert [one.ref for one in targets(parts)] == [of]
        (outcome,) = await source.apply("queue.retry", [target], {}, ASHA)
        assert outcome.outcome is plans.Outcome.DONE
        assert (await the_queue(source)).counts.failed == 0
    assert desk.ids(QUEUE, "queued") == [job_id]


async def test_a_page_whose_reading_took_long_shows_all_that_was_read(
    desk: rq_desk.Desk, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "BUDGET_S", 0.0)
    for _ in range(5):
        desk.send(QUEUE)
    async with opened(redis_url) as source:
        page = await source.page(OWNER, "jobs", plans.Query(state="waiting"), None, 0)
        part = await source.page(OWNER, "jobs", plans.Query(state="waiting", limit=2), None, 0)
        looked = await source.page(OWNER, "jobs", plans.Query(state="waiting", text="a"), None, 0)
    assert (len(page.rows), page.cursor) == (5, None)
    assert (len(part.rows), bool(part.cursor)) == (2, True)
    assert looked.looked.scanned == 1


async def test_a_retry_writes_what_rq_itself_would_write(
    desk: rq_desk.Desk, redis_url: str
) -> None:
    ours, theirs = (desk.fail(QUEUE, 1, meta={"user": 7}) for _ in range(2))
    desk.run_all(QUEUE)
    Job.fetch(theirs, connection=desk.conn).requeue()
    async with opened(redis_url) as source:
        selection = plans.Selection(refs=(ref.make("rq", "job", QUEUE, ours),))
        parts = await planned(source, "queue.retry", selection)
        (outcome,) = await source.apply("queue.retry", targets(parts), {}, ASHA)
    assert outcome.outcome is plans.Outcome.DONE
    hashes = [desk.conn.hgetall(keys.job(job_id)) for job_id in (ours, theirs)]
    moments = (b"created_at", b"enqueued_at", b"last_heartbeat")
    told = [{name: v for name, v in one.items() if name not in moments} for one in hashes]
    assert told[0] == told[1]
    assert hashes[0].keys() == hashes[1].keys()
    ttls = [desk.conn.ttl(keys.job(job_id)) for job_id in (ours, theirs)]
    assert abs(ttls[0] - ttls[1]) <= 2
    assert desk.ids(QUEUE, "queued") == [theirs, ours]
    assert desk.ids(QUEUE, "failed") == []
    desk.run_all(QUEUE)
    assert sorted(desk.ids(QUEUE, "failed")) == sorted([ours, theirs])
    assert Result.count(Job.fetch(ours, connection=desk.conn)) == 2


_RETRY = """
import asyncio, sys
from mrcore import sources
from mrcore.model import plans
async def main(url):
    async with sources.build("rq", {"url": url})[0] as source:
        query = plans.Query(state="failed")
        selection = plans.Selection(ref="rq/queue/exports", collection="jobs", query=query)
        parts = source.plan("queue.retry", selection, {}, lambda done, total: None)
        found = [part async for part in parts if isinstance(part, plans.Target)]
        for start in range(0, len(found), 500):
            by = plans.By(login="asha", operation=7)
            print(start, flush=True)
            await source.apply("queue.retry", found[start : start + 500], {}, by)
asyncio.run(main(sys.argv[1]))
"""


async def test_killed_in_the_middle_of_a_retry_no_job_is_lost_or_there_twice(
    desk: rq_desk.Desk, redis_url: str
) -> None:
    every = set(desk.heap(QUEUE, 3_000))
    child = subprocess.Popen(
        [sys.executable, "-c", _RETRY, redis_url], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    for line in child.stdout:
        if line == "1000\n":
            break
    child.send_signal(signal.SIGKILL)
    child.wait(20)
    child.stdout.close()
    queued, failed = desk.ids(QUEUE, "queued"), desk.ids(QUEUE, "failed")
    assert len(queued) == len(set(queued)) >= 1_000
    assert set(queued) | set(failed) == every
    assert not set(queued) & set(failed)
    async with opened(redis_url) as source:
        selection = plans.Selection(ref=OWNER, collection="jobs", query=FAILED)
        rest = targets(await planned(source, "queue.retry", selection))
        assert len(rest) == len(failed)
        for start in range(0, len(rest), 500):
            await source.apply("queue.retry", rest[start : start + 500], {}, ASHA)
    assert sorted(desk.ids(QUEUE, "queued")) == sorted(every)


async def test_reading_needs_no_more_than_read(desk: rq_desk.Desk, redis_url: str) -> None:
    failed, fine = desk.fail(QUEUE), desk.send(QUEUE)
    desk.run_all(QUEUE)
    desk.stand(QUEUE)
    user = servers.new_name("reader")
    # SELECT is no command of @read; database 0 needs none.
    acl = ("ACL", "SETUSER", user, "on", f">{servers.PASSWORD}", "+@read", "+select", "~*")
    desk.conn.execute_command(*acl)
    url = redis_url.replace("redis://", f"redis://{user}:{servers.PASSWORD}@")
    async with opened(url) as source:
        row = await the_queue(source)
        assert (row.counts.failed, row.counts.completed, row.workers) == (1, 1, 1)
        assert row.actions == ()
        for collection in ("jobs", "groups", "found"):
            assert (await source.page(OWNER, collection, plans.Query(), None, 0)).rows
        job = ref.make("rq", "job", QUEUE, failed)
        detail = await source.detail(job)
        assert "535" in section(detail, "attempt/1").text
        like = await source.page(ref.make("rq", "job", QUEUE, fine), "like", plans.Query(), None, 0)
        assert len(like.rows) == 1
        needs = next(one for one in source.describe().capabilities if "needs ACL" in one)
        found = await sources.examine("rq", {"url": url})
        line = next(one.fix for one in found if not one.ok)
        assert needs.endswith(line)
        (out,) = await source.apply("queue.retry", [await _target(redis_url, job)], {}, ASHA)
        assert out.outcome is plans.Outcome.FAILED
        assert "needs" in out.why
    desk.conn.execute_command(*line.split())
    async with opened(url) as source:
        (out,) = await source.apply("queue.retry", [await _target(redis_url, job)], {}, ASHA)
        assert out.outcome is plans.Outcome.DONE, out.why
        assert "queue.pause" in (await the_queue(source)).actions
    desk.conn.execute_command("ACL", "DELUSER", user)


async def _target(url: str, of: base.Ref) -> plans.Target:
    async with opened(url) as source:
        (one,) = targets(await planned(source, "queue.retry", plans.Selection(refs=(of,))))
        return one


async def test_a_queue_says_what_is_wrong_with_it(desk: rq_desk.Desk, redis_url: str) -> None:
    desk.send(QUEUE)
    async with opened(redis_url) as source:
        assert (await the_queue(source)).verdict.code == "no_worker"
        name = desk.stand(QUEUE)
        assert (await the_queue(source)).verdict == base.OK
        desk.conn.delete(f"rq:worker:{name}")  # as when its time to live is over
        sample = await source.sample()
        worker = next(e for e in sample.entities if e.ref == ref.make("rq", "worker", name))
        assert worker.verdict.code == "dead"
        desk.stand(QUEUE)
        desk.conn.set(keys.SUSPENDED, 1)  # rq suspend
        row = await the_queue(source)
        assert row.verdict.code == "paused"
        assert row.paused_since is not None
        assert (await the_queue(source)).paused_since == row.paused_since


async def test_a_queue_that_had_no_job_yet_is_that_of_its_worker(
    desk: rq_desk.Desk, redis_url: str
) -> None:
    desk.stand(QUEUE)
    async with opened(redis_url) as source:
        row = await the_queue(source)
        assert (row.workers, row.counts) == (1, queue.Counts())
        assert (await source.page(OWNER, "jobs", plans.Query(), None, 0)).rows == ()


async def test_a_pause_says_that_it_is_of_all_queues(desk: rq_desk.Desk, redis_url: str) -> None:
    for name in (QUEUE, "mails"):
        desk.send(name)
    async with opened(redis_url) as source:
        both = plans.Selection(refs=(OWNER, ref.make("rq", "queue", "mails")))
        parts = await planned(source, "queue.pause", both)
        assert len(targets(parts)) == 1
        (left,) = (part for part in parts if isinstance(part, plans.LeftOut))
        assert "only one pause" in left.why
        remarks = [part.text for part in parts if isinstance(part, plans.Remark)]
        assert any("all 2 queues" in text and "mails" in text for text in remarks)
        await source.apply("queue.pause", targets(parts), {}, ASHA)
        row = await the_queue(source)
        assert (row.paused_by, row.paused_why) == ("asha", "the server is back")
        assert row.actions[0] == "queue.resume"
    assert suspension.is_suspended(desk.conn)


async def test_what_has_expired_is_not_retried(desk: rq_desk.Desk, redis_url: str) -> None:
    desk.fail(QUEUE)
    desk.run_all(QUEUE)
    late = datetime.now(UTC) + timedelta(minutes=7)
    table = {"url": redis_url, "age_limits": {"refuse": 300}}
    source = sources.build("rq", table, now=lambda: late)[0]
    async with source:
        selection = plans.Selection(ref=OWNER, collection="jobs", query=FAILED)
        (left,) = await planned(source, "queue.retry", selection)
        assert isinstance(left, plans.LeftOut)
        assert left.why == "its code has expired 2 min ago"
        (row,) = (await source.page(OWNER, "jobs", FAILED, None, 0)).rows
        assert isinstance(row, queue.Job)
        assert row.expires_at is not None
        assert row.trims_at is not None  # RQ's own time to live, a year
        assert row.trims_at - late > timedelta(days=300)


async def test_a_retry_makes_no_code_younger_and_none_is_sent_late(
    desk: rq_desk.Desk, redis_url: str
) -> None:
    job_id = desk.fail(QUEUE)
    desk.run_all(QUEUE)
    now = datetime.now(UTC)
    made = now - timedelta(minutes=4)
    desk.conn.hset(keys.job(job_id), "created_at", f"{made:%Y-%m-%dT%H:%M:%S.%fZ}")
    table = {"url": redis_url, "age_limits": {"rq_jobs.refuse": 300}}
    clock = [now]
    of = ref.make("rq", "job", QUEUE, job_id)
    async with sources.build("rq", table, now=lambda: clock[0])[0] as source:
        selection = plans.Selection(refs=(of,))
        for action in ("queue.retry", "job.duplicate"):
            (target,) = targets(await planned(source, action, selection))
            clock[0] = now + timedelta(minutes=3)
            (outcome,) = await source.apply(action, [target], {}, ASHA)
            assert (outcome.outcome, outcome.why) == ("skipped", "Its code has expired 2 min ago.")
            (left, *_) = await planned(source, action, selection)
            assert isinstance(left, plans.LeftOut)
            assert left.why == "its code has expired 2 min ago"
            clock[0] = now
    assert desk.conn.llen(f"rq:queue:{QUEUE}") == 0


@pytest.mark.parametrize("serializer", [JSONSerializer, DefaultSerializer])
async def test_a_payload_that_can_be_read_says_when_it_expires(
    desk: rq_desk.Desk, redis_url: str, serializer: Any
) -> None:
    now = datetime.now(UTC)
    readable = rq.Queue(QUEUE, connection=desk.conn, serializer=serializer)
    for minutes in (-3, 60):
        ends = (now + timedelta(minutes=minutes)).isoformat()
        readable.enqueue("tests.contract.rq_jobs.refuse", {"expiresAt": ends})
    rq_desk.Worker([readable], connection=desk.conn, serializer=serializer).work(burst=True)
    large = desk.fail(QUEUE)
    desk.run_all(QUEUE)
    desk.conn.hset(keys.job(large), "data", zlib.compress(pickle.dumps("x" * 100_000)))
    selection = plans.Selection(ref=OWNER, collection="jobs", query=FAILED)
    async with opened(redis_url) as source:
        parts = await planned(source, "queue.retry", selection)
        assert len(targets(parts)) == 2, "one lasts for an hour, of one nobody knows"
        (left,) = (part for part in parts if isinstance(part, plans.LeftOut))
        assert left.why == "its code has expired 3 min ago"
        said = [part.text for part in parts if isinstance(part, plans.Remark)]
        assert "1 payload is pickled and not read: only age limits by name expire these" in said
        expired = (await source.detail(left.samples[0])).entity
        assert isinstance(expired, queue.Job)
        assert expired.expires_at is not None
        assert expired.expires_at < now


async def test_of_very_many_that_wait_for_one_a_few_are_read(
    desk: rq_desk.Desk, redis_url: str
) -> None:
    first = desk.send(QUEUE)
    desk.conn.sadd(f"{keys.job(first)}:dependents", *(f"job-{n}" for n in range(5_000)))
    async with opened(redis_url) as source:
        await the_queue(source)
        desk.conn.config_resetstat()
        found = await source.detail(ref.make("rq", "job", QUEUE, first))
    said = {field.name: field.value for field in section(found, "flow").fields}
    more = 5_000 - (len(said) - 1)
    assert said["more"] == f"{more:,} that are not shown"
    assert len(said) <= 51
    asked = desk.conn.info("commandstats")
    assert asked["cmdstat_sscan"]["calls"] == 2
    assert "cmdstat_smembers" not in asked


async def test_what_waits_for_another_is_shown_with_it(desk: rq_desk.Desk, redis_url: str) -> None:
    first = desk.send(QUEUE)
    then = desk.send(QUEUE, depends_on=first)
    async with opened(redis_url) as source:
        assert (await the_queue(source)).counts.waiting_children == 1
        child, parent = (ref.make("rq", "job", QUEUE, job_id) for job_id in (then, first))
        (field,) = section(await source.detail(child), "flow").fields
        assert (field.value, field.ref) == ("waiting", parent)
        (field,) = section(await source.detail(parent), "flow").fields
        assert (field.value, field.ref) == ("waiting_children", child)


async def test_rates_are_made_of_what_workers_have_done(desk: rq_desk.Desk, redis_url: str) -> None:
    name = desk.stand(QUEUE)
    desk.send(QUEUE)
    desk.send(QUEUE)
    passed = timedelta()
    made = sources.build("rq", {"url": redis_url}, now=lambda: datetime.now(UTC) + passed)[0]
    async with made as source:
        await source.sample()
        desk.conn.lpop(keys.where("queued", QUEUE))
        desk.conn.hset(f"rq:worker:{name}", "successful_job_count", 1)
        points = {p.metric: p.value for p in (await source.sample()).points if p.ref == OWNER}
        assert "queue.out_rate" not in points, "a moment is too short to know"
        passed = timedelta(seconds=20)
        points = {p.metric: p.value for p in (await source.sample()).points if p.ref == OWNER}
        assert points["queue.out_rate"] == pytest.approx(0.05, abs=0.02)
        assert points["queue.in_rate"] == points["queue.fail_rate"] == 0


async def test_failures_are_grouped_and_acted_on(
    desk: rq_desk.Desk, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, "BUDGET_S", 60.0)  # however slow this machine is
    desk.heap(QUEUE, 300)
    async with opened(redis_url) as source:
        page = await source.page(OWNER, "groups", plans.Query(), None, 0)
        (group,) = page.rows
        assert isinstance(group, queue.FailureGroup)
        assert (group.jobs, group.code, group.names) == (300, "535 5.7.8", ("refuse",))
        assert group.frame == "mail.py:send" or group.frame.endswith("mail.py:send")
        query = plans.Query(state="failed", fingerprint=group.fingerprint)
        selection = plans.Selection(ref=OWNER, collection="jobs", query=query)
        found = targets(await planned(source, "queue.retry", selection))
        assert len(found) == 300
        outcomes = await source.apply("queue.retry", found, {}, ASHA)
        assert {outcome.outcome for outcome in outcomes} == {plans.Outcome.DONE}
        fared = await source.fared("queue.retry", found[:2])
        assert {one.state for one in fared} == {"pending"}
        desk.run_all(QUEUE)
        (one,) = await source.fared("queue.retry", found[:1])
        assert (one.state, one.ref) == ("failed", found[0].ref)


async def test_groups_are_followed(desk: rq_desk.Desk, redis_url: str) -> None:
    desk.heap(QUEUE, 2)
    async with opened(redis_url) as source:
        page = await source.page(OWNER, "groups", plans.Query(), None, 30)
        assert [row.jobs for row in page.rows if isinstance(row, queue.FailureGroup)] == [2]
        follow = asyncio.create_task(source.page(OWNER, "groups", plans.Query(), page.cursor, 30))
        desk.heap(QUEUE, 1)
        page = await follow
        assert [row.jobs for row in page.rows if isinstance(row, queue.FailureGroup)] == [3]
        again = await source.page(OWNER, "groups", plans.Query(), page.cursor, 0.01)
        assert again.rows == ()


async def test_another_failure_of_the_newest_second_is_seen(
    desk: rq_desk.Desk, redis_url: str
) -> None:
    spare, old, *newest = sorted(desk.heap(QUEUE, 4))
    failed = keys.where("failed", QUEUE)
    desk.conn.hset(keys.job(spare), "description", "jobs.other('x')")
    desk.conn.zrem(failed, spare)
    desk.conn.zadd(failed, {old: 1_000, **dict.fromkeys(newest, 2_000)})
    async with opened(redis_url) as source:

        async def names() -> list[tuple[str, ...]]:
            rows = (await source.page(OWNER, "groups", plans.Query(), None, 0)).rows
            return [row.names for row in rows if isinstance(row, queue.FailureGroup)]

        assert await names() == [("refuse",)]
        desk.conn.zrem(failed, old)  # as many as before, and the same one on top
        desk.conn.zadd(failed, {spare: 2_000})
        (found,) = await names()
        assert set(found) == {"refuse", "other"}


async def test_arguments_that_make_no_sense_are_refused(desk: rq_desk.Desk, redis_url: str) -> None:
    desk.send(QUEUE)
    async with opened(redis_url) as source:
        for action, args in (("job.delay", {}), ("queue.clean", {"state": "active"})):
            with pytest.raises(errors.BadRequest):
                await planned(source, action, plans.Selection(refs=(OWNER,)), **args)
        with pytest.raises(errors.Unsupported):
            await planned(source, "job.edit", plans.Selection(refs=(OWNER,)))
        with pytest.raises(errors.NotFound):
            await source.page(ref.make("rq", "queue", "none"), "jobs", plans.Query(), None, 0)


async def test_near_the_end_of_a_long_list_an_undo_walks_only_that_end(
    desk: rq_desk.Desk, redis_url: str
) -> None:
    """More wait than a script walks from the head; LINSERT is counted, since it begins there."""
    conn, waiting = desk.conn, f"rq:queue:{QUEUE}"
    for start in range(0, 100_000, 10_000):
        conn.rpush(waiting, *(f"far-{number}" for number in range(start, start + 10_000)))
    ids = [desk.send(QUEUE) for _ in range(5)]
    refs = tuple(ref.make("rq", "job", QUEUE, one) for one in ids[1:4])
    before = conn.lrange(waiting, 0, -1)
    async with opened(redis_url) as source:
        found = targets(await planned(source, "job.remove", plans.Selection(refs=refs)))
        done = await source.apply("job.remove", found, {}, ASHA)
        assert conn.lrange(waiting, -3, -1) == [b"far-99999", ids[0].encode(), ids[4].encode()]
        some = [
            plans.Undoable(target=target, memento=outcome.memento)
            for target, outcome in zip(found, done, strict=True)
            if outcome.memento
        ]
        parts = [part async for part in source.plan_undo("job.remove", some)]
        guards = {target.ref: target for target in targets(parts)}
        again = [one.model_copy(update={"target": guards[one.target.ref]}) for one in some]
        conn.config_resetstat()
        outcomes = await source.undo("job.remove", again, ASHA)
    assert [one.why for one in outcomes] == ["It is back: queued."] * 3
    assert conn.lrange(waiting, 0, -1) == before
    assert "cmdstat_linsert" not in conn.info("commandstats")
