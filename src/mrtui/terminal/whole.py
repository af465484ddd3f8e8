"""What is written to the terminal arrives whole, also where Python was told not to buffer."""

from __future__ import annotations

import io
from typing import TextIO


def whole(stream: TextIO) -> TextIO:
    """The stream, or one to the same file whose writes go on after a signal.

    Without a buffer (PYTHONUNBUFFERED, usual in containers) Python's text streams drop what a
    write(2) leaves over, and a resized window interrupts a frame's: the rest of it would be lost.
    """
    if not isinstance(getattr(stream, "buffer", None), io.RawIOBase):
        return stream
    return open(stream.fileno(), "w", encoding=stream.encoding, errors=stream.errors, closefd=False)
