"""A real terminal for end-to-end tests: a program in a pty, its screen kept by an emulator."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import pyte

from tests.e2e import running

KEYS = {
    "enter": "\r", "esc": "\x1b", "up": "\x1b[A", "down": "\x1b[B", "left": "\x1b[D",
    "right": "\x1b[C", "tab": "\t", "escape": "\x1b[27u", "ctrl+y": "\x19",
}  # fmt: skip


class Late(AssertionError):
    """The screen did not show in time what was waited for."""


class Terminal:
    """One program in a pty of `columns` x `rows`; `received` counts the bytes that it sent."""

    def __init__(self, pid: int, fd: int, columns: int, rows: int) -> None:
        self.pid = pid
        self.received = 0
        self.raw = bytearray()
        self._begun = b""
        self._fd = fd
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._changed = threading.Condition()
        self._ended = False
        self._told, self._tell = os.pipe()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def lines(self) -> list[str]:
        """The screen now, a string a line."""
        with self._changed:
            return self._display()

    @property
    def text(self) -> str:
        """The screen now as one text."""
        return "\n".join(self.lines)

    @property
    def cells(self) -> Mapping[int, Mapping[int, pyte.screens.Char]]:
        """The screen's cells with their colours, by row and column."""
        return self._screen.buffer

    def press(self, *keys: str) -> None:
        """Type keys: a name of KEYS, or the characters themselves.

        What follows `esc` must wait for its effect, for together they are one key with Alt;
        `escape` is the same key as terminals with the kitty protocol send it.
        """
        for key in keys:
            os.write(self._fd, KEYS.get(key, key).encode())

    def go(self, word: str) -> None:
        """Go to a screen by its `:` command, and wait until it is there."""
        self.press(":")
        self.until(r"\n :")
        self.press(word, "enter")
        self.until(rf"▸ {word}\b")

    def filter(self, pattern: str) -> None:
        """Filter the list that is shown, and wait until that is done."""
        self.press("/")
        self.until(r"\n /")
        self.press(pattern, "enter")
        self.until(lambda text: f"\n  /{pattern}" in text and f"\n /{pattern}" not in text)

    def until(self, wanted: str | Callable[[str], object], timeout_s: float = 60.0) -> str:
        """Wait until the screen matches a regular expression (or a predicate); return it."""
        test = wanted if callable(wanted) else lambda text: bool(re.search(wanted, text))
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                text = "\n".join(self._display())
                if test(text):
                    return text
                assert not self._ended, f"it ended before {wanted!r}; the screen:\n{text}"
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Late(f"no {wanted!r} in {timeout_s} s; the screen:\n{text}")
                self._changed.wait(min(left, 1.0))

    def shows(self, wanted: str | Callable[[str], bool], timeout_s: float) -> bool:
        """Whether the screen matches in time."""
        try:
            self.until(wanted, timeout_s)
        except Late:
            return False
        return True

    def resize(self, columns: int, rows: int) -> None:
        """Change the window's size, as a person who drags it does."""
        with self._changed:
            self._screen.resize(rows, columns)
        set_size(self._fd, columns, rows)

    def wait(self, timeout_s: float = 60.0) -> int:
        """Wait for the program's end and return its exit code (negative: by signal)."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:  # what it said last may still be unread: the reader says when that is over
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        raise AssertionError(f"the program did not end in {timeout_s} s:\n{self.text}")

    def close(self) -> None:
        """Close the terminal, as a lost SSH connection does: the program gets SIGHUP."""
        if self._tell < 0:
            return
        os.close(self._tell)  # the reader must be gone, or it reads from the number's next owner
        self._tell = -1
        self._reader.join()
        os.close(self._told)
        os.close(self._fd)

    def _read(self) -> None:
        while True:
            ready, _, _ = select.select([self._fd, self._told], [], [])
            try:
                data = b"" if self._told in ready else os.read(self._fd, 65536)
            except OSError:  # the program is gone
                data = b""
            with self._changed:
                if not data:
                    self._ended = True
                    self._changed.notify_all()
                    return
                self._feed(data)
                self._changed.notify_all()

    def _feed(self, data: bytes) -> None:
        self.received += len(data)
        self.raw += data
        data, self._begun = _whole(self._begun + data)
        self._stream.feed(_known(data))

    def _display(self) -> list[str]:
        return [line.rstrip() for line in self._screen.display]


Kind = TypeVar("Kind", bound=Terminal)


def _whole(data: bytes) -> tuple[bytes, bytes]:
    """Data up to the escape sequence that it ends in the middle of, and that sequence's begin."""
    begun = re.search(rb"\x1b(?:\[[0-9;:?>=<$ ]*|P[^\x1b]*)?\Z", data)
    return (data[: begun.start()], data[begun.start() :]) if begun else (data, b"")


def _known(data: bytes) -> bytes:
    """Without the sequences that pyte would print: private modes with `$`, kitty keys, DCS."""
    return re.sub(rb"\x1b\[[?>=<][0-9;]*(?:\$[a-z]|[uqtmc])|\x1bP[^\x1b]*\x1b\\", b"", data)


def set_size(fd: int, columns: int, rows: int) -> None:
    """Say how large the window behind a terminal is."""
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


@contextlib.contextmanager
def run(
    argv: Sequence[str],
    *,
    columns: int = 80,
    rows: int = 24,
    env: Mapping[str, str] | None = None,
    kind: type[Kind] = Terminal,  # type: ignore[assignment]
) -> Iterator[Kind]:
    """Run a program in a pty; at the end it is hung up on and, if it stays, killed."""
    pid, fd = pty.fork()
    if pid == 0:
        set_size(0, columns, rows)
        variables = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        for name in ("NO_COLOR", "TMUX", "STY", "CI", "COLUMNS", "LINES"):
            variables.pop(name, None)
        os.execvpe(argv[0], list(argv), {**variables, **(env or {})})
    terminal = kind(pid, fd, columns, rows)
    try:
        yield terminal
    finally:
        terminal.close()
        with contextlib.suppress(ChildProcessError):
            try:
                terminal.wait(15)
            except AssertionError:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


@contextlib.contextmanager
def attached(state: Path, *, columns: int = 160, rows: int = 45) -> Iterator[Terminal]:
    """`mrtui` over a running stack, once its panes are live."""
    argv = [*running.MRTUI, "--state", str(state)]
    with run(argv, columns=columns, rows=rows, kind=Terminal) as screen:
        screen.until(lambda text: "● live" in text and "waiting" in text, timeout_s=60)
        yield screen


def walk(screen: Terminal) -> None:
    """Every screen that has a key, and the keys themselves."""
    for key, name, shows in (
        ("2", "queues", r"\w+Queue"),
        ("3", "postgres", "idle|active"),
        ("4", "redis", "canary|keys"),
        # A line of any stream: at 40 columns its time is there and its stream's name is not.
        ("5", "logs", r"\d\d:\d\d:\d\d +\S"),
    ):
        screen.press(key)
        screen.until(rf"▸ {name}(?s:.*)({shows})", timeout_s=60)
    screen.press("?")
    screen.until("esc closes")
    screen.press("esc")
    screen.until(lambda text: "esc closes" not in text)
    screen.press("1")
    screen.until("(?i)health")
