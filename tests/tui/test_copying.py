"""What is copied, by which way, and selecting in a terminal without a clipboard."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mrtui.screens import job, logs
from tests import waiting
from tests.e2e import terminal
from tests.tui import shots, simulated, test_app
from tests.tui.test_screens_golden import SCREENS, arrived

ARGV = [sys.executable, "-m", "tests.tui.on_terminal"]
ROOT = Path(__file__).parents[2]
NEEDS_TMUX = pytest.mark.skipif(shutil.which("tmux") is None, reason="no tmux here")


def copied(raw: bytes) -> list[str]:
    """What was sent to the clipboard by OSC 52, unwrapped."""
    joined = raw.replace(b"\x1b\\\x1bP", b"").replace(b"\x1b\x1b", b"\x1b")
    return [
        base64.b64decode(one).decode() for one in re.findall(rb"\x1b]52;c;([^\x07]*)\x07", joined)
    ]


# What is copied


async def test_refs_and_texts_of_rows_and_of_marked_ones() -> None:
    async with shots.running((120, 40)) as (control, pilot):
        await test_app.failed_jobs(control)
        room = control.screen
        room.grid.cursor_ref = "huey/job/emailQueue/8121"  # type: ignore[attr-defined]
        assert room.addresses() == ["mr://huey/job/emailQueue/8121"]  # type: ignore[attr-defined]
        (text,) = room.row_text()  # type: ignore[attr-defined]
        assert "8121" in text
        assert "‹U+202E›prop‹U+202C› of undefined" in text
        room.grid.cursor_ref = "huey/job/emailQueue/8123"  # type: ignore[attr-defined]
        await pilot.press("space", "space")
        assert len(room.addresses()) == len(room.row_text()) == 2  # type: ignore[attr-defined]
        titles, *rows = room.pane_text()  # type: ignore[attr-defined]
        assert titles.split()[:2] == ["id", "job"] or "try" in titles
        assert len(rows) == len(room.grid.rows)  # type: ignore[attr-defined]
        await pilot.press("y")
        await waiting.until(lambda: "2 refs" in control.news[0], what="the news")


async def test_of_a_log_the_line_is_copied_whole() -> None:
    async with shots.running((60, 20)) as (control, pilot):
        await control.enter("logs")
        await waiting.until(lambda: arrived(control, "pool 3/20"), what="lines")
        room = control.screen
        assert isinstance(room, logs.Logs)
        for _ in range(2):
            await pilot.press("up")
        (line,) = room.row_text()
        assert line.endswith("warn  mentor-blue  slow query: 1.2 s ␛[31mUPDATE slots␛[0m")
        assert len(room.pane_text()) == 30
        await pilot.press("Y")
        await waiting.until(lambda: "characters" in control.news[0], what="the news")


async def test_of_a_job_the_focused_part_is_copied_unwrapped() -> None:
    async with shots.running((80, 24)) as (control, pilot):
        await control.enter(SCREENS["job"])
        await waiting.until(lambda: arrived(control, "payload"), what="the job")
        room = control.screen
        assert isinstance(room, job.Job)
        room.set_focus(room.query_one("#sections"))
        text = "\n".join(room.row_text())
        assert '"requestId": "req-51c0"' in text
        assert "Traceback" not in text
        room.set_focus(room.query_one("#attempt"))
        trace = room.row_text()
        assert trace[0] == "attempt 3, failed"
        assert "smtp.login(user, password)" in "\n".join(trace)
        assert "smtplib.py" not in "\n".join(trace)  # folded as it is shown
        await pilot.press("t")
        assert simulated.TRACE.splitlines()[-1] in room.row_text()
        assert "smtplib.py" in "\n".join(room.row_text())
        assert room.addresses() == ["mr://huey/job/emailQueue/8123"]


async def test_an_operation_and_a_session_are_copied_with_their_headline() -> None:
    async with shots.running((80, 24)) as (control, pilot):
        await control.enter(SCREENS["detail"])
        await waiting.until(lambda: arrived(control, "facts"), what="the session")
        lines = control.screen.row_text()  # type: ignore[attr-defined]
        assert "4711" in lines[0]
        assert "facts" in lines
        await pilot.press("escape")
        await control.enter("home")
        assert control.screen.pane_text()  # type: ignore[attr-defined]


# Selecting, and the ways out, in real terminals


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[terminal.Terminal]:
    monkeypatch.chdir(ROOT)
    with terminal.run(ARGV, columns=120, rows=40) as running:
        running.until("QUEUES")
        yield running


def test_a_terminal_gets_osc_52_and_the_news_says_so(screen: terminal.Terminal) -> None:
    screen.press("2")
    screen.until("emailQueue")
    screen.press("y")
    screen.until(r"copied mr://huey/queue/emailQueue by OSC 52; if it does not arrive: :select")
    assert copied(bytes(screen.raw)) == ["mr://huey/queue/emailQueue"]
    screen.press("Y")
    screen.until(r"copied \d+ characters by OSC 52")
    assert copied(bytes(screen.raw))[1].startswith("✖  emailQueue")


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({"TERM": "screen", "STY": "1.pts"}, "through screen by OSC 52"),
        ({"TERM": "screen-256color"}, "through screen or tmux by OSC 52"),
        ({"TERM": "linux"}, "no clipboard; :select prints"),
    ],
)
def test_other_terminals_get_what_they_understand(
    env: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    with terminal.run(ARGV, columns=120, rows=40, env=env) as running:
        running.until("QUEUES")
        running.press("2")
        running.until("emailQueue")
        running.press("y")
        running.until(says)
        found = copied(bytes(running.raw))
        assert set(found) == ({"mr://huey/queue/emailQueue"} if "OSC" in says else set())


def test_selecting_leaves_the_screen_prints_all_of_the_pane_and_comes_back(
    screen: terminal.Terminal,
) -> None:
    screen.press("5")
    screen.until("pool 3/20")
    screen.press(":")
    screen.until(r"\n :")
    before = len(screen.raw)
    screen.press("select", "enter")
    screen.until("Enter goes back")
    sent = bytes(screen.raw[before:])
    printed = sent[sent.index(b"\x1b[?1049l") :]
    assert b"slow query: 1.2 s \xe2\x90\x9b[31mUPDATE slots" in printed
    assert printed.count(b"pool 3/20") == 5
    after = printed[printed.index(b"pool 3/20") :]
    assert b"\x1b" not in after, "only text from the first line on"
    quiet = len(screen.raw)
    screen.press("no key of ours q")
    screen.until("no key of ours q")  # the terminal's echo
    assert b"\x1b" not in screen.raw[quiet:]
    screen.press("enter")
    screen.until(lambda text: "▸ logs" in text and "following" in text)
    assert b"\x1b[?1049h" in screen.raw[quiet:]
    screen.press("2")
    screen.until("emailQueue")
    screen.press(":")
    screen.until(r"\n :")
    screen.press("select", "enter")
    screen.until("Enter goes back")
    screen.press("\x03")
    screen.until("▸ queues")
    screen.press("q")
    assert screen.wait() == 0


def test_a_screen_that_is_ended_while_one_selects_leaves_the_terminal_as_it_was(
    screen: terminal.Terminal,
) -> None:
    screen.press(":")
    screen.until(r"\n :")
    screen.press("select", "enter")
    screen.until("Enter goes back")
    before = len(screen.raw)
    os.kill(screen.pid, 15)
    assert screen.wait() == 128 + 15
    assert b"\x1b[?1049h" not in screen.raw[before:]


# tmux


class Tmux:
    """A server of its own, with a client in a terminal."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.socket = str(folder / "tmux")
        (folder / "tmux.conf").write_text("".join(f"{option}\n" for option in options))
        self.argv = ["tmux", "-S", self.socket, "-f", str(folder / "tmux.conf")]

    def ask(self, *words: str) -> str:
        done = subprocess.run([*self.argv, *words], capture_output=True, text=True, check=False)
        return done.stdout

    def attached(self, *inner: str) -> list[str]:
        return [*self.argv, "new-session", "-x", "120", "-y", "40", "--", *inner]


