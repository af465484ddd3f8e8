"""BullMQ's queues of every layout as its own library sees them, and what is refused."""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
import redis
from pydantic import SecretStr

from mrcore.model import base, plans, queue, ref
from mrcore.sources import base as source_base
from mrcore.sources import bullmq
from mrcore.sources.bullmq import library, places, rights, running
from tests import servers, waiting
from tests.node import engines

LAYOUTS = {"bullmq": 6, "bullmq5": 5, "bullmq4": 4, "bullmq3": 3}
STATES = ("waiting", "active", "delayed", "failed", "completed", "prioritized", "paused")
RAVI = plans.By(login="ravi", reason="a test", operation=3)


@pytest.fixture(params=sorted(LAYOUTS))
def engine(
    request: pytest.FixtureRequest, valkey: servers.Valkey, redis_url: str, node_modules: object
) -> Iterator[engines.Engine]:
    """BullMQ of one version over this test's Redis database."""
    db = int(redis_url.rpartition("/")[2])
    made = engines.Engine(valkey.port, db=db, module=request.param)
    yield made
    made.close()


six = pytest.mark.parametrize("engine", ["bullmq"], indirect=True)
old = pytest.mark.parametrize("engine", ["bullmq5", "bullmq4", "bullmq3"], indirect=True)


def source(url: str, **more: Any) -> source_base.Source:
    settings = bullmq.Settings(url=SecretStr(url), **more)
    return bullmq.open_source("bullmq", settings, now=source_base.utc_now)


async def seen(of: source_base.Source, name: str) -> queue.Queue:
    """A queue of the next sample."""

    async def there() -> queue.Queue | None:
        entities = (await of.sample()).entities
        return next((e for e in entities if isinstance(e, queue.Queue) and e.name == name), None)

    return await waiting.until(there, what=f"the queue {name}")


async def planned(
    of: source_base.Source, action: str, *refs: base.Ref, args: plans.Args | None = None
) -> tuple[list[plans.Target], list[plans.LeftOut]]:
    selection = plans.Selection(refs=refs)
    parts = [p async for p in of.plan(action, selection, args or {}, lambda n, total: None)]
    return (
        [part for part in parts if isinstance(part, plans.Target)],
        [part for part in parts if isinstance(part, plans.LeftOut)],
    )


def live(engine: engines.Engine) -> None:
    """Jobs in every state, one after two attempts, in the queue `life`."""
    for n in range(3):
        engine.add("life", "send", {"n": n, "fails": -1, "log": f"line {n}"}, attempts=n + 1)
    engine.add("life", "send", {"n": 9, "fails": 1}, attempts=2)
    for n in range(4):
        engine.add("life", "send", {"n": n})
    engine("run", "life")
    for n in range(3):
        engine.add("life", "send", {"n": n})
    engine("take", "life")
    engine.add("life", "later", {"n": 1}, delay=3_600_000)
    engine.add("life", "urgent", {"n": 2}, priority=3)


async def test_counts_states_attempts_and_traces_are_the_librarys(
    engine: engines.Engine, redis_url: str
) -> None:
    live(engine)
    said = engine("counts", "life")
    async with source(redis_url) as of:
        counts = (await seen(of, "life")).counts.model_dump()
        assert {state: counts[state] for state in STATES if said.get(state, 0)} == {
            state: said[state] for state in STATES if said.get(state, 0)
        }
        assert sum(counts.values()) == sum(said.values()) == 13
        page = await of.page("bullmq/queue/life", "jobs", plans.Query(limit=300), None, 0)
        rows = [row for row in page.rows if isinstance(row, queue.Job)]
        assert page.looked.complete
        assert len(rows) == 13
        for row in rows:
            job = engine("job", "life", id=row.id)
            assert (row.state, row.name) == (job["state"], job["name"])
            # A first run counts once it has begun, as in BullMQ 3 and 4, whenever BullMQ counts it.
            begun = 1 if row.state is queue.JobState.ACTIVE else job["attemptsMade"]
            # BullMQ keeps why an attempt failed also when the next one has succeeded.
            failed = "" if job["state"] == "completed" else job.get("failedReason", "")
            assert (row.attempts, row.error) == (begun, failed)
            assert row.enqueued_at is not None
            assert row.enqueued_at.timestamp() * 1000 == pytest.approx(job["timestamp"], abs=1)
            detail = await of.detail(row.ref)
            traces = [section.text for section in detail.sections if section.form == "trace"]
            assert traces == (job.get("stacktrace") or [])[::-1]
            payload = next(s.data for s in detail.sections if s.id == "payload")
            assert payload == job["data"]
        failed = [row for row in rows if row.state is queue.JobState.FAILED]
        assert {row.fingerprint for row in failed} != {""}


