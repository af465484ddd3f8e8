"""What was seen is judged: the alert that was expected, in time, and nothing else."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from mrcore.gameday import calm, judge, operators, recovering, scenario, score
from mrcore.model import alert, base, core, queue, redis, run, stack, wire
from tests.core.gameday.watched import RULES, T0, J, fired, later, seen

NOBODY = operators.Operators(J, print)


async def test_the_expected_alert_is_found_after_the_beginning() -> None:
    watcher = await seen(fired("redis_wedged"))
    found = judge.of(J.alerts[0], watcher.firings.values(), T0)
    assert found is not None
    assert found.phases == ["firing"]
    assert judge.of(J.alerts[0], watcher.firings.values(), later(2)) is None
    other = scenario.Expected("redis_wedged", "redis/node/other")
    assert judge.of(other, watcher.firings.values(), T0) is None


@pytest.mark.parametrize(
    ("samples_s", "at_s", "held"),
    [
        ((3.5, 3.7), 3.8, True),
        ((3.5,), 9.0, True),
        ((0.8, 3.5, 3.7, 3.9), 4.05, True),
        ((0.8, 3.5, 3.7, 3.9), 4.15, False),
        ((3.5, 3.7, 3.9, 4.1, 4.3, 4.5), 5.0, False),
        ((4, 5, 6, 7), 7.5, False),
    ],
    ids=["second", "none since", "while rules are asked", "after they were", "quick", "late"],
)
async def test_it_fires_by_the_second_sample(
    samples_s: tuple[float, ...], at_s: float, held: bool
) -> None:
    at = fired("redis_wedged", at_s, since=later(0.4))
    watcher = await seen(at, samples_s=samples_s)
    found = judge.of(J.alerts[0], watcher.firings.values(), T0)
    assert found is not None
    assert judge.punctual(found, RULES["redis_wedged"], watcher).held is held


@pytest.mark.parametrize(
    ("other", "held"),
    [
        (fired("health_503"), True),
        (fired("pg_blocked"), False),
        (fired("pg_blocked", told_at=None), True),
        (fired("pg_blocked", -1.0), True),
        (fired("pg_blocked", severity=alert.Severity.INFO), True),
        (fired("redis_wedged", about="nodata", ref="core/alert/redis_wedged/x/nodata"), False),
    ],
    ids=["also", "unrelated", "suppressed", "before", "for the record", "no data"],
)
async def test_nobody_is_told_of_anything_else(other: alert.Alert, held: bool) -> None:
    watcher = await seen(fired("redis_wedged"), other)
    what = dataclasses.replace(J, also=("health_503",))
    assert judge.unrelated(what, watcher, T0, ()).held is held
    assert judge.unrelated(what, watcher, T0, [other.ref]).held


async def test_what_else_was_done_is_counted() -> None:
    def done(number: int, action: str) -> core.Operation:
        return core.Operation(
            ref=f"core/operation/{number}", id=number, plan_id=str(number), action=action,
            label="", login="me", started_at=later(1),
        )  # fmt: skip

    watcher = await seen(done(1, J.action), done(2, "key.delete"), done(3, "alert.ack"))
    assert judge.wrong_actions(J, watcher, T0) == 1


DEAD = base.Verdict(level=base.Level.BAD, code="dead")
WATCHED = [
    core.SourceStatus(ref=f"core/source/{name}", name=name, source_kind=name, state="watching",
                      interval_s=1, deadline_s=1)
    for name in ("redis", "stack")
]  # fmt: skip
WORKER = queue.Worker(ref="huey/worker/w", engine="huey", name="w", verdict=DEAD)
QUEUE = queue.Queue(ref="huey/queue/emailQueue", engine="huey", name="emailQueue")
BEATS = queue.Worker(ref="huey/worker/b", engine="huey", name="b", supervised=True, pid=7)


@pytest.mark.parametrize(
    ("there", "disturbs"),
    [
        ([], []),
        ([WATCHED[0].model_copy(update={"state": "failing"})], ["redis"]),
        ([fired("redis_wedged")], ["redis_wedged"]),
        ([fired("pg_blocked")], []),
        ([fired("pg_blocked", phase=alert.Phase.PENDING)], ["pg_blocked"]),
        ([stack.Process(ref="stack/process/p", name="p", state="backoff")], ["p is backoff"]),
        ([WORKER], [WORKER.ref]),
        ([WORKER, fired("worker_silent", subject=WORKER.ref)], []),
        ([BEATS, stack.Process(ref="stack/process/p", name="p", state="ready", pid=7)], []),
        (
            [BEATS, stack.Process(ref="stack/process/p", name="p", state="ready", pid=8)],
            [BEATS.ref],
        ),
        ([QUEUE], ["emailQueue has no rate yet"]),
    ],
    ids=[
        "calm",
        "away",
        "expected",
        "stands",
        "comes",
        "process",
        "corpse",
        "told",
        "lives",
        "killed",
        "young",
    ],
)
async def test_a_play_begins_when_nothing_moves(
    there: list[base.Entity], disturbs: list[str]
) -> None:
    assert list(calm.disturbs(J, await seen(*WATCHED, *there))) == disturbs


async def test_it_is_waited_for_a_run_that_asks_nothing_though_the_last_answer_was_in_vain() -> (
    None
):
    goes_on = run.Run(
        ref="core/run/1", id=1, runbook="J", title="", state=run.RunState.WAITING,
        login="me", began_at=later(1),
    )  # fmt: skip
    vain = core.Operation(
        ref="core/operation/1", id=1, plan_id="", action="run.next", label="", login="me",
        started_at=later(1), finished_at=later(2),
    )  # fmt: skip
    for asks in ((), ("run.next",)):
        known = goes_on.model_copy(update={"actions": asks})
        watcher = await seen(*WATCHED, known, vain)
        found = recovering.Recovery(None, watcher, J, T0, print, NOBODY, by_hand=False)  # type: ignore[arg-type]
        assert found.has_news([known]) is bool(asks)


async def test_of_the_runs_of_one_fault_that_one_is_meant_in_which_something_was_done() -> None:
    def of(number: int, *steps: run.Step) -> run.Run:
        return run.Run(
            ref=f"core/run/{number}", id=number, runbook="J", title="", steps=steps,
            state=run.RunState.RECOVERED, login="me", began_at=later(number),
        )  # fmt: skip

    fix = run.Step(id="fix", kind="fix", title="", state=run.StepState.PASSED)
    untouched = await seen(of(1, fix), of(2, fix))
    assert judge.run_of(J, untouched, T0) == of(2, fix)
    done = fix.model_copy(update={"operation": "core/operation/1"})
    acted = await seen(of(1, done), of(2, fix))
    assert judge.run_of(J, acted, T0) == of(1, done)


def tried(number: int, state: str, *actions: str, **more: Any) -> run.Run:
    steps = (
        run.Step(id="fix", kind="fix", title="", state=run.StepState.PASSED, action=action,
                 operation="core/operation/1")
        for action in actions
    )  # fmt: skip
    said = {"alerts": (), "runbook": J.runbook} | more
    return run.Run(
        ref=f"core/run/{number}", id=number, title="", state=run.RunState(state), login="me",
        began_at=later(number), steps=tuple(steps), **said,
    )  # fmt: skip


NODE = redis.RedisNode(ref="redis/node/main", version="8", canary_ok=True)
STANDS = fired("redis_wedged", runbook=J.runbook)
OVER = fired("redis_wedged", runbook=J.runbook, phase=alert.Phase.RESOLVED)
FIRST = tried(3, "aborted", J.action, alerts=(STANDS.ref,), subject="redis/node/main")


@pytest.mark.parametrize(
    ("fires", "later_", "meant", "at_end"),
    [
        (STANDS, [], 3, False),
        (OVER, [], 3, True),
        (STANDS, [tried(5, "waiting")], 5, False),
        (OVER, [tried(5, "waiting")], 5, False),
        (STANDS, [tried(5, "aborted")], 3, False),
        (STANDS, [tried(5, "recovered", subject=FIRST.subject)], 5, True),
        (STANDS, [tried(5, "failed"), tried(6, "aborted")], 5, True),
        (STANDS, [tried(2, "recovered")], 3, False),
        (STANDS, [tried(5, "recovered", subject="redis/node/other")], 3, False),
        (STANDS, [tried(5, "recovered", runbook="other")], 3, False),
    ],
    ids=["gave up", "mended", "anew", "verifies", "twice", "same", "fails", "old", "node", "book"],
)
async def test_by_hand_an_aborted_run_is_no_end_while_the_incident_stands(
    fires: alert.Alert, later_: list[run.Run], meant: int, at_end: bool
) -> None:
    watcher = await seen(NODE, fires, FIRST, *later_)
    by_hand, auto = (
        recovering.Recovery(None, watcher, J, T0, print, NOBODY, by_hand=by_hand)  # type: ignore[arg-type]
        for by_hand in (True, False)
    )
    found = judge.meant(judge.attempts(J, watcher, T0))
    assert found is not None
    assert (found.id, by_hand.at_end()) == (meant, at_end)
    assert auto.at_end()


async def test_in_place_of_a_run_about_nothing_counts_one_about_something() -> None:
    first = FIRST.model_copy(update={"subject": ""})
    anew = tried(5, "recovered", subject="redis/node/main")
    assert judge.meant(judge.attempts(J, await seen(STANDS, first, anew), T0)) == anew


async def test_the_play_of_who_gave_up_ends_with_the_incident() -> None:
    watcher = await seen(NODE, STANDS, FIRST)
    found = recovering.Recovery(None, watcher, J, T0, print, NOBODY, by_hand=True)  # type: ignore[arg-type]

    async def until(news: Any, limit_s: float | None) -> bool:
        assert (news(), limit_s) == (False, None)
        watcher._take(wire.Changed(source="core", at=later(9), upserts=(OVER,)))
        assert news()
        return True

    watcher.until = until  # type: ignore[method-assign, assignment]
    assert await found._to_its_end(None) == FIRST  # type: ignore[arg-type]


async def test_what_was_done_before_a_run_was_begun_anew_counts() -> None:
    for by_hand in (True, False):
        watcher = await seen(NODE, OVER, FIRST, tried(5, "recovered"))
        found = recovering.Recovery(None, watcher, J, T0, print, NOBODY, by_hand=by_hand)  # type: ignore[arg-type]
        held = [each.held for each in await found.recovered(None)]  # type: ignore[arg-type]
        assert held == [by_hand, True, True]


async def test_a_diagnosis_must_have_found_the_code() -> None:
    def of(*codes: str) -> run.Run:
        return run.Run(
            ref="core/run/1", id=1, runbook="J", title="", state=run.RunState.WAITING,
            login="me", codes=codes, began_at=later(1), diagnosed_at=later(2),
        )  # fmt: skip

    told: Any = lambda sentence: None  # noqa: E731
    strict = dataclasses.replace(J, not_diagnosed=("oom",))
    for codes, what, held in (
        (("paused",), J, True),
        (("oom",), J, False),
        (("paused", "oom"), J, True),
        (("paused", "oom"), strict, False),
        (("paused",), strict, True),
    ):
        watcher = await seen(of(*codes))
        found = recovering.Recovery(None, watcher, what, T0, told, NOBODY, by_hand=False)  # type: ignore[arg-type]
        assert [each.held for each in await found.diagnosed()] == [held]


PLAYS: tuple[tuple[str, score.Played, bool], ...] = (
    ("J", "by hand", False), ("B", "auto", True), ("J", "by hand", True), ("J", "withheld", False),
)  # fmt: skip


def test_the_newest_score_of_each_scenario_and_way_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "mr" / "gamedays.jsonl"
    assert score.kept(file) == {}
    for id_, way, ok in PLAYS:
        score.keep(_card(scenario=id_, played=way, ok=ok), file)
    found = score.kept(file)
    assert {key: card.ok for key, card in found.items()} == {
        ("B", "auto"): True, ("J", "by hand"): True, ("J", "withheld"): False,
    }  # fmt: skip
    said = "\n".join(score.lines(found["J", "by hand"]))
    assert "detected after 1.2 s" in said
    assert "held: J until detected, played by hand" in said


@pytest.mark.parametrize(
    ("way", "ok", "end"),
    [
        ("withheld", True, "held: J did not recover, as it must not: its fix was withheld"),
        ("misled", True, "held: J did not recover, as it must not: its diagnosis was wrong"),
        ("withheld", False, "FAILED: J until recovered; its fix was withheld"),
        ("auto", True, "held: J until recovered, played auto"),
    ],
)
def test_a_score_says_how_it_was_played(way: score.Played, ok: bool, end: str) -> None:
    card = _card(played=way, ok=ok, until="recovered")
    assert list(score.lines(card))[-1] == f"  {end}"


def _card(**more: Any) -> score.Card:
    ok = more["ok"]
    said: dict[str, Any] = {
        "scenario": "J", "title": "t", "seed": 7, "time_scale": 20, "until": "detected", "at": T0,
        "detected_s": 1.25, "expectations": (score.Expectation(what="x", held=ok, why="y"),),
    }  # fmt: skip
    return score.Card(**(said | more))
