"""A command ends without a word when nobody reads on, or on Ctrl+C. Light: both programs use it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

NOBODY_READS = 141
"""Exit code of a program that SIGPIPE ends, as a shell has it."""

INTERRUPTED = 130


@contextlib.contextmanager
def ending() -> Iterator[None]:
    """Write everything out inside, also before a SystemExit, where a closed pipe can be caught.

    Raises SystemExit with 141 for a closed pipe, and with 130 for an interrupt.
    """
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        # What is left unwritten would be tried, and told, once more at the very end.
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        raise SystemExit(NOBODY_READS) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
