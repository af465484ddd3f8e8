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
LOOKED = 100
"""How many of the newest operations are looked at."""


async def newest(client: link.Core, login: str) -> core.Operation | None:
    """The newest operation of a login that offers to be undone.

    Raises CoreUnreachable and what the core answers.
    """
    page = await client.page(OWNER, COLLECTION, plans.Query(limit=LOOKED))
    for row in page.rows:
        if isinstance(row, core.Operation) and row.login == login and ACTION in row.actions:
            return row
    return None


def why_not(found: core.Operation, now: datetime) -> str:
    """Why an operation cannot be undone (any more)."""
    said = f"operation {found.id} cannot be undone"
    known = catalogue.ACTIONS.get(found.action)
    if found.undone_by is not None:
        return f"operation {found.id} was undone by operation {found.undone_by}"
    if known is not None and not known.undoable:
        return f"{said}: {known.undo.removeprefix('not:').strip()}"
    if found.undo_until is not None and found.undo_until <= now:
        return f"{said} any more: that was possible until {fmt.clock(found.undo_until)}Z"
    if not found.done:
        return f"{said}: it did nothing"
    return f"{said} as it is"
