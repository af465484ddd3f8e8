"""Numbers over time, drawn with braille and with eighths of blocks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from mrtui.widgets import cells, fitting, tones

Values = Sequence[float | None]

_EIGHTHS: Final = "▁▂▃▄▅▆▇█"
# Dots of one braille cell, from the bottom up, in its left and its right column.
_LEFT: Final = (0x40, 0x04, 0x02, 0x01)
_RIGHT: Final = (0x80, 0x20, 0x10, 0x08)


def spark(
    values: Values, width: int, *, low: float | None = None, high: float | None = None
) -> str:
    """Return one line of `width` cells, the newest value at its right end.

    `None` (and what is not finite) is a gap. More values than cells: each cell shows the highest
    of its share, so that no peak is lost. The scale begins at 0 unless a value is below it.
    """
    shares = _shares(values, width)
    bottom, top = _scale(shares, low, high)
    return "".join(
        " " if value is None else _EIGHTHS[_step(value, bottom, top, len(_EIGHTHS) - 1)]
        for value in shares
    )


def braille(
    values: Values, width: int, height: int, *, low: float | None = None, high: float | None = None
) -> list[str]:
    """Return an area chart of `height` lines of `width` cells, two values in each cell.

    Gaps, peaks and scale are as in `spark`; a value at the bottom still has one dot.
    """
    shares = _shares(values, 2 * width)
    bottom, top = _scale(shares, low, high)
    dots = [
        0 if value is None else 1 + _step(value, bottom, top, 4 * height - 1) for value in shares
    ]
    lines = []
    for row in range(height - 1, -1, -1):
        pairs = zip(dots[::2], dots[1::2], strict=True)
        lines.append(
            "".join(
                chr(0x2800 + _column(left - 4 * row, _LEFT) + _column(right - 4 * row, _RIGHT))
                for left, right in pairs
            ).replace("\u2800", " ")
        )
    return lines


def plain(value: float) -> str:
    """A number of at most four digits that matter, with thousands set off."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _shares(values: Values, count: int) -> list[float | None]:
    finite = [v if v is not None and math.isfinite(v) else None for v in values]
    if len(finite) <= count:
        return [None] * (count - len(finite)) + finite
    shares: list[float | None] = []
    for index in range(count):
        start = index * len(finite) // count
        known = [v for v in finite[start : (index + 1) * len(finite) // count] if v is not None]
        shares.append(max(known, key=abs) if known else None)
    return shares


def _scale(values: Values, low: float | None, high: float | None) -> tuple[float, float]:
    known = [value for value in values if value is not None]
    bottom = min(0.0, *known, 0.0) if low is None else low
    top = max([*known, bottom]) if high is None else high
    return bottom, top


def _step(value: float, bottom: float, top: float, steps: int) -> int:
    half = top / 2 - bottom / 2  # the whole could be infinite
    if half <= 0:
        return 0
    return max(0, min(steps, round((value / 2 - bottom / 2) / half * steps)))


def _column(filled: int, dots: tuple[int, ...]) -> int:
    return sum(dots[: max(0, min(4, filled))])


class _Drawn(Widget):
    """Values that are drawn when they differ from the former ones."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._palette = tones.Palette(self)
        self._values: tuple[float | None, ...] = ()
        self._style: cells.Style = ""

    def show(self, values: Values, *, style: cells.Style = "") -> None:
        """Draw these values, oldest first, in the colour of a style word."""
        if (self._values, self._style) != (tuple(values), style):
            self._values, self._style = tuple(values), style
            self.refresh()

    def notify_style_update(self) -> None:
        """Draw with the new colours."""
        super().notify_style_update()
        self._palette.forget()

    def _line(self, text: str, style: cells.Style) -> Strip:
        width = self.size.width
        look = self._palette.base + self._palette.tone(style)
        return Strip([Segment(fitting.fit(text, width), look)], width)


class Spark(_Drawn):
    """A sparkline as wide as the widget."""

    DEFAULT_CSS = """
    Spark { height: 1; width: 1fr; }
    """

    def render_line(self, y: int) -> Strip:
        """The one line."""
        return self._line(spark(self._values, self.size.width) if y == 0 else "", self._style)


class Chart(_Drawn):
    """A braille chart below a line with its title, newest value, least, most, and the time span."""

    DEFAULT_CSS = """
    Chart { height: 5; width: 1fr; }
    """

    def __init__(
        self,
        title: str,
        *,
        unit: str = "",
        window: str = "",
        number: Callable[[float], str] = plain,
        id: str | None = None,  # noqa: A002 - Textual's own name for it
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._title, self._unit, self._window = title, unit, window
        self._number = number

    @property
    def headline(self) -> str:
        """The line above the chart."""
        known = [v for v in self._values if v is not None and math.isfinite(v)]
        newest = self._values[-1] if self._values else None
        if not known:
            return f"{self._title}  no values {self._window}".rstrip()
        latest = "?" if newest is None or not math.isfinite(newest) else self._number(newest)
        span = f"{self._number(min(known))} – {self._number(max(known))}"
        return f"{self._title}  {latest}{self._unit}  {span}  {self._window}".rstrip()

    def render_line(self, y: int) -> Strip:
        """The headline, then the chart."""
        if y == 0:
            return self._line(fitting.safe(self.headline), "strong")
        lines = braille(self._values, self.size.width, self.size.height - 1)
        return self._line(lines[y - 1], self._style or "accent")
