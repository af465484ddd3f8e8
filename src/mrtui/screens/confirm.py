"""Short questions: leaving what one owns, ending one's own arming. Cancel has the focus."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from mrtui.screens import dialogs
from mrtui.terminal import safe_text


class Question(dialogs.Dialog[bool]):
    """A title, a sentence, and a button for yes; the keys in YES press it."""

    YES: tuple[str, ...] = ("y",)

    def __init__(self, title: str, sentence: str, yes: str) -> None:
        super().__init__()
        self._title, self._sentence, self._yes = map(safe_text.safe_text, (title, sentence, yes))

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = dialogs.title(self._title)
            yield Static(self._sentence, markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel")
                yield Button(self._yes, id="yes", variant="error")

    def entered(self) -> None:
        self.query_one("#cancel").focus()

    def on_key(self, event: events.Key) -> None:
        """A letter answers, too."""
        if event.key in self.YES or event.key == "n":
            event.stop()
            self.dismiss(event.key != "n")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Yes, or no."""
        self.dismiss(event.button.id == "yes")


class QuitDialog(Question):
    """Leaving stops the stack that this screen started; a second `q` says yes."""

    YES = ("y", "q")

    def __init__(self) -> None:
        super().__init__(
            "Leave", "Stop the stack?  It was started by this screen.", "Stop and leave"
        )
