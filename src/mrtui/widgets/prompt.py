"""One line to type into: `:` commands and `/` filters, with history, completion, errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Label

from mrcore.model import ref
from mrtui.widgets import fitting

Complete = Callable[[str], Sequence[str]]


class _Field(Input):
    """Takes all lines that are pasted, as one: Textual's takes the first, which may be empty."""

    def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default().stop()
        lines = [line.strip() for line in event.text.splitlines()]
        glue = "" if ref.SCHEME in event.text else " "  # a ref that was broken is whole again
        self.replace(glue.join(filter(None, lines)), *self.selection)


class Prompt(Vertical):
    """A sign, what is typed, and below it what is wrong with it."""

    DEFAULT_CSS = """
    Prompt { height: auto; display: none; background: $bar-background; color: $bar-foreground; }
    Prompt.-open { display: block; }
    Prompt > #line { height: 1; }
    Prompt #sign { width: auto; padding: 0 0 0 1; color: $state-accent; text-style: bold; }
    Prompt Input {
        width: 1fr; height: 1; border: none; padding: 0; background: $bar-background;
        &:focus { border: none; background: $bar-background; background-tint: $bar-background 0%; }
    }
    Prompt > #error { width: 1fr; max-height: 3; padding: 0 1; color: $state-bad; display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", show=False, id="prompt.cancel"),
        Binding("up", "recall(1)", "Earlier", show=False, id="prompt.earlier"),
        Binding("down", "recall(-1)", "Later", show=False, id="prompt.later"),
        Binding("tab", "complete", "Complete", show=False, id="prompt.complete", priority=True),
    ]

    class Told(Message):
        """Something about one prompt: `sign` says which kind, `text` is what is typed."""

        def __init__(self, prompt: Prompt, sign: str, text: str) -> None:
            super().__init__()
            self.prompt, self.sign, self.text = prompt, sign, text

        @property
        def control(self) -> Prompt:
            """The prompt, for `@on(Prompt.Submitted, "#id")`."""
            return self.prompt

    class Submitted(Told):
        """Enter: close the prompt, or tell it what is wrong with `fail()`."""

    class Changed(Told):
        """A key was typed."""

    class Cancelled(Told):
        """Escape: the prompt is closed; `text` is what had been typed."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._sign = ""
        self._complete: Complete = lambda text: ()
        self._histories: dict[str, list[str]] = {}
        self._back = 0  # how far back in the history; 0 is what is being typed
        self._draft = ""
        self._offers: tuple[str, ...] = ()
        self._offer = -1
        self._failed: str | None = None  # what `fail` was said about

    def compose(self) -> ComposeResult:
        field = _Field(compact=True, select_on_focus=False)
        field.cursor_blink = False
        with Horizontal(id="line"):
            yield Label("", id="sign", markup=False)
            yield field
        yield Label("", id="error", markup=False)

    @property
    def is_open(self) -> bool:
        """Whether it is on the screen."""
        return self.has_class("-open")

    @property
    def text(self) -> str:
        """What is typed, made safe."""
        return fitting.safe(self.query_one(Input).value)

    def open(self, sign: str, *, text: str = "", complete: Complete | None = None) -> None:
        """Ask with a sign (`:` or `/`); each sign has its own history."""
        self._sign, self._back, self._draft = sign, 0, text
        self._complete = complete or (lambda text: ())
        self.query_one("#sign", Label).update(sign)
        self.fail("")
        self.add_class("-open")
        self._type(text)
        self.screen.set_focus(self.query_one(Input))

    def type(self, character: str) -> None:
        """A character where the cursor is."""
        field = self.query_one(Input)
        field.replace(character, *field.selection)

    def take(self) -> str:
        """What is typed, kept in the history."""
        history = self._histories.setdefault(self._sign, [])
        if self.text and history[-1:] != [self.text]:
            history.append(self.text)
            del history[:-100]
        self._back = 0
        return self.text

    def close(self) -> None:
        """Leave the screen."""
        self.remove_class("-open")

    def fail(self, sentence: str) -> None:
        """Say what is wrong with what is typed; "" takes it back."""
        self._failed = self.text if sentence else None
        label = self.query_one("#error", Label)
        label.update(fitting.safe(sentence))
        label.display = bool(sentence)

    def action_cancel(self) -> None:
        """Close without an answer."""
        text = self.text
        self.close()
        self.post_message(self.Cancelled(self, self._sign, text))

    def action_recall(self, steps: int) -> None:
        """Type an earlier line of the history, or a later one."""
        history = self._histories.get(self._sign, [])
        back = max(0, min(len(history), self._back + steps))
        if back != self._back:
            if not self._back:
                self._draft = self.text
            self._back = back
            self._type(history[-back] if back else self._draft)

    def action_complete(self) -> None:
        """Type the next of what it could mean."""
        if self._offer < 0:
            self._offers = tuple(self._complete(self.text))
        if self._offers:
            self._offer = (self._offer + 1) % len(self._offers)
            self._type(self._offers[self._offer])

    def _type(self, text: str) -> None:
        field = self.query_one(Input)
        with self.prevent(Input.Changed):
            field.value = text
        field.cursor_position = len(text)
        self.post_message(self.Changed(self, self._sign, self.text))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        safe = fitting.safe(event.value)
        if safe != event.value:  # pasted; what it becomes is told next
            at = len(fitting.safe(event.value[: event.input.cursor_position]))
            event.input.value = safe
            event.input.cursor_position = at
            return
        self._offer = -1
        if self._failed != safe:  # what was typed before it failed may be told after it
            self.fail("")
        self.post_message(self.Changed(self, self._sign, self.text))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Submitted(self, self._sign, self.take()))
