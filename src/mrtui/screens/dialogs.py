"""What dialogs share: a box with buttons, the focus on the one that changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual import events
from textual.await_complete import AwaitComplete
from textual.containers import VerticalScroll
from textual.content import Content
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from mrtui.screens import living
from mrtui.terminal import safe_text

if TYPE_CHECKING:
    from mrtui import app

Answer = TypeVar("Answer")


def title(said: str) -> Content:
    """The title of a box; Textual would read a string as markup."""
    return Content(safe_text.safe_text(said))


class Over(ModalScreen[Answer]):
    """A screen over another one, which shines through."""

    ASKS: ClassVar[bool] = True
    """Whether it is what keys were typed for that were kept until now."""

    def render(self) -> Any:
        """The screen below, tinted.

        Textual takes it from a list that every screen drawn takes one off: with three screens
        over each other, of which one did not change, two are drawn as the ground of each other.
        """
        stack = self.app.screen_stack
        place = stack.index(self) if self in stack else 0
        below = stack[place - 1] if place else None
        if below is None or self.styles.background.a == 1:
            return super().render()
        return BackgroundScreen(below, self.styles.background)

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        event.refresh_styles = False  # it has just been styled; one that was below is kept so

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Answer once: Textual would take away whatever is on top by then."""
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()


class Dialog(Over[Answer | None]):
    """A question; Esc answers None. Arrows move between buttons, and scroll what is long."""

    CSS_PATH = "../app.tcss"  # the splash, which one can be over, does without
    BINDINGS = [
        ("escape", "cancel", "cancel"),
        ("left", "app.focus_previous", ""),
        ("right", "app.focus_next", ""),
        ("up", "scroll(-1)", ""),
        ("down", "scroll(1)", ""),
    ]

    blamed: tuple[str, ...] | None = None
    """What was typed when something was said to be missing; None while nothing is."""

    @property
    def control(self) -> app.ControlRoom:
        """The app, with its type."""
        return cast("app.ControlRoom", self.app)

    @property
    def stands(self) -> bool:
        """Whether its widgets are there: as a room, it can be left before it is composed."""
        return bool(self.query(".dialog > *")) and living.lives(self)

    @property
    def writes(self) -> bool:
        """Whether characters are written into a line."""
        return isinstance(self.focused, Input)

    def entered(self) -> None:
        """Its widgets are there."""

    def on_mount(self) -> None:
        for button in self.query(Button):
            button.active_effect_duration = 0.0  # while it lasts, Enter would press nothing
        if self.stands:
            self.entered()

    def typed(self, event: events.Key) -> bool:
        """Write a character into the line that has the focus; False for every other key."""
        line = self.focused
        if not isinstance(line, Input) or not event.is_printable or not event.character:
            return False
        if line.selection.is_empty:
            line.insert_text_at_cursor(event.character)
        else:
            line.replace(event.character, *line.selection)
        return True

    def action_cancel(self) -> None:
        """Leave everything as it is."""
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        """Move the text, where it is longer than the box."""
        for box in self.query(VerticalScroll):
            box.scroll_relative(y=lines, animate=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        """A complaint goes with the next letter; one typed before it says nothing of it."""
        event.stop()
        if self.blamed is not None and self.blamed != self._lines_typed():
            self.complain("")

    def _lines_typed(self) -> tuple[str, ...]:
        return tuple(line.value for line in self.query(Input))

    def complain(self, sentence: str) -> None:
        """Say what is missing; "" takes it back."""
        self.blamed = self._lines_typed() if sentence else None
        widget = self.query_one("#wrong", Static)
        widget.update(safe_text.safe_text(sentence))
        widget.display = bool(sentence)
