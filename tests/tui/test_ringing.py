"""The terminal is told of each firing once, in what it knows, and of nothing that obeys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mrcore.model import alert
from mrtui import ringing
from mrtui.terminal import bell

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def firing(name: str = "main", **facts: object) -> alert.Alert:
    made: dict[str, object] = {
        "ref": f"core/alert/redis_wedged/{name}",
        "rule": "redis_wedged",
        "severity": "P1",
        "phase": "firing",
        "subject": f"redis/node/{name}",
        "name": name,
        "summary": "Redis takes no writes",
        "fired_at": T0,
        "told_at": T0,
    }
    return alert.Alert.model_validate({**made, **facts})


def test_each_firing_rings_once_and_what_was_there_before_does_not() -> None:
    rings = ringing.Rings()
    old = firing()
    assert rings.new([old]) == []
    new = firing("b", severity="P2")
    assert rings.new([old, new]) == [new]
    assert rings.new([old, new.model_copy(update={"told_at": T0 + timedelta(hours=1)})]) == []
    assert rings.new([]) == []
    again = firing(fired_at=T0 + timedelta(hours=1))
    worst = rings.new([firing("c", severity="P3"), again])
    assert [each.name for each in worst] == ["main", "c"]
    assert ringing.words(worst, "prod") == (
        "mr prod P1 redis_wedged, and 1 more",
        "Redis takes no writes",
    )


@pytest.mark.parametrize(
    "facts",
    [{"told_at": None}, {"hidden": "silenced"}, {"phase": "resolved"}, {"severity": "info"}],
)
def test_what_nobody_is_told_of_does_not_ring(facts: dict[str, object]) -> None:
    rings = ringing.Rings()
    rings.new([])
    assert rings.new([firing(**facts)]) == []
    assert ringing.title([firing(**facts)], "prod") == ""


def test_the_title_says_what_fires_until_somebody_is_at_it() -> None:
    both = [firing(), firing("b", severity="P2", rule="pg_slow")]
    assert ringing.title(both, "prod") == "mr prod 2 alerts: P1 redis_wedged"
    both[0] = firing(acked_by="asha")
    assert ringing.title(both, "prod") == "mr prod 1 alert: P2 pg_slow"


@pytest.mark.parametrize(
    ("environ", "mode", "written"),
    [
        ({"TERM": "xterm-256color"}, "all", "\a\x1b]9;t: s\x1b\\"),
        ({"TERM": "xterm-256color"}, "bell", "\a"),
        ({"TERM": "xterm-256color"}, "notify", "\x1b]9;t: s\x1b\\"),
        ({"TERM": "xterm-256color"}, "title", ""),
        ({"TERM": "xterm-256color"}, "none", ""),
        ({"TERM": "foot"}, "notify", "\x1b]777;notify;t;s\x1b\\"),
        ({"TERM": "linux"}, "all", "\a"),
        ({"TERM": "dumb"}, "all", "\a"),
        ({"TERM": "screen", "TMUX": "x"}, "notify", "\x1bPtmux;\x1b\x1b]9;t: s\x1b\x1b\\\x1b\\"),
        ({"TERM": "screen"}, "notify", ""),
    ],
)
def test_a_terminal_is_told_in_what_it_knows(
    environ: dict[str, str], mode: str, written: str
) -> None:
    assert bell.sequences("t", "s", environ, mode) == written


@pytest.mark.parametrize("term", ["xterm", "foot"])
def test_what_a_watched_system_says_ends_no_sequence(term: str) -> None:
    made = bell.sequences("a;b", "\x1b]2;x\x07\x1b\\\n;evil\x9c", {"TERM": term}, "notify")
    inner = made.removeprefix("\x1b]").removesuffix("\x1b\\")
    assert not [char for char in inner if ord(char) < 32 or 127 <= ord(char) < 160]
    assert inner.count(";") == (3 if term == "foot" else 1)
