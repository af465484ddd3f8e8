"""How far planning is, once it takes longer than a moment; Esc stops it."""

from __future__ import annotations

from datetime import datetime

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from mrtui.columns import fmt
from mrtui.screens import dialogs

AFTER_S = 0.3
"""What is planned sooner shows no panel."""


def told(looked: int, total: int | None, took_s: float) -> str:
    """`planning: 34,000 of 100,000 · 12.0k/s · ETA 5s · esc stops`."""
    far = fmt.count(looked) + (f" of {fmt.count(total)}" if total is not None else "")
    parts = [f"planning: {far}"]
    per_s = looked / took_s if took_s > 0 else 0.0
    if per_s > 0:
        parts.append(fmt.rate(per_s))
        if total is not None:
            parts.append(f"ETA {fmt.seconds(int(max(0, total - looked) / per_s))}")
    return " · ".join([*parts, "esc stops"])


class Planning(dialogs.Dialog[bool]):
    """One line that counts; dismissed with None it was stopped by a person."""

    ASKS = False

    def __init__(self, began: datetime) -> None:
        super().__init__()
        self._began = began
        self._far: tuple[int, int | None] = (0, None)
        self._planned = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(id="far", markup=False)

    def entered(self) -> None:
        self.show()

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """It is shown."""
        if self._planned:
            self.dismiss(True)

    def finish(self) -> None:
        """The plan is there: go, now or as soon as it is shown."""
        self._planned = True
        self.dismiss(True)

    def heard(self, looked: int, total: int | None) -> None:
        """The core has looked at so many."""
        self._far = (looked, total)
        if self.stands:
            self.show()

    def show(self) -> None:
        """How far it is."""
        took_s = (self.control.clock() - self._began).total_seconds()
        self.query_one("#far", Static).update(told(*self._far, took_s))
