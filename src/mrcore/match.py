"""The one filter of texts: a case-insensitive RE2 expression, whose time is linear in the text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import re2

from mrcore import errors, redact

PATTERN_MAX = 1_000
"""Characters of an expression."""

PROGRAM_MAX = 5_000
"""Instructions of an expression: each of them may cost some 10 ns a byte where it fits badly."""

_MEMORY_BYTES = 8 << 20
_SHOWN = 80
_ELSEWHERE = ("invalid perl operator: (?", "invalid escape sequence: \\")

Matches = Callable[[str | bytes], bool]


def of(text: str) -> Matches:
    """A test for texts (bytes: UTF-8): whether `text` is found in them; `!` in front inverts it.

    Texts are redacted before they are searched, so that nobody can try out what is hidden in them;
    who types a whole e-mail address, telephone number or card looks for its tag. Nothing, and `!`
    alone, fit everything. Raises BadRequest with what is wrong with `text`.
    """
    inverse, pattern = text.startswith("!"), text.removeprefix("!")
    if not pattern:
        return lambda words: True
    if tag := redact.sought(pattern):
        pattern = f"{re2.escape(tag)}|{re2.escape(pattern)}"
    search: Callable[[bytes], object] = _compiled(pattern).search

    def matches(words: str | bytes) -> bool:
        # A file's name or a broken text may hold a lone surrogate, which RE2 cannot be given.
        data = words.encode("utf-8", "backslashreplace") if isinstance(words, str) else words
        return (search(data) is not None) != inverse

    return matches


def lines(pattern: str) -> Callable[[bytes], int]:
    """Counts the lines that a pattern of the settings fits, among whole lines.

    One pass over all of them, not one a line; what is hidden is looked at too, because it is not
    shown: only a number leaves. Raises BadRequest with what is wrong with `pattern`.
    """
    search: Callable[[bytes, int], Any] = _compiled(pattern).search

    def count(data: bytes) -> int:
        found = position = 0
        while (fit := search(data, position)) is not None:
            found += 1
            position = data.find(b"\n", fit.start()) + 1
            if not position:
                break
        return found

    return count


def _compiled(pattern: str) -> Any:
    if len(pattern) > PATTERN_MAX:
        raise errors.BadRequest(
            f"The filter has {len(pattern):,} characters; {PATTERN_MAX:,} are allowed."
        )
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = _MEMORY_BYTES
    options.never_capture = True
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        raise _refusal(pattern, error.args[0].decode("utf-8", "replace")) from None
    except UnicodeEncodeError:
        raise _refusal(pattern, "a lone surrogate is no text") from None
    if compiled.programsize > PROGRAM_MAX:
        raise errors.BadRequest(
            f"The filter {pattern[:_SHOWN]!r} would take too long.", fix="Repeat less in it."
        )
    return compiled


def _refusal(pattern: str, why: str) -> errors.BadRequest:
    fix = ""
    if why.startswith(_ELSEWHERE):
        fix = "Look-around and back-references are not supported."
    return errors.BadRequest(
        f"The filter {pattern[:_SHOWN]!r} is not a regular expression: {why}.", fix=fix
    )
