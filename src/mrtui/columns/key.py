"""Redis keys: type, what is left of their life, how big."""

from __future__ import annotations

from mrcore.model import redis
from mrtui.columns import fmt
from mrtui.columns.table import Cell, Column, Table, View


def cells(entity: redis.Key, view: View) -> tuple[Cell, ...]:
    life = fmt.until(entity.expires_at, view.now) if entity.expires_at else fmt.NONE
    return (
        Cell(entity.name),
        Cell(entity.type, "accent"),
        Cell(fmt.short(entity.size)),
        Cell(fmt.size(entity.memory_bytes), "dim"),
        Cell(life, "" if entity.expires_at else "dim"),
        Cell(entity.encoding, "dim"),
    )


TABLE = Table(
    columns=(
        Column("key", narrow=18),
        Column("type", 6),
        Column("size", 7, right=True, keep=7),
        Column("memory", 6, right=True, keep=4),
        Column("ttl", 6, right=True, keep=6),
        Column("encoding", 10, keep=2),
    ),
    cells=cells,
    label=lambda entity: entity.name,
    orders=(
        ("as found", lambda entity, view: 0),
        ("name", lambda entity, view: entity.name),
        ("type", lambda entity, view: (entity.type, entity.name)),
        ("size", lambda entity, view: -(entity.size or 0)),
        ("memory", lambda entity, view: -(entity.memory_bytes or 0)),
    ),
)
