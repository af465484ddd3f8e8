"""What a kind of entity looks like as a table: columns, cells, orders, a label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from mrcore.model import base, core
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


ROOMY = 60
"""With less room in cells, what is old says its age and not its instant."""

NARROW = 60
"""A table with less room keeps one cell between columns instead of two."""


class Column(NamedTuple):
    """A column: `width` in cells (0: what is left over), `keep` says which stay when it is narrow.

    Columns with the lowest `keep` are dropped first; `keep` 9 is never dropped. `narrow` is the
    width in a table of less than NARROW cells. One that `grows` has its width at least, and takes
    what is left over.
    """

    title: str
    width: int = 0
    right: bool = False
    keep: int = 9
    narrow: int = 0
    grows: bool = False

    def cells(self, room: int) -> int:
        """Its width in a table of `room` cells."""
        return self.narrow if self.narrow and room < NARROW else self.width


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

    def own(self, entity: base.Entity) -> base.Verdict:
        """What the entity's source said last; a source itself is judged by its age, too."""
        return self.verdict(entity) if isinstance(entity, core.SourceStatus) else entity.verdict

    def sure(self, entity: base.Entity) -> bool:
        """Whether what the entity's source said last can be believed now."""
        return self.world.trust(self.world.source_of(entity), self.now).level is base.Level.OK

    def mark(self, entity: base.Entity) -> Cell:
        """The glyph of an entity's verdict; `◌` when what was said is not sure any more."""
        verdict = self.verdict(entity)
        own = isinstance(entity, core.SourceStatus)
        if verdict.code == world.STALE or not (own or self.sure(entity)):
            return Cell(fmt.STALE, "stale")
        return Cell(fmt.GLYPHS[verdict.level], TONES[verdict.level])

    def why(self, entity: base.Entity, otherwise: str = "") -> Cell:
        """The verdict's sentence, or something calmer; the last one while its source is away."""
        verdict = self.own(entity)
        if verdict.level is base.Level.OK:
            return Cell(verdict.why or otherwise, "dim")
        return Cell(verdict.why or verdict.code or verdict.level.value, TONES[verdict.level])

    def well(self, entity: base.Entity) -> bool:
        """Whether there was nothing to say about an entity."""
        return self.own(entity).level is base.Level.OK

    def rank(self, entity: base.Entity) -> int:
        """Place in the order of trouble; a source that goes away does not move its rows."""
        return world.RANK[self.own(entity).level]

    def as_of(self, sources: Iterable[str], room: int = ROOMY) -> str:
        """`? unknown as of 14:01:57, 14 s old: no answer` for what cannot be believed now.

        Empty when all of it can. With little room the instant is left out, its age never.
        """
        names = sorted(sources) or ([] if self.world.connected else sorted(self.world.sampled_at))
        doubts = {name: self.world.trust(name, self.now) for name in names}
        doubts = {name: doubt for name, doubt in doubts.items() if doubt.level is not base.Level.OK}
        if not doubts:
            return ""
        at = min((self.last(name) for name in doubts), key=lambda found: found[0])
        first = next(iter(doubts.values()))
        when = f" as of {fmt.clock(at[0])}" if at[1] and room >= ROOMY else ""
        age_s = max(0, int((self.now - at[0]).total_seconds()))
        old = f"{age_s} s" if age_s < 600 else fmt.seconds(age_s)
        said = f"{old} old" if at[1] else f"for {old}"
        why = f": {first.why}" if first.why and first.code != world.STALE else ""
        return f"{fmt.GLYPHS[base.Level.UNKNOWN]} unknown{when}, {said}{why}"

    def last(self, source: str) -> tuple[datetime, bool]:
        """When a source was sampled last, and True; False: never, and since when it fails."""
        if (at := self.world.sampled_at.get(source)) is not None:
            return at, True
        status = self.world.status(source)
        return (status.since if status and status.since else self.now), False

    def emptiness(self, kind: str, calm: str, words: str = "") -> str:
        """What an empty list of a kind says: `calm` only when its sources are known to be well."""
        names = self.world.sources_of(kind)
        if old := self.as_of(names):
            return old
        if not names and self.world.table("source"):
            return f"no {words or kind} in the settings"
        return calm


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
    gap = 1 if width < NARROW else 2
    left = width - 2 + gap
    kept = []
    for i in sorted(range(len(columns)), key=lambda i: (-columns[i].keep, i)):
        needed = (columns[i].cells(width) or least) + gap
        if columns[i].keep >= 9 or needed <= left:
            kept.append(i)
            left -= needed
    return sorted(kept)


_SORTED: dict[str, tuple[str, ...]] = {
    "newest": ("age", "at"),
    "oldest": ("oldest", "age"),
    "attempts": ("try",),
    "longest": ("tx",),
}
_UPWARDS = {"newest", "name", "app", "pid", "type", "next", "begins"}


def sorted_by(spec: Table, order: str) -> tuple[str, bool]:
    """The id of the column that an order goes by, "" for none, and whether its largest is first."""
    titles = [column.title for column in spec.columns]
    wanted = _SORTED.get(order, (order,))
    if order == "name" and "name" not in titles:
        wanted = (next(filter(None, titles)),)
    at = next((titles.index(title) for title in wanted if title in titles), None)
    if at is None:
        return "", False
    return str(at), order not in _UPWARDS or titles[at] == "at"


def narrowed(columns: Sequence[Column], kept: Sequence[int], width: int) -> list[cells.Column]:
    """The columns that stay, as the widget takes them."""
    return [
        cells.Column(
            id=str(i),
            title=columns[i].title,
            width=columns[i].cells(width) or None,
            right=columns[i].right,
            min_width=columns[i].cells(width) or 1,
            flex=not columns[i].width or columns[i].grows,
        )
        for i in kept
    ]


def trouble_first(entity: base.Entity, view: View) -> Any:
    """Order: the worst verdict first."""
    return view.rank(entity)
