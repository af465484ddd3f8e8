"""Which run of a runbook is of a thing, where it is, and what begins one. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from mrcore.model import alert, base, ref, run
from mrtui import world

START = "runbook.start"
"""The action that begins one."""

NEXT = "run.next"
"""The action that has the plan of a run's next fix made."""

UNDER_WAY = (
    run.RunState.DIAGNOSING,
    run.RunState.WAITING,
    run.RunState.FIXING,
    run.RunState.VERIFYING,
)
_LIVES = (alert.Phase.PENDING, alert.Phase.FIRING, alert.Phase.RECOVERING)


class Begin(NamedTuple):
    """A run that can be begun: of which runbook, and on what (a thing, or an alert)."""

    runbook: base.Ref
    subject: base.Ref = ""


def of(known: world.World, about: base.Ref) -> run.Run | None:
    """The run of an alert or a subject: one under way before those that ended, the newest first."""
    found = [each for each in _runs(known) if about and _is_about(each, about)]
    return max(found, key=lambda each: (each.state in UNDER_WAY, each.id), default=None)


def led(known: world.World, here: base.Ref) -> run.Run | None:
    """The run that `b` shows from a row: its own, else that of an alert on it; of a run its next.

    Where that one only leads to another, and nothing in it waits for a person, it is the other.
    None where one is to be begun first: the alert has fired anew since its last run.
    """
    row = known.get(here)
    if isinstance(row, run.Run):
        return onwards(known, row)
    alerts = _alerts(known, here)
    found = [of(known, here), *(of(known, each.ref) for each in alerts)]
    runs = [each for each in found if each is not None]
    newest = max(runs, key=lambda each: (each.state in UNDER_WAY, each.id), default=None)
    if newest is None or newest.ref == here:
        return None
    fired = max((a.fired_at for a in alerts if a.fired_at and a.phase in _LIVES), default=None)
    old = newest.ended_at is not None and fired is not None and newest.ended_at < fired
    return None if old else _last(known, newest)


def _last(known: world.World, found: run.Run) -> run.Run:
    """Of a run that is under way and only leads on, the one at the end of that way."""
    passed: list[run.Run] = []
    while found.state in UNDER_WAY and found not in passed and waits(found) is None:
        passed.append(found)
        next_ = onwards(known, found)
        found = next_ if next_ is not None and next_.state in UNDER_WAY else found
    return found


def onwards(known: world.World, found: run.Run) -> run.Run | None:
    """The run that goes on with what one has diagnosed, while either is under way."""
    own = {step.id for step in found.steps}
    led_to = {step.found for step in found.steps if step.kind == "decide"} - own - {""}
    runs = [
        each
        for each in _runs(known)
        if each.runbook in led_to and each.ref != found.ref
        if each.state in UNDER_WAY or (found.state in UNDER_WAY and each.id > found.id)
    ]
    return max(runs, key=lambda each: (each.state in UNDER_WAY, each.id), default=None)


def begins(known: world.World, here: base.Ref) -> Begin | None:
    """The run that `b` begins on a row: of a runbook, of an alert, or anew of a run that ended."""
    found = known.get(here)
    if isinstance(found, run.Runbook):
        return Begin(found.ref)
    if isinstance(found, run.Run):
        again = ref.make("core", run.Runbook.KIND, found.runbook)
        ended = found.state not in UNDER_WAY and known.get(again) is not None
        lives = next((a.ref for a in _alerts(known, found.alert) if a.phase in _LIVES), "")
        return Begin(again, lives or found.subject) if ended else None
    for each in _alerts(known, here):
        runbook = ref.make("core", run.Runbook.KIND, each.runbook) if each.runbook else ""
        if each.phase in _LIVES and known.get(runbook) is not None:
            return Begin(runbook, each.ref)
    return None


def named(known: world.World, now: datetime) -> run.Run | None:
    """The run under way that the line of news names: that of the worst trouble that has one."""
    if not any(each.state in UNDER_WAY for each in _runs(known)):
        return None
    for trouble in known.troubles(now):
        one = trouble.entity
        found = one if isinstance(one, run.Run) else led(known, one.ref)
        if found is not None and found.state in UNDER_WAY:
            return found
    return None


def newest(known: world.World, runbook: base.Ref) -> run.Run | None:
    """The run of a runbook that began last."""
    letter = ref.parse(runbook).id
    found = [each for each in _runs(known) if each.runbook == letter]
    return max(found, key=lambda each: each.id, default=None)


def waits(found: run.Run) -> run.Step | None:
    """The step that waits for a person."""
    return next((step for step in found.steps if found.waits and step.id == found.waits), None)


def where(found: run.Run) -> str:
    """Where it is, in a word or two."""
    step = waits(found)
    if step is None:
        return "proving" if found.state is run.RunState.VERIFYING else found.state.value
    return "fix ready" if step.kind == "fix" else "by hand"


def said(found: run.Run) -> str:
    """Where it is, as the line of news says it: `runbook B diagnosed, fix ready`."""
    diagnosed = "diagnosed, " if found.diagnosed_at and found.state in UNDER_WAY else ""
    return f"runbook {found.runbook} {diagnosed}{where(found)}"


def _runs(known: world.World) -> list[run.Run]:
    return [each for each in known.table(run.Run.KIND).values() if isinstance(each, run.Run)]


def _is_about(found: run.Run, about: base.Ref) -> bool:
    return about in (found.alert, found.subject, *found.alerts)


def _alerts(known: world.World, here: base.Ref) -> list[alert.Alert]:
    """The alerts that a ref is, or that are on it; the newest that fired first."""
    found = [
        each
        for each in known.table(alert.Alert.KIND).values()
        if isinstance(each, alert.Alert) and here and here in (each.ref, each.subject)
    ]
    return sorted(found, key=lambda a: a.fired_at.timestamp() if a.fired_at else 0, reverse=True)
