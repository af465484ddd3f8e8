"""A real terminal is left as it was, whatever ends the app; a crash tells no secrets."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mrtui.terminal import signals, typed

NOW = datetime(2026, 11, 20, 14, 2, 11, tzinfo=UTC)

APP = """
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from textual.app import App
from textual.widgets import Static
from mrtui.terminal import signals

class Small(App):
    def compose(self):
        yield Static("ready")
    def key_t(self):
        self.set_interval(0.01, self.tick)
    def tick(self):
        self.query_one(Static).update(str(time.monotonic()))
    def key_c(self):
        password = "hunter" + "2"
        raise RuntimeError("it broke \\x1b[31m" + password[:0])
    def key_w(self):
        self.run_worker(self.broken(), name="one")
        self.run_worker(self.broken(), name="two")
    async def broken(self):
        raise LookupError("in a worker")
    def key_q(self):
        self.exit(7)

sys.exit(signals.run(Small(), crash_folder=Path(sys.argv[1]), now=lambda: datetime.now(UTC)))
"""


class Terminal:
    """A process on a pty of its own."""

    def __init__(self, folder: Path, shell: str = 'exec "$@"') -> None:
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            ["sh", "-c", shell, "sh", sys.executable, "-c", APP, str(folder)],
            preexec_fn=lambda: os.login_tty(slave),
            close_fds=False,
            env={**os.environ, "TERM": "xterm-256color"},
        )
        os.close(slave)
        self.output = b""
        self.read_until(b"ready")

    def read_until(self, wanted: bytes, timeout_s: float = 30.0) -> None:
        """Read until `wanted` was written; AssertionError at the deadline or the end."""
        deadline = time.monotonic() + timeout_s
        while wanted not in self.output:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self.master], [], [], max(0.0, left))
            assert ready, f"{wanted!r} did not come in {timeout_s} s: {self.output[-500:]!r}"
            self.output += os.read(self.master, 65_536)

    def end(self) -> int:
        """Read to the end and return the exit code."""
        while True:
            try:
                chunk = os.read(self.master, 65_536)
            except OSError:  # EIO: nobody has the other end any more
                break
            if not chunk:
                break
            self.output += chunk
        os.close(self.master)
        return self.process.wait(30)

    def restored(self) -> bool:
        """Whether the alternate screen and the mouse were left, after everything else."""
        return b"\x1b[?1049l" in self.output and b"\x1b[?25h" in self.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_restore_the_terminal(tmp_path: Path, number: signal.Signals) -> None:
    terminal = Terminal(tmp_path)
    assert not terminal.restored()
    terminal.process.send_signal(number)
    assert terminal.end() == 128 + number
    assert terminal.restored()


def test_leaving_gives_the_app_s_own_code(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    os.write(terminal.master, b"q")
    assert terminal.end() == 7
    assert terminal.restored()


def test_a_terminal_that_goes_away_ends_the_app(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    os.close(terminal.master)
    assert terminal.process.wait(30) == 128 + signal.SIGHUP


def test_a_terminal_that_goes_away_ends_the_app_also_where_its_shell_does_not_say_so(
    tmp_path: Path,
) -> None:
    terminal = Terminal(tmp_path, "trap '' HUP; \"$@\"; exit $?")
    terminal.output = b""
    os.write(terminal.master, b"t")
    terminal.read_until(b".")  # of a time: it writes from now on
    os.close(terminal.master)
    assert terminal.process.wait(30) == 128 + signal.SIGHUP


def test_a_crash_goes_to_a_file_without_variables(tmp_path: Path) -> None:
    folder = tmp_path / "crashes"
    terminal = Terminal(folder)
    os.write(terminal.master, b"c")
    assert terminal.end() == 1
    assert terminal.restored()
    (path,) = folder.iterdir()
    assert path.name.encode() in terminal.output.replace(b"\r\n", b"")
    text = path.read_text()
    assert "RuntimeError: it broke ␛[31m" in text
    assert "key_c" in text
    assert "hunter2" not in text
    assert b"hunter2" not in terminal.output
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_worker_s_crash_says_where_and_two_are_told_as_one(tmp_path: Path) -> None:
    folder = tmp_path / "crashes"
    terminal = Terminal(folder)
    os.write(terminal.master, b"w")
    assert terminal.end() == 1
    (path,) = folder.iterdir()
    text = path.read_text()
    assert "in broken" in text
    assert "LookupError: in a worker" in text
    assert b"textual" not in terminal.output
    assert b"--dev" not in terminal.output


def test_a_crash_that_cannot_be_written_is_still_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    terminal = Terminal(tmp_path / "file" / "crashes")
    os.write(terminal.master, b"c")
    assert terminal.end() == 1
    assert b"could not be written" in terminal.output.replace(b"\r\n", b" ")


def test_a_report_has_the_causes() -> None:
    try:
        try:
            raise KeyError("first")
        except KeyError as error:
            raise ValueError("second") from error
    except ValueError as error:
        text = signals.report(error, NOW)
    assert text.startswith("mrtui crashed at 2026-11-20T14:02:11+00:00")
    assert text.index("KeyError: 'first'") < text.index("ValueError: second")


def test_what_was_typed_into_a_screen_that_has_gone_does_not_reach_the_shell() -> None:
    master, slave = pty.openpty()
    with os.fdopen(slave, "r") as terminal:
        os.write(master, b"rm -rf everything\n")
        ready, _, _ = select.select([slave], [], [], 10)
        assert ready
        typed.forget(terminal)
        assert select.select([slave], [], [], 0)[0] == []
    os.close(master)


def test_where_there_is_no_terminal_nothing_is_thrown_away(tmp_path: Path) -> None:
    path = tmp_path / "piped"
    path.write_text("q")
    with path.open() as piped:
        typed.forget(piped)
        assert piped.read() == "q"
