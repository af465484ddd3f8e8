"""What a person filters and searches by: RE2 expressions, whose time is linear in the text.

The same words as the core's filter, which the screen does not import. RE2 is loaded when it is
first wanted, not before the first frame.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mrcore import errors

PATTERN_MAX = 1_000
"""Characters of an expression."""

PROGRAM_MAX = 5_000
"""Instructions of an expression: each of them may cost some 10 ns a byte where it fits badly."""

_MEMORY_BYTES = 8 << 20
_SHOWN = 80
_ELSEWHERE = ("invalid perl operator: (?", "invalid escape sequence: \\")
_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")


class Match:
    """A case-insensitive expression; `!` in front inverts it. Nothing, and `!` alone, fit all.

    Raises BadRequest with what is wrong with the text.
    """

    def __init__(self, text: str) -> None:
        self._inverse = text.startswith("!")
        pattern = text.removeprefix("!")
        self._compiled: Any = _compiled(pattern) if pattern else None

    def fits(self, text: str) -> bool:
        """Whether a text is found, or, inverted, is not."""
        if self._compiled is None:
            return True
        return (self._compiled.search(_encodable(text)) is not None) is not self._inverse

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where in a text it is found, for highlighting; nowhere when it is inverted."""
        if self._compiled is None or self._inverse or not text.isprintable():
            return
        for hit in self._compiled.finditer(text):
            if hit.end() > hit.start():
                yield hit.start(), hit.end()


def wrong(text: str) -> str:
    """What is wrong with an expression, as a sentence; empty when it is good."""
    try:
        Match(text)
    except errors.BadRequest as error:
        return str(error)
    return ""


def literal(text: str) -> str:
    """An expression that finds a text as it is."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def _encodable(text: str) -> bytes:
    # A file's name or a broken text may hold a lone surrogate, which RE2 cannot be given.
    return text.encode("utf-8", "backslashreplace")


def _compiled(pattern: str) -> Any:
    import re2  # 20 ms, only where somebody filters

    if len(pattern) > PATTERN_MAX:
        raise errors.BadRequest(
            f"The filter has {len(pattern):,} characters; {PATTERN_MAX:,} are allowed."
        )
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = _MEMORY_BYTES
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
