"""What is written to the terminal arrives whole, and comes to nothing once the terminal is gone."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _File(io.FileIO):
    """The file of a terminal; `lost` is called once, by whoever writes first when it is gone.

    Textual's writer would end with the error, and its queue would then hold up the app for ever.
    """

    def __init__(self, descriptor: int, lost: Callable[[], None]) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._lost = lost

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError:  # EIO: it was hung up
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for descriptor in (1, self.fileno()):  # what is printed later, too
                os.dup2(nowhere, descriptor)
            os.close(nowhere)
            self._lost()
            return super().write(data)


def whole(stream: TextIO, lost: Callable[[], None]) -> TextIO:
    """A stream to the same file whose writes go on after a signal, and into nothing after a loss.

    Without a buffer (PYTHONUNBUFFERED, usual in containers) Python's text streams drop what a
    write(2) leaves over, and a resized window interrupts a frame's: the rest of it would be lost.
    """
    buffered = io.BufferedWriter(_File(stream.fileno(), lost))
    return io.TextIOWrapper(buffered, encoding=stream.encoding, errors=stream.errors)
