"""The table on a screen: text, keys, what is repainted."""

from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len
from textual.geometry import Region

from mrtui.widgets import cells, line_window, live_table
from tests.tui.widgets import stage

COLUMNS = [
    cells.Column("state", "", 1),
    cells.Column("name", "queue", flex=True),
    cells.Column("n", "waiting", right=True),
]


def row(index: int, value: object = "") -> cells.Row:
    state = cells.Cell("●", "ok")
    return cells.Row(f"q{index}", (state, f"queue {index}", str(value or index * 10)))


def rows(count: int) -> list[cells.Row]:
    return [row(i) for i in range(count)]


def table() -> live_table.LiveTable:
    return live_table.LiveTable(COLUMNS, placeholder="no queues")


def told(app: stage.Stage) -> list[tuple[str, str]]:
    return [
        (type(message).__name__, message.ref)
        for message in app.told
        if isinstance(message, line_window.Told)
    ]


class Stage(stage.Stage):
    """Keeps what the table tells."""

    def on_live_table_opened(self, message: live_table.LiveTable.Opened) -> None:
        assert message.control is self._shown[0]
        self.told.append(message)

    def on_live_table_cursor_moved(self, message: live_table.LiveTable.CursorMoved) -> None:
        self.told.append(message)


async def test_an_empty_table_says_so() -> None:
    app = Stage(table())
    async with app.run_test(size=(40, 5)) as pilot:
        await pilot.pause()
        assert app.lines() == [
            "    queue                        waiting",
            "  no queues",
            "",
            "",
            "",
        ]


async def test_header_cursor_and_right_aligned_numbers() -> None:
    shown = table()
    app = Stage(shown)
    async with app.run_test(size=(40, 5)) as pilot:
        shown.set_rows(rows(3))
        shown.set_sort("n", descending=True)
        await pilot.pause()
        assert app.lines() == [
            "    queue                       waiting▼",
            "▸ ● queue 0                            0",
            "  ● queue 1                           10",
            "  ● queue 2                           20",
            "",
        ]
        shown.set_sort("name")
        await pilot.pause()
        assert app.lines()[0].split() == ["queue▲", "waiting"]


async def test_foreign_text_is_shown_and_never_obeyed() -> None:
    shown = table()
    app = Stage(shown)
    async with app.run_test(size=(60, 3)) as pilot:
        text = "\x1b]0;owned\x07 [bold]x[/] \u202egnp"
        shown.set_rows([cells.Row("r", ("●", text, "漢字"))])
        await pilot.pause()
        line = app.lines()[1]
        assert line.startswith("▸ ● ␛]0;owned␇ [bold]x[/] ‹U+202E›gnp  ")
        assert line.endswith("  漢字")
        assert cell_len(line) == 60


async def test_long_text_is_cut_with_an_ellipsis_at_its_cell() -> None:
    shown = live_table.LiveTable([cells.Column("a", "a", 6), cells.Column("b", "b", 4)])
    app = Stage(shown)
    async with app.run_test(size=(40, 3)) as pilot:
        shown.set_rows([cells.Row("r", ("abcdefgh", "漢字漢字"))])
        await pilot.pause()
        assert app.lines()[1] == "▸ abcde… 漢 …"


async def test_marks_pending_stale_frozen_and_gone_are_words_and_glyphs() -> None:
    shown = table()
    app = Stage(shown)
    async with app.run_test(size=(50, 6)) as pilot:
        shown.set_rows(rows(4))
        await pilot.press("space")
        shown.set_pending(["q2"])
        await pilot.pause()
        assert [line[:2] for line in app.lines()[1:5]] == [" ◆", "▸ ", " ⟳", "  "]
        assert shown.marked == {"q0"}
        shown.freeze(True)
        shown.set_rows([row(7), row(0, 99), row(2), row(3)])
        shown.set_stale(True)
        await pilot.pause()
        lines = app.lines()
        assert lines[0].endswith("‖ frozen +1 ◌ stale")
        assert lines[1].endswith(" 99")
        assert lines[2].startswith("▸∅")
        assert lines[2].endswith(" gone")
        shown.freeze(False)
        shown.set_stale(False)
        shown.clear_marks()
        await pilot.pause()
        assert app.lines()[0].endswith("waiting")
        assert "gone" not in "".join(app.lines())
        assert shown.cursor_ref == "q2"


async def test_keys_move_and_the_cursor_is_told() -> None:
    shown = table()
    app = Stage(shown)
    async with app.run_test(size=(40, 6)) as pilot:
        shown.set_rows(rows(30))
        await pilot.press("j", "down", "k", "G", "home", "pagedown", "enter")
        await pilot.pause()
        assert told(app) == [
            ("CursorMoved", "q0"),
            ("CursorMoved", "q1"),
            ("CursorMoved", "q2"),
            ("CursorMoved", "q1"),
            ("CursorMoved", "q29"),
            ("CursorMoved", "q0"),
            ("CursorMoved", "q4"),
            ("Opened", "q4"),
        ]
        assert "▸ ● queue 4" in "\n".join(app.lines())


