"""Environments side by side: how each is, what is worst there, and whether one may act."""

from __future__ import annotations

from mrcore.model import base
from mrtui import outlook
from mrtui.columns import anything, fmt
from mrtui.columns.table import TONES, Cell, Column, Table, View


def _guard(entity: outlook.Outlook) -> Cell:
    if entity.protected is None:
        return Cell(fmt.NONE, "dim")
    if entity.read_only:
        return Cell("read-only", "dim")
    if entity.armed_s is not None:
        return Cell(f"▲ armed {int(entity.armed_s // 60)}m", "warn")
    return Cell("protected" if entity.protected else "open", "" if entity.protected else "dim")


def _troubles(entity: outlook.Outlook) -> Cell:
    """`✖ 2 ▲ 1`; nothing is said of what is not known."""
    said = " ".join(f"{fmt.GLYPHS[level]} {number}" for level, number in entity.troubles)
    if said:
        return Cell(said, TONES[entity.troubles[0][0]])
    known = entity.verdict.level is not base.Level.UNKNOWN
    return Cell("none" if known else fmt.NONE, "dim")


def _worst(entity: outlook.Outlook) -> Cell:
    if entity.verdict.level is base.Level.OK:
        return Cell("all well", "dim")
    return Cell(entity.verdict.why or entity.verdict.level.value, TONES[entity.verdict.level])


def _called(entity: outlook.Outlook) -> str:
    """Its name, and the core's own where that is another."""
    if entity.environment in ("", entity.name):
        return entity.name
    return f"{entity.name} = {entity.environment}"


def cells(entity: outlook.Outlook, view: View) -> tuple[Cell, ...]:
    level = entity.verdict.level
    return (
        Cell(fmt.GLYPHS[level], TONES[level]),
        Cell(_called(entity), "strong"),
        Cell(level.value, TONES[level]),
        _troubles(entity),
        _guard(entity),
        _worst(entity),
        Cell(view.age(entity.at), "dim"),
        Cell(entity.core_version or fmt.NONE, "dim"),
        Cell(entity.address, "dim"),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("environment", 20, narrow=12),
        Column("is", 7, keep=6),
        Column("troubles", 9, keep=7),
        Column("guard", 12, keep=8, narrow=9),
        Column("worst"),
        Column("age", 5, right=True, keep=5),
        Column("core", 8, keep=3),
        Column("address", 24, keep=2),
    ),
    cells=cells,
    label=anything.label,
    orders=(
        ("trouble", lambda entity, view: outlook.RANK[entity.verdict.level]),
        ("name", lambda entity, view: entity.name),
    ),
)
