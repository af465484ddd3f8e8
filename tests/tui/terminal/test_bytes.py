"""What a screen costs on the wire at 120 by 40: DESIGN section 15."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.pilot import Pilot

from mrtui import themes
from mrtui.terminal import frame_diff
from mrtui.widgets import cells, chart, frames, live_table, log_view, status_bar
from tests.tui.terminal import captured

Text = Callable[[int], str]


class Room(frame_diff.FrameDiff[None]):
    """As busy as the home screen: three tables, a chart, a log, two bars."""

    CSS = "Horizontal { height: 1fr; } LiveTable { width: 1fr; } #log { height: 12; }"

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        super().__init__(environ={"TERM": "xterm-256color", **(environ or {})})
        themes.install(self, themes.load(themes.own_folder()))
        self.theme = themes.DEFAULT
        self.top, self.keys = status_bar.TopLine(), status_bar.KeyLine()
        columns = [
            cells.Column("state", "", 1),
            cells.Column("name", "name", flex=True),
            cells.Column("n", "waiting", right=True),
            cells.Column("rate", "rate", 8, right=True),
        ]
        self.tables = [live_table.LiveTable(columns) for _ in range(3)]
        self.chart = chart.Chart("ops", unit="/s")
        self.log_pane = log_view.LogView(id="log")

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return themes.variable_defaults()

    def compose(self) -> ComposeResult:
        yield self.top
        with Horizontal():
            yield from self.tables
        yield self.chart
        yield self.log_pane
        yield self.keys

    def on_mount(self) -> None:
        self.sample(changed=())
        self.log_pane.append([line(i) for i in range(40)])
        self.tables[0].focus()

    def sample(self, changed: tuple[int, ...], turn: int = 0) -> None:
        """A sample of everything, of which the `changed` rows of the first table are new."""
        for index, table in enumerate(self.tables):
            table.set_rows([row(i, turn if index == 0 and i in changed else 0) for i in range(18)])
        self.chart.show([abs(30 - i) + 0.5 for i in range(200)])
        self.top.show(
            status_bar.Standing(
                ("local",),
                status_bar.freshness(0.4, live=True),
                cells.Cell("read-only"),
                cells.Cell("✖ 2 alerts", "bad"),
                "14:02Z",
            )
        )
        self.keys.show([status_bar.KeyHint("⏎", "open"), status_bar.KeyHint("?", "keys")])


def row(index: int, turn: int) -> cells.Row:
    state = cells.Cell("✖", "bad") if index % 5 == 0 else cells.Cell("●", "ok")
    rate = cells.Cell(f"{index + turn}.{turn}/s", "dim")
    return cells.Row(f"q{index}", (state, f"queue-{index}-mail", str(index * 10 + turn), rate))


def line(index: int) -> log_view.LogRow:
    level = "error" if index % 7 == 0 else "info"
    text = f"job {8000 + index * 7919 % 4000} finished in {index * 37 % 900} ms with code {index}"
    return log_view.LogRow(f"l{index}", f"14:02:{index % 60:02}", level, "email.worker", text)


async def measured(play: captured.Play) -> None:
    await captured.run(Room(), captured.Terminal(120, 40), play)


def room(pilot: Pilot[Any]) -> Room:
    app = pilot.app
    assert isinstance(app, Room)
    return app


async def test_start_up_is_at_most_15_kb() -> None:
    async def play(terminal: captured.Terminal, pilot: Pilot[Any]) -> None:
        assert "queue-17-mail" in "\n".join(terminal.lines())
        assert 2_000 < terminal.spent() <= 15_000

    await measured(play)


async def test_an_unchanged_tick_is_at_most_200_bytes() -> None:
    async def play(terminal: captured.Terminal, pilot: Pilot[Any]) -> None:
        terminal.spent()
        room(pilot).sample(changed=())
        for widget in (*room(pilot).tables, room(pilot).top):
            widget.refresh()  # even when a widget paints what it painted already
        await pilot.pause()
        assert 0 < terminal.spent() <= 200

    await measured(play)


async def test_a_typical_second_is_at_most_2_kb() -> None:
    async def play(terminal: captured.Terminal, pilot: Pilot[Any]) -> None:
        terminal.spent()
        room(pilot).sample(changed=(0, 3, 4, 9, 12, 15), turn=3)
        room(pilot).log_pane.append([line(40), line(41), line(42)])
        await pilot.pause(2 * frames.FRAME_S)
        assert "with code 42" in "\n".join(terminal.lines())
        assert 100 < terminal.spent() <= 2_000

    await measured(play)


async def test_a_log_that_follows_costs_little_more_than_its_new_text() -> None:
    async def play(terminal: captured.Terminal, pilot: Pilot[Any]) -> None:
        pane = room(pilot).log_pane
        terminal.spent()
        cost = text = 0
        for start in range(40, 140, 5):
            new = [line(index) for index in range(start, start + 5)]
            pane.set_rows([*pane.rows, *new])
            await pilot.pause()
            cost += terminal.spent()
            text += sum(len(shown.encode()) for shown in terminal.lines()[-6:-1])
        assert text < cost <= 1.3 * text

    await measured(play)


async def test_moving_the_cursor_costs_two_lines() -> None:
    async def play(terminal: captured.Terminal, pilot: Pilot[Any]) -> None:
        terminal.spent()
        await pilot.press("down")
        await pilot.pause()
        assert 0 < terminal.spent() <= 600

    await measured(play)
