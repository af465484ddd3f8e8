"""The grammar of what a terminal may receive can fail: it takes no sequence of others."""

from __future__ import annotations

import pytest

from mrtui.terminal import safe_text
from tests.e2e import grammar, hostile, strict, terminal

OURS = ("\u2800", "\x1bM", "\x1b[?2026h")
"""Blank braille is of the charts; the others draw nothing by themselves."""


@pytest.mark.parametrize("raw", [s for s in hostile.SEQUENCES + hostile.HIDDEN if s not in OURS])
def test_the_grammar_takes_no_sequence_of_others(raw: str) -> None:
    drawing = grammar.Grammar(grammar.SEQUENCES)
    drawing.drawing = True
    drawing.feed(b"before", last=True)
    with pytest.raises(grammar.Foreign):
        drawing.feed(f"{raw}after".encode(), last=True)
    with pytest.raises(grammar.Foreign):
        grammar.Grammar(grammar.LINES).feed(f"before{raw}after\n".encode(), last=True)


@pytest.mark.parametrize(
    "raw",
    [b"\x1b]52;c;!\x07", b"\x1b]52;c;G1s=\x07", b"\x1b]2;mr\x07", b"\x1b]2;mr \xe2\x80\xae\x1b\\",
     b"\x1b[5m", b"\x1b[31;8m", b"\xff", b"\xc2\x9b", b"e" + b"\xcc\x81" * 5, b"\x1b[2J", b"\t",
     b"\x1b]8;;x\x1b\\"],
)  # fmt: skip
def test_the_grammar_looks_into_what_it_takes(raw: bytes) -> None:
    copying = grammar.Grammar(grammar.SEQUENCES)
    copying.copies = True
    copying.feed(b"\x1b]52;c;eA==\x07\x1b]2;mr x\x1b\\\x1b[1;38;5;16mx", last=True)
    with pytest.raises(grammar.Foreign):
        copying.feed(raw + b"x", last=True)


def test_a_raw_string_on_the_way_to_the_terminal_is_found() -> None:
    """Without safe_text nearly every hostile string is found, so that passing means something."""
    every = [*hostile.SEQUENCES, *hostile.strings(3, 500)]
    found = sum(_is_foreign(one) for one in every)
    safe = sum(_is_foreign(safe_text.safe_text(one)) for one in every)
    assert found > len(every) // 2
    assert safe == 0


def _is_foreign(said: str) -> bool:
    drawing = grammar.Grammar(grammar.SEQUENCES)
    drawing.drawing = True
    try:
        drawing.feed(f"a{said}b".encode(), last=True)
    except grammar.Foreign:
        return True
    return False


def test_a_program_that_prints_them_raw_is_found() -> None:
    with terminal.run(["printf", r"ok\n\033]52;c;YQ==\007"], kind=strict.Strict) as screen:
        screen.wait()
        with pytest.raises(grammar.Foreign):
            screen.until(lambda text: False, timeout_s=5)


def test_only_a_line_of_progress_is_written_over() -> None:
    told = b"\roperation 3: 1 of 9\r" + b" " * 78 + b"\rdone\r\n"
    grammar.Grammar(grammar.LINES).feed(told, last=True)
    with pytest.raises(grammar.Foreign):
        grammar.Grammar(grammar.LINES).feed(b"bad\rok\r\n", last=True)


def test_a_bell_waits_for_the_notice_of_what_it_is_for() -> None:
    """Wherever what is read is cut in two."""
    told = b"\x1b]22;pointer\x07\x07\x1b]9;mr x: bad\x1b\\\x1b]22;text\x07"
    for at in range(len(told) + 1):
        ours = grammar.Grammar(grammar.SEQUENCES)
        tokens = [*ours.feed(told[:at]), *ours.feed(told[at:], last=True)]
        assert [token.name for token in tokens] == ["pointer", "bell", "notice", "pointer"]
    with pytest.raises(grammar.Foreign):
        grammar.Grammar(grammar.SEQUENCES).feed(b"\x07\x1b[m", last=True)
