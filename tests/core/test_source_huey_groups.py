"""huey's failures by fingerprint, search, what a job is like, and what must not be retried."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mrcore import errors, journal, sources
from mrcore.model import plans, queue, ref, wire
from mrcore.queues import truth
from mrcore.sources import base as source_base
from mrcore.sources.engine import searching
from mrcore.sources.huey import searching as huey_searching
from mrcore.sources.huey import trimming
from tests import waiting
from tests.core import journals
from tests.core.test_source_huey import QUEUE, opened, planned

FAILED = plans.Query(state="failed")


def _login(number: int) -> None:
    raise ConnectionError(f"535-5.7.8 refused {number}")


def _gone(number: int) -> None:
    raise LookupError(f"no user {number}")


@pytest.fixture
def desk(redis_url: str) -> Iterator[journals.Desk]:
    with journals.desk(redis_url, keep_failed=None) as made:

        @made.huey.task(name="sendOtp", retries=0)
        def send(how: str = "", number: int = 0, **more: Any) -> None:
            if how:
                {"login": _login, "gone": _gone}[how](number)

        @made.huey.task(name="sendMail", retries=1)
        def mail(number: int) -> None:
            _gone(number)

        made.send, made.mail = send, mail  # type: ignore[attr-defined]
        yield made


def _job(job_id: str) -> str:
    return ref.make("huey", "job", "emailQueue", job_id)


async def _groups(
    source: source_base.Source, cursor: str | None = None, wait_s: float = 0, **query: Any
) -> tuple[list[queue.FailureGroup], wire.Page]:
    page = await source.page(QUEUE, "groups", plans.Query(**query), cursor, wait_s)
    return [row for row in page.rows if isinstance(row, queue.FailureGroup)], page


async def test_failures_are_grouped_by_message_and_frame(redis_url: str, desk: Any) -> None:
    for number in range(5):
        desk.send("login", number)
    first = desk.send("gone", 17)
    mails = [desk.mail(number) for number in range(2)]
    desk.run_all()
    async with opened(redis_url) as source:
        (login, gone), page = await _groups(source)
        assert page.looked == wire.Looked(scanned=8, total=8, complete=True)
        assert (login.title, login.code) == ("ConnectionError: 535-5.7.8 refused <n>", "535 5.7.8")
        assert (login.jobs, login.names, login.whole) == (5, ("sendOtp",), True)
        assert login.frame == "core/test_source_huey_groups.py:_login"
        assert login.verdict.code == "new"
        assert login.last_at >= login.first_at  # type: ignore[operator]
        assert (gone.title, gone.jobs) == ("LookupError: no user <n>", 3)
        assert (gone.names, gone.newest) == (("sendMail", "sendOtp"), _job(mails[1].id))
        assert [g.fingerprint for g in (await _groups(source, text="refused"))[0]] == [
            login.fingerprint
        ]
        assert [g.jobs for g in (await _groups(source, name="sendMail"))[0]] == [2]
        assert (await _groups(source, older_s=60))[0] == []
        one = await source.detail(gone.ref)
        assert one.entity == gone
        assert {link.ref for link in one.links} == {QUEUE, _job(first.id), _job(mails[1].id)}
        with pytest.raises(errors.NotFound):
            await source.detail(ref.make("huey", "group", "emailQueue", "0" * 12))


async def test_a_group_can_be_listed_and_acted_on(redis_url: str, desk: Any) -> None:
    logins = [desk.send("login", number) for number in range(3)]
    for number in range(4):
        desk.send("gone", number)
    desk.run_all()
    async with opened(redis_url) as source:
        (_, login), _ = await _groups(source)
        assert "queue.retry" in login.actions
        query = plans.Query(state="failed", fingerprint=login.fingerprint)
        page = await source.page(QUEUE, "jobs", query, None, 0)
        rows = [row for row in page.rows if isinstance(row, queue.Job)]
        assert [row.id for row in rows] == [job.id for job in reversed(logins)]
        assert {row.fingerprint for row in rows} == {login.fingerprint}
        for state in ("failed", ""):
            query = plans.Query(state=state, fingerprint=login.fingerprint)
            targets, left = await planned(source, ref=QUEUE, collection="jobs", query=query)
            assert {t.ref for t in targets} == {_job(job.id) for job in logins}
            assert left == []
        await source.apply("queue.retry", targets[:1], {}, plans.By(login="asha"))
        assert [(g.title, g.jobs) for g in (await _groups(source))[0]][1] == (login.title, 2)
        desk.run_all()
        (_, again), _ = await _groups(source)
        assert (again.fingerprint, again.jobs) == (login.fingerprint, 3)


async def test_names_and_ages_filter_pages_and_selections(redis_url: str, desk: Any) -> None:
    old = desk.send("login", 1)
    desk.run_all()
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    desk.conn.zadd(desk.keys.state("failed"), {old.id: long_ago.timestamp()})
    desk.conn.hset(desk.keys.job(old.id), "finished_at", long_ago.timestamp())
    new = desk.send("login", 2)
    mail = desk.mail(3)
    desk.run_all()
    wait = desk.mail(4)
    async with opened(redis_url) as source:
        for query, ids in (
            (plans.Query(state="failed", younger_s=3600), {new.id, mail.id}),
            (plans.Query(state="failed", older_s=3600), {old.id}),
            (plans.Query(state="failed", name="sendMail"), {mail.id}),
            (plans.Query(state="waiting", name="sendMail", younger_s=60), {wait.id}),
            (plans.Query(name="sendMail"), {mail.id, wait.id}),
        ):
            page = await source.page(QUEUE, "jobs", query, None, 0)
            assert {row.ref for row in page.rows} == {_job(i) for i in ids}, query
            if query.state == "failed":
                targets, _ = await planned(source, ref=QUEUE, collection="jobs", query=query)
                assert {t.ref for t in targets} == {_job(i) for i in ids}, query


async def test_groups_are_followed(redis_url: str, desk: Any) -> None:
    desk.send("login", 1)
    desk.run_all()
    async with opened(redis_url) as source:
        first, page = await _groups(source, wait_s=30)
        assert [group.jobs for group in first] == [1]
        ask = asyncio.create_task(_groups(source, page.cursor, wait_s=30))
        await waiting.until(lambda: not ask.done())
        desk.send("login", 2)
        desk.run_all()
        again, page = await ask
        assert [group.jobs for group in again] == [2]
        assert (await _groups(source, page.cursor, wait_s=0.01))[0] == []
        for cursor in ("x", '["skip", -1]', '["seen", "1"]'):
            with pytest.raises(errors.NotFound, match="cursor"):
                await _groups(source, cursor)


async def test_only_what_has_changed_is_read_again(redis_url: str, desk: Any) -> None:
    jobs = [desk.send("login", number) for number in range(30)]
    desk.run_all()
    async with opened(redis_url) as source:
        await _groups(source)
        reads = desk.conn.info("commandstats")["cmdstat_hmget"]["calls"]
        assert [g.jobs for g in (await _groups(source))[0]] == [30]
        desk.conn.zrem(desk.keys.state("failed"), jobs[3].id)
        assert [g.jobs for g in (await _groups(source))[0]] == [29]
        assert desk.conn.info("commandstats")["cmdstat_hmget"]["calls"] == reads
        desk.send("login", 31)
        desk.run_all()
        before = desk.conn.info("commandstats")["cmdstat_hmget"]["calls"]
        assert [g.jobs for g in (await _groups(source))[0]] == [30]
        assert desk.conn.info("commandstats")["cmdstat_hmget"]["calls"] == before + 1


async def test_a_search_goes_on_where_it_ended_and_says_how_far(
    redis_url: str, desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "LOOKED", 10)
    monkeypatch.setattr(huey_searching, "FIRST", 5)
    monkeypatch.setattr(huey_searching, "PORTION", 5)
    fine = [desk.send(number=number, course="algebra") for number in range(12)]
    desk.run_all()
    failed = [desk.send("login", number, course="biology") for number in range(12)]
    desk.run_all()
    queued = desk.send(number=99, course="algebra")
    async with opened(redis_url) as source:
        pages, cursor = [], None
        while not pages or cursor:
            query = plans.Query(text="algebra")
            pages.append(await source.page(QUEUE, "found", query, cursor, 0))
            cursor = pages[-1].cursor
        looked = [(page.looked.scanned, page.looked.total) for page in pages]
        assert looked[:2] == [(10, 25), (20, 25)]
        assert looked[-1] == (25, 25)
        found = [row.id for page in pages for row in page.rows if isinstance(row, queue.Job)]
        assert found == [queued.id, *(job.id for job in reversed(fine))]
        one = await source.page(QUEUE, "found", plans.Query(text=failed[1].id), None, 0)
        assert [row.ref for row in one.rows] == []
        one = await source.page(QUEUE, "found", plans.Query(text=failed[1].id), one.cursor, 0)
        assert [row.ref for row in one.rows] == [_job(failed[1].id)]
        for bad in ("x", '[1, {"nowhere": ["1", "a"]}]', '[1, {"failed": ["nan", "a"]}]', "[]"):
            with pytest.raises(errors.NotFound, match="cursor"):
                await source.page(QUEUE, "found", plans.Query(), bad, 0)


async def test_what_the_journal_does_not_know_is_found_too(redis_url: str, desk: Any) -> None:
    message = desk.huey.serialize_task(desk.send.task_class(("",), id="stranger"))
    desk.send()
    desk.conn.lpush(desk.journal.place.waiting, message)
    async with opened(redis_url) as source:
        page = await source.page(QUEUE, "found", plans.Query(text="stranger"), None, 0)
        assert [row.ref for row in page.rows] == [_job("stranger")]


async def test_the_newest_succeeded_of_the_same_name(redis_url: str, desk: Any) -> None:
    fine = [desk.send(number=number) for number in range(12)]
    desk.run_all()
    failed = desk.send("login", 1)
    desk.run_all()
    async with opened(redis_url) as source:
        page = await source.page(_job(failed.id), "like", plans.Query(), None, 0)
        assert [row.ref for row in page.rows] == [_job(job.id) for job in reversed(fine[2:])]
        with pytest.raises(errors.NotFound):
            await source.page(_job("none"), "like", plans.Query(), None, 0)


async def test_an_expired_code_is_never_sent_again(redis_url: str, desk: Any) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    past = datetime.now(UTC) - timedelta(minutes=3)
    alive = desk.send("login", 1, expiresAt=soon.isoformat())
    expired = desk.send("login", 2, expiresAt=past.isoformat(), more="x" * 5000)
    old = desk.mail(3)
    desk.run_all()
    desk.conn.hset(desk.keys.job(old.id), "enqueued_at", past.timestamp())
    async with opened(redis_url, age_limits={"mentor.jobs.sendMail": 120}) as source:
        targets, left = await planned(source, ref=QUEUE, collection="jobs", query=FAILED)
        assert [t.ref for t in targets] == [_job(alive.id)]
        assert {(one.why, one.samples) for one in left} == {
            ("Its code has expired 3 min ago.", (_job(expired.id),)),
            ("Its code has expired 60 s ago.", (_job(old.id),)),
        }
        page = await source.page(QUEUE, "jobs", FAILED, None, 0)
        rows = {row.id: row for row in page.rows if isinstance(row, queue.Job)}
        assert rows[alive.id].expires_at == soon
        assert rows[old.id].expires_at == past + timedelta(seconds=120)


async def test_a_queue_tells_how_it_moves_and_a_pipeline_what_is_next(
    redis_url: str, desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(truth, "KNOWN_S", 1e-6)
    chain = desk.send.s("login", 1).then(desk.mail, 2)
    desk.huey.enqueue(chain)
    desk.run_all()
    desk.send(number=1)
    async with opened(redis_url) as source:
        await source.sample()
        desk.run_all()
        desk.send(number=2)
        await source.sample()
        detail = await source.detail(QUEUE)
        moves = {field.name: field.value for field in detail.sections[1].fields}
        assert moves["out_per_s"] > 0  # type: ignore[operator]
        assert "empty" in moves
        job = await source.detail(_job(chain.id))
        flow = next(section for section in job.sections if section.id == "flow")
        assert [(f.name, f.value) for f in flow.fields] == [
            ("this", "sendOtp failed"),
            ("then 1", "sendMail not enqueued"),
        ]


async def test_a_delayed_job_that_nobody_moves_is_overdue(redis_url: str, desk: Any) -> None:
    desk.journal.heart.beat()
    desk.send.schedule(("",), delay=3600)
    desk.run_all()
    (job_id,) = desk.ids("delayed")
    desk.conn.zadd(desk.keys.state("delayed"), {job_id: datetime.now(UTC).timestamp() - 100})
    async with opened(redis_url) as source:
        (found,) = (q for q in (await source.sample()).entities if isinstance(q, queue.Queue))
        assert found.verdict.code == "overdue"
        assert json.dumps(found.verdict.why).startswith('"1 delayed is overdue, the first since')


async def test_a_job_tells_how_far_it_is_and_what_it_does(redis_url: str, desk: Any) -> None:
    seen: list[float | None] = []

    @desk.huey.task(name="report")
    def report() -> None:
        journal.progress(0.25)
        for number in range(102):
            journal.log(f"page {number} for asha@example.org")
        seen.append(desk.job(desk.ids("active")[0]).progress)
        raise OSError("disk full")

    job = report()
    assert not journal.progress(0.5), "nothing runs here"
    desk.run_all()
    assert seen == [0.25]
    with pytest.raises(ValueError, match="no progress"):
        journal.progress(2.0)
    async with opened(redis_url) as source:
        detail = await source.detail(_job(job.id))
        assert isinstance(detail.entity, queue.Job)
        assert detail.entity.progress == 0.25
        (logs,) = (section.text for section in detail.sections if section.id == "logs")
        lines = logs.splitlines()
        assert len(lines) == 100
        assert lines[-1].split()[2:5] == ["1", "page", "101"]
        assert "asha@" not in logs


async def test_jobs_say_when_retention_will_trim_them(
    redis_url: str, desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trimming, "NEWEST", 4)
    jobs = [desk.send("login", number) for number in range(6)]
    desk.run_all()
    desk.conn.hset(desk.keys.meta, "keep_failed", 10)
    now = datetime.now(UTC).timestamp()
    ages = {job.id: now - 60 * number for number, job in enumerate(reversed(jobs), 1)}
    desk.conn.zadd(desk.keys.state("failed"), ages)  # one a minute
    async with opened(redis_url) as source:
        page = await source.page(QUEUE, "jobs", FAILED, None, 0)
        left_s = [
            row.trims_at.timestamp() - now
            for row in page.rows
            if isinstance(row, queue.Job) and row.trims_at is not None
        ]
        assert left_s == pytest.approx([600, 540, 480, 420, 360, 300], abs=60)
        desk.conn.hset(desk.keys.meta, "keep_failed", "")
        kept = (await source.detail(_job(jobs[0].id))).entity
        assert isinstance(kept, queue.Job)
        assert kept.trims_at is None, "all are kept"


async def test_a_code_that_expires_between_plan_and_act_is_not_sent_again(
    redis_url: str, desk: Any
) -> None:
    """A canary is watched for up to an hour, and an operation may be paused."""
    passed = timedelta()
    ends = datetime.now(UTC) + timedelta(minutes=1)
    soon = desk.send("login", 1, expiresAt=ends.isoformat())
    never = desk.send("login", 2)
    desk.run_all()
    made = sources.build("huey", {"url": redis_url}, now=lambda: datetime.now(UTC) + passed)[0]
    async with made as source:
        targets, _ = await planned(source, ref=QUEUE, collection="jobs", query=FAILED)
        assert {t.ref for t in targets} == {_job(soon.id), _job(never.id)}
        passed = timedelta(minutes=4)
        outcomes = await source.apply("queue.retry", targets, {}, plans.By(login="asha"))
        became = {one.ref: (one.outcome, one.why) for one in outcomes}
        assert became[_job(soon.id)] == ("skipped", "Its code has expired 3 min ago.")
        assert became[_job(never.id)][0] == "done"
    assert desk.conn.llen(desk.journal.place.waiting) == 1


async def test_attempts_that_fail_and_go_again_are_a_storm_and_a_retry_by_hand_is_none(
    redis_url: str, desk: Any
) -> None:
    clock = [datetime.now(UTC)]

    @desk.huey.task(name="hopeless", retries=60)  # type: ignore[untyped-decorator]
    def hopeless() -> None:
        raise ConnectionError("refused")

    def attempts(count: int) -> None:
        for _ in range(count):
            desk.journal.run(desk.journal.claim())

    async def verdict(later_s: float) -> str:
        clock[0] += timedelta(seconds=later_s)
        found = (await source.sample()).entities
        return next(one.verdict.code for one in found if isinstance(one, queue.Queue))

    made = sources.build("huey", {"url": redis_url}, now=lambda: clock[0])[0]
    async with made as source:
        hopeless()
        attempts(1)
        await verdict(0)
        attempts(40)
        assert await verdict(20) == "retry_storm"
        attempts(20)
        assert await verdict(90) == "failing"
        targets, _ = await planned(source, ref=QUEUE, collection="jobs", query=FAILED)
        await source.apply("queue.retry", targets, {}, plans.By(login="asha"))
        await verdict(90)
    assert desk.conn.hget(desk.keys.stats, "retried") == b"60"
