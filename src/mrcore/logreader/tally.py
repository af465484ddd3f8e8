"""What a stream counts while it is followed: lines, errors, and the last ones worth a look."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from mrcore.logreader import fold, level, stamp, text

NOTABLE = 5
NOTABLE_CHARS = 400


class Notable(NamedTuple):
    """A warning or an error: `id` leads to its line."""

    id: str
    at: float | None
    level: str
    text: str


Patterns = Mapping[str, Callable[[bytes], int]]
"""By name, what counts the lines that fit."""


class Tally:
    """Counts since the stream was first followed; `errors` and `warnings` are entries.

    `matches` are numbers of lines by the name of a pattern that they fit.
    """

    def __init__(self, patterns: Patterns | None = None) -> None:
        self.lines = 0
        self.errors = self.warnings = 0.0
        self._bad = (0.0, 0.0)  # the shares of these in the lines that were looked at last
        self._patterns = patterns or {}
        self.matches = dict.fromkeys(self._patterns, 0.0)
        self._shares = dict(self.matches)
        self.notable: deque[Notable] = deque(maxlen=NOTABLE)
        self._folder = fold.Folder()

    def begin_anew(self) -> None:
        """The next bytes are those of another file."""
        self._folder = fold.Folder()

    def add(self, data: bytes, offset: int, identity: str, *, hurry: bool) -> None:
        """Count whole lines that lie at `offset` of the generation `identity`.

        In a hurry, because much more is waiting, what they hold is estimated from those before.
        """
        lines = data.count(b"\n")
        self.lines += lines
        if hurry:
            self.errors += lines * self._bad[0]
            self.warnings += lines * self._bad[1]
            for name, share in self._shares.items():
                self.matches[name] += lines * share
            return
        errors, warnings = self.look(data, offset, identity)
        self.errors += errors
        self.warnings += warnings
        self._bad = (errors / lines, warnings / lines)
        for name, count in self._patterns.items():
            found = count(data)
            self.matches[name] += found
            self._shares[name] = found / lines

    def look(self, data: bytes, offset: int, identity: str) -> tuple[int, int]:
        """Keep what is notable in these whole lines; how many are errors, how many warnings.

        Only lines that may be bad are classified, so that a flood costs little.
        """
        suspects = suspicious(data)
        position = errors = warnings = 0
        for line in data.split(b"\n")[:-1]:
            if self._folder.begins(line) and position in suspects:
                found, _ = level.of(line)
                errors += found == level.ERROR
                warnings += found == level.WARN
                if found in (level.ERROR, level.WARN):
                    shown = text.line(line[: text.CUT_BYTES])[:NOTABLE_CHARS]
                    ref = f"{identity}.{offset + position}"
                    self.notable.append(Notable(ref, stamp.of(line), found, shown))
            position += len(line) + 1
        return errors, warnings


def suspicious(data: bytes) -> set[int]:
    """Where the lines begin that may be warnings or errors."""
    lowered = data.lower()
    found: set[int] = set()
    for needle in level.SUSPECTS:
        position = lowered.find(needle)
        while position >= 0:
            found.add(lowered.rfind(b"\n", 0, position) + 1)
            following = lowered.find(b"\n", position)
            position = lowered.find(needle, following) if following >= 0 else -1
    return found
