"""Certificates: whose they are, and until when they are good."""

from __future__ import annotations

from mrcore.model import host
from mrtui.columns import anything, fmt
from mrtui.columns.table import Cell, Column, Table, View, trouble_first


def cells(entity: host.Certificate, view: View) -> tuple[Cell, ...]:
    left = fmt.until(entity.expires_at, view.now) if entity.expires_at else fmt.NONE
    return (
        view.mark(entity),
        Cell(entity.name, "strong"),
        Cell(entity.subject),
        Cell(entity.issuer, "dim"),
        Cell(left),
        view.why(entity),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("certificate", 24, narrow=14),
        Column("of", 22, keep=4),
        Column("by", 18, keep=3),
        Column("left", 8, right=True, keep=6),
        Column("why", keep=6),
    ),
    cells=cells,
    label=anything.label,
    orders=(("trouble", trouble_first), ("name", lambda entity, view: entity.name)),
)
