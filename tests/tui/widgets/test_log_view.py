"""The log on a screen: it follows at its end, stands still above it, searches, wraps."""

from __future__ import annotations

import pytest

from mrcore import errors
from mrtui.widgets import log_view
from tests import waiting
from tests.tui.widgets import stage

LEVELS = ["info", "error", "warn", "debug", "none"]


def rows(start: int, stop: int, text: str = "") -> list[log_view.LogRow]:
    return [
        log_view.LogRow(f"r{i}", f"14:02:{i % 60:02}", LEVELS[i % 5], "worker", text or f"line {i}")
        for i in range(start, stop)
    ]


class Stage(stage.Stage):
    """Keeps what the log tells."""

    def on_log_view_reached_top(self, message: log_view.LogView.ReachedTop) -> None:
        self.told.append(message)

    def on_log_view_opened(self, message: log_view.LogView.Opened) -> None:
        self.told.append(message)


async def test_levels_are_glyphs_and_words() -> None:
    log = log_view.LogView()
    app = Stage(log)
    async with app.run_test(size=(60, 6)) as pilot:
        await pilot.pause()
        assert app.lines()[0] == "  no lines"
        log.append(rows(0, 5))
        await pilot.pause()
        assert app.lines() == [
            "  14:02:00   info  worker line 0",
            "  14:02:01 ✖ error worker line 1",
            "  14:02:02 ▲ warn  worker line 2",
            "  14:02:03 · debug worker line 3",
            "  14:02:04         worker line 4",
            "",
        ]


async def test_a_narrow_log_keeps_time_glyph_and_text() -> None:
    log = log_view.LogView()
    app = Stage(log)
    async with app.run_test(size=(40, 2)) as pilot:
        log.append(rows(1, 3))
        await pilot.pause()
        assert app.lines() == ["  14:02:01 ✖ line 1", "  14:02:02 ▲ line 2"]


async def test_it_follows_at_its_end() -> None:
    log = log_view.LogView()
    app = Stage(log)
    async with app.run_test(size=(60, 4)) as pilot:
        log.append(rows(0, 20))
        await pilot.pause()
        assert app.lines()[3].endswith("line 19")
        log.append(rows(20, 40))
        await waiting.until(lambda: app.lines()[3].endswith("line 39"), what="the newest line")
        assert log.following
        assert log.cursor_row == log.rows[-1]


async def test_a_reader_is_not_pulled_to_the_end() -> None:
    log = log_view.LogView()
    app = Stage(log)
    async with app.run_test(size=(60, 4)) as pilot:
        log.append(rows(0, 20))
        await pilot.press("k", "k", "k", "k", "k")
        await pilot.pause()
        seen = app.lines()[:3]
        assert seen[0].startswith("▸ ")
        assert seen[0].endswith("line 14")
        log.append(rows(20, 28))
        await waiting.until(lambda: len(log.rows) == 28, what="the new rows")
        await pilot.pause()
        assert app.lines()[:3] == seen
        assert app.lines()[3].endswith("▼ 8 new")
        await pilot.press("G")
        await pilot.pause()
        assert app.lines()[3].endswith("line 27")
        assert "new" not in app.lines()[3]


async def test_the_wheel_reads_and_follows_again_at_the_end() -> None:
    log = log_view.LogView()
    app = Stage(log)
    async with app.run_test(size=(60, 4)) as pilot:
        log.append(rows(0, 20))
        await pilot.pause()
        log.on_mouse_scroll_up()
        await pilot.pause()
        assert not log.following
        assert app.lines()[0].endswith("line 13")
        log.on_mouse_scroll_down()
        await pilot.pause()
        assert log.following


async def test_what_comes_within_a_frame_is_painted_together() -> None:
    painted = 0

    class Counted(log_view.LogView):
        def fit_content(self, width: int, lines: int) -> None:
            nonlocal painted
            painted += 1
            super().fit_content(width, lines)

    log = Counted()
    app = Stage(log)
    async with app.run_test(size=(60, 4)) as pilot:
        await pilot.pause()
        painted = 0
        for i in range(100):
            log.append(rows(i, i + 1))
        assert painted == 1
        await waiting.until(lambda: len(log.rows) == 100, what="all rows")
        assert painted == 2


async def test_older_lines_come_in_above_without_moving_what_is_read() -> None:
    log = log_view.LogView()
    app = Stage(log)
    async with app.run_test(size=(60, 4)) as pilot:
        log.append(rows(20, 30))
        await pilot.press("home")
        await pilot.pause()
        assert [type(message).__name__ for message in app.told] == ["ReachedTop"]
        await pilot.press("home", "up")
        await pilot.pause()
        assert len(app.told) == 1, "told once until older lines came"
        seen = app.lines()
        log.prepend(rows(10, 20))
        await pilot.pause()
        assert app.lines() == seen
        assert log.cursor_row == rows(20, 21)[0]
        await pilot.press("home")
        await pilot.pause()
        assert app.lines()[0].endswith("line 10")
        assert len(app.told) == 2


