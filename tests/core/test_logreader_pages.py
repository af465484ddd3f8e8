"""Pages of real files: both directions, filters, merging, waiting, marks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mrcore import errors
from mrcore.logreader import blocks, cursor, follow, index, page, query, text, watch

NOW = 1_795_208_400.0  # 2026-11-20T21:00:00Z


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[watch.Watch]:
    found = watch.Watch(folder=str(tmp_path))
    yield found
    found.close()


def ask(
    streams: list[follow.Stream],
    pattern: str = "",
    *,
    level: str = "",
    limit: int = 100,
    order: str = "newest",
    after: page.Answer | None = None,
    waits: bool = False,
    budget_s: float = 10.0,
) -> page.Answer:
    at = cursor.decode(after.cursor.encode()) if after and after.cursor else None
    wanted = query.Wanted(pattern, level)
    answer = page.read(page.Ask(streams, wanted, limit, order, at, waits), NOW, budget_s)
    assert answer is not None
    return answer


def texts(answer: page.Answer) -> list[str]:
    return [row["text"] for row in answer.rows()]


def append(path: Path, data: str | bytes) -> None:
    with path.open("ab") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def stream(watched: watch.Watch, name: str) -> follow.Stream:
    watched.poll(NOW)
    return watched.streams[name]


def stamped(second: int, rest: str) -> str:
    return f"2026-11-20T20:{second // 60:02}:{second % 60:02}Z {rest}\n"


def test_newest_first_then_back_to_the_beginning(tmp_path: Path, watched: watch.Watch) -> None:
    append(tmp_path / "a.log", "".join(f"line {n}\n" for n in range(10)))
    one = stream(watched, "a")
    first = ask([one], limit=4)
    assert texts(first) == ["line 9", "line 8", "line 7", "line 6"]
    assert (first.scanned, first.total, first.complete) == (28, 70, True)
    second = ask([one], limit=4, after=first)
    assert texts(second) == ["line 5", "line 4", "line 3", "line 2"]
    third = ask([one], limit=4, after=second)
    assert texts(third) == ["line 1", "line 0"]
    assert third.cursor is None
    assert third.complete
    assert third.scanned == third.total == 70


def test_the_cursor_of_any_page_leads_on_to_new_lines(tmp_path: Path, watched: watch.Watch) -> None:
    path = tmp_path / "a.log"
    append(path, "one\ntwo\n")
    one = stream(watched, "a")
    first = ask([one], limit=1)
    assert texts(ask([one], after=first, waits=True)) == []
    append(path, "three\nfour\nunfinished")
    one.poll(NOW)
    newer = ask([one], after=first, waits=True)
    assert texts(newer) == ["four", "three"]
    assert texts(ask([one], after=newer)) == ["one"]
    assert texts(ask([one], after=newer, waits=True)) == []


def test_a_reader_that_is_too_slow_for_a_flood_sees_the_newest_and_is_told(
    tmp_path: Path, watched: watch.Watch
) -> None:
    path = tmp_path / "a.log"
    append(path, "begin\n")
    one = stream(watched, "a")
    first = ask([one])
    append(path, "".join(f"line {n}\n" for n in range(20_000)))
    one.poll(NOW)
    newer = ask([one], after=first, limit=10, waits=True)
    assert texts(newer)[0] == "line 19999"
    assert texts(newer)[-1] == "── 19,991 lines passed over ──"
    assert len(newer.rows()) == 10
    assert not newer.complete
    assert len({row["id"] for row in newer.rows()}) == 10
    assert one.tally.lines == 20_000


def test_lines_folded_later_come_again_under_the_same_id(
    tmp_path: Path, watched: watch.Watch
) -> None:
    path = tmp_path / "a.log"
    append(path, "ERROR boom\n")
    one = stream(watched, "a")
    first = ask([one])
    append(path, "    at x\n    at y\n")
    one.poll(NOW)
    newer = ask([one], after=first, waits=True)
    assert [row["id"] for row in newer.rows()] == [row["id"] for row in first.rows()]
    assert [row["folded"] for row in newer.rows()] == [2]
    assert texts(ask([one], after=newer, waits=True)) == []


def test_rotation_is_marked_in_both_directions(tmp_path: Path, watched: watch.Watch) -> None:
    path = tmp_path / "a.log"
    append(path, "old\n")
    one = stream(watched, "a")
    first = ask([one])
    path.rename(tmp_path / "a.log.1")
    append(path, "new\n")
    one.poll(NOW)
    assert texts(ask([one], after=first, waits=True)) == ["new", "── rotated ──"]
    assert texts(ask([one], after=first, waits=True, order="oldest")) == ["── rotated ──", "new"]
    assert texts(ask([one])) == ["new", "── rotated ──", "old"]
    assert texts(ask([one], "old|new")) == ["new", "old"]
    assert one.state(NOW) == follow.ROTATED
    assert one.state(NOW + 60) == follow.FOLLOWING


def test_truncation_is_marked_and_what_is_gone_is_gone(
    tmp_path: Path, watched: watch.Watch
) -> None:
    path = tmp_path / "a.log"
    append(path, "".join(f"old {n}\n" for n in range(100)))
    one = stream(watched, "a")
    first = ask([one], limit=5)
    os.truncate(path, 0)
    append(path, "new\n")
    assert page.read(page.Ask([one], query.Wanted()), NOW) is None  # noticed before it is shown
    one.poll(NOW)
    assert texts(ask([one], after=first, waits=True)) == ["new", "── truncated ──"]
    older = ask([one], after=first)
    assert texts(older) == []
    assert older.cursor is None


def test_lines_before_a_restart_are_read_from_the_rotated_file(
    tmp_path: Path, watched: watch.Watch
) -> None:
    path = tmp_path / "a.log"
    append(path, "old\n")
    first = ask([stream(watched, "a")])
    path.rename(tmp_path / "a.log.1")
    append(path, "new\n")
    again = watch.Watch(folder=str(tmp_path))
    one = stream(again, "a")
    assert texts(ask([one])) == ["new", "── rotated ──", "old"]
    assert texts(ask([one], after=first, waits=True)) == ["new", "── rotated ──"]
    again.close()


def test_streams_are_merged_by_time(tmp_path: Path, watched: watch.Watch) -> None:
    append(tmp_path / "a.log", "".join(stamped(n, f"INFO a{n}") for n in range(0, 60, 2)))
    append(tmp_path / "b.log", "".join(stamped(n, f"INFO b{n}") for n in range(1, 60, 2)))
    append(tmp_path / "c.log", stamped(10, "INFO c") + "without a time\n" + stamped(59, "INFO c"))
    watched.poll(NOW)
    streams = watched.chosen("*")
    backwards: list[str] = []
    answer = None
    while answer is None or answer.cursor is not None:
        answer = ask(streams, limit=7, after=answer)
        backwards += [row.split()[-1] for row in texts(answer)]
    forwards: list[str] = []
    answer = None
    while answer is None or answer.cursor is not None:
        answer = ask(streams, limit=7, after=answer, order="oldest")
        forwards += [row.split()[-1] for row in texts(answer)]
    assert sorted(forwards) == sorted(backwards)
    assert len(forwards) == 63
    only = [name for name in forwards if name[0] in "ab" and name[1:].isdigit()]
    assert only == [f"{'ab'[n % 2]}{n}" for n in range(60)]
    assert [name for name in backwards if name in only] == only[::-1]
    at = forwards.index("time")
    assert forwards[at - 1] == "c"  # it follows the line before it, whose time it inherits
    assert forwards[at + 1] == "b11"


def test_a_stream_that_appears_is_followed_from_its_beginning(
    tmp_path: Path, watched: watch.Watch
) -> None:
    append(tmp_path / "a.log", "one\n")
    watched.poll(NOW)
    first = ask(watched.chosen("*"))
    append(tmp_path / "b.log", "two\nthree\n")
    watched.poll(NOW + watch.LOOK_S)
    newer = ask(watched.chosen("*"), after=first, waits=True)
    assert texts(newer) == ["three", "two"]
    assert watched.streams["b"].tally.lines == 2


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("NEEDLE", ["two needle", "one Needle 42"]),
        (r"needle \d+", ["one Needle 42"]),
        ("!needle", ["hay"]),
        ("needle|hay", ["two needle", "hay", "one Needle 42"]),
        ("^two", ["two needle"]),
        ("folded", ["two needle"]),
        ("nothing of it", []),
    ],
)
def test_filter(tmp_path: Path, watched: watch.Watch, pattern: str, found: list[str]) -> None:
    append(tmp_path / "a.log", "one Needle 42\nhay\ntwo needle\n   with something folded\n")
    answer = ask([stream(watched, "a")], pattern)
    assert texts(answer) == found
    assert answer.complete


@pytest.mark.parametrize(
    ("level", "found"),
    [
        ("error", ["e"]),
        ("warn", ["e", "w"]),
        ("info", ["e", "w", "i"]),
        ("debug", ["e", "w", "i", "d"]),
        ("", ["e", "w", "i", "d", "no-level"]),
        ("none", ["e", "w", "i", "d", "no-level"]),
    ],
)
def test_least_level(tmp_path: Path, watched: watch.Watch, level: str, found: list[str]) -> None:
    append(tmp_path / "a.log", "no-level\nDEBUG d\nINFO i\nWARN w\nERROR e\n")
    answer = ask([stream(watched, "a")], level=level)
    assert [row.split()[-1] for row in texts(answer)] == found


def test_a_search_that_runs_out_of_time_says_how_far_it_looked_and_goes_on(
    tmp_path: Path, watched: watch.Watch
) -> None:
    filler = "".join(f"line {n} {'x' * 100}\n" for n in range(10_000))
    append(tmp_path / "a.log", "needle\n" + filler)
    one = stream(watched, "a")
    answer = ask([one], "needle", budget_s=0.0)
    assert texts(answer) == []
    assert not answer.complete
    assert answer.scanned < answer.total
    looked = [answer.scanned]
    while not answer.items:
        answer = ask([one], "needle", after=answer, budget_s=0.0005)
        looked.append(answer.scanned)
    assert texts(answer) == ["needle"]
    assert looked == sorted(looked)
    assert answer.scanned == answer.total


def test_a_very_long_line_is_cut_and_passed(tmp_path: Path, watched: watch.Watch) -> None:
    path = tmp_path / "a.log"
    append(path, b"before\n" + b"x" * (10 << 20) + b"\nafter\n")
    one = stream(watched, "a")
    answer = ask([one])
    assert [row["text"][-24:] for row in answer.rows()] == [
        "after",
        "xx ‹cut: 10,485,760 bytes›"[-24:],
        "before",
    ]
    assert len(answer.rows()[1]["text"]) < text.CUT_BYTES + 100
    assert texts(ask([one], order="oldest"))[::2] == ["before", "after"]


def test_a_truncated_sparse_file_shows_its_filler_in_short(
    tmp_path: Path, watched: watch.Watch
) -> None:
    path = tmp_path / "a.log"
    with path.open("wb") as file:
        file.seek(5000)
        file.write(b"written behind a hole\n")
    assert texts(ask([stream(watched, "a")])) == ["‹5,000 NUL bytes›written behind a hole"]


def test_an_unfinished_last_line_is_shown_when_it_has_settled(
    tmp_path: Path, watched: watch.Watch
) -> None:
    path = tmp_path / "a.log"
    append(path, "whole\n")
    one = stream(watched, "a")
    append(path, "Segmentation fault")
    one.poll(NOW)
    assert texts(ask([one])) == ["whole"]
    later = page.read(page.Ask([one], query.Wanted()), NOW + 2)
    assert later is not None
    assert texts(later) == ["Segmentation fault", "whole"]


@pytest.mark.parametrize("bad", ["", "x", "eAGrVkpUsoqOVg", "é", "AAAA"])
def test_a_foreign_cursor_is_refused_with_a_sentence(bad: str) -> None:
    with pytest.raises(errors.Unsupported, match="not one of a page of log lines"):
        cursor.decode(bad)


def test_line_numbers(tmp_path: Path, watched: watch.Watch) -> None:
    lines = [f"line {n} {'x' * (n % 300)}\n" for n in range(20_000)]
    append(tmp_path / "a.log", "".join(lines))
    one = stream(watched, "a")
    assert one.current is not None
    numbers = index.Index(one.current)
    assert numbers.number(3 * index.STEP_BYTES // 2) is None
    while not numbers.build(0.0001):
        pass
    assert numbers.lines() == 20_000
    offset = 0
    for number, line in enumerate(lines, start=1):
        if number % 997 == 0:
            assert numbers.number(offset) == number
        offset += len(line)


def test_entries_do_not_depend_on_where_a_page_begins(tmp_path: Path, watched: watch.Watch) -> None:
    trace = 'ERROR boom {n}\nTraceback (most recent call last):\n  File "x"\nKeyError: {n}\n'
    append(tmp_path / "a.log", "".join(trace.format(n=n) for n in range(6_000)))
    one = stream(watched, "a")
    assert one.current is not None
    assert one.current.read > 2 * blocks.BLOCK_BYTES
    ids: list[str] = []
    answer = None
    while answer is None or answer.cursor is not None:
        answer = ask([one], limit=299, after=answer)
        ids += [row["id"] for row in answer.rows()]
    forwards: list[str] = []
    answer = None
    while answer is None or answer.cursor is not None:
        answer = ask([one], limit=300, after=answer, order="oldest")
        forwards += [row["id"] for row in answer.rows()]
    assert ids[::-1] == forwards
    assert len(ids) - 6_000 <= 2 * one.current.read // blocks.BLOCK_BYTES


def test_a_page_is_bounded_in_bytes(tmp_path: Path, watched: watch.Watch) -> None:
    append(tmp_path / "a.log", ("x" * (2 * text.CUT_BYTES) + "\n") * 300)
    answer = ask([stream(watched, "a")], limit=300)
    assert len(answer.items) == page.PAGE_BYTES // text.CUT_BYTES
    assert answer.complete
    assert len(ask([stream(watched, "a")], limit=300, after=answer).items) == len(answer.items)


def test_a_flood_is_counted_and_its_errors_are_estimated(
    tmp_path: Path, watched: watch.Watch
) -> None:
    path = tmp_path / "a.log"
    path.touch()
    one = stream(watched, "a")
    part = "INFO fine and long enough to fill a file soon\n" * 9 + "ERROR boom\n"
    append(path, part * 100)
    one.poll(NOW)
    assert (one.tally.lines, one.tally.errors) == (1_000, 100)
    append(path, part * 20_000)
    one.poll(NOW)
    assert one.current is not None
    assert one.current.read > 2 * follow.LOOKED_AT_BYTES
    assert one.tally.lines == 201_000
    assert one.tally.errors == pytest.approx(20_100, rel=0.01)
