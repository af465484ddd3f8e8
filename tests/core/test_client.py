"""The client: the core's errors as their classes, and a lost core as one sentence."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path

import pytest

from mrcore import answers, client, errors, folder, version
from mrcore.model import core, plans
from tests import waiting
from tests.core import harness

SAYS_NOTHING = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


async def test_without_a_core_there_is_one_sentence_that_says_what_to_do(state: Path) -> None:
    with pytest.raises(errors.CoreUnreachable, match="mrcore serve --state"):
        client.CoreClient.at(state=state)


async def test_a_core_that_has_gone_is_unreachable(state: Path) -> None:
    where = folder.StateFolder(state).make()
    where.write_json("core.json", {"socket": str(state / "gone.sock")})
    async with client.CoreClient.at(state=state) as gone:
        with pytest.raises(errors.CoreUnreachable, match="has gone"):
            await gone.me()
        with pytest.raises(errors.CoreUnreachable, match="has gone"):
            await anext(gone.changes())


async def test_that_a_cancelled_reader_could_read_is_nobodys_error(
    state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    try:
        for _ in range(2):
            async with client.CoreClient.at(url=f"unix:{state / 'never.sock'}"):
                gone = loop.create_future()
                loop.call_soon(gone.set_result, None)
                gone.cancel()
                await asyncio.sleep(0)
                assert caplog.records == []
                loop.call_soon(gone.set_exception, ValueError())
                await asyncio.sleep(0)
                assert "InvalidStateError" in caplog.text
                caplog.clear()
    finally:
        loop.set_exception_handler(None)


async def test_a_core_that_never_answered_has_not_gone(state: Path) -> None:
    for url in ("http://127.0.0.1:1", f"unix:{state / 'never.sock'}"):
        async with client.CoreClient.at(url=url) as never:
            with pytest.raises(errors.CoreUnreachable, match="cannot be reached: "):
                await never.me()


async def test_a_whole_retry_through_the_client(state: Path) -> None:
    jobs = harness.Jobs()
    (ref,) = jobs.add("a/b %?")
    async with harness.running(state, jobs) as here, here.client() as asha:
        page = await asha.page("huey/queue/emailQueue", "jobs", plans.Query(limit=1))
        assert [row.ref for row in page.rows] == [ref]
        plan = await asha.plan("queue.retry", plans.Selection(refs=(ref,)))
        operation = await asha.apply(plan.plan_id, reason="INC-1")

        async def ended() -> core.Operation | None:
            entity = (await asha.detail(operation.ref)).entity
            assert isinstance(entity, core.Operation)
            return entity if entity.finished_at else None

        done = await waiting.until(ended)
        assert done is not None
        assert (done.done, done.reason) == (1, "INC-1")
        (target,) = (await asha.targets(plan.plan_id)).targets
        assert target.ref == ref


async def test_points_come_back_with_their_unit(state: Path) -> None:
    async with harness.running(state, harness.Simulated("x")) as here, here.client() as asha:
        found = await asha.points("core.rss_bytes", "core/core/self", step_s=1)
        assert found.unit == "bytes"
        assert found.points[0][1] > 1_000_000
        with pytest.raises(errors.BadRequest, match="no metric"):
            await asha.points("no.such", "core/core/self")


async def test_the_cores_errors_come_back_as_their_classes(state: Path) -> None:
    async with harness.running(state, harness.Jobs()) as here, here.client() as asha:
        with pytest.raises(errors.NotFound):
            await asha.detail("away/x/1")
        with pytest.raises(errors.PlanNotFound):
            await asha.apply("none")
        with pytest.raises(errors.BadRequest, match="cursor"):
            await asha.page("core/core/self", "audit", cursor="x")
        with pytest.raises(errors.BadRequest, match="wait_s"):
            await asha.page("core/core/self", "audit", wait_s=99)


def test_every_error_has_a_code_of_its_own_that_leads_back_to_it() -> None:
    kinds = [
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.MrError)
    ]
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert answers.classes() == {kind.code: kind for kind in kinds}


async def test_a_stream_that_ends_or_falls_silent_is_a_lost_core(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "SILENCE_S", 0.2)
    where = folder.StateFolder(state).make()
    path = where.runtime / "mute.sock"
    ends = True

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(SAYS_NOTHING)
        if not ends:
            await reader.read()
        writer.close()

    async with await asyncio.start_unix_server(answer, path):
        where.write_json("core.json", {"socket": str(path)})
        async with client.CoreClient.at(state=state) as asha:
            with pytest.raises(errors.CoreUnreachable, match="ended the stream"):
                await anext(asha.changes())
            ends = False
            with pytest.raises(errors.CoreUnreachable, match="silent"):
                await anext(asha.changes())
    path.unlink(missing_ok=True)


async def test_a_core_of_another_release_is_said_in_a_sentence(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with harness.running(state, harness.Simulated("x")) as here, here.client() as asha:
        await asha.me()
        assert asha.skew == ""
        here.core.version = here.core.hub.core_version = "99.1.0"
        await asha.live()
        assert "The core is release 99.1.0" in asha.skew
        assert version.version() in asha.skew


async def test_an_answer_that_this_release_cannot_read_is_said_in_a_sentence(state: Path) -> None:
    where = folder.StateFolder(state).make()
    path = where.runtime / "other.sock"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"login": ["not", "text"]}'
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        writer.close()

    async with await asyncio.start_unix_server(answer, path):
        where.write_json("core.json", {"socket": str(path)})
        async with client.CoreClient.at(state=state) as asha:
            with pytest.raises(errors.CoreUnreachable, match="says login in a way"):
                await asha.me()
    path.unlink(missing_ok=True)


def test_a_patch_release_is_no_other_release() -> None:
    major, minor, *_ = version.version().split(".")
    assert version.skew(f"{major}.{minor}.999") == ""
    assert version.skew(f"{major}.999.0") != ""
