"""Dialogs: a plan before it is applied, and leaving what one owns. Cancel has the focus."""

from __future__ import annotations

from typing import NamedTuple

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from mrcore.model import plans
from mrtui.columns import fmt
from mrtui.screens import text
from mrtui.terminal import safe_text
from mrtui.widgets import cells


class Answer(NamedTuple):
    """What a person said to a plan."""

    reason: str = ""
    confirm: str = ""


class PlanDialog(ModalScreen[Answer | None]):
    """A plan in full: exact targets, what is left out, causes, warnings, undo."""

    CSS_PATH = "../app.tcss"
    BINDINGS = [
        ("escape,q", "cancel", "cancel"),
        ("left", "app.focus_previous", ""),
        ("right", "app.focus_next", ""),
    ]

    def __init__(self, plan: plans.Plan) -> None:
        super().__init__()
        self.plan = plan

    def compose(self) -> ComposeResult:
        plan = self.plan
        with Vertical(classes="dialog") as box:
            box.border_title = f"{safe_text.safe_text(plan.label)} · plan {plan.plan_id[:8]}"
            yield Static(text.content_of_lines(lines(plan)), markup=False)
            yield Input(placeholder="reason, for the audit", id="reason")
            if plan.confirm:
                yield Input(
                    placeholder=f"type {safe_text.safe_text(plan.confirm)} to confirm", id="confirm"
                )
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel")
                yield Button(f"Apply to {plan.total}", id="apply", variant="error")

    def on_mount(self) -> None:
        self.query_one("#cancel").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Apply, or not."""
        if event.button.id != "apply":
            self.dismiss(None)
            return
        typed = self.query_one("#confirm", Input).value if self.plan.confirm else ""
        if typed != self.plan.confirm:
            self.query_one("#confirm", Input).focus()
            return
        self.dismiss(Answer(self.query_one("#reason", Input).value, typed))

    def action_cancel(self) -> None:
        """Leave everything as it is."""
        self.dismiss(None)


def lines(plan: plans.Plan) -> list[tuple[cells.Cell, ...]]:
    """What a plan would do, as lines."""
    made = [_line("what", fmt.plural(plan.total, "target"), "strong")]
    made += [_line("", target.label or target.ref) for target in plan.samples[:6]]
    if plan.total > 6:
        made.append(_line("", f"… {plan.total - 6} more", "dim"))
    made += [_line("left out", f"{left.count}: {left.why}", "warn") for left in plan.left_out]
    made += [_line("causes", cause) for cause in plan.causes]
    made += [_line("before", warning, "warn") for warning in plan.warnings]
    made.append(_line("undo", "possible" if plan.undoable else "not possible", "dim"))
    return made


def _line(name: str, said: str, style: cells.Style = "") -> tuple[cells.Cell, ...]:
    return (cells.Cell(f"{name:<9}", "dim"), cells.Cell(safe_text.safe_text(said), style))


class QuitDialog(ModalScreen[bool]):
    """Leaving stops the stack that this screen started."""

    CSS_PATH = "../app.tcss"  # the splash, which it can be over, does without
    BINDINGS = [
        ("escape,n", "cancel", "cancel"),
        ("left", "app.focus_previous", ""),
        ("right", "app.focus_next", ""),
    ]

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = "Leave"
            yield Static("Stop the stack?  It was started by this screen.", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel")
                yield Button("Stop and leave", id="stop", variant="error")

    def on_mount(self) -> None:
        self.query_one("#cancel").focus()

    def on_key(self, event: events.Key) -> None:
        """`y` or a second `q` says yes."""
        if event.key in ("y", "q"):
            event.stop()
            self.dismiss(True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Stop, or stay."""
        self.dismiss(event.button.id == "stop")

    def action_cancel(self) -> None:
        """Stay."""
        self.dismiss(False)
