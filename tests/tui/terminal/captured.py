"""Runs an app on a terminal that only remembers, and shows what an emulator makes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pyte
from rich.color import ColorSystem
from textual import events
from textual.app import App
from textual.driver import Driver
from textual.geometry import Size
from textual.pilot import Pilot
from wcwidth import wcwidth

from mrtui.terminal import frame_diff

Play = Callable[["Terminal", Pilot[Any]], Awaitable[None]]
Cells = list[list[tuple[Any, ...]]]


def seen(char: pyte.screens.Char) -> tuple[Any, ...]:
    """What can be seen of a cell: the ink, weight and slant of a blank cannot."""
    if char.data == " " and not (char.underscore or char.strikethrough or char.reverse):
        char = char._replace(fg="default", bold=False, italics=False)
    return tuple(char)


class Capture(Driver):
    """Keeps what is written; its size is the terminal's."""

    @property
    def is_headless(self) -> bool:
        return False

    @property
    def can_suspend(self) -> bool:
        return True

    def write(self, data: str) -> None:
        terminal = self._app.terminal  # type: ignore[attr-defined]
        terminal.take(data)

    def start_application_mode(self) -> None:
        terminal = self._app.terminal  # type: ignore[attr-defined]
        self.tell_size(*terminal.size)

    def tell_size(self, width: int, height: int) -> None:
        size = Size(width, height)
        self._app.post_message(events.Resize(size, size))

    def disable_input(self) -> None:
        """There is none."""

    def stop_application_mode(self) -> None:
        """There is nothing to restore."""


class Emulator(pyte.Screen):
    """pyte, but for marks after the last column: it would wrap them, terminals do not."""

    def draw(self, data: str) -> None:
        if data.isascii():
            super().draw(data)
            return
        for char in data:
            wraps = pyte.modes.DECAWM in self.mode
            if self.cursor.x == self.columns and wcwidth(char) == 0:
                self.mode.discard(pyte.modes.DECAWM)
            super().draw(char)
            if wraps:
                self.mode.add(pyte.modes.DECAWM)


class Terminal:
    """A terminal emulator, and the bytes that reached it."""

    def __init__(self, width: int, height: int) -> None:
        self.size = (width, height)
        self.screen = Emulator(width, height)
        self._stream = pyte.Stream(self.screen)
        self.sent: list[str] = []

    def take(self, data: str) -> None:
        self.sent.append(data)
        self._stream.feed(data)

    def spent(self) -> int:
        """How many bytes came since the last call."""
        sent, self.sent = self.sent, []
        return len("".join(sent).encode())

    def resize(self, width: int, height: int) -> None:
        self.size = (width, height)
        self.screen.resize(height, width)

    def cells(self) -> Cells:
        """Every cell: character and everything that styles it."""
        width, height = self.size
        return [[seen(self.screen.buffer[y][x]) for x in range(width)] for y in range(height)]

    def lines(self) -> list[str]:
        return ["".join(cell[0] for cell in row).rstrip() for row in self.cells()]


async def run(app: App[Any], terminal: Terminal, play: Play) -> None:
    """Run an app on a terminal until `play` is over."""

    async def pilot(pilot: Pilot[Any]) -> None:
        await pilot.pause()
        await play(terminal, pilot)
        app.exit()

    app.terminal = terminal  # type: ignore[attr-defined]
    app.driver_class = Capture
    app.console._color_system = ColorSystem.TRUECOLOR  # the dearest: whatever the tests' own has
    await app.run_async(size=terminal.size, auto_pilot=pilot)


async def twins(
    make: Callable[[dict[str, str]], App[Any]], play: Play, *, size: tuple[int, int] = (120, 40)
) -> tuple[Terminal, Terminal]:
    """Run an app with the diff and without; return what both terminals show at the end."""
    diffed, stock = Terminal(*size), Terminal(*size)
    await run(make({}), diffed, play)
    await run(make({frame_diff.SWITCH: "0"}), stock, play)
    return diffed, stock
