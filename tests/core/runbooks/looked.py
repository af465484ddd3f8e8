"""One look of a run at what a test writes down: which step it comes to, and what that would do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from mrcore.model import base, plans
from mrcore.runbooks import asked, asking, library, progress, record
from tests.core.expr import recorded

PATIENCE = timedelta(minutes=1)
"""Longer than any diagnosis of these may not know."""

Params = Mapping[str, str]
Points = Mapping[str, float]
"""The value of each metric of the subject, for two minutes."""

SINCE_S = 120.0
NO_POINTS: Points = MappingProxyType({})


def thing(ref: base.Ref, code: str = "", **facts: Any) -> base.Entity:
    """An entity with these facts, that is bad where it has a code."""
    verdict = {"level": "bad" if code else "ok", "code": code}
    kind = ref.split("/")[1]
    return base.KINDS[kind].model_validate({"ref": ref, "verdict": verdict, **facts})


def source(kind: str, *kinds: str) -> base.Entity:
    """A source that answers."""
    facts = {"name": kind, "source_kind": kind, "kinds": kinds, "state": "watching"}
    facts |= {"interval_s": 1, "deadline_s": 2}
    return thing(f"core/source/{kind}", **facts)


def run(
    name: str,
    things: Iterable[base.Entity],
    subject: str = "",
    params: Params | None = None,
    points: Points = NO_POINTS,
    leads: dict[str, base.Ref] | None = None,
    of: base.Ref = "",
    alerts: tuple[base.Ref, ...] = (),
) -> tuple[str, record.Record, asking.Asking]:
    """Where a run of a shipped runbook waits, and all that it asks by.

    `leads` takes the runbooks that it leads to, each with what decided that; points are of another
    thing than the subject where `of` names one. `alerts` are those that it is of, and they fire.
    """
    history = {
        (metric, of or subject): [(-SINCE_S, value), (0.0, value)]
        for metric, value in points.items()
    }
    runbook, view = library.load(None)[name], recorded.View(tuple(things), history)
    known = record.Record(
        runbook=name, title=runbook.title, text=runbook.text, where=runbook.where,
        subject=subject, params=dict(params or {}), began_by="", login="",
        alerts=alerts, began_at=recorded.T0,
    ).but(id=1)  # fmt: skip
    for view.now in (recorded.T0, recorded.T0 + PATIENCE, recorded.T0 + 2 * PATIENCE):
        going = progress.Progress(runbook, known, view, {}, alerts)
        known = going.go()
        (leads if leads is not None else {}).update(going.leads_to)
    at = runbook.steps[known.at_step].id if known.at_step < len(runbook.steps) else ""
    about, found = record.bound(runbook, known), record.found(runbook, known)
    return at, known, asking.Asking(view, about, found, {})


def request(
    name: str,
    things: Iterable[base.Entity],
    subject: str = "",
    params: Params | None = None,
    points: Points = NO_POINTS,
) -> plans.PlanRequest | asked.Nothing:
    """What the step at which a run waits asks of the door."""
    at, known, ask = run(name, things, subject, params, points)
    runbook = library.load(None)[name]
    return asked.request(runbook, known, runbook.step(at), ask)
