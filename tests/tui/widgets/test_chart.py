"""Charts, character by character."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrtui.widgets import chart
from tests.tui.widgets import stage

values = st.lists(st.one_of(st.none(), st.floats()), max_size=60)


@pytest.mark.parametrize(
    ("given", "width", "drawn"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], 8, "▁▂▃▄▅▆▇█"),
        ([5, 5, 5], 3, "███"),
        ([0, 0, 0], 3, "▁▁▁"),
        ([7, None, 7], 5, "  █ █"),
        ([math.nan, math.inf, 3], 3, "  █"),
        ([1, 9, 1, 1], 2, "█▂"),
        ([-4, 0, 4], 3, "▁▅█"),
        ([], 3, "   "),
        ([1, 2], 0, ""),
    ],
)
def test_sparklines(given: list[float | None], width: int, drawn: str) -> None:
    assert chart.spark(given, width) == drawn


def test_a_scale_can_be_given() -> None:
    assert chart.spark([50, 100, 150], 3, low=0, high=100) == "▅██"
    assert chart.spark([90, 95, 100], 3, low=90, high=100) == "▁▅█"


def test_a_braille_chart() -> None:
    slope = [float(i) for i in range(16)]
    assert chart.braille(slope, 8, 2) == ["    ⣀⣤⣶⣿", "⣀⣤⣶⣿⣿⣿⣿⣿"]


def test_a_braille_chart_has_gaps_and_a_dot_for_the_least() -> None:
    assert chart.braille([4, 4, None, None, 0, 4], 4, 1) == [" ⣿ ⣸"]


@given(values, st.integers(1, 30), st.integers(1, 6))
def test_charts_have_their_size_whatever_the_values(
    given: list[float | None], width: int, height: int
) -> None:
    lines = chart.braille(given, width, height)
    assert [len(line) for line in lines] == [width] * height
    assert len(chart.spark(given, width)) == width


@given(
    st.lists(st.floats(0, 1e9, allow_subnormal=False), min_size=1, max_size=200), st.integers(1, 20)
)
def test_the_peak_is_always_drawn(given: list[float], width: int) -> None:
    drawn = chart.spark(given, width)
    assert ("█" in drawn) == (max(given) > 0)


async def test_a_chart_says_what_it_shows() -> None:
    shown, line = chart.Chart("ops", unit="/s", window="5m"), chart.Spark()
    app = stage.Stage(shown, line)
    async with app.run_test(size=(40, 6)) as pilot:
        await pilot.pause()
        assert app.lines()[0] == "ops  no values 5m"
        shown.show([10, 1234, 0.5])
        line.show([1, 2], style="warn")
        await pilot.pause()
        assert app.lines()[0] == "ops  0.5/s  0.5 – 1,234  5m"
        assert app.lines()[5].endswith("▅█")
        shown.show([10, None])
        await pilot.pause()
        assert app.lines()[0] == "ops  ?/s  10 – 10  5m"
