"""Colours of a deployment: which is live, since when, which release."""

from __future__ import annotations

from typing import Any

from mrtui.columns import anything
from mrtui.columns.table import Cell, Column, Table, View

_NEWER = {"schema_drift": "schema", "jobs": "jobs", "unknown": "unknown"}
"""What is newer than a release, by the code of its preflight."""


def _preflight(entity: Any) -> Cell:
    """What speaks against sending the traffic there, before anybody plans to."""
    said = entity.preflight
    if said is None:
        return Cell("")
    if said.level == "ok":
        return Cell("fits", "ok")
    return Cell(_NEWER.get(said.code, said.code), "dim" if said.level == "unknown" else "warn")


def _says(entity: Any, view: View) -> Cell:
    said = entity.preflight
    newer = said.why if said is not None and said.level == "warn" else ""
    return view.why(entity, otherwise=newer or entity.why)


def cells(entity: Any, view: View) -> tuple[Cell, ...]:
    live = Cell("▶ live", "ok") if entity.live else Cell("idle", "dim")
    return (
        view.mark(entity),
        Cell(entity.name, "strong"),
        live,
        Cell(entity.state),
        Cell(entity.release),
        _preflight(entity),
        Cell(view.age(entity.since)),
        _says(entity, view),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("colour", 14, narrow=10),
        Column("traffic", 7),
        Column("state", 10, keep=8),
        Column("release", 14, keep=7),
        Column("preflight", 9, keep=3),
        Column("since", 6, right=True, keep=6),
        Column("says", keep=4),
    ),
    cells=cells,
    label=anything.label,
    orders=(("live first", lambda entity, view: (not entity.live, entity.name)),),
)
