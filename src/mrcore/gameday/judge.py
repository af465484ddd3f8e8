"""Whether what was seen is what a scenario expects. Pure, over a watcher's story."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from mrcore.alerts import book
from mrcore.alerts import rule as rules
from mrcore.gameday import scenario, score, watch
from mrcore.model import alert, base, run
from mrcore.model import ref as refs

SAMPLES = 2
"""An alert fires at the latest with so many samples after its `for`."""

EVALUATION_S = 0.2
"""So long the core may take to ask its rules once, at any pace: the longest of 400 was 0.16 s,
where ten processes wanted two cores."""

TICK_S = book.GATHER_S + EVALUATION_S
"""How much later than its sample an alert may fire: the core asks its rules beside the samples.

A sample that comes just as they are asked waits until they have been, and then for what the core
gathers before it asks again. At twenty times the pace four samples and more come meanwhile.
"""

OURS = ("alert.", "core.", "plan.", "run.", "runbook.", "operation.", "silence.", "incident.")
"""How the core's own actions begin, which change nothing that is watched."""


def of(
    expected: scenario.Expected, firings: Iterable[watch.Firing], since: datetime
) -> watch.Firing | None:
    """The firing that was expected, once it is there."""
    for firing in firings:
        found = firing.alert
        right = found.rule == expected.rule and found.about == "condition"
        if right and expected.subject in ("", found.subject) and watch.after(found, since):
            return firing
    return None


def run_of(what: scenario.Scenario, seen: watch.Watcher, since: datetime) -> run.Run | None:
    """The run of an expected alert; any of the runbook where no such alert leads to it.

    One fault fires for every queue that it stops, and each has its run: meant is the one in which
    something was done, else the newest.
    """
    runs = [
        each
        for each in seen.runs.values()
        if each.began_at >= since and each.runbook == what.runbook
    ]
    expected = {each.rule for each in what.alerts}
    fired = {
        firing.alert.ref: firing.alert.runbook
        for firing in seen.firings.values()
        if firing.alert.rule in expected
    }
    if what.runbook in fired.values():
        runs = [each for each in runs if fired.keys() & set(each.alerts)]
    return max(runs, key=lambda each: (_acted(each), each.id), default=None)


def attempts(what: scenario.Scenario, seen: watch.Watcher, since: datetime) -> list[run.Run]:
    """The run of an expected alert; once it was aborted, also those begun in its place since.

    Such a one carries no alert where a person began it.
    """
    first = run_of(what, seen, since)
    if first is None or first.state is not run.RunState.ABORTED:
        return [first] if first else []
    later = [
        each
        for each in seen.runs.values()
        if each.runbook == what.runbook
        and each.id > first.id
        and (not first.subject or each.subject in ("", first.subject))
    ]
    return [first, *later]


def meant(tried: Iterable[run.Run]) -> run.Run | None:
    """The one that counts: that was not aborted, in which something was done, the newest."""
    order = lambda each: (each.state is not run.RunState.ABORTED, _acted(each), each.id)  # noqa: E731
    return max(tried, key=order, default=None)


def _acted(found: run.Run) -> bool:
    return any(step.operation for step in found.steps)


def punctual(firing: watch.Firing, rule: rules.Rule, seen: watch.Watcher) -> score.Expectation:
    """Whether it fired by the second sample after its `for`, of those that were seen."""
    found = firing.alert
    assert found.fired_at is not None
    due = (found.since or found.fired_at) + timedelta(seconds=rule.timing.for_s)
    after = [at for at in seen.samples[refs.source_of(found.subject)] if at >= due][:SAMPLES]
    late_s = (found.fired_at - after[-1]).total_seconds() if len(after) == SAMPLES else 0.0
    held = late_s <= TICK_S
    return score.Expectation(
        what=f"{found.rule} by the second sample after its for",
        held=held,
        why="" if held else f"{late_s:.1f} s after that",
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
        if firing.told and watch.after(firing.alert, since) and firing.alert.ref not in known
        and firing.alert.severity is not alert.Severity.INFO
        and not (firing.alert.rule in expected and firing.alert.about == "condition")
    }  # fmt: skip
    return score.Expectation(what="no other alert", held=not told, why=", ".join(sorted(told)))


def wrong_actions(what: scenario.Scenario, seen: watch.Watcher, since: datetime) -> int:
    """How many operations were no fix that the runbook planned; the core's own are none."""
    planned = {
        step.plan
        for each in seen.runs.values()
        if each.runbook == what.runbook
        for step in each.steps
    }
    return sum(
        op.action != what.action and op.plan_id not in planned and not op.action.startswith(OURS)
        for op in seen.operations.values()
        if op.started_at >= since
    )
