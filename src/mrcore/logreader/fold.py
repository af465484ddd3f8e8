"""Which lines begin an entry and which go on with the one before: stack traces stay together."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mrcore.logreader import level, stamp

_GOES_ON = re.compile(
    rb"\s|$|at \S|Caused by\b|\.\.\. ?\d+ (?:more|common)|[}\])]+[,;]?\s*$|File \""
)
_BRIDGE = re.compile(rb"The above exception was|During handling of the above")
_MAY_GO_ON = frozenset(b" \t\r\v\faC.}])FTD")
_EXCEPTION = re.compile(rb"[A-Za-z_][\w.]*(?:: |:?\s*$)")
_TIME_BEGINS = frozenset(bytes([byte]) for byte in b"0123456789[({<\x1b")
_TRACEBACK = b"Traceback (most recent call last)"
_POSTGRES = re.compile(rb"\d{4}-\d\d-\d\d [\d:.]+ [A-Z]+ \[(\d+)\] ")
_POSTGRES_MORE = re.compile(
    _POSTGRES.pattern + rb"(?:\S+ ){0,8}?(?:DETAIL|HINT|CONTEXT|STATEMENT|QUERY|LOCATION):  "
)


class Folder:
    """Lines in order, one at a time.

    A line goes on with the entry before when it is blank, indented, `at …`, `Caused by`, a closing
    brace, a Python traceback after a warning or an error, Postgres's DETAIL, HINT, CONTEXT or
    STATEMENT of the same process, or has neither time nor level after a warning or an error that
    has a time: the rest of a message of several lines.
    """

    __slots__ = ("_bad", "_bridged", "_head", "_indented", "_trace")

    def __init__(self) -> None:
        self._head: bytes | None = None
        self._trace = False
        self._indented = False
        self._bridged = False
        self._bad: bool | None = None

    def begins(self, line: bytes) -> bool:
        """Whether `line` begins an entry; the first of all does."""
        if self._head is None or not self._goes_on(line):
            self._head = line[:256]
            self._trace = line.startswith(_TRACEBACK)
            self._indented = self._bridged = False
            self._bad = None
            return True
        self._indented = line[:1] in (b" ", b"\t")
        return False

    def _goes_on(self, line: bytes) -> bool:
        if not line or line[0] in _MAY_GO_ON:
            if _GOES_ON.match(line):
                return True
            if line.startswith(_TRACEBACK):
                return self._joins_trace()
            if _BRIDGE.match(line):
                self._bridged = True
                return True
        if self._trace and self._indented and _EXCEPTION.match(line):
            # The last line of a traceback, `ValueError: …`, is neither indented nor stamped.
            self._trace = False
            return True
        if line[:1].isdigit():
            return b":  " in line and self._same_process(line)
        may_have_time = self._head is not None and self._head[:1] in _TIME_BEGINS
        return may_have_time and self._is_bad() and self._says_nothing(line)

    def _joins_trace(self) -> bool:
        joins = self._bridged or self._is_bad()
        if joins:
            self._trace, self._bridged, self._indented = True, False, False
        return joins

    def _is_bad(self) -> bool:
        if self._bad is None:
            self._bad = level.of(self._head or b"")[0] in (level.WARN, level.ERROR)
        return self._bad

    def _says_nothing(self, line: bytes) -> bool:
        found, inferred = level.of(line)
        unlevelled = inferred or found == level.NONE
        return unlevelled and stamp.of(line) is None and stamp.of(self._head or b"") is not None

    def _same_process(self, line: bytes) -> bool:
        more = _POSTGRES_MORE.match(line)
        head = _POSTGRES.match(self._head or b"")
        return more is not None and head is not None and more[1] == head[1]


def heads(lines: Iterable[bytes]) -> list[int]:
    """Numbers of the lines that begin an entry; the first one does."""
    begins = Folder().begins
    return [number for number, line in enumerate(lines) if begins(line)]
