"""The screen's filter: the core's words for the same mistakes, linear time, no foreign text."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mrcore import errors
from mrcore import match as core_match
from mrtui import match


@pytest.mark.parametrize("text", ["", "!", "Otp", "!otp", "o.p$", "é", "^send", "(.*.*)*zz$"])
@pytest.mark.parametrize("words", ["sendOtp", "", "É", "a\ud800b", "zz"])
def test_it_fits_what_the_core_s_filter_fits(text: str, words: str) -> None:
    assert match.Match(text).fits(words) == core_match.of(text)(words)


@pytest.mark.parametrize(
    "text", ["(", "x{1001}", "(?=x)", r"\1", "x" * 1_001, "(x{50}){90}", "\ud800"]
)
def test_what_is_wrong_is_said_as_the_core_says_it(text: str) -> None:
    with pytest.raises(errors.BadRequest) as core_s:
        core_match.of(text)
    assert match.wrong(text) == str(core_s.value)


def test_spans_count_characters_and_are_none_when_inverted() -> None:
    assert list(match.Match("é|b+").spans("aÉbbc b")) == [(1, 2), (2, 4), (6, 7)]
    assert list(match.Match("x*").spans("ab")) == []
    assert list(match.Match("!a").spans("a")) == []


@pytest.mark.parametrize("text", ["a.b*c", "mentor:kpi (1)", "[x]{2}|$^", "\\d+?"])
def test_a_literal_finds_the_text_as_it_is(text: str) -> None:
    assert match.Match(match.literal(text)).fits(f"<{text}>")
    assert not match.Match(match.literal(text)).fits("axbyc")


def test_re2_is_not_loaded_before_somebody_filters() -> None:
    code = "import sys\nfrom mrtui import app, match\nprint('re2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
