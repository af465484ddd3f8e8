"""Bearer tokens: whose, with which roles, until when; never their secrets."""

from __future__ import annotations

from mrcore.model import core
from mrtui.columns import fmt
from mrtui.columns.table import Cell, Column, Style, Table, View


def state(entity: core.Token, view: View) -> tuple[str, Style]:
    """Whether it still opens the door."""
    if entity.revoked_at is not None:
        return "revoked", "bad"
    return ("expired", "dim") if entity.expires_at <= view.now else ("valid", "ok")


def cells(entity: core.Token, view: View) -> tuple[Cell, ...]:
    said, tone = state(entity, view)
    left = fmt.until(entity.expires_at, view.now) if said == "valid" else fmt.NONE
    return (
        Cell(str(entity.id), "dim"),
        Cell(entity.login, "strong"),
        Cell(said, tone),
        Cell(left),
        Cell(view.age(entity.created_at), "dim"),
        Cell(", ".join(entity.roles)),
    )


TABLE = Table(
    columns=(
        Column("token", 5, right=True),
        Column("login", 14, narrow=10),
        Column("state", 7),
        Column("still", 7, right=True, keep=7),
        Column("age", 6, right=True, keep=5),
        Column("roles", keep=6),
    ),
    cells=cells,
    label=lambda entity: f"{entity.id} of {entity.login}",
    orders=(("newest", lambda entity, view: -entity.id),),
)
