"""The one filter of texts: what it finds, what it refuses, and that nothing wedges it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcore import errors, match

HOSTILE = [r"(.*.*.*.*.*)*\x00", "a{99999999999999999999}", "(a+)+$", "(x+x+)+y", "(.*){400}y"]


@pytest.mark.parametrize(
    ("text", "words", "found"),
    [
        ("USER:[12]", "a user:2", True),
        ("!user", "a user", False),
        ("!user", "cart", True),
        ("", "x", True),
        ("!", "x", True),
        ("ÜBER", "der über", True),
        ("ÜBER", "der über".encode(), True),
        ("x", b"\xff\xfex", True),
        ("d800", "\ud800", True),
        (r"\btwo\b", "one two", True),
    ],
)
def test_what_is_found(text: str, words: str | bytes, found: bool) -> None:
    assert match.of(text)(words) is found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("(", r"'\(' is not a regular expression: missing \)"),
        ("!*", "no argument for repetition"),
        ("(?=x)", "Look-around and back-references are not supported"),
        ("(?<!x)y", "Look-around and back-references are not supported"),
        (r"(a)\1", "Look-around and back-references are not supported"),
        ("(?P<n>a)(?P=n)", "Look-around and back-references are not supported"),
        ("\ud800", "lone surrogate"),
        ("a" * 1001, "1,001 characters; 1,000 are allowed"),
        ("(.*){1000}", "take too long"),
        (r"\pL{1000}", "pattern too large"),
    ],
)
def test_what_is_refused(text: str, why: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(errors.BadRequest, match=why):
        match.of(text)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("pattern", HOSTILE)
def test_no_expression_runs_away(pattern: str) -> None:
    assert not match.of(pattern)(b"ax" * 8192 + b"!")


@given(st.text(max_size=20), st.text(max_size=40))
def test_any_text_is_a_filter_or_refused(text: str, words: str) -> None:
    try:
        matches = match.of(text)
    except errors.BadRequest:
        return
    assert matches(words) is matches(words.encode("utf-8", "backslashreplace"))
    if text and not text.startswith("!"):
        assert match.of("!" + text)(words) is not matches(words)
