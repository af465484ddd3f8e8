"""Cells as Textual's text. Nothing in them is parsed as markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.content import Content
from textual.widgets import Static

from mrtui.widgets import cells, fitting


def content(line: Sequence[cells.Cell]) -> Content:
    """One line; foreign text becomes safe here."""
    parts = []
    for cell in line:
        said = fitting.safe(cell.text)
        style = "bold" if cell.style == "strong" else f"$state-{cell.style}" if cell.style else ""
        parts.append(Content.styled(said, style) if style else Content(said))
    return Content("").join(parts)


def content_of_lines(lines: Iterable[Sequence[cells.Cell]]) -> Content:
    """Several lines."""
    return Content("\n").join([content(line) for line in lines])


def put(widget: Static, said: Content) -> None:
    """Show lines that do not wrap; the screen is laid out anew only when their number changes."""
    shown = widget.content
    if shown != said:
        same = isinstance(shown, Content) and shown.plain.count("\n") == said.plain.count("\n")
        widget.update(said, layout=not same)


def spaced(parts: Iterable[cells.Cell], gap: str = " · ") -> list[cells.Cell]:
    """Cells with a quiet separator between them; empty ones are left out."""
    line: list[cells.Cell] = []
    for part in parts:
        if part.text:
            line += [cells.Cell(gap, "dim"), part] if line else [part]
    return line


def width(line: Iterable[cells.Cell]) -> int:
    """Terminal cells that a line takes."""
    return sum(fitting.width(fitting.safe(cell.text)) for cell in line)


def ends(left: Sequence[cells.Cell], right: Sequence[cells.Cell], room: int) -> list[cells.Cell]:
    """One line with something at both ends; the left end is cut when there is no room."""
    gap = room - width(left) - width(right)
    if gap >= 1:
        return [*left, cells.Cell(" " * gap), *right]
    kept: list[cells.Cell] = []
    space = max(0, room - width(right) - 1)
    for cell in left:
        taken = fitting.width(fitting.safe(cell.text))
        if taken > space:
            kept.append(cells.Cell(fitting.fit(fitting.safe(cell.text), space), cell.style))
            space = 0
            break
        kept.append(cell)
        space -= taken
    return [*kept, cells.Cell(" " * (space + 1)), *right]