async def test_a_paused_queue_hides_no_job(engine: engines.Engine, redis_url: str) -> None:
    for n in range(3):
        engine.add("still", "send", {"n": n})
    engine("ask", "still", method="pause")
    engine.add("still", "send", {"n": 3})
    async with source(redis_url) as of:
        found = await seen(of, "still")
        assert found.counts.waiting + found.counts.paused == 4
        assert found.verdict.code in ("paused", "no_worker")
        page = await of.page("bullmq/queue/still", "jobs", plans.Query(), None, 0)
        assert len(page.rows) == 4


async def test_workers_and_repeatables_of_every_version(
    engine: engines.Engine, redis_url: str
) -> None:
    engine("version", "busy")  # whoever opens a queue writes its meta, a worker of 3 does not
    engine("crew", "busy", name="mailer-1")
    engine("crew", "busy")
    version = engine("version", "clock")["version"]
    if places.major(version) == 6:
        args = ["tick", {"every": 900_000}, {"name": "tick"}]
        engine("ask", "clock", method="upsertJobScheduler", args=args, silent=True)
    else:
        engine.add("clock", "tick", {}, repeat={"every": 900_000})
    async with source(redis_url) as of:
        await seen(of, "busy")

        async def two() -> bool:
            entities = (await of.sample()).entities
            return sum(isinstance(e, queue.Worker) and e.queues == ("busy",) for e in entities) == 2

        await waiting.until(two, what="two workers")
        assert (await seen(of, "busy")).workers == 2
        schedules = [e for e in (await of.sample()).entities if isinstance(e, queue.Schedule)]
        assert [(s.job, s.declared, s.interval_s) for s in schedules] == [
            ("tick", "every 15 min", 900.0)
        ]


@old
async def test_older_layouts_are_read_only_with_a_sentence(
    engine: engines.Engine, redis_url: str, valkey: servers.Valkey
) -> None:
    live(engine)
    jobs = [job["id"] for job in engine("jobs", "life", state="failed")["jobs"]]
    refs = [ref.make("bullmq", "job", "life", job) for job in jobs]
    with redis.Redis.from_url(redis_url) as conn:
        before = {key: conn.dump(key) for key in conn.scan_iter()}
        async with source(redis_url) as of:
            assert (await seen(of, "life")).actions == ()
            for action in ("queue.retry", "job.remove", "job.duplicate"):
                targets, left = await planned(of, action, *refs)
                assert not targets
                assert sum(one.count for one in left) == len(refs)
                assert all("Bull Board" in one.why for one in left)
            _, left = await planned(of, "queue.pause", "bullmq/queue/life")
            assert "Bull Board" in left[0].why
        assert {key: conn.dump(key) for key in conn.scan_iter()} == before


@six
async def test_a_layout_that_changes_after_the_plan_stops_the_script(
    engine: engines.Engine, redis_url: str
) -> None:
    """The look before the scripts is passed by here: they look again themselves."""
    engine.add("life", "send", {"fails": -1})
    engine("run", "life")
    of = source(redis_url)
    assert isinstance(of, bullmq.BullMQ)
    async with of:
        await seen(of, "life")
        place = places.Place("bull", "life")
        with redis.Redis.from_url(redis_url) as conn:
            for version, paused in (("bullmq:5.81.5", ""), ("bullmq:6.7.0", "yes"), ("", "")):
                conn.hset("bull:life:meta", "version", version)
                if paused:
                    conn.lpush("bull:life:paused", "77")
                before = conn.dump("bull:life:failed")
                item = {"id": "1", "state": "failed", "since": "", "attempts": "1", "started": "1"}
                replies = await of._hand.run(
                    functools.partial(of._runner.run, place=place, script="retry", items=[item])
                )
                assert replies[0][0] == b"foreign"
                assert conn.dump("bull:life:failed") == before
                conn.delete("bull:life:paused")


