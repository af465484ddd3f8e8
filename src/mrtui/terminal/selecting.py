"""Shows text outside the alternate screen, for the terminal's own selection: it needs no OSC 52."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, Final, TextIO

from textual.app import App

from mrtui.terminal import safe_text

HINT: Final = "── select it as the terminal does; Enter goes back ──"
LINE_CHARS: Final = 1_000_000


async def show(app: App[Any], lines: Sequence[str]) -> bool:
    """Leave the alternate screen, print `lines` as they are but safe, wait for Enter, come back.

    Meanwhile nothing is painted and the mouse is the terminal's; the app lives on, so that what it
    follows is not lost. Ctrl+c goes back as Enter does. Returns False, having done nothing, where
    there is no terminal to leave.
    """
    driver, keyboard, paper = app._driver, sys.__stdin__, sys.__stdout__
    if driver is None or not driver.can_suspend or driver.is_headless:
        return False
    if keyboard is None or paper is None:
        return False
    with app.suspend():
        _print(paper, [*lines, HINT])
        await _entered(keyboard.fileno())
    return True


def _print(paper: TextIO, lines: Sequence[str]) -> None:
    text = "".join(f"{safe_text.safe_text(line, limit=LINE_CHARS)}\n" for line in lines)
    paper.buffer.write(text.encode(paper.encoding, "replace"))
    paper.buffer.flush()


async def _entered(keyboard: int) -> None:
    """Wait for a line, without a thread that could not be stopped; it may be the input's end."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()

    def typed() -> None:
        if not (line := os.read(keyboard, 4096)) or b"\n" in line:
            over.set()

    interrupted = signal.getsignal(signal.SIGINT)
    loop.add_signal_handler(signal.SIGINT, over.set)
    loop.add_reader(keyboard, typed)
    try:
        await over.wait()
    finally:
        loop.remove_reader(keyboard)
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, interrupted)
