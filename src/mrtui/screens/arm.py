"""Arming: for how long, and why."""

from __future__ import annotations

from typing import NamedTuple

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Static

from mrtui.screens import dialogs

MINUTES = 15
LONGEST_MINUTES = 60
SHORT = 16
"""Fewer lines than this are short."""


class Arming(NamedTuple):
    """What a person asks for."""

    minutes: int
    reason: str


class ArmDialog(dialogs.Dialog[Arming]):
    """Minutes and a reason; Enter in the last line arms, since that changes nothing yet."""

    def __init__(self, environment: str) -> None:
        super().__init__()
        self._environment = environment

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = dialogs.title(f"Arm {self._environment}")
            yield Static("It is protected. While armed, you may change it.", markup=False)
            hint = "reason, for example INC-12"
            yield Input(placeholder=hint, id="reason", select_on_focus=False)
            with Horizontal(classes="beside"):
                yield Static("minutes ", markup=False)
                yield Input(str(MINUTES), id="minutes", type="integer", max_length=2)
            yield Static(id="wrong", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel")
                yield Button("Arm", id="arm", variant="error")

    def on_resize(self) -> None:
        """On few lines nothing stands apart: the buttons are always seen."""
        for box in self.query(".dialog"):
            box.set_class(self.app.size.height < SHORT, "-dense")

    def entered(self) -> None:
        self.complain("")
        self.query_one("#reason").focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter."""
        event.stop()
        self._arm()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Arm, or not."""
        if event.button.id == "arm":
            self._arm()
        else:
            self.dismiss(None)

    def _arm(self) -> None:
        if not self.stands:
            return
        reason = self.query_one("#reason", Input).value.strip()
        typed = self.query_one("#minutes", Input).value
        minutes = int(typed) if typed.isascii() and typed.isdigit() else 0
        if not reason:
            self.complain("Arming needs a reason.")
            self.query_one("#reason").focus()
        elif not 1 <= minutes <= LONGEST_MINUTES:
            self.complain(f"1 to {LONGEST_MINUTES} minutes.")
            self.query_one("#minutes").focus()
        else:
            self.dismiss(Arming(minutes, reason))
