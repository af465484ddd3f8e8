"""What a page asks for: a regular expression and a least level, with a cheap test in front."""

from __future__ import annotations

import re
from collections.abc import Callable

from mrcore import errors, redact
from mrcore.logreader import level, text

_SEARCHED_BYTES = 64 * 1024
_BEYOND = re.compile(r"\(\?|\\[0-9xpPQC]|\[:")
_META = frozenset("\\^$.|?*+()[]{}")


class Wanted:
    """A compiled query. `needles`: lower-case bytes of which a matching entry has at least one.

    Empty needles mean that nothing can be ruled out. Raises BadRequest for a pattern that is no
    filter, Unsupported for an unknown level.
    """

    def __init__(self, pattern: str = "", least: str = "") -> None:
        self.inverse = pattern.startswith("!")
        body = pattern[1:] if self.inverse else pattern
        self.found = _compiled(body) if body else None
        if least and least not in level.RANK:
            raise errors.Unsupported(
                f"{least!r} is not a level.", fix=f"Levels are {', '.join(level.RANK)}."
            )
        self.rank = level.RANK[least] if least else 0
        self.needles = self._needles(body)

    @property
    def everything(self) -> bool:
        """Whether nothing is filtered."""
        return self.found is None and not self.rank

    def _needles(self, body: str) -> tuple[bytes, ...]:
        found = () if not body or self.inverse else _sought(body)
        if found:
            return tuple(part.encode() for part in found)
        return level.SUSPECTS if self.rank >= level.RANK[level.WARN] else ()

    def may_match(self, lowered: bytes) -> bool:
        """Whether these lower-case bytes can hold a match at all."""
        return not self.needles or any(needle in lowered for needle in self.needles)

    def matches(self, raw: bytes, rank: int) -> bool:
        """Whether an entry of this level's rank is wanted: its redacted text is searched."""
        if rank < self.rank:
            return False
        if self.found is None:
            return True
        body = redact.text(text.decode(raw[:_SEARCHED_BYTES]))
        return self.found(body) != self.inverse


def _compiled(body: str) -> Callable[[str], bool]:
    from mrcore import match  # RE2 takes 15 ms to load, which a reader that only follows need not

    return match.of(body)


def _sought(body: str) -> tuple[str, ...]:
    """What the raw bytes hold where the redacted text holds `body`; empty when none is sure."""
    if redact.sought(body):
        local, at, _ = body.partition("@")
        plain = local.strip().lower()
        return (plain,) if at and plain.isascii() and plain.isalnum() else ()
    return () if redact.mentions_tag(body) else required(body)


def required(pattern: str) -> tuple[str, ...]:
    """Lower-case literals of which every match of `pattern` has one; empty when none is sure.

    Careful rather than complete: groups, classes and escapes end a literal; an alternative without
    a literal gives up, and so do escapes that swallow what follows them.
    """
    if not pattern.isascii() or _BEYOND.search(pattern):
        return ()
    best: list[str] = []
    for branch in _branches(pattern):
        longest = max(_runs(branch), key=len, default="")
        if len(longest) < 2:
            return ()
        best.append(longest.lower())
    return tuple(best)


def _branches(pattern: str) -> list[str]:
    """Alternatives at the top level."""
    parts, depth, start, position = [], 0, 0, 0
    while position < len(pattern):
        char = pattern[position]
        if char == "\\":
            position += 1
        elif char == "[":
            position = _class_end(pattern, position)
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "|" and depth == 0:
            parts.append(pattern[start:position])
            start = position + 1
        position += 1
    return [*parts, pattern[start:]]


def _runs(branch: str) -> list[str]:
    """Literal runs outside groups and classes, without what a quantifier makes optional."""
    runs, depth, position = [""], 0, 0
    while position < len(branch):
        char = branch[position]
        if char == "[":
            position = _class_end(branch, position)
            runs.append("")
        elif char in "()":
            depth += 1 if char == "(" else -1
            runs.append("")
        elif char in "*?{":
            runs[-1] = runs[-1][:-1]
            runs.append("")
            position = branch.find("}", position) if char == "{" else position
        elif char == "\\" and position + 1 < len(branch):
            position += 1
            _escaped(runs, branch[position], depth)
        elif char in _META:
            runs.append("")
        elif depth == 0:
            runs[-1] += char
        position = len(branch) if position < 0 else position + 1
    return runs


def _escaped(runs: list[str], char: str, depth: int) -> None:
    if char.isalnum() or depth:
        runs.append("")
    else:
        runs[-1] += char


def _class_end(pattern: str, start: int) -> int:
    """Position of the `]` that closes the class at `start`."""
    position = start + 1
    if pattern[position : position + 1] == "^":
        position += 1
    position += 1  # a ] in first place is a member
    while position < len(pattern) and pattern[position] != "]":
        position += 2 if pattern[position] == "\\" else 1
    return position
