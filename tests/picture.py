"""The README's picture: `python -m tests.picture` drives the running demo and draws its screen.

It starts `mrtui demo` in a pseudo-terminal, waits until every pane of the home screen is live, and
writes what the emulator holds as an SVG.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

from pyte.screens import Char

from tests.e2e import terminal

CELL_WIDTH = 8.4
CELL_HEIGHT = 18
FOREGROUND, BACKGROUND = "d0d6e0", "11151c"
NAMED = {
    "black": "1c1f26", "red": "e06c75", "green": "98c379", "brown": "e5c07b",
    "blue": "61afef", "magenta": "c678dd", "cyan": "56b6c2", "white": "d0d6e0",
}  # fmt: skip


def draw(cells: Mapping[int, Mapping[int, Char]], columns: int, rows: int) -> str:
    """An emulator's cells as an SVG that needs no font of its own."""
    width, height = columns * CELL_WIDTH + 16, rows * CELL_HEIGHT + 16
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}"'
        ' font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14"'
        ' xml:space="preserve">',
        f'<rect width="100%" height="100%" rx="8" fill="#{BACKGROUND}"/>',
    ]
    for row in range(rows):
        for start, text, char in _runs(cells[row], columns):
            parts.extend(_run(8 + start * CELL_WIDTH, 8 + row * CELL_HEIGHT, text, char))
    return "\n".join([*parts, "</svg>", ""])


def _runs(line: Mapping[int, Char], columns: int) -> Iterator[tuple[int, str, Char]]:
    start, text = 0, ""
    for column in range(columns):
        char = line[column]
        if text and char._replace(data="") != line[start]._replace(data=""):
            yield start, text, line[start]
            start, text = column, ""
        text += char.data or ""
    yield start, text, line[start]


def _run(x: float, y: float, text: str, char: Char) -> Iterator[str]:
    front, back = _colour(char.fg, FOREGROUND), _colour(char.bg, BACKGROUND)
    if char.reverse:
        front, back = back, front
    width = len(text) * CELL_WIDTH
    if back != BACKGROUND:
        yield (
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{CELL_HEIGHT}"'
            f' fill="#{back}"/>'
        )
    if shown := text.strip():
        x += (len(text) - len(text.lstrip())) * CELL_WIDTH
        width = len(shown) * CELL_WIDTH
        weight = ' font-weight="bold"' if char.bold else ""
        yield (
            f'<text x="{x:.1f}" y="{y + 13.5:.1f}" textLength="{width:.1f}" fill="#{front}"'
            f"{weight}>{escape(shown)}</text>"
        )


def _colour(name: str, default: str) -> str:
    if re.fullmatch(r"[0-9a-fA-F]{6}", name):
        return name
    return NAMED.get(name.removeprefix("bright"), default)


def main() -> None:
    """Boot the demo, wait for live panes, draw, quit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("tests/golden/screen.svg"))
    parser.add_argument("--columns", type=int, default=120)
    parser.add_argument("--rows", type=int, default=34)
    parser.add_argument("--press", default="", help="keys to press before the picture")
    parser.add_argument(
        "--until",
        default=r"(?s)(?=.*[▲✖] emailQueue)(?=.*blocks \d)",
        help="what the screen must show",
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as state:
        argv = [sys.executable, "-m", "mrtui", "demo", "--state", state]
        with terminal.run(argv, columns=options.columns, rows=options.rows) as screen:
            screen.until(r"(?s)POSTGRES.*LOGS", timeout_s=60)
            screen.until(options.until, timeout_s=120)
            screen.press(*options.press)
            screen.until(options.until)
            options.out.write_text(draw(screen.cells, options.columns, options.rows))
            screen.press("q")
            screen.until("Stop")
            screen.press("y")
            screen.wait()
    sys.stdout.write(f"wrote {options.out}\n")


if __name__ == "__main__":
    main()
