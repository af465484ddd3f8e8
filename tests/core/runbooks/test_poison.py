"""Runbook A tells one kind that fails from many, and acts on that kind alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from mrcore import errors, failing, sources
from mrcore.model import base, plans
from mrcore.runbooks import asked, asking, library, parse, progress, record
from tests.core import journals
from tests.core.expr import recorded
from tests.core.runbooks import looked

NODE, MAIL, SYNC = "redis/node/main", "huey/queue/emailQueue", "huey/queue/mrtestSyncQueue"
SCHEDULE = "huey/schedule/mrtest-sync-mrtest-main"
POISON, OTHER = "0123456789ab", "ba9876543210"
OFTEN = {"queue.fail_rate": 0.2, "queue.failed": 20.0}
SOURCES = (
    looked.source("redis", "node"),
    looked.source("huey", "queue", "worker", "schedule", "group"),
    looked.source("stack", "process"),
    looked.source("upstreams", "upstream"),
)


def a_queue(ref: base.Ref) -> base.Entity:
    return looked.thing(ref, engine="huey", name=ref.rsplit("/")[-1], workers=1)


def group(print_: str, jobs: int, share: float, queue: str = "emailQueue", **more: Any) -> Any:
    return looked.thing(
        f"huey/group/{queue}/{print_}", engine="huey", queue=queue, fingerprint=print_,
        title=f"TypeError: {print_}", jobs=jobs, share=share, worst=1, last_at=recorded.T0, **more,
    )  # fmt: skip


def upstream(name: str, code: str = "", **more: Any) -> base.Entity:
    return looked.thing(f"upstreams/upstream/{name}", code, name=name, **more)


def things(*more: base.Entity, smtp: int = 235) -> tuple[base.Entity, ...]:
    node = looked.thing(NODE, canary_ok=True, version="")
    mails = upstream("smtp", "535" if smtp == 535 else "", form="smtp", status_code=smtp)
    schedule = looked.thing(
        SCHEDULE, engine="huey", name="mrtest-sync-mrtest-main", queue="mrtestSyncQueue",
        declared="every 15 min",
    )  # fmt: skip
    return (*SOURCES, node, a_queue(MAIL), a_queue(SYNC), schedule, mails, *more)


def test_only_the_jobs_of_the_poisons_fingerprint_are_put_aside() -> None:
    there = things(group(OTHER, 2, 10.0), group(POISON, 18, 90.0))
    at, known, _ = looked.run("A", there, MAIL, points=OFTEN)
    assert (at, known.codes) == ("quarantine", ("poison",))
    assert f"TypeError: {POISON}" in known.diagnosis
    assert OTHER not in known.diagnosis
    found = looked.request("A", there, MAIL, points=OFTEN)
    assert isinstance(found, plans.PlanRequest)
    query = plans.Query(state="failed", fingerprint=POISON)
    assert (found.action, found.selection) == (
        "job.quarantine",
        plans.Selection(ref=MAIL, collection="jobs", query=query),
    )


@pytest.mark.parametrize(
    ("groups", "rate", "codes", "step"),
    [
        ((group(POISON, 4, 100.0),), OFTEN, ("failing",), "source"),
        ((group(POISON, 12, 60.0), group(OTHER, 8, 40.0)), OFTEN, ("failing",), "source"),
        ((group(POISON, 18, 90.0, "kpiQueue"),), OFTEN, ("failing",), "source"),
        ((group(OTHER, 5, 50.0), group(POISON, 5, 50.0)), {"queue.fail_rate": 0.0}, (), ""),
        ((group(POISON, 5, 80.0),), {"queue.fail_rate": 0.0}, ("poison",), "quarantine"),
    ],
    ids=["too few", "many kinds", "of another queue", "few and many kinds", "slow poison"],
)
def test_what_is_no_poison_is_not_put_aside(
    groups: tuple[base.Entity, ...], rate: looked.Points, codes: tuple[str, ...], step: str
) -> None:
    at, known, _ = looked.run("A", things(*groups), MAIL, points=rate)
    assert (known.codes, at) == (codes, step)


@pytest.mark.parametrize(("left_out", "step"), [(True, "again"), (False, "")])
def test_what_was_not_put_aside_is_retried_once_its_cause_is_mended(
    left_out: bool, step: str
) -> None:
    there = things(group(POISON, 18, 90.0))
    _, known, ask = looked.run("A", there, MAIL, points=OFTEN)
    known = known.with_step("quarantine", state="passed", found="" if left_out else record.DONE)
    known = known.with_step("source", state="passed", found=record.DONE)
    runbook = library.load(None)["A"]
    known = progress.Progress(runbook, known, ask.view, {}).go()
    assert "".join(each.id for each in runbook.steps[known.at_step :]) == step
    if left_out:
        found = asked.request(runbook, known, runbook.step(step), ask)
        assert isinstance(found, plans.PlanRequest)
        assert (found.action, found.args) == ("queue.retry", {"canary": True})


def test_one_job_that_fails_again_and_again_is_poison_whatever_else_fails() -> None:
    worst = group(POISON, 3, 10.0).model_copy(update={"worst": 3})
    there = things(group(OTHER, 27, 79.0), worst)
    assert looked.run("A", there, MAIL, points=OFTEN)[1].codes == ("poison",)
    found = looked.request("A", there, MAIL, points=OFTEN)
    assert isinstance(found, plans.PlanRequest)
    assert found.selection.query.fingerprint == POISON


@pytest.mark.parametrize(
    ("queue", "smtp", "code", "led"),
    [
        (MAIL, 535, "", {"B": f"huey/group/emailQueue/{POISON}"}),
        (MAIL, 235, "", {}),
        (MAIL, 235, "auth", {}),
        (SYNC, 535, "", {}),
        (SYNC, 235, "auth", {"E": "upstreams/upstream/mrtest-main"}),
        (SYNC, 235, "limited", {"E": "upstreams/upstream/mrtest-main"}),
    ],
)
def test_what_others_have_to_mend_is_left_to_them(
    queue: base.Ref, smtp: int, code: str, led: dict[str, base.Ref]
) -> None:
    name = queue.rsplit("/")[-1]
    fails = [group(print_, 10, 50.0, name) for print_ in (POISON, OTHER)]
    there = things(*fails, upstream("mrtest-main", code, schedule=SCHEDULE), smtp=smtp)
    found: dict[str, base.Ref] = {}
    at, known, ask = looked.run("A", there, queue, points=OFTEN, leads=found)
    assert (found, known.codes) == (led, ("failing",))
    assert at == ("" if led else "source")
    if "E" in led:
        assert asking.subject_of(ask.view, found["E"], "schedule") == SCHEDULE


def test_a_diagnosis_that_nothing_has_decided_lets_nothing_be_done() -> None:
    text = library.load(None)["A"].text.replace("{{failures.id}}", "{{consumers.id}}")
    _, known, ask = looked.run("A", things(group(POISON, 18, 90.0)), MAIL, points=OFTEN)
    wrong = parse.read(text, "A.md")
    found = asked.request(wrong, known, wrong.step("quarantine"), ask)
    assert found == asked.Nothing(
        "{{consumers.id}} is not known: that step was decided by no single thing."
    )
    with pytest.raises(errors.RunbookError, match=r"there is no \{\{nobody\.id\}\}"):
        parse.read(text.replace("{{consumers.id}}", "{{nobody.id}}"), "A.md")


@pytest.fixture
def desk(redis_url: str) -> Iterator[journals.Desk]:
    with journals.desk(redis_url) as made:

        @made.huey.task(name="sendWelcome", retries=0)
        def welcome(to: str, name: str) -> None:
            """Never called without a name."""

        @made.huey.task(name="sendReminder", retries=0)
        def remind(to: str, title: str) -> None:
            raise LookupError(f"no {title}")

        for number in range(2):
            remind(f"asha{number}@example.com", "meeting")
        for number in range(8):
            welcome(f"lea{number}@example.com")
        yield made


async def test_in_a_real_queue_what_fails_otherwise_stays_where_it_is(
    redis_url: str, desk: journals.Desk
) -> None:
    async with sources.build("huey", {"url": redis_url})[0] as source:
        await source.sample()
        desk.run_all()
        counted = failing.Failing()
        counted.count((await source.sample()).captured, datetime.now(UTC))
        groups = [
            each.model_copy(update={"last_at": recorded.T0})
            for each in counted.rows("huey", datetime.now(UTC))
        ]
        found = looked.request("A", things(*groups), MAIL, points=OFTEN)
        assert isinstance(found, plans.PlanRequest)
        parts = [
            each
            async for each in source.plan(
                found.action, found.selection, found.args, lambda looked, total: None
            )
        ]
        targets = [each for each in parts if isinstance(each, plans.Target)]
        assert {each.label.split()[0] for each in targets} == {"sendWelcome"}
        assert len(targets) == 8
        done = await source.apply(found.action, targets, found.args, plans.By(login="olga"))
        assert {each.outcome for each in done} == {plans.Outcome.DONE}
        kept = [desk.job(job_id).task for job_id in desk.ids("failed")]
        assert [name.rpartition(".")[2] for name in kept] == ["sendReminder"] * 2
