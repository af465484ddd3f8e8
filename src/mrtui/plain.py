"""What is on the screen as plain lines, whole and unwrapped: to be copied, or selected. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mrtui.terminal import safe_text
from mrtui.widgets import cells, fitting

GAP = "  "
LIMIT_CHARS = 1_000_000


def safe(text: str) -> str:
    """One line, whole."""
    return safe_text.safe_text(text, limit=LIMIT_CHARS)


def line(parts: Iterable[cells.Cell]) -> str:
    """Cells that stand side by side as they are."""
    return "".join(safe(part.text) for part in parts).rstrip()


def row(found: cells.Row) -> str:
    """A row of a table; empty cells leave no gap."""
    texts = (safe(cells.text_of(cell)).strip() for cell in found.cells)
    return GAP.join(text for text in texts if text)


def table(columns: Sequence[cells.Column], rows: Sequence[cells.Row]) -> list[str]:
    """A table with its titles, every column as wide as its widest cell."""
    texts = [[safe(column.title) for column in columns]]
    texts += [[safe(cells.text_of(cell)) for cell in found.cells] for found in rows]
    widths = [max(map(fitting.width, column)) for column in zip(*texts, strict=True)]
    made = []
    for each in texts:
        padded = [
            fitting.fit(text, width, right=column.right)
            for text, width, column in zip(each, widths, columns, strict=True)
        ]
        made.append(GAP.join(padded).rstrip())
    return made
