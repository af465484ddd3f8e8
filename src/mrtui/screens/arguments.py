"""The arguments of an action, before it is planned: as the catalogue explains them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Static

from mrcore import catalogue
from mrcore.model import base, plans, ref
from mrtui import giving
from mrtui.columns import fmt
from mrtui.screens import dialogs

SHORT = 16
"""Fewer lines than this are short."""


class Given(NamedTuple):
    """What a person gave, and the lines as they were typed."""

    args: plans.Args
    lines: Mapping[str, str]


class ArgumentsDialog(dialogs.Dialog[Given]):
    """A line an argument; Enter in the last one plans, which changes nothing yet.

    `wrong` is what the core said of one of them: it stands beneath that line, which has the focus.
    """

    def __init__(
        self,
        action: base.ActionId,
        chosen: plans.Selection,
        given: Mapping[str, str],
        wrong: str = "",
    ) -> None:
        super().__init__()
        self._label = catalogue.ACTIONS[action].label
        self._asked = giving.asked(action)
        self._given = given
        self._chosen = chosen
        self._wrong = wrong

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog arguments") as box:
            box.border_title = dialogs.title(f"{self._label}: {self._on()}")
            for name, means in self._asked.items():
                yield Static(f"{name}: {means}", markup=False)
                yield Input(self._given.get(name, ""), id=f"arg-{name}", select_on_focus=False)
            yield Static(id="wrong", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel")
                yield Button("Plan", id="plan", variant="primary")

    def _on(self) -> str:
        """What it is done on."""
        refs = self._chosen.refs
        if len(refs) == 1:
            return ref.parse(refs[0]).id
        return fmt.plural(len(refs), "row") if refs else "everything listed"

    def on_resize(self) -> None:
        """On few lines nothing stands apart."""
        for box in self.query(".dialog"):
            box.set_class(self.app.size.height < SHORT, "-dense")

    def entered(self) -> None:
        lines = list(self.query(Input))
        blamed = [line for name, line in zip(self._asked, lines, strict=True) if self._is_of(name)]
        if blamed:  # it is said beneath the line: on few lines the end of the form is not seen
            self.query_one(".dialog").move_child(self.query_one("#wrong"), after=blamed[0])
        self.complain(self._wrong)
        (blamed or lines)[0].focus()

    def _is_of(self, name: str) -> bool:
        """Whether what is wrong is said of this argument: then the sentence begins with it."""
        return re.match(rf"{re.escape(name)}\b", self._wrong) is not None

    def typed(self, event: events.Key) -> bool:
        """Enter goes to the next line; from the last one on, to the plan."""
        lines = list(self.query(Input))
        if event.key == "enter" and self.focused in lines:
            if self.focused is lines[-1]:
                self._plan()
            else:
                self.focus_next()
            return True
        return super().typed(event)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Plan, or not."""
        event.stop()
        if event.button.id == "plan":
            self._plan()
        else:
            self.dismiss(None)

    def _plan(self) -> None:
        if not self.stands:
            return
        lines = {name: self.query_one(f"#arg-{name}", Input).value for name in self._asked}
        self.dismiss(Given(giving.typed(lines.items()), lines))
