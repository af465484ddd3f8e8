"""Which run of a runbook is of a thing: of an alert, or of what an alert is about. Pure."""

from __future__ import annotations

from mrcore.model import base, run
from mrtui import world

START = "runbook.start"
"""The action that begins one."""

UNDER_WAY = (
    run.RunState.DIAGNOSING,
    run.RunState.WAITING,
    run.RunState.FIXING,
    run.RunState.VERIFYING,
)


def of(known: world.World, about: base.Ref) -> run.Run | None:
    """The run of an alert or a subject: one under way before those that ended, the newest first."""
    found = [
        each
        for each in known.table(run.Run.KIND).values()
        if isinstance(each, run.Run) and about and about in (each.alert, each.subject)
    ]
    return max(found, key=lambda each: (each.state in UNDER_WAY, each.id), default=None)