@NEEDS_TMUX
@pytest.mark.parametrize("way", ["on", "external", "off"])
def test_tmux_has_it_in_its_buffer_and_passes_it_on(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    tmux = Tmux(tmp_path, f"set -s set-clipboard {way}")
    with terminal.run(tmux.attached(*ARGV), columns=120, rows=40) as running:
        try:
            running.until("QUEUES")
            running.press("2")
            running.until("emailQueue")
            running.press("y")
            running.until("copied mr://huey/queue/emailQueue to tmux's buffer and clipboard")
            assert tmux.ask("show-buffer") == "mr://huey/queue/emailQueue"
            running.until(lambda _: bool(re.search(rb"\x1b]52;c?;", running.raw)))
        finally:
            tmux.ask("kill-server")


@NEEDS_TMUX
def test_a_tmux_in_a_tmux_that_allows_nothing_has_it_in_its_buffer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    (tmp_path / "in").mkdir()
    outer = Tmux(tmp_path, "set -s set-clipboard off")
    inner = Tmux(tmp_path / "in", "set -s set-clipboard off")
    argv = outer.attached("env", "-u", "TMUX", *inner.attached(*ARGV))
    with terminal.run(argv, columns=120, rows=40) as running:
        try:
            running.until("QUEUES")
            running.press("2")
            running.until("emailQueue")
            running.press("y")
            running.until("to tmux's buffer")
            assert inner.ask("show-buffer") == "mr://huey/queue/emailQueue"
        finally:
            inner.ask("kill-server")
            outer.ask("kill-server")
