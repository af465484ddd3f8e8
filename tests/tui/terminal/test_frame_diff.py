"""Golden bytes: with the diff and without, a terminal emulator shows the same cells."""

from __future__ import annotations

from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.containers import Horizontal
from textual.coordinate import Coordinate
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, Static

from mrtui import themes
from mrtui.terminal import frame_diff
from mrtui.widgets import cells, live_table
from tests.tui.terminal import captured

WIDE = [
    "漢字の行 mixed",
    "emoji 🚀 and 🐘 here",
    "Ωμέγα ключ ▁▂▃",
    "combin\u0301ing e\u0301",
    "plain",
]


class Board(frame_diff.FrameDiff[None]):
    """Stock widgets and ours, side by side."""

    CSS = "DataTable { width: 60%; } LiveTable { width: 40%; } #wide { height: 5; }"
    BINDINGS = [("ctrl+l", "redraw", "Redraw")]

    def __init__(self, environ: dict[str, str]) -> None:
        super().__init__(environ={"TERM": "xterm-256color", **environ})
        themes.install(self, themes.load(themes.own_folder()))
        self.theme = themes.DEFAULT
        self.table: DataTable[str] = DataTable()
        self.live = live_table.LiveTable(
            [cells.Column("name", "name", flex=True), cells.Column("n", "count", right=True)]
        )
        self.wide = Static("", id="wide", markup=False)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return themes.variable_defaults()

    def compose(self) -> ComposeResult:
        yield self.wide
        with Horizontal():
            yield self.table
            yield self.live
        field = Input("type here")
        field.cursor_blink = False
        yield field

    def on_mount(self) -> None:
        self.table.add_columns(*(f"col {i}" for i in range(6)))
        for row in range(60):
            self.table.add_row(*(f"v{row}-{column}" for column in range(6)), key=str(row))
        self.tick(0)
        self.live.focus()

    def tick(self, turn: int) -> None:
        self.wide.update("\n".join(WIDE[turn % 5 :] + WIDE[: turn % 5]))
        self.table.update_cell_at(Coordinate(3, 2), f"tick {turn}")
        self.table.update_cell_at(Coordinate(7, 4), WIDE[turn % 5][:6])
        self.live.set_rows(
            [
                cells.Row(f"r{i}", (cells.Cell(f"{WIDE[i % 5]} {i}", "ok"), str(i * (turn + 1))))
                for i in range(turn % 3, 50)
            ]
        )


def board(app: App[Any]) -> Board:
    assert isinstance(app, Board)
    return app


async def ticks(terminal: captured.Terminal, pilot: Pilot[Any]) -> None:
    for turn in range(4):
        board(pilot.app).tick(turn)
        await pilot.pause()


async def keys(terminal: captured.Terminal, pilot: Pilot[Any]) -> None:
    await pilot.press("down", "down", "space", "pagedown", "tab", "a", "b", "backspace", "left")
    await pilot.press("tab", "down", "right", "pagedown", "up", "G")
    await ticks(terminal, pilot)


async def palette(terminal: captured.Terminal, pilot: Pilot[Any]) -> None:
    await pilot.press("ctrl+p")
    await pilot.pause()
    await pilot.press("t", "h", "e")
    await pilot.pause(0.3)
    await pilot.press("escape")
    await ticks(terminal, pilot)


async def resized(terminal: captured.Terminal, pilot: Pilot[Any]) -> None:
    driver = pilot.app._driver
    assert isinstance(driver, captured.Capture)
    for size in ((80, 24), (40, 10), (121, 41), (120, 40)):
        terminal.resize(*size)
        driver.tell_size(*size)
        await pilot.pause()
        await ticks(terminal, pilot)


async def themed(terminal: captured.Terminal, pilot: Pilot[Any]) -> None:
    for name in ("light", "ansi", "amber"):
        pilot.app.theme = name
        await pilot.pause()
        await ticks(terminal, pilot)


async def redrawn(terminal: captured.Terminal, pilot: Pilot[Any]) -> None:
    terminal.screen.reset()  # somebody scribbled on it
    terminal.spent()
    await pilot.press("ctrl+l")
    await pilot.pause()
    assert terminal.spent() > 4_000


async def suspended(terminal: captured.Terminal, pilot: Pilot[Any]) -> None:
    with pilot.app.suspend():
        terminal.screen.reset()
    await pilot.pause()
    await ticks(terminal, pilot)


@pytest.mark.parametrize(
    "play",
    [
        ticks,
        keys,
        palette,
        resized,
        pytest.param(themed, marks=pytest.mark.proof),
        pytest.param(redrawn, marks=pytest.mark.proof),
        suspended,
    ],
)
async def test_both_streams_lead_to_the_same_screen(play: captured.Play) -> None:
    diffed, stock = await captured.twins(Board, play)
    assert diffed.lines() == stock.lines()
    assert diffed.cells() == stock.cells()
    assert (diffed.screen.cursor.x, diffed.screen.cursor.y) == (
        stock.screen.cursor.x,
        stock.screen.cursor.y,
    )
    assert "type here" in "\n".join(diffed.lines()) or play is keys


async def test_the_switch_leaves_textual_alone() -> None:
    diffed, stock = await captured.twins(Board, ticks)
    assert diffed.spent() * 3 < stock.spent()
