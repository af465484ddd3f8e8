"""LiveTable at 10,000 rows beside Textual's DataTable, and the bytes of its frames."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.app import App
from textual.coordinate import Coordinate
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import DataTable

from mrtui.terminal import frame_diff
from mrtui.widgets import cells, live_table
from tests.bench import table
from tests.tui.terminal import captured
from tests.tui.terminal.test_bytes import Room, line
from tests.tui.widgets import stage

pytestmark = pytest.mark.bench

COUNT, COLUMNS, ROUNDS = 10_000, 8, 7
Step = Callable[[int], None]


def rows(changed: int = -1, turn: int = 0) -> list[cells.Row]:
    return [
        cells.Row(f"r{i}", tuple(f"v{i}-{j}-{turn * (i == changed)}" for j in range(COLUMNS)))
        for i in range(COUNT)
    ]


async def cpu_ms(pilot: Pilot[Any], step: Step) -> float:
    """Milliseconds of CPU of the best of some steps, each with the frame that it leads to."""
    still: list[float] = []
    moved: list[float] = []
    for turn in range(ROUNDS):
        for times, work in ((still, None), (moved, step)):
            await pilot.pause()
            began = time.process_time()
            if work is not None:
                work(turn)
            await pilot.pause()  # paints what is dirty
            times.append(time.process_time() - began)
    return (min(moved) - min(still)) * 1000


async def shown(widget: Widget, work: Callable[[Pilot[Any]], Awaitable[None]]) -> None:
    app: App[None] = stage.Stage(widget)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await work(pilot)


async def bench_ten_thousand_rows() -> None:
    ours = live_table.LiveTable([cells.Column(str(j), f"column {j}") for j in range(COLUMNS)])
    theirs: DataTable[str] = DataTable()
    first, second = rows(), rows(turn=1, changed=3)
    spent: dict[str, float] = {}

    async def measure_ours(pilot: Pilot[Any]) -> None:
        def replace(turn: int) -> None:
            ours.set_rows([])
            ours.set_rows(first)

        spent["set"] = await cpu_ms(pilot, replace)
        spent["one"] = await cpu_ms(pilot, lambda turn: ours.set_rows((first, second)[turn % 2]))

    async def measure_theirs(pilot: Pilot[Any]) -> None:
        theirs.add_columns(*(f"column {j}" for j in range(COLUMNS)))
        began = time.process_time()
        theirs.add_rows(map(cells.text_of, row.cells) for row in first)
        await pilot.pause()
        spent["their set"] = (time.process_time() - began) * 1000
        spent["their one"] = await cpu_ms(
            pilot, lambda turn: theirs.update_cell_at(Coordinate(3, 2), f"turn {turn}")
        )

    await shown(ours, measure_ours)
    await shown(theirs, measure_theirs)
    table.row(
        f"LiveTable: {COUNT:,} rows set; one row changed (CPU, with the frame)",
        f"{spent['set']:.1f} ms; {spent['one']:.2f} ms",
        "≤ 50 ms; ≤ 2 ms",
        f"DataTable {spent['their set']:.0f} ms; {spent['their one']:.1f} ms",
    )


async def bytes_sent(environ: dict[str, str]) -> tuple[int, int, int]:
    """Bytes of an unchanged tick, of a typical second, and of the start."""
    sent: list[int] = []

    async def play(terminal: captured.Terminal, pilot: Pilot[Any]) -> None:
        room = pilot.app
        assert isinstance(room, Room)
        sent.append(terminal.spent())
        room.sample(changed=())
        for widget in (*room.tables, room.top):
            widget.refresh()
        await pilot.pause()
        sent.append(terminal.spent())
        room.sample(changed=(0, 3, 4, 9, 12, 15), turn=3)
        room.log_pane.append([line(40), line(41), line(42)])
        await pilot.pause(1.0)
        sent.append(terminal.spent())

    await captured.run(Room(environ), captured.Terminal(120, 40), play)
    start, tick, second = sent
    return tick, second, start


async def bench_bytes() -> None:
    ours = await bytes_sent({})
    stock = await bytes_sent({frame_diff.SWITCH: "0"})
    table.row(
        "Bytes at 120×40, truecolor: unchanged tick; typical second; start-up",
        "; ".join(f"{count:,} B" for count in ours),
        "≤ 200 B; ≤ 2 KB; ≤ 15 KB",
        f"Textual's own: {'; '.join(f'{count:,} B' for count in stock)}",
    )
