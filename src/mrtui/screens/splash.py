"""The first frame: what is starting. Needs no model, so that it is there at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from mrtui import start
from mrtui.screens import living
from mrtui.terminal import safe_text

POLL_S = 0.1
_GLYPHS = {"ready": ("●", "$state-ok"), "failed": ("✖", "$state-bad")}


class Splash(Screen[None]):
    """The name, what is being started with its seconds, and why it takes so long."""

    BINDINGS = [("q,ctrl+c,escape", "leave", "leave")]
    DEFAULT_CSS = """
    Splash { align: center middle; }
    Splash > Static { width: auto; max-width: 100%; height: auto; padding: 0 1; }
    """

    def __init__(
        self,
        place: str,
        steps: Callable[[], Sequence[start.Step]],
        says: Callable[[], str],
        leave: Callable[[], None],
    ) -> None:
        super().__init__()
        self._place = place
        self._steps = steps
        self._says = says
        self._leave = leave
        self._shown: Content | None = None

    def compose(self) -> ComposeResult:
        yield Static(self._text(), markup=False)

    def on_mount(self) -> None:
        self._timer = self.set_interval(POLL_S, self._poll)

    def on_screen_suspend(self) -> None:
        """Home is over it, or a dialog: nothing more to say."""
        self._timer.pause()

    def on_screen_resume(self) -> None:
        """The dialog is gone: go on."""
        self._timer.resume()

    def action_leave(self) -> None:
        """Stop waiting; ask first when that stops a stack."""
        self._leave()

    def _poll(self) -> None:
        if not living.lives(self):
            return
        text = self._text()
        if text != self._shown:
            self._shown = text
            self.query_one(Static).update(text)

    def _text(self) -> Content:
        lines = [
            Content.assemble(
                (" mr ", "bold"), ("▸ ", "$state-dim"), safe_text.safe_text(self._place)
            )
        ]
        for step in self._steps():
            glyph, style = _GLYPHS.get(step.state, ("◌", "$state-dim"))
            took = "" if step.took_s is None else f"{step.took_s:5.1f}s"
            name = safe_text.safe_text(step.name)
            line = Content.assemble("  ", (glyph, style), f" {name:<14} {step.state:<9}{took}")
            lines.append(line)
            if step.why:
                lines.append(Content.styled(f"    {safe_text.safe_text(step.why)}", "$state-bad"))
        says = safe_text.safe_text(self._says())
        lines.append(Content.styled(f"  {says or '◌ looking for the core'}", "$state-dim"))
        return Content("\n").join(lines)
