"""Which rows a table shows, and where its cursor is: by ref, never by place. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mrtui.widgets import cells


class Roster:
    """Rows in the caller's order, a cursor that is a ref, marks, and the power to hold still.

    While frozen, order and membership stay: values change, rows that vanished stay as `gone`, new
    ones wait. The cursor leaves its ref only when a person moves it, or when its row vanished
    while not frozen; then it goes to the nearest row that is left.
    """

    def __init__(self) -> None:
        self.rows: Sequence[cells.Row] = ()
        self.at = -1  # index of the cursor; -1 without rows
        self.marked: frozenset[str] = frozenset()
        self.gone: frozenset[str] = frozenset()
        self.frozen = False
        self.waiting = 0  # rows that appeared while frozen
        self._latest: Sequence[cells.Row] = ()
        self._wanted: str | None = None  # goes there as soon as it appears
        self._left: str | None = None  # goes back there if it is among the next rows

    @property
    def cursor_ref(self) -> str | None:
        """The ref under the cursor, or `None` when there are no rows."""
        return self.rows[self.at].ref if self.at >= 0 else None

    def take(self, rows: Sequence[cells.Row]) -> None:
        """Show these rows; refs are unique."""
        self._latest = rows
        self._replace(self._held(rows) if self.frozen else rows)

    def recast(self, before: Sequence[cells.Column], after: Sequence[cells.Column]) -> None:
        """Put each cell under its own title, where the columns are others now.

        What vanished while frozen is made anew by nobody: it keeps its cells.
        """
        if not self.frozen:
            return  # all are made anew
        places: dict[str, int] = {}
        for place, column in enumerate(before):
            places.setdefault(column.title, place)
        wanted = [places.get(column.title) for column in after]

        def cast(row: cells.Row) -> cells.Row:
            made = tuple(
                row.cells[at] if at is not None and at < len(row.cells) else "" for at in wanted
            )
            return replace(row, cells=made)

        self.rows = [cast(row) for row in self.rows]
        self._latest = [cast(row) for row in self._latest]

    def freeze(self, on: bool) -> None:
        """Hold order and membership, or let them go and show the latest rows."""
        if on == self.frozen:
            return
        self.frozen = on
        if not on:
            self.gone, self.waiting = frozenset(), 0
            self._replace(self._latest)

    def go(self, index: int) -> None:
        """Put the cursor on the row at `index`, or on the nearest end."""
        self._wanted = None
        if self.rows:
            self.at = max(0, min(index, len(self.rows) - 1))

    def want(self, ref: str) -> None:
        """Put the cursor on `ref`, now or when it appears."""
        found = self.index_of(ref)
        if found is None:
            self._wanted = ref
        else:
            self.go(found)

    def index_of(self, ref: str) -> int | None:
        """Where a ref is shown, or `None`."""
        return next((i for i, row in enumerate(self.rows) if row.ref == ref), None)

    def toggle_mark(self) -> None:
        """Mark the row under the cursor, or unmark it; a row that is gone cannot be marked."""
        ref = self.cursor_ref
        if ref is not None and ref not in self.gone:
            self.marked ^= {ref}

    def _held(self, rows: Sequence[cells.Row]) -> Sequence[cells.Row]:
        latest = {row.ref: row for row in rows}
        self.gone = frozenset(row.ref for row in self.rows if row.ref not in latest)
        self.waiting = len(latest) - (len(self.rows) - len(self.gone))
        return [latest.get(row.ref, row) for row in self.rows]

    def _replace(self, rows: Sequence[cells.Row]) -> None:
        old, at = self.rows, self.at
        self.rows = rows
        if self.marked:
            shown = {row.ref for row in rows}
            self.marked = self.marked & shown
        if not rows:
            self._left = old[at].ref if at >= 0 else self._left
            self.at = -1
        elif self._wanted is not None and (found := self.index_of(self._wanted)) is not None:
            self.at, self._wanted = found, None
        elif at < 0:
            found = self.index_of(self._left) if self._left is not None else None
            self.at, self._left = found or 0, None
        elif at >= len(rows) or rows[at].ref != old[at].ref:
            self.at = _nearest(old, at, {row.ref: i for i, row in enumerate(rows)})


def _nearest(old: Sequence[cells.Row], at: int, places: dict[str, int]) -> int:
    """Where the cursor's row is now, or the nearest of its old neighbours, the one below first."""
    for distance in range(len(old)):
        for index in (at + distance, at - distance):
            if 0 <= index < len(old) and (place := places.get(old[index].ref)) is not None:
                return place
    return min(at, len(places) - 1)
