"""Nothing foreign reaches the terminal as anything but visible text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrtui.terminal import safe_text

HARD = (
    "a b\t\n\x00\x1b[31m\x7f\x9b\u200b\u202e\u2066\ufeff"
    "\ud800\u0301\u0338e\u0301\U000e0041中🚀\ufe0f"
)
anything = st.one_of(
    st.text(), st.text(HARD), st.binary(), st.text(st.characters(categories=["C"]))
)


@given(anything)
def test_the_result_is_one_printable_line(text: str | bytes) -> None:
    shown = safe_text.safe_text(text)
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    shown.encode("utf-8")


@given(anything)
def test_a_second_pass_changes_nothing(text: str | bytes) -> None:
    once = safe_text.safe_text(text)
    assert safe_text.safe_text(once) == once


@given(anything, st.integers(0, 20))
def test_it_is_never_longer_than_its_limit(text: str | bytes, limit: int) -> None:
    once = safe_text.safe_text(text, limit=limit)
    assert len(once) <= limit
    assert safe_text.safe_text(once, limit=limit) == once


@given(
    st.text(
        st.characters(categories=["L", "N", "P"], exclude_characters="\u115f\u1160\u3164\uffa0")
    )
)
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert safe_text.safe_text(text) == text


@given(st.text(st.characters(categories=["Cc"], exclude_characters="\t"), min_size=1))
def test_every_control_character_stays_visible(text: str) -> None:
    shown = safe_text.safe_text(text, limit=10_000)
    assert len(shown) >= len(text)
    assert not shown.isspace()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "␛[31mred"),
        ("a\x00b", "a␀b"),
        ("one\ntwo\r", "one␊two␍"),
        ("\x7f", "␡"),
        ("\x9b2J", "‹U+009B›2J"),
        ("abc\u202edcba", "abc‹U+202E›dcba"),
        ("pay\u200bpal", "pay‹U+200B›pal"),
        ("\ufeffx", "‹U+FEFF›x"),
        ("\ud800", "‹U+D800›"),
        ("tab\there", "tab    here"),
        ("wide\u3000and\u00a0fixed", "wide and fixed"),
        ("line\u2028end", "line‹U+2028›end"),
        ("e\u0301", "e\u0301"),
        ("\u0301x", "‹U+0301›x"),
        ("a" + "\u0300" * 6, "a" + "\u0300" * 4 + "‹U+0300›" * 2),
        ("⚠\ufe0f now", "⚠ now"),
        ("a\ufe0f", "a‹U+FE0F›"),
        ("\u3164", "‹U+3164›"),
        ("[bold]not markup[/bold]", "[bold]not markup[/bold]"),
        (b"\xff\x1bok", "\\xff␛ok"),
        ("é".encode(), "é"),
    ],
)
def test_what_becomes_of(text: str | bytes, shown: str) -> None:
    assert safe_text.safe_text(text) == shown


def test_a_long_text_says_that_it_was_cut() -> None:
    assert safe_text.safe_text("x" * 50, limit=10) == "x" * 9 + "…"
    assert safe_text.safe_text(b"\xe4\xb8\xad" * 50, limit=3) == "中中…"
    assert safe_text.safe_text("\x1b" * 5, limit=5) == "␛" * 5


def test_a_block_keeps_its_lines() -> None:
    assert safe_text.safe_block("one\n\x1btwo") == "one\n␛two"
    assert safe_text.safe_block(b"one\r\ntwo\xff") == "one\ntwo\\xff"
