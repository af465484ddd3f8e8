"""Where something leads: its links, and the refs in what is said of it, to choose from."""

from __future__ import annotations

from collections.abc import Iterable

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from mrcore.model import base, wire
from mrtui.screens import dialogs


def ways(found: wire.Detail) -> list[tuple[str, base.Ref]]:
    """Label and ref of each, once, links first."""
    every = [(link.label, link.ref) for link in found.links]
    for part in found.sections:
        every += [(f"{f.name}  {f.value or ''}".rstrip(), f.ref) for f in part.fields if f.ref]
    made: dict[base.Ref, str] = {}
    for label, of in every:
        if of != found.entity.ref:
            made.setdefault(of, label)
    return [(label, of) for of, label in made.items()]


class Leading(dialogs.Dialog[base.Ref]):
    """Enter goes there, Esc stays."""

    BINDINGS = [("up", "move(-1)", ""), ("down", "move(1)", "")]

    def __init__(self, choices: Iterable[tuple[str, base.Ref]]) -> None:
        super().__init__()
        self._choices = list(choices)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = dialogs.title("it leads to")
            lines = (
                Option(dialogs.title(f"{label}  {of}"), id=str(place))
                for place, (label, of) in enumerate(self._choices)
            )
            yield OptionList(*lines, compact=True)

    def entered(self) -> None:
        self.query_one(OptionList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Go there."""
        event.stop()
        self.dismiss(self._choices[event.option_index][1])

    def action_move(self, lines: int) -> None:
        """Another one."""
        if not self.stands:
            return
        shown = self.query_one(OptionList)
        if lines > 0:
            shown.action_cursor_down()
        else:
            shown.action_cursor_up()
