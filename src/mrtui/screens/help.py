"""The keys of what is focused, and the commands; written by the table of keys."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from mrtui import keys
from mrtui.screens import dialogs, text
from mrtui.widgets import cells

MOVING = (
    ("↑ ↓ k j", "move"),
    ("PgUp PgDn", "by a page"),
    ("Home End", "first, last"),
)


class Help(dialogs.Over[None]):
    """Any of these keys closes it: Esc, ?, q, Enter."""

    BINDINGS = [("escape,question_mark,q,enter", "dismiss", "close")]

    def __init__(self, entries: Sequence[keys.Key]) -> None:
        super().__init__()
        self._entries = entries

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog") as box:
            box.border_title = "keys"
            box.border_subtitle = "esc closes"
            width = max(24, min(76, self.app.size.width - 6))
            yield Static(text.content_of_lines(lines(self._entries, width)), markup=False)


def lines(entries: Sequence[keys.Key], width: int) -> list[list[cells.Cell]]:
    """Keys first, then commands, in as many columns as fit."""
    pressed = [
        (" ".join(map(keys.symbol, entry.keys)), entry.label) for entry in entries if entry.keys
    ]
    typed = [
        (f":{entry.command} {entry.takes}".rstrip(), entry.label)
        for entry in entries
        if entry.command
    ]
    made = _columns([*MOVING, *pressed], 10, width)
    return [*made, [], *_columns(typed, 18, width)]


def _columns(
    pairs: Sequence[tuple[str, str]], name_width: int, width: int
) -> list[list[cells.Cell]]:
    each = name_width + 24
    across = max(1, width // each)
    down = -(-len(pairs) // across)
    made: list[list[cells.Cell]] = []
    for place in range(down):
        line: list[cells.Cell] = []
        for name, does in pairs[place::down]:
            line += [cells.Cell(f"{name:<{name_width}} ", "accent"), cells.Cell(f"{does:<23}")]
        made.append(line)
    return made
