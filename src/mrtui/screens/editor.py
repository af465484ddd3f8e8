"""Edit and retry: a job's payload as JSON, and what of it changes; the plan is made of that."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import JsonValue
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static, TextArea

from mrcore import errors
from mrtui import patching
from mrtui.screens import dialogs, text
from mrtui.widgets import cells

SHOWN = 4
"""Changes that are shown; the plan says them all."""

SHORT = 16


class Edit(NamedTuple):
    """What a person wants changed."""

    ops: patching.Ops


class EditDialog(dialogs.Dialog[Edit]):
    """Tags stand for what is hidden: what is left as it was stays as it is."""

    def __init__(self, named: str, payload: JsonValue) -> None:
        super().__init__(classes="edit")
        self._named = named
        self._payload = payload

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = dialogs.title(f"Edit and retry {self._named}")
            box.border_subtitle = "⇥ to the buttons · esc leaves it"
            area = TextArea(patching.written(self._payload), id="payload", soft_wrap=False)
            area.cursor_blink = False
            yield area
            yield Static(id="changes", markup=False)
            yield Static(id="wrong", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel")
                yield Button("Plan", id="plan", variant="error", disabled=True)

    def on_resize(self) -> None:
        """On few lines nothing stands apart."""
        for box in self.query(".dialog"):
            box.set_class(self.app.size.height < SHORT, "-dense")

    def entered(self) -> None:
        self.complain("")
        self.query_one(TextArea).focus()
        self.show()

    def on_text_area_changed(self) -> None:
        """Say at once what would change, or what is wrong."""
        if self.stands:
            self.show()

    def ops(self) -> patching.Ops:
        """What the edit means. Raises BadRequest that says what is wrong with it."""
        return patching.between(self._payload, patching.read(self.query_one(TextArea).text))

    def show(self) -> None:
        """The changes, or why it cannot be planned."""
        ops: patching.Ops = []
        calm = "nothing is changed"
        try:
            ops = self.ops()
            self.complain("")
        except errors.BadRequest as error:
            self.complain(str(error))
            calm = ""
        lines = [[cells.Cell(patching.told(op), "accent")] for op in ops[:SHOWN]]
        if len(ops) > SHOWN:
            lines.append([cells.Cell(f"… {len(ops) - SHOWN} more", "dim")])
        if not lines:
            lines = [[cells.Cell(calm, "dim")]]
        text.put(self.query_one("#changes", Static), text.content_of_lines(lines))
        self.query_one("#plan", Button).disabled = not ops

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Plan, or not."""
        event.stop()
        if not self.stands:
            return
        if event.button.id != "plan":
            self.dismiss(None)
            return
        try:
            ops = self.ops()
        except errors.BadRequest as error:
            self.complain(str(error))
            return
        self.dismiss(Edit(ops))
