"""Which operation `u` undoes: the one of the row, or the newest of mine that still can be."""

from __future__ import annotations

from datetime import datetime

from mrcore import catalogue
from mrcore.model import core, plans
from mrtui import link
from mrtui.columns import fmt

ACTION = "undo"
COLLECTION = "operations"
OWNER = "core/core/self"
OWN = ("core.", "plan.", "operation.", "token.")
"""Beginnings of actions on the core itself."""

LOOKED = 100
"""How many of the newest operations are looked at."""


async def newest(
    client: link.Core, login: str
) -> tuple[core.Operation | None, core.Operation | None]:
    """The newest operation of a login that offers to be undone, and the one that was meant first.

    The second is the newest that did something and cannot be undone; None where the first is
    newer. Raises CoreUnreachable and what the core answers.
    """
    page = await client.page(OWNER, COLLECTION, plans.Query(limit=LOOKED))
    passed = None
    for row in page.rows:
        if not isinstance(row, core.Operation) or row.login != login:
            continue
        if ACTION in row.actions:
            return row, passed
        if passed is None and _meant(row):
            passed = row
    return None, passed


def _meant(found: core.Operation) -> bool:
    """Whether a person may think of it when undoing: it changed something, and that stands."""
    over = found.undone_by is not None or found.action == ACTION
    own = found.action.startswith(OWN)
    return bool(found.done) and not over and not own


def passed_over(passed: core.Operation, instead: core.Operation, now: datetime) -> str:
    """That not the last but an earlier operation is undone."""
    return f"{why_not(passed, now).rstrip('.')}; this undoes operation {instead.id}"


def why_not(found: core.Operation, now: datetime) -> str:
    """Why an operation cannot be undone (any more)."""
    said = f"operation {found.id} cannot be undone"
    known = catalogue.ACTIONS.get(found.action)
    if found.undone_by is not None:
        return f"operation {found.id} was undone by operation {found.undone_by}"
    if known is not None and not known.undoable:
        return f"{said}: {known.undo.removeprefix('not:').strip()}"
    if found.undo_until is not None and found.undo_until <= now:
        return f"{said} any more: that was possible until {fmt.moment(found.undo_until, now)}"
    if not found.done:
        return f"{said}: it did nothing"
    return f"{said}: nothing was kept that could undo it"
