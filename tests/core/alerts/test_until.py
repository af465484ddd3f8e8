"""What lasts does not end by becoming the usual: a fault of 45 minutes fires until it is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from mrcore import errors
from mrcore.alerts import finding, rule
from mrcore.alerts import state as states
from mrcore.model import base, run
from mrcore.runbooks import library, progress, record
from tests.core.alerts import cases, things
from tests.core.expr import recorded

EVERY_S = 15.0
LASTS_S = 2_700.0
SECONDS = range(0, 3_900, int(EVERY_S))
"""The fault begins at 0, and ends after 45 minutes."""

Thing = things.Thing
QUEUE = "huey/queue/emailQueue"
SINCE = recorded.T0 - timedelta(minutes=1)

FAULTS: dict[str, tuple[tuple[Thing, ...], str, float, float]] = {
    # rule: (what there is, a metric of the first or the last of it, its usual, and in the fault)
    "failure_spike": (
        (Thing("queue", ref=QUEUE), Thing("node", ref="redis/node/main")),
        "queue.fail_rate",
        0.0,
        0.5,
    ),
    "health_slow": ((Thing("check", cases.UP),), "check.latency_ms", 50.0, 1_500.0),
    "deploy_regression": (
        (cases.ERRORS, Thing("colour", {"since": SINCE, "release": "v2"})),
        "log.rate",
        0.0,
        0.5,
    ),
}  # fmt: skip


def view(name: str, second: float, lasts_s: float = LASTS_S) -> things.Seen:
    """What is known at that second, with an hour of points before it."""
    made, metric, usual, wrong = FAULTS[name]
    now = recorded.T0 + timedelta(seconds=second)
    ages = [EVERY_S * back for back in range(240)][::-1]
    points = [(-age, wrong if 0 < second - age <= lasts_s else usual) for age in ages]
    there = [thing.at(now) for thing in made]
    return things.Seen(there, {(metric, there[0].ref): points}, {"backend": "backend"}, now)


def course(
    name: str, known: rule.Rule, seen: Callable[[float], things.Seen]
) -> Iterator[tuple[int, states.State, finding.Finding]]:
    """What the alert is at each second."""
    finder, tracks = finding.Finder(known), dict[finding.Key, states.State]()
    for second in SECONDS:
        view_ = seen(second)
        for found in finder.find(view_, tracks):
            state = tracks.get(found.key, states.NEW)
            tracks[found.key] = states.advance(state, found.signal, known.timing, view_.now)
            yield second, tracks[found.key], found


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_45_minutes_fires_until_it_is_over(name: str) -> None:
    known = cases.RULES[name]
    states_ = {at_s: state for at_s, state, _ in course(name, known, lambda s: view(name, s))}
    began = next(second for second, state in states_.items() if state.open)
    assert began <= 600
    fired = {state.phase for second, state in states_.items() if began <= second <= LASTS_S}
    assert fired == {states.Phase.FIRING}
    window_s = known.timing.settle_s
    after = LASTS_S + window_s + known.timing.keep_s + 2 * EVERY_S
    assert states_[int(after)].phase is states.Phase.RESOLVED
    assert len(states_[int(after)].turns) == (2 if after - began < 1_800 else 1)


def test_a_colour_that_lost_the_traffic_regresses_no_more() -> None:
    def seen(second: float) -> things.Seen:
        found = view("deploy_regression", second)
        if second < 1_200:
            return found
        idle = Thing("colour", {"live": False, "state": "stopped"}).at(found.now)
        return things.Seen([found.things[0], idle], found.history, found.kinds, found.now)

    known = cases.RULES["deploy_regression"]
    found = {second: state for second, state, _ in course("deploy_regression", known, seen)}
    assert found[1_185].phase is states.Phase.FIRING
    assert found[1_515].phase is states.Phase.RESOLVED


def test_no_data_ends_nothing() -> None:
    def seen(second: float) -> things.Seen:
        found = view("failure_spike", second)
        if second < 1_200:
            return found
        return things.Seen(found.things, {}, found.kinds, found.now)

    known = cases.RULES["failure_spike"]
    found = list(course("failure_spike", known, seen))
    last = [state for _, state, each in found if each.key.about == "condition"][-1]
    assert last.phase is states.Phase.FIRING


def test_a_run_of_a_does_not_recover_while_its_queue_fails() -> None:
    known = cases.RULES["failure_spike"]
    a = library.load(None)["A"]
    began: record.Record | None = None
    for second, state, found in course("failure_spike", known, lambda s: view("failure_spike", s)):
        if found.key.about != "condition" or not (state.open or began):
            continue
        at = recorded.T0 + timedelta(seconds=second)
        began = began or _record(a, found.key.ref, at)
        here = things.Seen(
            [*view("failure_spike", second).things, *_around(at)],
            {**view("failure_spike", second).history, **_quiet()},
            {},
            at,
        )
        firing = [found.key.ref] if state.open else []
        began = progress.Progress(a, began, here, {}, firing).go()
        if second <= LASTS_S:
            assert (began.state, began.why) in ((run.RunState.DIAGNOSING, ""), (_WAITING, ""))
            assert "again" not in began.steps
    assert began is not None
    # What has failed meanwhile is somebody's to retry, or to leave.
    assert (began.state, began.codes) == (_WAITING, ("failing",))
    assert began.steps["source"].state is run.StepState.PASSED


_WAITING = run.RunState.WAITING


def _record(a: Any, alert: base.Ref, at: datetime) -> record.Record:
    made = record.Record(
        runbook="A",
        title=a.title,
        text=a.text,
        where=a.where,
        subject=QUEUE,
        params={},
        began_by="",
        login="",
        alerts=(alert,),
        began_at=at,
    )
    return made.but(id=1)


def _around(at: datetime) -> list[base.Entity]:
    """Everything else that A asks, and all of it is well."""
    kinds = ("queue", "worker", "process", "node", "source")
    watching = {"kinds": kinds, "since": at}
    around = (
        Thing("worker", {"last_seen_at": at}),
        Thing("process", ref="stack/process/worker"),
        *(Thing("source", {**watching, "source_kind": of}, f"core/source/{of}") for of in SOURCES),
    )
    return [thing.at(at) for thing in around]


SOURCES = ("huey", "redis", "stack")


def _quiet() -> dict[tuple[str, str], list[tuple[float, float]]]:
    of = {"queue.waiting": QUEUE, "queue.failed": QUEUE, "redis.canary_ms": "redis/node/main"}
    return {(metric, ref): [(-15.0, 0.0), (0.0, 0.0)] for metric, ref in of.items()}


UNTIL = """
[[rule]]
id = "failing"
expr = "queue.waiting[q] > 10"
until = "queue.waiting < 5"
severity = "P2"
summary = "{name}"
"""


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("queue.waiting < 5", "queue.waitin < 5", "r:5: rule failing: until 1:1: There is no"),
        ("queue.waiting < 5", "queue.waiting", "r:5: rule failing: until 1:1: A condition is"),
        ("queue.waiting < 5", "pg.blocked < 5", "r:5: rule failing: until 1:1: pg.blocked is of"),
        (
            '"queue.waiting[q] > 10"',
            "'queue.waiting[\"a\"] > 10'",
            "r:5: rule failing: until is asked of each",
        ),
        ('"queue.waiting < 5"', "5", "r:5: rule failing: until has to be text"),
    ],
)
def test_a_mistake_in_it_is_said_with_its_line(before: str, after: str, said: str) -> None:
    assert before in UNTIL
    with pytest.raises(errors.RuleError) as wrong:
        rule.read(UNTIL.replace(before, after, 1), "r")
    assert str(wrong.value).startswith(said)
