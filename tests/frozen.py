"""A server that is there and answers nothing: SIGSTOP for it and its children, then SIGCONT."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

import psutil


@contextlib.contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stop `pid` and its children for the time of the block; Postgres is a process a session."""
    server = psutil.Process(pid)
    server.send_signal(signal.SIGSTOP)
    stopped = [server, *server.children(recursive=True)]
    try:
        for process in stopped[1:]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGSTOP)
        yield
    finally:
        for process in stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)
