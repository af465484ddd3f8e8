"""Traces: the error first, our frames, how it came to be; nothing of it is lost."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcore.model import wire
from mrtui import prose, traces
from mrtui.widgets import cells, fitting
from tests.tui import simulated


def text(lines: list[traces.Line]) -> list[str]:
    """Lines without their styles."""
    return ["".join(cell.text for cell in line) for line in lines]


def folded(work: Callable[[], object]) -> list[str]:
    """What work raises, folded."""
    try:
        work()
    except Exception:
        return text(traces.folded(traceback.format_exc()))
    raise AssertionError("it raised nothing")


def parse() -> None:
    json.loads("{")


def wrapped() -> None:
    try:
        parse()
    except ValueError as error:
        raise RuntimeError("the settings\ndo not parse") from error


def handled() -> None:
    try:
        wrapped()
    except RuntimeError:
        raise KeyError("gone")  # noqa: B904 - the chain that this makes is what is tested


def grouped() -> None:
    failed: list[Exception] = []
    for work in (parse, wrapped):
        try:
            work()
        except Exception as error:
            failed.append(error)
    raise ExceptionGroup("two of two", [ExceptionGroup("inner", failed[:1]), failed[1]])


def after_a_group() -> None:
    try:
        grouped()
    except ExceptionGroup as error:
        raise OSError("gave up") from error


def test_the_error_comes_first_then_our_frames_the_innermost_first_then_a_count() -> None:
    lines = text(traces.folded(simulated.TRACE))
    assert lines == [
        "smtplib.SMTPAuthenticationError: (535, b'5.7.8 Username and Password not accepted')",
        "  mail.py:88 send",
        "      smtp.login(user, password)",
        "  jobs.py:41 send_email",
        "      mail.send(message)",
        "  (+1 library frame)",
    ]


def test_the_marks_below_a_source_line_are_left_out() -> None:
    assert not [line for line in folded(parse) if "^^" in line]


def test_where_every_frame_is_of_a_library_the_innermost_is_shown() -> None:
    trace = simulated.TRACE.replace("/app/", "/usr/lib/python3.11/site-packages/")
    assert text(traces.folded(trace))[1:] == [
        "  smtplib.py:750 login",
        "      raise last_exception",
        "  (+2 library frames)",
    ]


def test_a_chain_leads_from_the_last_error_to_its_cause() -> None:
    lines = folded(handled)
    said = [line for line in lines if not line.startswith(" ")]
    assert said[:5] == [
        "KeyError: 'gone'",
        "while handling",
        "RuntimeError: the settings",
        "do not parse",
        "caused by",
    ]
    assert said[5].startswith("json.decoder.JSONDecodeError: Expecting property name")
    assert any(line.endswith(" parse") for line in lines)


@pytest.mark.parametrize("work", [grouped, after_a_group])
def test_a_group_shows_each_of_its_parts_with_its_cause(work: Callable[[], None]) -> None:
    lines = folded(work)
    assert lines[0] == ("OSError: gave up" if work is after_a_group else lines[0])
    at = lines.index("ExceptionGroup: two of two (2 sub-exceptions)")
    rest = [line.strip() for line in lines[at:]]
    order = [rest.index(w) for w in ("part 1", "ExceptionGroup: inner (1 sub-exception)", "part 2")]
    assert order == sorted(order)
    assert rest.count("caused by") == 1
    assert sum(line.startswith("json.decoder.JSONDecodeError") for line in rest) == 2
    assert not [line for line in lines if line.lstrip().startswith(("|", "+-"))]


@pytest.mark.parametrize("other", ["", "it failed", "Error: x\n    at f (/app/a.js:1:2)", "\n\n"])
def test_what_is_no_trace_of_python_stays_as_it_was(other: str) -> None:
    assert traces.folded(other) == []
    part = wire.Section(id="attempt/1", title="attempt 1", form="trace", text=other)
    assert text(prose.folded(part, datetime.now(UTC))) == other.splitlines()


@given(st.text(alphabet='ab|+- ^~\n:."', max_size=200), st.sampled_from(["", simulated.TRACE]))
def test_no_text_is_too_strange_and_no_error_is_lost(text_: str, trace: str) -> None:
    lines = text(traces.folded(f"{trace}\n{text_}"))
    if trace:
        assert any("SMTPAuthenticationError" in line for line in lines)


@given(st.text(alphabet="ab 漢", max_size=120), st.integers(8, 40))
def test_wrapping_loses_nothing_but_spaces_and_fits(said: str, width: int) -> None:
    lines = text(prose.wrap([(cells.Cell(said),)], width))
    assert "".join(lines).replace(" ", "") == said.replace(" ", "")
    assert all(fitting.width(line) <= width for line in lines)


def test_lines_are_cut_between_words_and_go_on_below_their_beginning() -> None:
    lines = text(prose.wrap([(cells.Cell("  the account does not exist"),)], 20))
    assert lines == ["  the account does", "    not exist"]
    named = text(prose.wrap([(cells.Cell("says  "), cells.Cell("one two three four"))], 17))
    assert named == ["says  one two", "      three four"]
