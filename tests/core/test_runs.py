"""Runs that are kept when their engine has forgotten them: the store, its bounds, its answers."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mrcore import errors, runs
from mrcore.model import base, plans, queue, wire
from mrcore.model import ref as refs
from mrcore.queues import capture
from mrcore.sources import honest, ran
from mrcore.store import captures, database, files, migrations
from tests import waiting
from tests.core import harness

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SELF = "core/core/self"


class Clock:
    def __init__(self) -> None:
        self.at = T0

    def __call__(self) -> datetime:
        return self.at


def run(
    job_id: str,
    *,
    source: str = "huey",
    of: str = "emailQueue",
    name: str = "sendOtp",
    failed: bool = False,
    attempts: int = 1,
    ended: datetime = T0,
    **more: Any,
) -> queue.Captured:
    return capture.run(
        refs.make(source, "job", of, job_id),
        engine="huey",
        queue_name=of,
        job_id=job_id,
        name=name,
        failed=failed,
        attempts=attempts,
        finished_at=ended,
        **more,
    )


class Room:
    """A history and the runs in it."""

    def __init__(self, folder: Path, **options: Any) -> None:
        size = {"bytes_max": options.pop("bytes_max")} if "bytes_max" in options else {}
        self.history = files.history(folder, **size)
        self.clock = Clock()
        self.runs = runs.Runs(self.history, now=self.clock, **options)
        self.ran = ran.Ran(self.runs, now=self.clock)

    async def keep(self, *some: queue.Captured) -> None:
        self.runs.record(some)
        await self.runs.flush()

    async def ids(self, cursor: str | None = None, **query: Any) -> list[str]:
        found = await self.ran.page(plans.Query(**query), cursor, 0)
        return [row.id for row in found.rows if isinstance(row, queue.Job)]

    async def count(self) -> int:
        def count(connection: sqlite3.Connection) -> int:
            return int(connection.execute("SELECT count(*) FROM run").fetchone()[0])

        return await self.history.read(count)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    made = Room(tmp_path)
    yield made
    await made.history.close()


async def test_runs_are_found_by_what_they_say_where_they_ran_and_when(room: Room) -> None:
    hour = timedelta(hours=1)
    await room.keep(
        run("a1", ended=T0 - 5 * hour, schedule="nightly"),
        run("a2", ended=T0 - 3 * hour, failed=True, error="SMTPError: 535 no"),
        run("b1", of="kpiQueue", name="calculateKpi", ended=T0 - 2 * hour),
        run("c1", source="rq", of="kpiQueue", name="report", ended=T0),
    )
    assert await room.ids() == ["c1", "b1", "a2", "a1"]
    assert await room.ids(order="oldest") == ["a1", "a2", "b1", "c1"]
    assert await room.ids(prefix="huey") == ["b1", "a2", "a1"]
    assert await room.ids(prefix="huey/kpiQueue") == ["b1"]
    assert await room.ids(prefix="huey/no such") == []
    assert await room.ids(state="failed") == ["a2"]
    assert await room.ids(text="535") == ["a2"]
    assert await room.ids(text="NIGHTLY") == ["a1"]
    assert await room.ids(text="!sendotp") == ["c1", "b1"]
    assert await room.ids(name="calculateKpi") == ["b1"]
    assert await room.ids(younger_s=2.5 * 3600, older_s=3600) == ["b1"]
    with pytest.raises(errors.BadRequest):
        await room.ids(text="(")
    with pytest.raises(errors.BadRequest, match="cursor"):
        await room.ids("x")


async def test_an_id_comes_first_however_old_and_nothing_comes_twice(room: Room) -> None:
    await room.keep(run("7"), *(run(f"x7{n}") for n in range(5)))
    query = plans.Query(text="7", limit=2)
    found, cursor = [], None
    while True:
        page = await room.ran.page(query, cursor, 0)
        found += [refs.parse(row.ref).id for row in page.rows]
        if (cursor := page.cursor) is None:
            break
    assert found == ["7", "x74", "x73", "x72", "x71", "x70"]


async def test_each_attempt_is_kept_once_and_a_job_is_listed_by_its_newest(room: Room) -> None:
    first = run("a", failed=True, error="OSError: no", trace="Traceback 1", attempts=1)
    await room.keep(first)
    await room.keep(first, run("a", attempts=2, ended=T0 + timedelta(minutes=1)))
    assert await room.count() == 2
    (row,) = (await room.ran.page(plans.Query(), None, 0)).rows
    assert isinstance(row, queue.Job)
    assert (row.state, row.attempts, row.captured_at) == ("completed", 2, T0)
    detail = await room.runs.detail("huey/job/emailQueue/a")
    assert detail is not None
    sections = {section.id: section for section in detail.sections}
    assert [(f.name, f.value) for f in sections["attempts"].fields] == [
        ("attempt 2", "completed"),
        ("attempt 1", "failed: OSError: no"),
    ]
    assert sections["attempt/1"].text == "Traceback 1"
    assert detail.entity.verdict.code == "captured"
    assert "huey has forgotten it" in detail.entity.verdict.why
    assert await room.runs.detail("huey/job/emailQueue/b") is None
    assert await room.runs.detail("rq/job/emailQueue/a") is None
    assert await room.runs.detail("huey/queue/emailQueue") is None


async def test_an_id_that_is_used_again_keeps_every_run(room: Room) -> None:
    """A job that is enqueued every night under one id, and its engine tells each end twice."""
    day = timedelta(days=1)
    nights = [
        run("nightly", attempts=2, ended=T0 - 2 * day),
        run("nightly", ended=T0 - day, failed=True, error="OSError: no", trace="Traceback 1"),
        run("nightly", ended=T0),
    ]
    for night in nights:
        await room.keep(night)
    ended = nights[1].finished_at + timedelta(milliseconds=40)
    await room.keep(nights[1].model_copy(update={"finished_at": ended}), nights[0])
    assert await room.count() == 3
    (row,) = (await room.ran.page(plans.Query(), None, 0)).rows
    assert isinstance(row, queue.Job)
    assert (row.state, row.finished_at) == ("completed", T0)
    detail = await room.runs.detail("huey/job/emailQueue/nightly")
    assert detail is not None
    sections = {section.id: section for section in detail.sections}
    assert len(sections) == len(detail.sections)
    assert [(f.name, f.at) for f in sections["attempts"].fields] == [
        ("attempt 1", T0),
        ("attempt 1", ended),
        ("attempt 2", T0 - 2 * day),
    ]
    assert sections["attempt/1"].text == "Traceback 1"


async def test_what_was_known_of_a_run_stays_where_it_is_captured_with_less(room: Room) -> None:
    began = T0 - timedelta(seconds=3)
    await room.keep(run("a", failed=True, error="E", trace="the trace", started_at=began))
    await room.keep(run("a", failed=True, error="E"))
    detail = await room.runs.detail("huey/job/emailQueue/a")
    assert detail is not None
    assert any(section.text == "the trace" for section in detail.sections)
    assert isinstance(detail.entity, queue.Job)
    assert detail.entity.started_at == began


async def test_secrets_never_reach_the_file_and_traces_are_bounded(room: Room) -> None:
    trace = "password=hunter22 " + "x" * 40_000 + " the end"
    await room.keep(run("a", failed=True, error="asha@example.com refused", trace=trace))
    (found,) = await room.history.read(
        lambda c: [tuple(row) for row in c.execute("SELECT error, trace FROM run")]
    )
    assert "asha@" not in found[0]
    assert "hunter22" not in found[1]
    assert len(found[1].encode()) <= capture.TRACE_BYTES
    assert found[1].endswith("the end")


async def test_text_that_no_file_takes_is_made_fit(room: Room) -> None:
    await room.keep(run("a", failed=True, error="lone \ud800", trace="\udcff", name="n\ud800"))
    assert await room.ids() == ["a"]


async def test_age_takes_what_completed_first_and_failures_later(room: Room) -> None:
    def days(count: float) -> datetime:
        return T0 - timedelta(days=count)

    await room.keep(
        run("old", ended=days(15)),
        run("new", ended=days(13)),
        run("old failure", ended=days(91), failed=True),
        run("new failure", ended=days(89), failed=True),
    )
    room.clock.at += timedelta(minutes=2)
    await room.keep(run("now"))
    assert sorted(await room.ids()) == ["new", "new failure", "now"]
    assert room.runs.verdict() == base.OK


async def test_a_full_file_keeps_the_newest_and_says_since_when(tmp_path: Path) -> None:
    room = Room(tmp_path, bytes_max=1024 * 1024)
    noise = "word " * 100
    for n in range(60):
        room.clock.at += timedelta(minutes=2)
        some = (
            run(f"{n}-{i}", ended=room.clock.at, error=f"{n} {noise}", failed=i == 0)
            for i in range(50)
        )
        await room.keep(*some)
    kept = await room.ids(limit=300)
    assert kept[0] == "59-49", "what is new is kept"
    assert "0-1" not in await room.ids(order="oldest", limit=300)
    assert "0-0" in await room.ids(state="failed", limit=300), "failures go last"
    verdict = room.runs.verdict()
    assert (verdict.level, verdict.code) == ("warn", "not_kept")
    assert "The history is full: runs that ended before 2026-03-01" in verdict.why
    assert "sooner than after 14 days" in verdict.why
    assert room.history.trouble == ""
    room.clock.at += timedelta(days=2)
    assert room.runs.verdict() == base.OK, "said for a day"
    await room.history.close()


async def test_what_the_history_cannot_take_waits_and_what_is_lost_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "HELD_MAX", 10)
    (tmp_path / "history.sqlite").mkdir()  # no file can be made there
    room = Room(tmp_path)
    await room.keep(*(run(str(n)) for n in range(4)))
    assert room.runs.verdict() == base.OK, "nothing is lost yet"
    await room.keep(*(run(str(n)) for n in range(4, 15)))
    why = room.runs.verdict().why
    assert why.startswith("5 runs that ended were not kept because the history took nothing: ")
    (tmp_path / "history.sqlite").rmdir()
    await room.runs.flush()
    assert sorted(map(int, await room.ids())) == list(range(5, 15)), "the newest ten"
    room.runs.record((), 3)
    assert "3 runs that ended were not seen" in room.runs.verdict().why
    await room.history.close()


async def test_a_follow_has_the_newest_and_then_what_ends(room: Room) -> None:
    await room.keep(run("a"), run("b"))
    first = await room.ran.page(plans.Query(), None, 1)
    assert [refs.parse(row.ref).id for row in first.rows] == ["a", "b"]
    await room.keep(run("c"))
    then = await room.ran.page(plans.Query(), first.cursor, 20)
    assert [refs.parse(row.ref).id for row in then.rows] == ["c"]
    assert not (await room.ran.page(plans.Query(), then.cursor, 0.01)).rows


class Forgetful(harness.Simulated):
    """A source that hands over runs and knows no job any more."""

    captured: tuple[queue.Captured, ...] = ()
    uncaptured = 0

    async def sample(self) -> wire.Sample:
        sample = await super().sample()
        taken, self.captured = self.captured, ()
        unseen, self.uncaptured = self.uncaptured, 0
        return sample.model_copy(update={"captured": taken, "uncaptured": unseen})

    async def detail(self, ref: base.Ref) -> wire.Detail:
        raise errors.NotFound(f"There is no {ref}: retention has trimmed it.")


async def test_a_core_answers_for_a_job_that_its_source_has_forgotten(state: Path) -> None:
    source = Forgetful("huey")
    ended = source.now() - timedelta(days=3)
    source.captured = (run("j1", ended=ended, failed=True, error="OSError: 535", trace="T"),)
    source.uncaptured = 2
    async with harness.running(state, source) as here, here.client() as asked:
        await waiting.until(lambda: here.core.monitor.tried)
        found = await asked.detail("huey/job/emailQueue/j1")
        assert isinstance(found.entity, queue.Job)
        assert (found.entity.state, found.entity.finished_at) == ("failed", ended)
        with pytest.raises(errors.NotFound, match="retention has trimmed it"):
            await asked.detail("huey/job/emailQueue/j2")
        page = await asked.page(SELF, "ran", plans.Query(text="535", older_s=60))
        assert [row.ref for row in page.rows] == ["huey/job/emailQueue/j1"]
        check = (await asked.detail("core/check/runs")).entity
        assert "2 runs that ended were not seen" in check.verdict.why
        live = await asked.live()
        assert "j1" not in live.model_dump_json(), "no screen is sent what was captured"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ref": "rq/job/q/1"}, "not its own"),
        ({"state": queue.JobState.ACTIVE}, "still active"),
    ],
)
def test_a_source_that_captures_what_is_not_is_not_believed(
    changes: dict[str, Any], words: str
) -> None:
    sample = wire.Sample(at=T0, captured=(run("1").model_copy(update=changes),))
    with pytest.raises(errors.SourceLied, match=words):
        honest.check("huey", sample, T0)


def test_an_older_history_gets_its_new_table(tmp_path: Path) -> None:
    file = database.Database(tmp_path / "h.sqlite", "history", disposable=True)
    first = migrations.numbered("history")[0].read_text()
    with sqlite3.connect(tmp_path / "h.sqlite") as old:
        old.executescript(first)
        old.execute("PRAGMA user_version = 1")
    old.close()
    file.run_here(lambda c: captures.add(c, [run("a")], T0))
    assert len(file.run_here(lambda c: captures.of_job(c, "huey", "emailQueue", "a"))) == 1


async def test_a_full_history_is_migrated_whole_and_stays_bounded(tmp_path: Path) -> None:
    pages = 200
    with sqlite3.connect(tmp_path / "h.sqlite") as old:
        for part in migrations.numbered("history")[:3]:
            old.executescript(part.read_text())
        fields = "source, queue, ref, engine, name, state, outcome, error, fingerprint, schedule"
        names = f"{fields}, id, attempts, trace, finished_s, captured_s"
        values = (
            "'huey', 'emailQueue', 'huey/job/emailQueue/a', 'huey', '', 'failed', '', '', '', ''"
        )
        for n in range(140):
            row = (f"a{n}", 1, "x" * 4_000, T0.timestamp(), T0.timestamp())
            old.execute(f"INSERT INTO run ({names}) VALUES ({values}, ?, ?, ?, ?, ?)", row)
        old.execute("PRAGMA user_version = 3")
        assert old.execute("PRAGMA page_count").fetchone()[0] > pages * 0.7
    old.close()
    file = database.Database(tmp_path / "h.sqlite", "history", disposable=True, pages_max=pages)
    count = file.run_here(lambda c: c.execute("SELECT count(*) FROM run").fetchone()[0])
    bound = file.run_here(lambda c: c.execute("PRAGMA max_page_count").fetchone()[0])
    assert (count, bound) == (140, pages)
