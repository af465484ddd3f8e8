"""What two plays with one seed have in common is told, and nothing that is a matter of time."""

from __future__ import annotations

import pytest

from mrcore.gameday import story
from mrcore.model import alert, base, core, plans, redis, ref, run, stack
from tests.core.gameday.watched import T0, J, fired, later, seen


async def test_a_story_has_no_times_and_is_the_same_again() -> None:
    step = run.Step(id="see", kind="diagnose", title="", state=run.StepState.PASSED, found="paused")

    def of(shift_s: float) -> run.Run:
        return run.Run(
            ref="core/run/1", id=1, runbook="J", title="", state=run.RunState.RECOVERED,
            login="me", codes=("paused",), steps=(step,), began_at=later(shift_s),
            diagnosed_at=later(shift_s + 1),
        )  # fmt: skip

    async def told(shift_s: float, outcome: plans.Outcome) -> dict[str, tuple[str, ...]]:
        operation = core.Operation(
            ref="core/operation/9", id=9, plan_id="p", action="redis.unpause", label="",
            login="me", started_at=later(shift_s + 2),
        )  # fmt: skip
        node = redis.RedisNode(
            ref="redis/node/main", version="8", verdict=base.Verdict(level=base.Level.BAD)
        )
        at = fired("redis_wedged", shift_s, ref="core/alert/redis_wedged/redis%2Fnode%2Fmain")
        watcher = await seen(node, at, of(shift_s), operation)
        fate = plans.TargetOutcome(ref="redis/node/main", outcome=outcome)
        return story.of(J, watcher, T0, {operation.ref: [fate]})

    one = await told(1, plans.Outcome.DONE)
    assert one == await told(4, plans.Outcome.DONE)
    assert one == {
        "core/alert/redis_wedged/redis/node/main": ("fired",),
        "plans of redis/node/main": ("redis.unpause planned", "done"),
        "run of J": ("paused", "see passed paused", "recovered"),
        "verdicts of redis/node/main": ("bad",),
    }
    assert one != await told(1, plans.Outcome.SKIPPED)


@pytest.mark.parametrize("kind", ["session", "order"])
async def test_a_story_names_nothing_that_is_made_anew_in_every_play(kind: str) -> None:
    def of(pid: int, at_s: float) -> alert.Alert:
        subject = ref.make("pg", kind, pid, 17)
        return fired("redis_wedged", at_s, subject=subject,
                     ref=ref.make("core", "alert", "redis_wedged", subject))  # fmt: skip

    one, two = await seen(of(7, 1), of(8, 2)), await seen(of(9, 1))
    found = story.of(J, one, T0, {})
    assert found == story.of(J, two, T0, {})
    assert found[f"core/alert/redis_wedged/pg/{kind}/*"] == ("fired",)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (("", "broken", "blocked", "no_answer", ""), ("blocked", "ok")),
        (("", "refused", ""), ("away", "ok")),
        (("", "unreachable", "refused", "loading", ""), ("away", "ok")),
        (("", "stopped", "unreachable", ""), ("stopped", "ok")),
        (("", "retry_storm", "failing", ""), ("failing",)),
        (("failing", "", "retry_storm"), ("failing",)),
    ],
)
async def test_a_story_tells_of_silence_only_where_that_is_all_and_how_often_of_nothing(
    said: tuple[str, ...], told: tuple[str, ...]
) -> None:
    subject = "redis/node/main"
    levels = {True: base.Level.BAD, False: base.Level.OK}
    verdicts = [base.Verdict(level=levels[bool(code)], code=code) for code in said]
    rows = [redis.RedisNode(ref=subject, version="8", verdict=each) for each in verdicts]
    at = fired("redis_wedged", 1, ref="core/alert/redis_wedged/redis%2Fnode%2Fmain")
    found = story.of(J, await seen(*rows, at), T0, {})
    assert found[f"verdicts of {subject}"] == told


@pytest.mark.parametrize(
    ("stands", "told"), [("failing", ("failing",)), ("retry_storm", ("failing",)), ("paused", ())]
)
async def test_a_queue_that_still_says_that_its_jobs_failed_is_told_of_as_one_that_begins_to(
    stands: str, told: tuple[str, ...]
) -> None:
    subject = "redis/node/main"
    verdict = base.Verdict(level=base.Level.BAD, code=stands)
    at = fired("redis_wedged", 9.7, ref="core/alert/redis_wedged/redis%2Fnode%2Fmain")
    watcher = await seen(redis.RedisNode(ref=subject, version="8", verdict=verdict), at)
    assert story.of(J, watcher, later(9.5), {})[f"verdicts of {subject}"] == told


async def test_a_story_leaves_out_that_who_starts_it_again_had_not_seen_it_gone() -> None:
    subject, codes = "stack/process/worker", ("", "dead", "backoff", "starting", "backoff")
    rows = [
        stack.Process(
            ref=subject, name="worker", state="ready",
            verdict=base.Verdict(level=base.Level.BAD if code else base.Level.OK, code=code),
        )
        for code in codes
    ]  # fmt: skip
    at = fired(
        "redis_wedged", subject=subject, ref=ref.make("core", "alert", "redis_wedged", subject)
    )
    found = story.of(J, await seen(*rows, at), T0, {})
    assert found[f"verdicts of {subject}"] == ("anew",)


async def test_a_story_leaves_out_runs_of_other_runbooks() -> None:
    beside = run.Run(
        ref="core/run/2", id=2, runbook="F", title="", state=run.RunState.WAITING,
        login="me", began_at=later(1),
    )  # fmt: skip
    subject = ref.make("redis", "node", "main")
    wedged = fired(
        "redis_wedged", subject=subject, ref=ref.make("core", "alert", "redis_wedged", subject)
    )
    found = story.of(J, await seen(wedged, beside), T0, {})
    assert not [name for name in found if name.startswith("run of")]
