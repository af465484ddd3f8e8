"""A frame arrives whole though a signal interrupts its write."""

from __future__ import annotations

import io
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from mrtui.terminal import whole

FRAME = "‹›" * 500_000


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe that takes far less than a frame at once."""
    ends = os.pipe()
    yield ends
    os.close(ends[0])


def test_a_frame_is_whole_after_a_signal(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    # What sys.__stderr__ is under PYTHONUNBUFFERED.
    unbuffered = io.TextIOWrapper(
        io.FileIO(writing, "w", closefd=False), encoding="utf-8", write_through=True
    )
    stream = whole.whole(unbuffered, lambda: None)
    came = threading.Event()
    got = bytearray()

    def read() -> None:
        while select.select([], [writing], [], 0)[1]:
            pass  # until the pipe is full, and so the write has begun
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
        came.wait(30)
        while data := os.read(reading, 65536):
            got.extend(data)

    before = signal.signal(signal.SIGUSR1, lambda *_: came.set())
    reader = threading.Thread(target=read)
    reader.start()
    try:
        stream.write(FRAME)
        stream.flush()
    finally:
        signal.signal(signal.SIGUSR1, before)
        os.close(writing)
        reader.join(30)
    assert got.decode() == FRAME


def test_what_is_written_into_a_terminal_that_is_gone_comes_to_nothing_and_is_told_once() -> None:
    program = """
import os, pty, sys
from mrtui.terminal import whole
master, slave = pty.openpty()
os.dup2(slave, 1)
told = []
stream = whole.whole(open(slave, "w"), lambda: told.append("lost"))
os.close(master)
for _ in range(3):
    stream.write("frame")
    stream.flush()
    print("more", flush=True)
sys.exit(7 if told == ["lost"] else 1)
"""
    done = subprocess.run([sys.executable, "-c", program], timeout=60, check=False)
    assert done.returncode == 7
