"""What is typed between a key that asks for something and the question that comes of it. Pure.

It is kept, in order, until one of these: the question is open, and it is written there; what was
asked for is done without one, and the room has it; or nothing comes of it, and it is forgotten.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterator
from datetime import datetime
from typing import Protocol

from textual import events

KEPT_S = 10.0
"""How long keys are kept for a question that does not come; then the room has the next ones."""

WRITES = frozenset(("backspace", "tab", "shift+tab"))
"""What a question is given besides characters. Nothing that presses: it was not seen yet."""


class Work(Protocol):
    """What was asked for and is under way."""

    @property
    def is_finished(self) -> bool: ...


class Meanwhile:
    """Keys that wait for what one piece of work leads to; a newer one takes them over."""

    def __init__(self) -> None:
        self._keys: deque[events.Key] = deque()
        self._work: Work | None = None
        self._room: object = None
        self._since: datetime | None = None
        self._dialog: object = None
        self._cancelled = False

    @property
    def work(self) -> Work | None:
        """What keys wait for."""
        return self._work

    @property
    def waits(self) -> bool:
        """Whether there are keys that nobody has yet."""
        return bool(self._keys)

    def begin(self, work: Work, room: object, now: datetime) -> None:
        """Keys wait from now on for what `work` leads to; `room` is where they were typed."""
        self._work, self._room, self._since = work, room, now
        self._dialog, self._cancelled = None, False

    def end(self, work: Work | None, *, goes_on: bool) -> None:
        """No question comes of it (any more); without `goes_on` what was kept is forgotten."""
        if work is not None and work is self._work:
            self._work = None
            if not goes_on and not self._cancelled:
                self._keys.clear()

    def opened(self, dialog: object, now: datetime) -> Iterator[events.Key]:
        """A question is open: what it is given, up to the first key that would press something."""
        kept, late = list(self._keys), self.late(now)
        self._keys.clear()
        self._dialog = dialog
        for event in kept if not late else ():
            if not event.is_printable and event.key not in WRITES:
                return
            yield event

    def answered(self, now: datetime, *, cancelled: bool) -> None:
        """The question is closed; behind one that was cancelled the room has what is typed."""
        self._dialog, self._since, self._cancelled = None, now, cancelled

    def late(self, now: datetime) -> bool:
        """Whether the question has not come in time."""
        return self._since is not None and (now - self._since).total_seconds() >= KEPT_S

    def holds(self, now: datetime, screens: Container[object]) -> bool:
        """Whether a key that is typed now is to be kept; `screens` are those that are open."""
        if self._work is None or self._work.is_finished or self.late(now):
            return False
        return self._dialog is None or self._dialog not in screens

    def keep(self, event: events.Key) -> None:
        """Keep a key."""
        self._keys.append(event)

    def take(self, room: object, now: datetime) -> events.Key | None:
        """The next key that `room` has now; those that were typed elsewhere are forgotten.

        So are those of work that is under way still, or was cut off: it has not come to an end.
        """
        if self._work is not None or room is not self._room or self.late(now):
            self._keys.clear()
        return self._keys.popleft() if self._keys else None