@six
async def test_without_the_package_everything_is_refused_with_how_to_install_it(
    engine: engines.Engine, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.add("life", "send", {"fails": -1})
    engine("run", "life")
    monkeypatch.setattr(library, "missing", lambda: "actions: need the Python package bullmq: pip")
    async with source(redis_url) as of:
        assert (await seen(of, "life")).actions == ()
        assert of.describe().actions == ("job.reveal",)
        targets, left = await planned(of, "queue.retry", "bullmq/job/life/1")
        assert not targets
        assert "Python package bullmq" in left[0].why


@six
async def test_what_waits_goes_back_between_those_that_it_waited_between(
    engine: engines.Engine, redis_url: str
) -> None:
    ids = [engine.add("row", "send", {"n": n}) for n in range(8)]
    some = [ref.make("bullmq", "job", "row", ids[n]) for n in (2, 3, 4, 7, 0)]
    with redis.Redis.from_url(redis_url) as conn:
        before = conn.lrange("bull:row:wait", 0, -1)
        async with source(redis_url) as of:
            targets, _ = await planned(of, "job.remove", *some)
            outcomes = await of.apply("job.remove", targets, {}, RAVI)
            assert len(conn.lrange("bull:row:wait", 0, -1)) == 3
            assert engine("job", "row", id=ids[3]) == {}
            done = [
                plans.Undoable(target=target, memento=outcome.memento or {})
                for target, outcome in zip(targets, outcomes, strict=True)
            ]
            undone = await of.undo("job.remove", done, RAVI)
            assert {one.outcome for one in undone} == {plans.Outcome.DONE}
        assert conn.lrange("bull:row:wait", 0, -1) == before
    assert engine("run", "row") == {"ran": 8}


@six
async def test_what_lies_too_deep_is_left_out_and_shown_all_the_same(
    engine: engines.Engine, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [engine.add("row", "send", {"n": n}) for n in range(9)]
    monkeypatch.setattr(running, "DEEP", 2)
    first, middle = (ref.make("bullmq", "job", "row", ids[n]) for n in (0, 4))
    async with source(redis_url) as of:
        targets, left = await planned(of, "job.remove", first, middle)
        assert [target.ref for target in targets] == [first]
        assert "deep" in left[0].why
        detail = await of.detail(middle)
        assert isinstance(detail.entity, queue.Job)
        assert detail.entity.state is queue.JobState.WAITING


@six
async def test_what_flows_and_schedules_hang_on_is_not_taken_out(
    engine: engines.Engine, redis_url: str
) -> None:
    child = {"name": "child", "queueName": "leaves", "data": {}, "opts": {"jobId": "leaf"}}
    tree = {"name": "parent", "queueName": "trees", "data": {}, "children": [child]}
    for name in ("leaves", "trees"):
        engine("version", name)  # a flow's producer writes none
    parent = engine("flow", tree=tree)["id"]
    template = {"name": "tick", "data": {}}
    args = ["tick", {"pattern": "0 0 1 1 *"}, template]
    engine("ask", "clock", method="upsertJobScheduler", args=args, silent=True)
    (pending,) = engine("jobs", "clock", state="delayed")["jobs"]
    leaf = "bullmq/job/leaves/leaf"
    following = ref.make("bullmq", "job", "clock", pending["id"])
    async with source(redis_url) as of:
        await seen(of, "leaves")
        for action in ("job.remove", "job.quarantine"):
            targets, left = await planned(of, action, leaf, following)
            assert not left
            outcomes = await of.apply(action, targets, {}, RAVI)
            assert [one.outcome for one in outcomes] == [plans.Outcome.SKIPPED] * 2
            assert "parent waits" in outcomes[0].why
            assert "remove the schedule" in outcomes[1].why
        flow = next(s for s in (await of.detail(leaf)).sections if s.id == "flow")
        roles = {field.name: field.ref for field in flow.fields}
        assert roles == {"parent": ref.make("bullmq", "job", "trees", parent), "this": leaf}
        top = await of.detail(ref.make("bullmq", "job", "trees", parent))
        assert "child" in {f.name for s in top.sections if s.id == "flow" for f in s.fields}
    assert engine("job", "leaves", id="leaf")["state"] == "waiting"


@six
async def test_an_expired_code_is_not_retried_and_a_retried_job_is_watched(
    engine: engines.Engine, redis_url: str
) -> None:
    engine.add("otp", "sendOtp", {"fails": -1, "expiresAt": "2024-01-01T00:00:00Z"})
    good = engine.add("otp", "send", {"fails": 1})
    bad = engine.add("otp", "send", {"fails": -1})
    engine("run", "otp")
    refs = [ref.make("bullmq", "job", "otp", one) for one in ("1", good, bad)]
    async with source(redis_url) as of:
        targets, left = await planned(of, "queue.retry", *refs)
        assert [target.ref for target in targets] == refs[1:]
        assert "expired" in left[0].why
        assert "expired" in (await planned(of, "job.duplicate", refs[0]))[1][0].why
        edit = [{"op": "replace", "path": "/fails", "value": 0}]
        targets_, said = await planned(of, "job.edit", refs[0], args={"patch": edit})
        assert (targets_, "expired" in said[0].why) == ([], True)
        until = {"until": "2024-01-01T00:00:00+00:00"}
        late = [t.model_copy(update={"guard": {**t.guard, **until}}) for t in targets]
        for outcome in await of.apply("queue.retry", late, {}, RAVI):
            assert outcome.why.startswith("Its code has expired")
        await of.apply("queue.retry", targets, {}, RAVI)
        assert [f.state for f in await of.fared("queue.retry", targets)] == ["pending"] * 2
        engine("run", "otp")
        fared = await of.fared("queue.retry", targets)
        assert [f.state for f in fared] == ["well", "failed"]
        assert fared[1].fingerprint


async def test_a_queue_that_the_board_does_not_list_is_shown_and_marked(
    engine: engines.Engine, redis_url: str
) -> None:
    for name in ("shown", "hidden"):
        engine.add(name, "send")
    async with source(redis_url, unlisted=("hidden",)) as of:
        assert [(await seen(of, name)).listed for name in ("shown", "hidden")] == [True, False]


@six
async def test_an_edit_is_what_runs_next(engine: engines.Engine, redis_url: str) -> None:
    one = engine.add("edits", "send", {"fails": 1, "to": "nobody@example.org"})
    engine("run", "edits")
    of_job = ref.make("bullmq", "job", "edits", one)
    args: plans.Args = {"patch": [{"op": "replace", "path": "/to", "value": "ravi@example.org"}]}
    async with source(redis_url) as of:
        wrong: plans.Args = {"patch": [{"op": "replace", "path": "/none", "value": 1}]}
        targets, left = await planned(of, "job.edit", of_job, args=wrong)
        assert not targets
        assert "/none" in left[0].why
        targets, _ = await planned(of, "job.edit", of_job, args=args)
        (outcome,) = await of.apply("job.edit", targets, args, RAVI)
        assert outcome.outcome is plans.Outcome.DONE, outcome
    engine("run", "edits")
    job = engine("job", "edits", id=one)
    assert (job["state"], job["data"]["to"]) == ("completed", "ravi@example.org")


async def test_reading_is_enough_for_counts_pages_and_details(
    redis_url: str, valkey: servers.Valkey, node_modules: object
) -> None:
    db = int(redis_url.rpartition("/")[2])
    engine = engines.Engine(valkey.port, db=db)
    try:
        live(engine)
        with redis.Redis.from_url(redis_url) as conn:
            rights = ("on", f">{servers.PASSWORD}", "~*", "+@read", "+select")
            conn.execute_command("ACL", "SETUSER", "looker", *rights)
        url = f"redis://looker:{servers.PASSWORD}@127.0.0.1:{valkey.port}/{db}"
        async with source(url) as of:
            found = await seen(of, "life")
            assert (found.counts.failed, found.workers, found.actions) == (3, None, ())
            said = of.describe().capabilities
            assert any("+client|list" in one for one in said)
            assert any("ACL SETUSER looker" in one for one in said)
            page = await of.page("bullmq/queue/life", "jobs", plans.Query(), None, 0)
            assert len(page.rows) == 13
            assert all(row.actions == ("job.reveal",) for row in page.rows)
            for row in page.rows:
                await of.detail(row.ref)
    finally:
        await asyncio.to_thread(engine.close)


def test_only_six_is_written_to() -> None:
    place = places.Place("bull", "emails")
    assert places.refusal(place, "bullmq:6.7.0", paused_list=False) == ""
    for version, paused in (
        ("bullmq:6.7.0", True), ("bullmq:5.81.5", False), ("bullmq:7.0.0", False),
        ("bullmq-pro:6.1.0", False), ("", False), ("nonsense", False),
    ):  # fmt: skip
        assert "Bull Board" in places.refusal(place, version, paused_list=paused)


def test_the_package_has_what_is_called() -> None:
    assert library.missing() == ""
    for script in ("retry", "remove", "add", "priority", "pause", "unschedule"):
        assert "local function each" in library.text(script)


def test_every_command_of_the_scripts_is_asked_for() -> None:
    """RENAME is for the paused list of BullMQ 5, with which nothing is done."""
    scripts = (resources.files(bullmq) / "lua").iterdir()
    names = {file.name.removesuffix(".lua") for file in scripts} - {"common"}
    said = {
        word for name in names for word in re.findall(r"call\(\s*['\"](\w+)", library.text(name))
    }
    assert {word.upper() for word in said} - {"RENAME"} == set(rights._NEEDED)


@pytest.mark.parametrize("engine", ["bullmq"], indirect=True)
async def test_a_release_says_what_runs_again(engine: engines.Engine, redis_url: str) -> None:
    engine.add("life", "send", {"fails": -1}, attempts=1)
    engine("run", "life")
    engine.add("life", "later", {"n": 1}, delay=3_600_000)
    async with source(redis_url) as of:
        page = await of.page("bullmq/queue/life", "jobs", plans.Query(), None, 0)
        refs = [row.ref for row in page.rows if isinstance(row, queue.Job)]
        targets, _ = await planned(of, "job.quarantine", *refs)
        await of.apply("job.quarantine", targets, {}, plans.By(login="asha", operation=1))
        targets, _ = await planned(of, "job.release", *refs)
        assert {target.note for target in targets} == {
            "runs again now (attempt 1 → 2)",
            "due as before",
        }
