"""Random frames: the diff's bytes and Textual's own lead to the same screen."""

from __future__ import annotations

import io

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from mrtui.terminal import clusters, frame_diff, looks, shadow
from tests.tui.terminal import captured

WIDTH, HEIGHT = 24, 8
CONSOLE = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=WIDTH)

# One cluster each; the widths of pyte (wcwidth) and Rich agree on all of them.
CHARS = ["a", "b", " ", " ", " ", "─", "▁", "Ω", "中", "文", "🚀", "e\u0301", "中\u0301", "⣿"]
STYLES = [
    Style.null(),
    Style.parse("red"),
    Style.parse("on blue"),
    Style.parse("bold #102030 on #405060"),
    Style.parse("underline on blue"),
    Style.parse("reverse"),
    Style.parse("strike italic green"),
    Style.parse("bold"),
    Style(color="blue", link="http://127.0.0.1/x"),
]

segments = st.tuples(
    st.lists(st.sampled_from(CHARS), max_size=8).map("".join), st.sampled_from([None, *STYLES])
).map(lambda parts: Segment(*parts))
strips = st.lists(segments, max_size=5).map(Strip)
blank = st.sampled_from(STYLES[:4])


@st.composite
def layouts(draw: st.DrawFn) -> LayoutUpdate:
    """A region of the screen with strips of its width."""
    x = draw(st.integers(0, WIDTH - 2))
    y = draw(st.integers(0, HEIGHT - 1))
    width = draw(st.integers(2, WIDTH - x))
    height = draw(st.integers(1, HEIGHT - y))
    lines = [
        [draw(strips).adjust_cell_length(width, draw(blank)).crop(0, width)] for _ in range(height)
    ]
    return LayoutUpdate(lines, Region(x, y, width, height))  # type: ignore[arg-type]


@st.composite
def scrolls(draw: st.DrawFn) -> list[LayoutUpdate]:
    """Frames of full lines that move up or down, some of them changed on the way."""
    lines = [
        Strip([Segment(draw(st.text("abc 中", min_size=3, max_size=9)), draw(blank))])
        for _ in range(24)
    ]
    frames = []
    for start in draw(st.lists(st.integers(0, 24 - HEIGHT), min_size=2, max_size=5)):
        shown = [[line.adjust_cell_length(WIDTH)] for line in lines[start : start + HEIGHT]]
        frames.append(LayoutUpdate(shown, Region(0, 0, WIDTH, HEIGHT)))  # type: ignore[arg-type]
    return frames


def emulate(frames: list[str]) -> list[list[tuple[object, ...]]]:
    screen = captured.Emulator(WIDTH, HEIGHT)
    stream = pyte.Stream(screen)
    for frame in frames:
        stream.feed(frame)
    return [[captured.seen(screen.buffer[y][x]) for x in range(WIDTH)] for y in range(HEIGHT)]


def check(frames: list[LayoutUpdate]) -> None:
    known = shadow.Shadow(WIDTH, HEIGHT)
    diffed = [frame_diff._Frame(frame, known).render_segments(CONSOLE) for frame in frames]
    stock = [frame.render_segments(CONSOLE) for frame in frames]
    assert emulate(diffed) == emulate(stock)
    again = frame_diff._Frame(frames[-1], known).render_segments(CONSOLE)
    assert again == "", "what is shown is not sent again"


@settings(max_examples=60, deadline=None)
@given(st.lists(layouts(), min_size=1, max_size=6))
def test_random_regions(frames: list[LayoutUpdate]) -> None:
    whole = LayoutUpdate(
        [[Strip.blank(WIDTH, STYLES[0])] for _ in range(HEIGHT)],
        Region(0, 0, WIDTH, HEIGHT),
    )
    check([whole, *frames])


@settings(max_examples=60, deadline=None)
@given(scrolls())
def test_random_scrolls(frames: list[LayoutUpdate]) -> None:
    check(frames)


def show(known: shadow.Shadow, y: int, *segments: Segment, x: int = 0) -> str:
    return known.show([shadow.Piece(x, y, segments)], ColorSystem.TRUECOLOR)


def filled(text: str, style: Style | None = None, width: int = WIDTH) -> Segment:
    return Segment(text.ljust(width), style)


def test_one_changed_cell_costs_a_move_and_a_character() -> None:
    known = shadow.Shadow(WIDTH, HEIGHT)
    show(known, 2, filled("count 41"))
    assert show(known, 2, filled("count 42")) == "\x1b[3;8H2"


def test_runs_share_one_look_and_looks_change_in_parts() -> None:
    known = shadow.Shadow(WIDTH, HEIGHT)
    red, blue = Style.parse("red on black"), Style.parse("blue on black")
    sent = show(known, 0, Segment("ab", red), Segment("cd", red), Segment("ef", blue))
    assert sent == "\x1b[1;1H\x1b[31;40mabcd\x1b[34mef\x1b[m"


def test_blanks_at_the_end_are_erased() -> None:
    known = shadow.Shadow(WIDTH, HEIGHT)
    ground = Style.parse("on blue")
    assert show(known, 0, filled("x", ground)) == "\x1b[1;1H\x1b[44mx\x1b[K\x1b[m"


@pytest.mark.parametrize("style", ["underline", "reverse", "on blue"])
def test_blanks_that_erasing_would_not_draw_are_written(style: str) -> None:
    known = shadow.Shadow(WIDTH, HEIGHT, erases_with_ground=False)
    assert "\x1b[K" not in show(known, 0, filled("x", Style.parse(style)))


