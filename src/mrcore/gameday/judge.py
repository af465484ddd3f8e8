"""Whether what was seen is what a scenario expects. Pure, over a watcher's story."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from mrcore.alerts import rule as rules
from mrcore.gameday import scenario, score, watch
from mrcore.model import alert, base
from mrcore.model import ref as refs

SAMPLES = 2
"""An alert fires at the latest with so many samples after its `for`."""

GRACE_S = 2.0
"""So long two samples take at the pace of production, in seconds of the host, at any time scale.

An alert is evaluated beside the samples, not by them: at twenty times the pace a sample comes every
50 to 100 ms, and one evaluation on a loaded host takes several of these. It is no later for that.
At the pace of production it adds nothing to two samples.
"""

_OURS = ("alert.", "core.", "plan.", "run.", "runbook.", "operation.", "silence.", "incident.")


def of(
    expected: scenario.Expected, firings: Iterable[watch.Firing], since: datetime
) -> watch.Firing | None:
    """The firing that was expected, once it is there."""
    for firing in firings:
        found = firing.alert
        right = found.rule == expected.rule and found.about == "condition"
        if right and expected.subject in ("", found.subject) and _after(found, since):
            return firing
    return None


def punctual(firing: watch.Firing, rule: rules.Rule, seen: watch.Watcher) -> score.Expectation:
    """Whether it fired by the second sample after its `for`."""
    found = firing.alert
    assert found.fired_at is not None
    what = f"{found.rule} by the second sample after its for"
    due = (found.since or found.fired_at) + timedelta(seconds=rule.timing.for_s)
    late_s = (found.fired_at - due).total_seconds()
    count = sum(due <= at < found.fired_at for at in seen.samples[refs.source_of(found.subject)])
    held = count <= SAMPLES or late_s <= GRACE_S
    return score.Expectation(
        what=what, held=held, why="" if held else f"with sample {count}, {late_s:.1f} s late"
    )


def unrelated(
    what: scenario.Scenario, seen: watch.Watcher, since: datetime, before: Iterable[base.Ref]
) -> score.Expectation:
    """Whether nobody was told of anything else; what is only for the record wakes nobody."""
    expected = {each.rule for each in what.alerts} | set(what.also)
    known = set(before)
    told = {
        f"{firing.alert.rule} of {firing.alert.name}"
        + (f" ({firing.alert.about})" if firing.alert.about != "condition" else "")
        for firing in seen.firings.values()
        if firing.told and _after(firing.alert, since) and firing.alert.ref not in known
        and firing.alert.severity is not alert.Severity.INFO
        and not (firing.alert.rule in expected and firing.alert.about == "condition")
    }  # fmt: skip
    return score.Expectation(what="no other alert", held=not told, why=", ".join(sorted(told)))


def wrong_actions(what: scenario.Scenario, seen: watch.Watcher, since: datetime) -> int:
    """How many operations were no fix that the runbook planned; the core's own are none."""
    planned = {
        step.plan for run in seen.runs.values() if run.runbook == what.runbook for step in run.steps
    }
    return sum(
        op.action != what.action and op.plan_id not in planned and not op.action.startswith(_OURS)
        for op in seen.operations.values()
        if op.started_at >= since
    )


def story(
    what: scenario.Scenario, seen: watch.Watcher, since: datetime
) -> dict[base.Ref, tuple[str, ...]]:
    """For each ref what became of it, in order and without times.

    Of the alerts that were expected and of the runs of its runbook: what was seen besides, and is
    told to nobody, is a matter of which sample came first.
    """
    rules_of = {each.rule for each in what.alerts}
    found: dict[base.Ref, tuple[str, ...]] = {}
    sessions: dict[base.Ref, int] = {}
    for _, firing in sorted(seen.firings.items()):
        if firing.alert.rule in rules_of and _after(firing.alert, since):
            name = _named(firing.alert, sessions)
            found[name] = (*found.get(name, ()), "fired", *_over(firing))
    for run in seen.runs.values():
        if run.began_at >= since and run.runbook == what.runbook:
            steps = (f"{step.id} {step.state.value} {step.found}".rstrip() for step in run.steps)
            found[f"run of {run.runbook}"] = (*run.codes, *steps, run.state.value)
    return found


def _named(found: alert.Alert, sessions: dict[base.Ref, int]) -> str:
    """A session is another one each time: it is named by its number in the story."""
    if refs.parse(found.subject).kind != "session":
        return found.ref
    number = sessions.setdefault(found.subject, len(sessions) + 1)
    return f"{found.rule} of session {number}"


def _over(firing: watch.Firing) -> tuple[str, ...]:
    """How often it went to and fro in between is a matter of time, and no part of a story."""
    return () if firing.phases[-1] is alert.Phase.FIRING else ("over",)


def _after(found: alert.Alert, since: datetime) -> bool:
    return found.fired_at is not None and found.fired_at >= since
