"""A terminal that takes nothing but our grammar, and keeps its screen by that."""

from __future__ import annotations

import os

from tests.e2e import canvas, grammar, terminal

BEGINS = "\x1b[?2026h"
ASKS, ANSWER = "\x1b[?2026$p", b"\x1b[?2026;2$y"


class Strict(terminal.Terminal):
    """A program in a pty, whose every byte is taken apart; `foreign` is what was not ours.

    It can synchronise output, and says so: a frame is seen whole or not at all.
    """

    SEQUENCES = grammar.SEQUENCES

    def __init__(self, pid: int, fd: int, columns: int, rows: int) -> None:
        self.shown = canvas.Screen(columns, rows)
        self.foreign: grammar.Foreign | None = None
        self._seen: list[str] | None = None
        self._drawn = True
        self.grammar = grammar.Grammar(self.SEQUENCES, columns, rows)
        super().__init__(pid, fd, columns, rows)

    def grow(self, columns: int, rows: int) -> None:
        """Make the window larger; what is still on its way from before is inside of it, too."""
        with self._changed:
            self.shown.resize(columns, rows)
            self.grammar.resize(columns, rows)
            self._seen = None
        terminal.set_size(self._fd, columns, rows)

    def _feed(self, data: bytes) -> None:
        self.received += len(data)
        if self.foreign is not None:
            return
        try:
            for token in self.grammar.feed(data):
                self.grammar.drawing = self.grammar.drawing or token.name == "text"
                self._take(token)
        except grammar.Foreign as error:
            self.foreign = error
        if self._drawn:
            self._seen = None

    def _take(self, token: grammar.Token) -> None:
        if token.name == "together":
            self._seen = self._display()
            self._drawn = token.said != BEGINS
        elif token.said == ASKS:
            os.write(self._fd, ANSWER)
        self.shown.play(token)

    def _display(self) -> list[str]:
        if self.foreign is not None:
            raise self.foreign
        if self._seen is None:
            self._seen = self.shown.lines
        return self._seen


class Printed(Strict):
    """As Strict, for commands that print lines: no sequence at all is theirs."""

    SEQUENCES = grammar.LINES

    def __init__(self, pid: int, fd: int, columns: int, rows: int) -> None:
        self.said: list[str] = []
        super().__init__(pid, fd, columns, rows)

    def join(self) -> None:
        """Wait until all that was printed is read."""
        self._reader.join(30)
        self._feed(b"", last=True)

    def _feed(self, data: bytes, *, last: bool = False) -> None:
        self.received += len(data)
        try:
            self.said += [token.said for token in self.grammar.feed(data, last=last)]
        except grammar.Foreign as error:
            self.foreign = self.foreign or error

    def _display(self) -> list[str]:
        if self.foreign is not None:
            raise self.foreign
        return "".join(self.said).splitlines()