def test_a_near_change_is_bridged_and_a_far_one_stepped_to() -> None:
    known = shadow.Shadow(WIDTH, HEIGHT)
    show(known, 0, filled("a.b.......c"))
    assert show(known, 0, filled("A.B.......C")) == "\x1b[1;1HA.B\x1b[7CC"


def test_after_a_cluster_of_doubtful_width_the_address_is_sent() -> None:
    known = shadow.Shadow(WIDTH, HEIGHT)
    sent = show(known, 0, Segment("⚠\ufe0f!"))
    width = cell_len("⚠\ufe0f")
    assert sent == f"\x1b[1;1H⚠{' ' * (width - 1)}\x1b[{width + 1}G!"


def test_lines_that_moved_are_moved_by_the_terminal() -> None:
    known = shadow.Shadow(WIDTH, HEIGHT)
    rows = [f"line number {i}" for i in range(20)]

    def frame(start: int) -> str:
        pieces = [shadow.Piece(0, y, [filled(rows[start + y])]) for y in range(HEIGHT)]
        return known.show(pieces, ColorSystem.TRUECOLOR)

    frame(0)
    assert frame(2) == (
        "\x1b[1;8r\x1b[8;1H\n\n\x1b[r\x1b[7;1Hline number 8\x1b[K\r\nline number 9\x1b[K"
    )
    assert frame(1).startswith("\x1b[1;8r\x1b[1;1H\x1bM\x1b[r\x1b[1;1Hline number 1")


def test_forget_sends_everything_again() -> None:
    known = shadow.Shadow(WIDTH, HEIGHT)
    first = show(known, 0, filled("same"))
    assert show(known, 0, filled("same")) == ""
    known.forget()
    assert show(known, 0, filled("same")) == first


def test_no_foreign_sequence_passes() -> None:
    known = shadow.Shadow(WIDTH, HEIGHT)
    evil = Style(link="http://x/\x1b]0;owned\x07")
    sent = show(known, 0, Segment("a\x1b]0;owned\x07b\x9b2Jc", evil))
    assert sent == "\x1b[1;1Ha]0;ownedb2Jc"


def test_a_link_is_opened_once_and_closed() -> None:
    known = shadow.Shadow(WIDTH, HEIGHT)
    link = Style(link="http://127.0.0.1/")
    assert show(known, 0, Segment("ab", link), Segment("c")) == (
        "\x1b[1;1H\x1b]8;;http://127.0.0.1/\x1b\\ab\x1b]8;;\x1b\\c"
    )


def test_marks_of_the_next_segment_stay_on_their_letter() -> None:
    known = shadow.Shadow(WIDTH, HEIGHT)
    sent = show(known, 0, Segment("e", STYLES[1]), Segment("\u0301x", STYLES[1]))
    assert sent == "\x1b[1;1H\x1b[31me\u0301\x1b[2Gx\x1b[m"


def test_a_wide_cell_that_is_half_outside_becomes_blank() -> None:
    known = shadow.Shadow(4, 1)
    assert show(known, 0, Segment("abc中")) == "\x1b[1;1Habc "
    assert show(known, 0, Segment("中def"), x=-1) == "\x1b[1;1H def"


def test_chops_are_cut_where_their_span_ends() -> None:
    known = shadow.Shadow(WIDTH, 1)
    left, right = Strip([Segment("abcdef")]), Strip([Segment("ghijkl")])
    update = ChopsUpdate([{0: left, 6: right}], [(0, 2, 8)], [[6, 12]])
    assert frame_diff._Frame(update, known).render_segments(CONSOLE) == "\x1b[1;1Habcdefgh"


@given(st.text(max_size=6))
def test_clusters_are_printable_and_as_wide_as_they_are_laid_out(text: str) -> None:
    split = clusters.split(text)
    assert "".join(drawn for drawn, _ in split).isprintable()
    assert all(cell_len(drawn) == width for drawn, width in split[1:])


@given(
    st.text(st.characters(exclude_categories=["C", "Z", "M"], exclude_characters=clusters.UNSEEN))
)
def test_clusters_hold_every_character_that_is_seen(text: str) -> None:
    assert "".join(drawn for drawn, _ in clusters.split(text)) == text


def test_of_joined_characters_the_first_is_drawn() -> None:
    family = clusters.split("👩‍👩‍👧‍👦!")
    assert family[0] == ("👩", 2)
    assert "\u200d" not in "".join(drawn for drawn, _ in family)
    assert clusters.split("☎\ufe0f") == (("☎ ", 2),)


def test_what_turns_the_text_around_or_piles_up_is_not_drawn() -> None:
    split = clusters.split("a\u202eb\u200b" + "e" + "\u0301" * 9)
    assert split == (("a", 1), ("b", 1), ("e" + "\u0301" * 4, 1))


def test_what_is_called_narrow_is_narrow() -> None:
    narrow = [chr(code) for code in range(0x3000) if clusters.NARROW.fullmatch(chr(code))]
    assert len(narrow) > 1_000
    assert all(cell_len(char) == 1 for char in narrow)


@given(st.sampled_from(STYLES), st.sampled_from(STYLES))
def test_every_change_of_look_leads_there(old: Style, new: Style) -> None:
    one, other = (looks.look_of(style, ColorSystem.TRUECOLOR) for style in (old, new))
    screen = pyte.Screen(4, 1)
    stream = pyte.Stream(screen)
    stream.feed(looks.change(looks.PLAIN, one) + looks.change(one, other) + "x")
    reached = tuple(screen.buffer[0][0])
    screen.reset()
    stream.feed(looks.change(looks.PLAIN, other) + "x")
    assert reached == tuple(screen.buffer[0][0])
    assert (looks.change(one, other) == "") == (one == other)
