"""A plan without a target says why; a wrong argument says which are right."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from mrcore import catalogue, errors, sources
from mrcore.acting import drafts, planning
from mrcore.model import plans
from mrcore.sources import base as source_base
from mrtui import plan_lines
from mrtui.cli import actions
from tests.core import journals

OWNER = "huey/queue/emailQueue"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def desk(redis_url: str) -> Iterator[journals.Desk]:
    with journals.desk(redis_url) as made:
        yield made


async def said(
    source: source_base.Source, action: str, selection: plans.Selection, **args: Any
) -> list[str]:
    """What is left out of a plan that must have no target, as it is shown."""
    request = plans.PlanRequest(action=action, selection=selection, args=args)
    asked, draft = planning.understand(request), drafts.Draft()
    await planning.collect(source, asked, draft)
    plan = planning.write(
        asked,
        draft,
        plan_id="1",
        login="asha",
        environment="test",
        needs_approval=lambda risk: False,
        now=NOW,
    )
    assert not plan.total
    assert plan_lines.undo(plan) == "not possible: nothing is done"
    return [part.said for part in plan_lines.parts(plan, NOW) if part.name == "left out"]


async def test_a_plan_without_targets_says_why(redis_url: str, desk: Any) -> None:
    @desk.huey.task(name="send")
    def send() -> None: ...

    for _ in range(3):
        send()
    desk.run_all()
    queue = plans.Selection(refs=(OWNER,))
    failed = plans.Query(state="failed", fingerprint="0123456789ab")
    async with sources.build("huey", {"url": redis_url})[0] as source:
        await source.sample()
        assert await said(source, "queue.clean", queue, state="completed") == [
            "3: emailQueue: 3 completed are younger than 1 h; older_s=0 takes all"
        ]
        assert await said(source, "queue.clean", queue, state="failed") == [
            "emailQueue: no job is failed"
        ]
        assert await said(source, "queue.drain", queue) == ["emailQueue: nothing waits"]
        send.schedule(delay=60)
        desk.run_all()
        assert await said(source, "queue.drain", queue) == [
            "1: emailQueue: nothing waits; 1 is delayed, which delayed=true takes"
        ]
        chosen = plans.Selection(ref=OWNER, collection="jobs", query=failed)
        assert await said(source, "queue.retry", chosen) == [
            f"Of the jobs of {OWNER} none has state failed, fingerprint 0123456789ab."
        ]


@pytest.mark.parametrize(
    ("action", "args", "fix"),
    [
        ("job.delay", {"minutes": 10}, "It takes by_s (run it so many seconds from now)."),
        (
            "queue.clean",
            {"older": 10},
            "older_s is the nearest. It takes state (completed or failed), "
            "older_s (ended so many seconds ago, 3,600 if not said, 0 for all).",
        ),
        ("job.remove", {"x": 1}, "It takes none."),
        (
            "queue.retry",
            {"canary": 0},
            "It takes canary (so many first, 10 if true; the rest when most of them went well), "
            "watch_s (so many seconds they are watched, 60 if not said).",
        ),
    ],
)
def test_a_wrong_argument_leads_to_the_right_ones(
    action: str, args: dict[str, Any], fix: str
) -> None:
    kind = catalogue.ACTIONS[action].kind
    chosen = plans.Selection(refs=(f"huey/{kind}/a/1",))
    with pytest.raises(errors.BadRequest) as caught:
        planning.understand(plans.PlanRequest(action=action, selection=chosen, args=args))
    assert caught.value.fix == fix


async def test_an_argument_that_is_missing_is_named_with_its_meaning(
    redis_url: str, desk: Any
) -> None:
    async with sources.build("huey", {"url": redis_url})[0] as source:
        with pytest.raises(errors.BadRequest) as caught:
            await said(source, "queue.clean", plans.Selection(refs=(OWNER,)))
    assert caught.value.sentence.startswith("state is completed or failed")
    assert "older_s (ended so many seconds ago" in caught.value.fix


def test_the_list_of_actions_has_their_arguments() -> None:
    lines = actions.lines()
    delay = next(n for n, line in enumerate(lines) if line.startswith("job.delay "))
    assert lines[delay + 1] == "    --arg by_s=…  run it so many seconds from now"
    every = {name for action in catalogue.ACTIONS.values() for name in action.args}
    assert {line.split("=")[0].split()[-1] for line in lines if "--arg" in line} == every
