"""The top line: where, how fresh, armed, trouble, time. The bottom line: what the keys do here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from mrtui.widgets import cells, fitting, tones

_NOTHING: Final = cells.Cell("")


@dataclass(frozen=True, slots=True)
class Standing:
    """What the top line says; every part is text that stands without its colour.

    When the terminal is narrow the clock goes first, then `waits` and `fresh`, and never `guard`;
    the trail is cut at its start.
    """

    trail: tuple[str, ...]
    fresh: cells.Cell = _NOTHING
    guard: cells.Cell = _NOTHING
    trouble: cells.Cell = _NOTHING
    clock: str = ""
    waits: cells.Cell = _NOTHING


@dataclass(frozen=True, slots=True)
class KeyHint:
    """A key as a person presses it, and what it does here."""

    key: str
    does: str


def freshness(age_s: float | None, *, live: bool) -> cells.Cell:
    """How old the data is, coarsely: a number that changes each second costs bytes.

    `live`: nothing newer is due yet, however long its source takes from sample to sample.
    """
    if age_s is None:
        return cells.Cell("? no data", "unknown")
    if live:
        return cells.Cell("● live", "ok")
    if age_s < 60:
        return cells.Cell(f"◌ {int(age_s // 5) * 5}s old", "stale")
    if age_s < 3600:
        return cells.Cell(f"◌ {int(age_s // 60)}m old", "stale")
    return cells.Cell(f"◌ {int(age_s // 3600)}h old", "stale")


class _Bar(Widget):
    """One line across the screen."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._palette = tones.Palette(self)

    def notify_style_update(self) -> None:
        """Draw with the new colours."""
        super().notify_style_update()
        self._palette.forget()

    def _strip(self, parts: Sequence[tuple[str, str]]) -> Strip:
        base = self._palette.base
        segments = [Segment(text, base + self._palette.tone(word)) for text, word in parts]
        return Strip(segments).adjust_cell_length(self.size.width, base)


class TopLine(_Bar):
    """`mr ▸ local ▸ queues      ● live  read-only  ✖ 2 alerts  14:02Z`."""

    DEFAULT_CSS = """
    TopLine {
        height: 1; dock: top;
        background: $bar-background; color: $bar-foreground; text-style: $bar-style;
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._standing = Standing(())

    def show(self, standing: Standing) -> None:
        """Say this; the same again changes nothing."""
        if standing != self._standing:
            self._standing = standing
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The one line."""
        now, width = self._standing, self.size.width
        least = sum(map(fitting.width, now.trail[-1:])) + 6
        right = [now.fresh, now.guard, now.waits, now.trouble, cells.Cell(now.clock, "dim")]
        for victim in (4, 2, 0):
            if _taken(right) + least > width:
                right[victim] = _NOTHING
        room = max(0, width - _taken(right) - 1)
        trail = fitting.fit_end(" ▸ ".join(map(fitting.safe, ("mr", *now.trail))), room)
        parts: list[tuple[str, str]] = [(" " + fitting.fit(trail, room), "strong")]
        for cell in filter(lambda cell: cell.text, right):
            parts += [("  ", ""), (fitting.safe(cell.text), cell.style)]
        return self._strip(parts)


class KeyLine(_Bar):
    """` ⏎ open  r retry  / filter  ? keys`: as many as there is room for, the last always."""

    DEFAULT_CSS = """
    KeyLine {
        height: 1; dock: bottom;
        background: $key-background; color: $bar-foreground; text-style: $bar-style;
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._hints: tuple[KeyHint, ...] = ()
        self._notice = _NOTHING

    def show(self, hints: Sequence[KeyHint]) -> None:
        """Say what these keys do; the same again changes nothing."""
        if tuple(hints) != self._hints:
            self._hints = tuple(hints)
            self.refresh()

    def tell(self, notice: cells.Cell = _NOTHING) -> None:
        """Say a sentence instead of the keys, until told nothing."""
        if notice != self._notice:
            self._notice = notice
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The one line."""
        if self._notice.text:
            text = fitting.fit(" " + fitting.safe(self._notice.text), self.size.width)
            return self._strip([(text, self._notice.style)])
        parts: list[tuple[str, str]] = []
        for hint in fitting_hints(self._hints, self.size.width):
            parts += [(" ", ""), (hint.key, "key"), (f" {hint.does} ", "")]
        return self._strip(parts)


def fitting_hints(hints: Sequence[KeyHint], width: int) -> list[KeyHint]:
    """The hints that fit: the last one (`? keys`) first of all, the others in their order."""
    if not hints:
        return []
    left = width + 1 - _hint_width(hints[-1])  # nothing follows the last
    kept = []
    for hint in hints[:-1]:
        left -= _hint_width(hint)
        if left < 0:
            break
        kept.append(hint)
    return [*kept, hints[-1]]


def _hint_width(hint: KeyHint) -> int:
    return fitting.width(hint.key) + fitting.width(hint.does) + 3


def _taken(parts: Sequence[cells.Cell]) -> int:
    return sum(fitting.width(fitting.safe(part.text)) + 2 for part in parts if part.text)
