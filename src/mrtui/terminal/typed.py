"""What was typed into a screen that is not there any more must not reach the shell."""

from __future__ import annotations

import contextlib
import sys
import termios
from typing import TextIO


def forget(stream: TextIO | None = None) -> None:
    """Throw away what was typed and not read yet; nothing where there is no terminal."""
    source = sys.__stdin__ if stream is None else stream
    # A terminal that is gone, or a stream without one, holds nothing.
    with contextlib.suppress(OSError, ValueError, termios.error):
        if source is not None and source.isatty():
            termios.tcflush(source.fileno(), termios.TCIFLUSH)
