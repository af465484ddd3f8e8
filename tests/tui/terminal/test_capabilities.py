"""What an environment says about its terminal."""

from __future__ import annotations

import pytest

from mrtui.terminal import capabilities, frame_diff
from mrtui.terminal.capabilities import Colors, Multiplexer


@pytest.mark.parametrize(
    ("environ", "colors"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, Colors.TRUE),
        ({"TERM": "xterm-256color", "COLORTERM": "24bit"}, Colors.TRUE),
        ({"TERM": "xterm-direct"}, Colors.TRUE),
        ({"TERM": "xterm-256color"}, Colors.PALETTE),
        ({"TERM": "tmux-256color"}, Colors.PALETTE),
        ({"TERM": "xterm"}, Colors.SIXTEEN),
        ({"TERM": "linux"}, Colors.SIXTEEN),
        ({"TERM": "screen"}, Colors.SIXTEEN),
        ({"TERM": "vt100"}, Colors.NONE),
        ({"TERM": "dumb", "COLORTERM": "truecolor"}, Colors.NONE),
        ({}, Colors.NONE),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": "1"}, Colors.NONE),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, Colors.PALETTE),
    ],
)
def test_colours(environ: dict[str, str], colors: Colors) -> None:
    found = capabilities.detect(environ)
    assert found.colors is colors
    assert found.locked_theme == ("ansi" if colors is Colors.NONE else "")


@pytest.mark.parametrize(
    ("colors", "word"),
    [
        (Colors.TRUE, "truecolor"),
        (Colors.PALETTE, "256"),
        (Colors.SIXTEEN, "standard"),
        (Colors.NONE, "standard"),
    ],
)
def test_textual_is_told_in_its_words(colors: Colors, word: str) -> None:
    found = capabilities.Capabilities(colors, True, Multiplexer.NONE, ssh=False)
    assert found.color_system == word


@pytest.mark.parametrize(
    ("environ", "utf8"),
    [
        ({"LANG": "en_US.UTF-8"}, True),
        ({"LANG": "C.utf8"}, True),
        ({"LANG": "C"}, False),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, False),
        ({"LANG": "en_US.UTF-8", "LC_ALL": ""}, True),
        ({"LC_CTYPE": "UTF-8"}, True),
        ({}, False),
    ],
)
def test_utf8(environ: dict[str, str], utf8: bool) -> None:
    assert capabilities.detect(environ).utf8 is utf8


@pytest.mark.parametrize(
    ("environ", "multiplexer"),
    [
        ({"TMUX": "/tmp/tmux-0/default,1,0", "TERM": "screen"}, Multiplexer.TMUX),
        ({"STY": "1.pts", "TERM": "xterm"}, Multiplexer.SCREEN),
        ({"TERM": "screen-256color"}, Multiplexer.EITHER),
        ({"TERM": "xterm"}, Multiplexer.NONE),
    ],
)
def test_multiplexers(environ: dict[str, str], multiplexer: Multiplexer) -> None:
    assert capabilities.detect(environ).multiplexer is multiplexer


def test_ssh() -> None:
    assert capabilities.detect({"SSH_CONNECTION": "1 2 3 4"}).ssh
    assert not capabilities.detect({"TERM": "xterm"}).ssh


def test_preparing_keeps_what_a_person_chose() -> None:
    environ = {"TERM": "xterm", "TEXTUAL_ANIMATIONS": "full"}
    capabilities.prepare(environ)
    assert environ["TEXTUAL_ANIMATIONS"] == "full"
    assert environ["TEXTUAL_COLOR_SYSTEM"] == "standard"


def test_no_color_is_done_by_the_theme_alone() -> None:
    environ = {"TERM": "xterm-256color", "NO_COLOR": "1"}
    assert capabilities.prepare(environ).locked_theme == "ansi"
    assert "NO_COLOR" not in environ


def test_who_erases_with_the_background() -> None:
    assert frame_diff.erases_with_ground({"TERM": "xterm-256color"})
    assert frame_diff.erases_with_ground({"TERM": "screen-256color", "TMUX": "x"})
    assert not frame_diff.erases_with_ground({"TERM": "screen-256color"})
