"""What a kind of entity looks like as a table: columns, cells, orders, a label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from mrcore.model import base
from mrtui import world
from mrtui.columns import fmt
from mrtui.widgets import cells

Cell = cells.Cell
Style = cells.Style

TONES: dict[base.Level, cells.Style] = {
    base.Level.OK: "ok",
    base.Level.WARN: "warn",
    base.Level.BAD: "bad",
    base.Level.UNKNOWN: "unknown",
}
"""How a level is coloured; the colour only repeats what glyph and word say."""


class Column(NamedTuple):
    """A column: `width` in cells (0: what is left over), `keep` says which stay when it is narrow.

    Columns with the lowest `keep` are dropped first; `keep` 9 is never dropped.
    """

    title: str
    width: int = 0
    right: bool = False
    keep: int = 9


class View(NamedTuple):
    """What cells may look at besides their entity."""

    world: world.World
    now: datetime

    def age(self, at: datetime | None) -> str:
        """How long ago an instant was."""
        return fmt.age(at, self.now)

    def age_s(self, at: datetime | None) -> float:
        """Seconds since an instant; -1 when it never was."""
        return -1.0 if at is None else (self.now - at).total_seconds()

    def verdict(self, entity: base.Entity) -> base.Verdict:
        """How an entity is, as far as that is known."""
        return self.world.verdict(entity, self.now)

    def mark(self, entity: base.Entity) -> Cell:
        """The glyph of an entity's verdict."""
        level = self.verdict(entity).level
        return Cell(fmt.GLYPHS[level], TONES[level])

    def why(self, entity: base.Entity, otherwise: str = "") -> Cell:
        """The verdict's sentence, or something calmer."""
        verdict = self.verdict(entity)
        if verdict.level is base.Level.OK:
            return Cell(verdict.why or otherwise, "dim")
        return Cell(verdict.why or verdict.code or verdict.level.value, TONES[verdict.level])

    def well(self, entity: base.Entity) -> bool:
        """Whether there is nothing to say about an entity."""
        return self.verdict(entity).level is base.Level.OK

    def rank(self, entity: base.Entity) -> int:
        """Place in the order of trouble."""
        return world.RANK[self.verdict(entity).level]


Cells = Callable[[Any, View], tuple[Cell, ...]]
SortKey = Callable[[Any, View], Any]


class Table(NamedTuple):
    """How a kind is shown; the first order is the default, `brief` is for the home screen."""

    columns: tuple[Column, ...]
    cells: Cells
    label: Callable[[Any], str]
    orders: tuple[tuple[str, SortKey], ...] = ()
    brief_columns: tuple[Column, ...] = ()
    brief: Cells | None = None


def ordered(
    entities: Sequence[base.Entity], view: View, order: tuple[str, SortKey] | None
) -> list[base.Entity]:
    """Entities in an order, refs breaking ties so that equals never swap places."""
    if order is None:
        return list(entities)
    key = order[1]
    return sorted(entities, key=lambda entity: (key(entity, view), entity.ref))


def fit(columns: Sequence[Column], width: int, least: int = 8) -> list[int]:
    """Which columns fit a table of `width` cells: the least important are dropped first.

    The table keeps two cells for its cursor and marks, and one or two between columns.
    """
    gap = 1 if width < 60 else 2
    kept = list(range(len(columns)))
    while len(kept) > 1:
        needed = 2 + sum((columns[i].width or least) + gap for i in kept) - gap
        victim = min(kept, key=lambda i: (columns[i].keep, i))
        if needed <= width or columns[victim].keep >= 9:
            return kept
        kept.remove(victim)
    return kept


def narrowed(columns: Sequence[Column], kept: Sequence[int]) -> list[cells.Column]:
    """The columns that stay, as the widget takes them."""
    return [
        cells.Column(
            id=str(i),
            title=columns[i].title,
            width=columns[i].width or None,
            right=columns[i].right,
            flex=not columns[i].width,
        )
        for i in kept
    ]


def trouble_first(entity: base.Entity, view: View) -> Any:
    """Order: the worst verdict first."""
    return view.rank(entity)