async def test_wrapping_shows_all_of_a_long_text_and_keeps_the_cursor() -> None:
    log = log_view.LogView()
    app = Stage(log)
    async with app.run_test(size=(70, 6)) as pilot:
        long = "x" * 60 + "END"
        log.append([*rows(0, 2), *rows(2, 3, long), *rows(3, 4)])
        await pilot.press("k")
        await pilot.pause()
        assert "END" not in "".join(app.lines())
        await pilot.press("w")
        await pilot.pause()
        lines = app.lines()
        assert lines[2].startswith("▸ 14:02:02 ▲ warn  worker xxxx")
        assert lines[3].strip().endswith("END")
        assert lines[3].startswith(" " * 26)
        assert lines[4].endswith("line 3")
        await pilot.press("w", "right", "right")
        await pilot.pause()
        assert "END" in app.lines()[2]


async def test_searching_highlights_counts_and_goes_round() -> None:
    log = log_view.LogView()
    app = Stage(log)
    async with app.run_test(size=(60, 4)) as pilot:
        log.append(rows(0, 20))
        await pilot.pause()
        assert log.search("LINE 1.$") == 10
        await pilot.press("N")
        await pilot.pause()
        assert log.cursor_row == rows(18, 19)[0]
        await pilot.press("n", "n")
        assert log.cursor_row == rows(10, 11)[0]
        await pilot.pause()
        styles = {
            segment.style
            for y, line in enumerate(app.lines())
            if line.endswith("line 10")
            for segment in log.render_line(y)
            if segment.text == "line 10"
        }
        assert len(styles) == 1
        with pytest.raises(errors.BadRequest, match="not a regular expression"):
            log.search("(")
        assert log.search("") == 0
        await pilot.press("n")
        assert log.cursor_row == rows(10, 11)[0]


async def test_foreign_text_is_made_visible_and_folded_lines_are_counted() -> None:
    log = log_view.LogView()
    app = Stage(log)
    async with app.run_test(size=(70, 2)) as pilot:
        log.append([log_view.LogRow("r", "1", "error", "w\x1b", "a\x1b[2Jb [red]", folded=12)])
        await pilot.pause()
        assert app.lines()[0] == "  1 ✖ error w␛ a␛[2Jb [red]  ⋯ 12 more"


async def test_enter_opens_the_row_of_the_cursor() -> None:
    log = log_view.LogView()
    app = Stage(log)
    async with app.run_test(size=(60, 4)) as pilot:
        log.append(rows(0, 9))
        await pilot.press("k", "enter")
        await pilot.pause()
        (opened,) = app.told
        assert isinstance(opened, log_view.LogView.Opened)
        assert opened.ref == "r7"


async def test_other_rows_replace_all_and_follow() -> None:
    log = log_view.LogView()
    app = Stage(log)
    async with app.run_test(size=(60, 4)) as pilot:
        log.append(rows(0, 20))
        await pilot.press("home")
        log.set_rows(rows(5, 7))
        log.set_stale(True)
        await pilot.pause()
        assert [line[-6:] for line in app.lines()[:3]] == ["line 5", "line 6", ""]
        assert log.following


async def test_no_rows_instead_of_some_leave_nothing_on_the_screen() -> None:
    log = log_view.LogView()
    app = Stage(log)
    async with app.run_test(size=(60, 4)) as pilot:
        log.set_rows(rows(0, 20))
        await pilot.pause()
        assert "line 19" in app.lines()[3]
        log.placeholder = "nothing matches"
        log.set_rows(())
        await pilot.pause()
        assert app.lines() == ["  nothing matches", "", "", ""]


async def test_what_stands_around_the_lines_is_painted_with_them_and_once_a_frame() -> None:
    log = log_view.LogView()
    app = Stage(log)
    async with app.run_test(size=(60, 4)):
        painted: list[str] = []
        for word in ("first", "second", "third"):
            log.in_frame(lambda word=word: painted.append(f"{word} {len(log.rows)}"))  # type: ignore[misc]
            log.append(rows(0, 1))
        await waiting.until(lambda: len(painted) == 2, what="the next frame")
        await waiting.until(lambda: len(log.rows) == 3, what="all rows")
        assert painted == ["first 0", "third 0"], "before the lines of its frame"
