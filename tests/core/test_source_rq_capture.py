"""Runs of RQ that have ended are captured before RQ forgets them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest

from mrcore import sources
from mrcore.model import queue
from mrcore.sources import base as source_base
from mrcore.sources import honest
from mrcore.sources import rq as rq_source
from mrcore.sources.rq import capturing
from tests import servers, waiting
from tests.contract import rq_desk

QUEUE = "exports"


@pytest.fixture
def desk(redis_url: str) -> Iterator[rq_desk.Desk]:
    with contextlib.closing(rq_desk.Desk(redis_url)) as made:
        yield made


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[source_base.Source]:
    async with sources.build("rq", {"url": url})[0] as source:
        yield source


async def captured(source: source_base.Source) -> dict[str, queue.Captured]:
    """What had ended before the call, and was not captured before."""
    assert isinstance(source, rq_source.Rq)
    found: dict[str, queue.Captured] = {}
    for _ in range(2):  # the second one has what the first has asked for
        sample = await source.sample()
        assert honest.check("rq", sample, source_base.utc_now()) is sample
        assert not found.keys() & {run.id for run in sample.captured}
        found |= {run.id: run for run in sample.captured}
        await source.tail.settled()
    return found


async def test_what_ends_is_captured_once_and_again_when_it_ran_again(
    desk: rq_desk.Desk, redis_url: str
) -> None:
    well, short = desk.send(QUEUE), desk.send(QUEUE, result_ttl=30)
    failed = desk.fail(QUEUE, 7)
    async with opened(redis_url) as source:
        assert await captured(source) == {}
        desk.run_all(QUEUE)
        found = await captured(source)
        assert set(found) == {well, short, failed}
        assert await captured(source) == {}
        desk.queue(QUEUE).failed_job_registry.requeue(failed)
        assert await captured(source) == {}
        desk.run_all(QUEUE)
        again = await captured(source)
        assert set(again) == {failed}
    one = found[failed]
    assert (one.ref, one.name, one.state) == (f"rq/job/{QUEUE}/{failed}", "refuse", "failed")
    assert (one.outcome, one.attempts, again[failed].attempts) == ("failed", 1, 2)
    assert "Traceback" in one.trace
    assert one.error == one.trace.rstrip().splitlines()[-1]
    assert one.fingerprint == again[failed].fingerprint != ""
    assert (found[well].state, found[well].outcome) == ("completed", "succeeded")
    assert (found[well].name, found[well].error, found[well].trace) == ("send_otp", "", "")
    for run in found.values():
        assert run.enqueued_at is not None
        assert run.started_at is not None
        assert run.enqueued_at <= run.started_at <= run.finished_at


async def test_what_rq_deletes_at_once_has_run_and_when(desk: rq_desk.Desk, redis_url: str) -> None:
    """`result_ttl=0`, of the job or of its worker; what was removed unrun has not run."""
    async with opened(redis_url) as source:
        assert isinstance(source, rq_source.Rq)
        await asyncio.wait_for(source.vanishing.ready.wait(), waiting.LONG_S)
        linger = functools.partial(desk.queue(QUEUE).enqueue, "tests.contract.rq_jobs.linger", 0.3)
        gone, removed = linger(result_ttl=0), linger(result_ttl=0)
        removed.delete()
        await asyncio.to_thread(desk.run_all, QUEUE)
        stays, plain = linger(result_ttl=60), linger()
        await asyncio.to_thread(desk.run_all, QUEUE, default_result_ttl=0)
        assert desk.conn.exists(f"rq:job:{gone.id}", f"rq:job:{plain.id}") == 0
        found: dict[str, queue.Captured] = {}

        async def all_there() -> bool:
            found.update(await captured(source))
            return len(found) >= 3

        await waiting.until(all_there, what="both that vanished and the one that stays")
        assert set(found) == {gone.id, plain.id, stays.id}
        for one in (gone, plain):
            run = found[one.id]
            assert (run.name, run.state, run.outcome) == ("linger", "completed", "succeeded")
            assert run.enqueued_at is not None
            assert run.started_at is not None
            assert run.enqueued_at <= run.started_at <= run.finished_at
        assert source.describe().capabilities == (rq_source.ONE_PAUSE,)


async def test_who_may_not_be_told_of_changes_says_so(desk: rq_desk.Desk, redis_url: str) -> None:
    rights = ("on", ">pw", "~*", "+@all", "-client|tracking")
    desk.conn.execute_command("ACL", "SETUSER", "rq_deaf", "reset", *rights)
    split = urlsplit(redis_url)
    url = f"redis://rq_deaf:pw@{split.hostname}:{split.port}{split.path}"
    async with opened(url) as source:

        async def said() -> str | None:
            await source.sample()
            told = source.describe().capabilities
            return next((one for one in told if "result_ttl=0" in one), None)

        assert "+client|tracking" in await waiting.until(said, what="what is missing")


@pytest.mark.parametrize(
    ("lacks", "named"),
    [
        (("-client|tracking",), "+client|tracking"),
        (("-client|id",), "+client|id"),
        (("-subscribe",), "+subscribe"),
        (("resetchannels",), "&__redis__:invalidate"),
        (("-client|tracking", "resetchannels"), "+client|tracking &__redis__:invalidate"),
        (
            ("-client|id", "-client|tracking", "-subscribe"),
            "+client|id +client|tracking +subscribe",
        ),
    ],
)
async def test_the_acl_line_that_doctor_prints_is_what_vanishing_jobs_need(
    desk: rq_desk.Desk, redis_url: str, lacks: tuple[str, ...], named: str
) -> None:
    user = servers.new_name("deaf")
    rights = ("on", ">pw", "~*", "&*", "+@all", *lacks)
    desk.conn.execute_command("ACL", "SETUSER", user, "reset", *rights)
    split = urlsplit(redis_url)
    url = f"redis://{user}:pw@{split.hostname}:{split.port}{split.path}"

    async def missing() -> list[tuple[str, str]]:
        found = await sources.examine("rq", {"url": url})
        return [(one.what, one.fix) for one in found if not one.ok]

    ((what, fix),) = await missing()
    assert what == "see jobs vanish"
    assert fix == f"ACL SETUSER {user} {named}"
    desk.conn.execute_command(*fix.split())
    assert await missing() == []
    async with opened(url) as source:
        assert isinstance(source, rq_source.Rq)
        await asyncio.wait_for(source.vanishing.ready.wait(), waiting.LONG_S)
    desk.conn.execute_command("ACL", "DELUSER", user)


async def test_one_that_is_forgotten_soon_is_found_among_many_that_stay(
    desk: rq_desk.Desk, redis_url: str
) -> None:
    all_of = set(desk.heap(QUEUE, capturing.MOST - 80))
    async with opened(redis_url) as source:
        assert set(await captured(source)) == all_of
        assert await captured(source) == {}
        soon = desk.fail(QUEUE, failure_ttl=60)
        desk.run_all(QUEUE)
        assert set(await captured(source)) == {soon}
        more = set(desk.heap(QUEUE, 50))
        assert set(await captured(source)) >= more


async def test_more_than_a_portion_is_captured_in_several_samples(
    desk: rq_desk.Desk, redis_url: str
) -> None:
    """Also where all of them have ended within one second, as a burst does."""
    all_of = set(desk.heap(QUEUE, 2 * capturing.MOST + 50))
    async with opened(redis_url) as source:
        found: set[str] = set()
        for _ in range(5):
            found |= set(await captured(source))
        assert found == all_of
        assert await captured(source) == {}


async def test_a_sample_waits_for_no_capture(desk: rq_desk.Desk, redis_url: str) -> None:
    """The look that it asks for goes on beside it, and what that finds comes with the next one."""
    (one,) = desk.heap(QUEUE, 1)
    async with opened(redis_url) as source:
        assert isinstance(source, rq_source.Rq)
        assert (await source.sample()).captured == ()
        await source.tail.settled()
        assert [run.id for run in (await source.sample()).captured] == [one]


async def test_what_was_found_and_not_read_is_read_once_it_may_be(
    desk: rq_desk.Desk, redis_url: str
) -> None:
    """A right that is taken away between the registries and the jobs loses no run."""
    all_of = set(desk.heap(QUEUE, 3))
    eye = "ACL", "SETUSER", "rq_eye"
    desk.conn.execute_command(*eye, "reset", "on", ">pw", "~*", "+@all", "-xrevrange")
    try:
        parts = urlsplit(redis_url)
        own = parts._replace(netloc=f"rq_eye:pw@{parts.hostname}:{parts.port}").geturl()
        async with opened(own) as source:
            assert await captured(source) == {}
            said = source.describe().capabilities
            assert any(one.startswith("runs are not kept: ") for one in said)
            desk.conn.execute_command(*eye, "+xrevrange")
            assert set(await captured(source)) == all_of
            assert not any("not kept" in one for one in source.describe().capabilities)
    finally:
        desk.conn.execute_command("ACL", "DELUSER", "rq_eye")


async def test_what_cannot_be_read_of_one_job_breaks_one_sample(
    desk: rq_desk.Desk, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect is shown, by the sample after it, and the next ones go on."""
    desk.heap(QUEUE, 1)
    real = capturing.record.summary
    async with opened(redis_url) as source:
        assert isinstance(source, rq_source.Rq)
        with monkeypatch.context() as patch:
            patch.setattr(capturing.record, "summary", lambda *_: 1 / 0)
            await source.sample()
            await source.tail.settled()
        with pytest.raises(ZeroDivisionError):
            await source.sample()
        assert capturing.record.summary is real
        more = set(desk.heap(QUEUE, 2))
        assert set(await captured(source)) == more