async def test_the_cursor_follows_its_row_and_keeps_its_place_on_the_screen() -> None:
    shown = table()
    app = Stage(shown)
    async with app.run_test(size=(40, 6)) as pilot:
        shown.set_rows(rows(30))
        shown.cursor_ref = "q20"
        await pilot.pause()
        line = next(i for i, text in enumerate(app.lines()) if text.startswith("▸"))
        shown.set_rows([row(100 + i) for i in range(5)] + rows(30))
        await pilot.pause()
        assert shown.cursor_ref == "q20"
        assert app.lines()[line].startswith("▸ ● queue 20")


async def test_a_person_who_scrolled_away_is_not_pulled_back() -> None:
    shown = table()
    app = Stage(shown)
    async with app.run_test(size=(40, 6)) as pilot:
        shown.set_rows(rows(50))
        await pilot.pause()
        shown.scroll_to(y=30, animate=False)
        await pilot.pause()
        assert "queue 30" in app.lines()[1]
        shown.set_rows([row(i, 1) for i in range(50)])
        await pilot.pause()
        assert "queue 30" in app.lines()[1]
        assert shown.cursor_ref == "q0"


async def test_a_vanished_row_tells_where_the_cursor_went() -> None:
    shown = table()
    app = Stage(shown)
    async with app.run_test(size=(40, 6)) as pilot:
        shown.set_rows(rows(3))
        shown.cursor_ref = "q1"
        shown.set_rows([row(0), row(2)])
        shown.set_rows([])
        await pilot.pause()
        assert told(app)[-2:] == [("CursorMoved", "q2"), ("CursorMoved", "")]


async def test_clicks_move_and_open() -> None:
    shown = table()
    app = Stage(shown)
    async with app.run_test(size=(40, 6)) as pilot:
        shown.set_rows(rows(3))
        await pilot.pause()
        await pilot.click(shown, offset=(8, 3))
        assert shown.cursor_ref == "q2"
        await pilot.click(shown, offset=(8, 2), times=2)
        await pilot.pause()
        assert told(app)[-1] == ("Opened", "q1")
        await pilot.click(shown, offset=(8, 0))
        assert shown.cursor_ref == "q1"


async def test_columns_that_are_too_wide_can_be_scrolled_to() -> None:
    shown = live_table.LiveTable([cells.Column(str(i), f"title{i}", 12) for i in range(6)])
    app = Stage(shown)
    async with app.run_test(size=(40, 3)) as pilot:
        shown.set_rows([cells.Row("r", tuple(f"value{i}" for i in range(6)))])
        await pilot.press("right", "right", "right", "right", "right", "right")
        await pilot.pause()
        assert "title5" in app.lines()[0]
        assert "value5" in app.lines()[1]


async def test_other_columns_can_be_set_while_rows_are_there() -> None:
    shown = table()
    app = Stage(shown)
    async with app.run_test(size=(40, 3)) as pilot:
        shown.set_rows(rows(1))
        shown.set_columns([cells.Column("state", "s", 1), cells.Column("name", "only")])
        await pilot.pause()
        assert app.lines()[:2] == ["  s only", "▸ ● queue 0"]


class Painted(live_table.LiveTable):
    """Notes which parts it asks to repaint."""

    regions: list[Region]

    def refresh(self, *regions: Region, **options: Any) -> Any:
        self.regions = [*getattr(self, "regions", []), *(regions or (Region(0, 0, 999, 999),))]
        return super().refresh(*regions, **options)


@pytest.mark.parametrize(
    ("changed", "lines"), [((), []), ((2,), [3]), ((0, 3), [1, 4]), ((40,), [])]
)
async def test_only_changed_visible_lines_are_repainted(
    changed: tuple[int, ...], lines: list[int]
) -> None:
    shown = Painted(COLUMNS)
    app = Stage(shown)
    async with app.run_test(size=(40, 8)) as pilot:
        shown.set_rows(rows(50))
        await pilot.pause()
        shown.regions = []
        shown.set_rows([row(i, i * 10 + 1 if i in changed else "") for i in range(50)])
        assert [region.y for region in shown.regions] == lines
        assert all(region.height == 1 for region in shown.regions)


async def test_rows_that_come_and_go_in_a_window_with_room_cost_no_layout() -> None:
    shown = table()
    app = Stage(shown)
    async with app.run_test(size=(40, 10)) as pilot:
        shown.set_rows(rows(5))
        await pilot.pause()
        size = shown.virtual_size
        shown.set_rows(rows(8))
        await pilot.pause()
        assert shown.virtual_size == size
        assert "queue 7" in app.lines()[8]
        shown.set_rows(rows(2))
        await pilot.pause()
        assert app.lines()[3:] == [""] * 7


async def test_a_new_theme_is_drawn_at_once() -> None:
    shown = table()
    app = Stage(shown)
    async with app.run_test(size=(40, 4)) as pilot:
        shown.set_rows(rows(2))
        await pilot.pause()
        before = list(shown.render_line(2))
        app.theme = "light"
        await pilot.pause()
        after = list(shown.render_line(2))
        assert [part.text for part in before] == [part.text for part in after]
        assert [part.style for part in before] != [part.style for part in after]
