"""The two lines that are always there."""

from __future__ import annotations

import pytest

from mrtui.widgets import cells, status_bar
from tests.tui.widgets import stage

STANDING = status_bar.Standing(
    ("local", "queues", "emailQueue"),
    status_bar.freshness(0.4, live=True),
    cells.Cell("read-only"),
    cells.Cell("✖ 2 alerts", "bad"),
    "14:02Z",
)
HINTS = [
    status_bar.KeyHint("⏎", "open"),
    status_bar.KeyHint("r", "retry"),
    status_bar.KeyHint("/", "filter"),
    status_bar.KeyHint("?", "keys"),
]


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (80, " mr ▸ local ▸ queues ▸ emailQueue          ● live  read-only  ✖ 2 alerts  14:02Z"),
        (50, " …eues ▸ emailQueue  ● live  read-only  ✖ 2 alerts"),
        (40, " …es ▸ emailQueue  read-only  ✖ 2 alerts"),
    ],
)
async def test_the_top_line(width: int, line: str) -> None:
    top = status_bar.TopLine()
    app = stage.Stage(top)
    async with app.run_test(size=(width, 3)) as pilot:
        top.show(STANDING)
        await pilot.pause()
        assert app.lines()[0] == line


async def test_a_name_from_outside_is_made_safe() -> None:
    top = status_bar.TopLine()
    app = stage.Stage(top)
    async with app.run_test(size=(60, 3)) as pilot:
        top.show(status_bar.Standing(("q\x1b[31m",)))
        await pilot.pause()
        assert app.lines()[0] == " mr ▸ q␛[31m"


async def test_the_bottom_line_keeps_the_last_hint() -> None:
    bottom = status_bar.KeyLine()
    app = stage.Stage(bottom)
    async with app.run_test(size=(24, 3)) as pilot:
        bottom.show(HINTS)
        await pilot.pause()
        assert app.lines()[2] == " ⏎ open  r retry  ? keys"
        bottom.tell(cells.Cell("✖ the core is away", "bad"))
        await pilot.pause()
        assert app.lines()[2] == " ✖ the core is away"
        bottom.tell()
        await pilot.pause()
        assert app.lines()[2].endswith("? keys")


@pytest.mark.parametrize(
    ("age_s", "live", "text", "style"),
    [
        (None, True, "? no data", "unknown"),
        (14.9, True, "● live", "ok"),
        (14.9, False, "◌ 10s old", "stale"),
        (130, False, "◌ 2m old", "stale"),
        (7300, False, "◌ 2h old", "stale"),
    ],
)
def test_freshness_is_coarse(age_s: float | None, live: bool, text: str, style: str) -> None:
    cell = status_bar.freshness(age_s, live=live)
    assert (cell.text, cell.style) == (text, style)


def test_no_hints_are_no_line() -> None:
    assert status_bar.fitting_hints([], 80) == []
