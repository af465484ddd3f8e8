"""The ring of lines: what is kept, and which row stands on which line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mrtui.widgets import log_buffer, log_reader

texts = st.lists(st.text("ab 漢", max_size=30), max_size=20)


def made(names: list[str]) -> list[log_buffer.LogRow]:
    return [log_buffer.LogRow(str(i), "", "info", "", text) for i, text in enumerate(names)]


@given(texts, texts, st.integers(2, 12))
def test_every_line_belongs_to_its_row(first: list[str], older: list[str], cells: int) -> None:
    buffer = log_buffer.LogBuffer(100)
    buffer.append(made(first), reading=False)
    buffer.wrap(cells)
    added = buffer.prepend(made(older))
    buffer.append(made(first), reading=False)
    assert added == sum(map(buffer.height, made(older)))
    lines = [
        (index, part)
        for index, row in enumerate(buffer.rows)
        for part in range(len(buffer.parts(row)))
    ]
    assert buffer.lines == len(lines)
    assert [buffer.at_line(line) for line in range(buffer.lines)] == lines
    assert all(buffer.at_line(buffer.line_of(i)) == (i, 0) for i in range(len(buffer)))
    assert ["".join(buffer.parts(row)) for row in buffer.rows] == [*older, *first, *first]


@given(st.lists(st.integers(1, 40), max_size=20), st.booleans())
def test_it_never_holds_more_than_it_may(sizes: list[int], reading: bool) -> None:
    buffer = log_buffer.LogBuffer(50)
    for size in sizes:
        before = len(buffer)
        dropped = buffer.append(made(["x"] * size), reading=reading)
        assert len(buffer) == before + size - dropped
        assert len(buffer) <= (100 if reading else 50)


def test_older_rows_fill_what_room_there_is() -> None:
    buffer = log_buffer.LogBuffer(10)
    buffer.append(made(["new"] * 10), reading=False)
    assert buffer.prepend(made([str(i) for i in range(30)])) == 10
    assert [row.text for row in buffer.rows[:10]] == [str(i) for i in range(20, 30)]
    assert buffer.prepend(made(["older"])) == 0


@given(st.lists(st.integers(0, 15), max_size=30))
def test_a_reader_stays_with_its_row_while_rows_come_and_go(sizes: list[int]) -> None:
    reader = log_reader.Reader(100)
    reader.grow(made(["x"] * 50))
    reader.go(40)
    kept = reader.buffer.rows[40]
    for size in sizes:
        reader.grow(made(["y"] * size))
        reader.grow_back(made(["z"] * (size // 2)))
        if kept in reader.buffer.rows:
            assert reader.buffer.rows[reader.at] is kept
        assert not reader.following
