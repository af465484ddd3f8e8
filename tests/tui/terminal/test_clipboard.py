"""Copying through OSC 52, tmux and screen."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mrtui.terminal import clipboard
from mrtui.terminal.capabilities import Multiplexer


def payload(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def test_osc_52_is_written() -> None:
    written: list[str] = []
    said = await clipboard.send("mr://huey/queue/é", {"TERM": "xterm"}, written.append)
    assert written == [f"\x1b]52;c;{payload('mr://huey/queue/é')}\x07"]
    assert "OSC 52" in said


async def test_what_is_copied_is_safe_to_paste() -> None:
    written: list[str] = []
    await clipboard.send("ls\x1b[A\nrm\u202e -rf", {"TERM": "xterm"}, written.append)
    assert payload("ls␛[A\nrm‹U+202E› -rf") in written[0]


def test_tmux_passes_through_what_is_doubled() -> None:
    assert clipboard.osc52("x", Multiplexer.TMUX) == (
        f"\x1bPtmux;\x1b\x1b]52;c;{payload('x')}\x07\x1b\\"
    )


def test_screen_gets_pieces_that_it_does_not_cut() -> None:
    sent = clipboard.osc52("x" * 1_000, Multiplexer.SCREEN)
    pieces = sent.split("\x1b\\")
    assert pieces.pop() == ""
    assert all(piece.startswith("\x1bP") and len(piece) < 256 for piece in pieces)
    joined = "".join(piece[2:] for piece in pieces)
    assert joined == f"\x1b]52;c;{payload('x' * 1_000)}\x07"


async def test_a_screen_that_may_be_a_tmux_gets_both() -> None:
    written: list[str] = []
    said = await clipboard.send("x", {"TERM": "screen-256color"}, written.append)
    plain = f"\x1b]52;c;{payload('x')}\x07"
    assert written == [f"\x1bP{plain}\x1b\\{plain}"]
    assert "through screen or tmux by OSC 52" in said


async def test_what_is_too_long_for_terminals_is_cut_and_that_is_said() -> None:
    written: list[str] = []
    said = await clipboard.send("x" * 80_000, {"TERM": "xterm"}, written.append)
    assert payload("x" * clipboard.LIMIT_CHARS) in written[0]
    assert "only its first 70,000 characters" in said


@pytest.mark.parametrize(
    "environ",
    [{"TERM": "linux"}, {"TERM": "dumb"}, {"TERM_PROGRAM": "Apple_Terminal", "TERM": "xterm"}],
)
async def test_a_terminal_without_a_clipboard_is_sent_nothing(environ: dict[str, str]) -> None:
    written: list[str] = []
    assert await clipboard.send("x", environ, written.append) == ""
    assert not written


async def test_without_a_tmux_that_answers_the_sequence_is_wrapped(tmp_path: Path) -> None:
    written: list[str] = []
    environ = {"TMUX": f"{tmp_path}/none,1,0", "PATH": os.environ["PATH"], "TERM": "screen"}
    said = await clipboard.send("x", environ, written.append)
    assert written == [clipboard.osc52("x", Multiplexer.TMUX)]
    assert "OSC 52" in said


@pytest.mark.skipif(shutil.which("tmux") is None, reason="no tmux here")
async def test_tmux_takes_it_into_its_buffer(tmp_path: Path) -> None:
    socket = str(tmp_path / "tmux")

    def tmux(*arguments: str) -> str:
        command = ["tmux", "-S", socket, "-f", os.devnull, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    await asyncio.to_thread(tmux, "new-session", "-d", "cat")
    try:
        written: list[str] = []
        environ = {**os.environ, "TMUX": f"{socket},1,0"}
        said = await clipboard.send("from\x1b the room", environ, written.append)
        assert not written
        assert "tmux" in said
        assert await asyncio.to_thread(tmux, "show-buffer") == "from␛ the room"
    finally:
        await asyncio.to_thread(tmux, "kill-server")
