"""Meetings: how far the signalling of a room came, and since when."""

from __future__ import annotations

from mrcore.model import meeting
from mrtui.columns import anything
from mrtui.columns.table import Cell, Column, Table, View, trouble_first

_STATES = {
    "no_join": Cell("waits for others", "dim"),
    "no_answer": Cell("no answer", "warn"),
    "no_ice": Cell("no ICE", "warn"),
    "signalling_ok": Cell("ok", "ok"),
}


def cells(entity: meeting.Meeting, view: View) -> tuple[Cell, ...]:
    otherwise = "is recorded" if entity.recording else ""
    return (
        view.mark(entity),
        Cell(entity.name, "strong"),
        Cell(entity.backend, "dim"),
        _STATES.get(entity.state, Cell(entity.state)),
        Cell(view.age(entity.state_since)),
        Cell(str(entity.peers)),
        Cell(f"{entity.offers}/{entity.answers}"),
        Cell(str(entity.candidates)),
        Cell(str(entity.takeovers), "" if entity.takeovers else "dim"),
        Cell(view.age(entity.opened_at), "dim"),
        view.why(entity, otherwise=otherwise),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("room", 22, narrow=14),
        Column("on", 6, keep=4),
        Column("signalling", 16, narrow=10),
        Column("since", 6, right=True),
        Column("in", 3, right=True),
        Column("o/a", 5, right=True, keep=5),
        Column("ice", 4, right=True, keep=5),
        Column("tabs", 4, right=True, keep=3),
        Column("open", 6, right=True, keep=3),
        Column("why", keep=6),
    ),
    cells=cells,
    label=anything.label,
    orders=(
        ("trouble", trouble_first),
        ("oldest", lambda entity, view: -view.age_s(entity.opened_at) if entity.opened_at else 0.0),
        ("name", lambda entity, view: entity.name),
    ),
)
