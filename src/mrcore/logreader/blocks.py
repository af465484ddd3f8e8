"""Entries of one block of a generation: the same ones from whichever side a page comes."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise

from mrcore.logreader import fold, generation, level, query, stamp, text

BLOCK_BYTES = 128 * 1024
"""Entries never span blocks: where one begins depends on its own block only. A stack trace across
a border is shown in two parts, which is rare and better than reading back without an end."""

AHEAD_BYTES = 4096
"""What is read beyond a block to find the end of its last line at once."""


class Block:
    """The lines that begin in one block and below `end`."""

    def __init__(self, gen: generation.Generation, number: int, end: int) -> None:
        self.gen = gen
        self.lo = number * BLOCK_BYTES
        hi = min(self.lo + BLOCK_BYTES, end)
        # One byte before tells whether a line begins with the block.
        self.base = max(self.lo - 1, 0)
        self.data = gen.bytes_at(self.base, min(hi + AHEAD_BYTES, end) - self.base)
        newline = self.data.find(b"\n", 0, hi - self.lo) if self.lo else -1
        self.empty = hi <= self.lo or (self.lo > 0 and newline < 0)
        self.first = self.base + newline + 1
        self.last_end = end if self.empty else self._last_end(hi - 1, end)

    def _last_end(self, within: int, end: int) -> int:
        """Where the line ends that holds the byte at `within`; long ones are not read whole."""
        last = self.data.find(b"\n", within - self.base)
        if last < 0:
            reached = self.base + len(self.data)
            self.data += self.gen.bytes_at(reached, min(text.CUT_BYTES, end - reached))
            last = self.data.find(b"\n", within - self.base)
        if last < 0:
            return self.gen.line_end(self.base + len(self.data), end)
        return self.base + last + 1

    @cached_property
    def entries(self) -> list[Entry]:
        """Every entry, in order."""
        if self.empty:
            return []
        lines = self.data[self.first - self.base : self.last_end - self.base].split(b"\n")
        if not lines[-1]:
            lines.pop()
        begins = fold.Folder().begins
        starts: list[tuple[int, int]] = []
        offset = self.first
        for number, line in enumerate(lines):
            if begins(line):
                starts.append((offset, number))
            offset += len(line) + 1
        starts.append((self.last_end, len(lines)))
        return [
            Entry(self, index, start, upper, after - number - 1)
            for index, ((start, number), (upper, after)) in enumerate(pairwise(starts))
        ]

    def wanted(self, wanted: query.Wanted) -> list[Entry]:
        """The entries that are wanted, in order."""
        if wanted.everything:
            return self.entries
        if self.empty or not wanted.may_match(self.data.lower()):
            return []
        return [entry for entry in self.entries if entry.is_wanted(wanted)]

    @cached_property
    def first_key(self) -> float:
        """About when the first line was written, without looking at the others."""
        lo = self.first - self.base
        newline = self.data.find(b"\n", lo, lo + text.CUT_BYTES)
        at = stamp.of(self.data[lo : newline if newline >= 0 else lo + text.CUT_BYTES])
        return at if at is not None else self.gen.arrived(self.first) or self.gen.grew_at

    @cached_property
    def carried(self) -> list[float | None]:
        """For every entry the time of the newest one up to it that has one."""
        times: list[float | None] = []
        last: float | None = None
        for entry in self.entries:
            last = entry.at if entry.at is not None else last
            times.append(last)
        return times


class Entry:
    """A line and the `folded` lines that go on with it: the bytes `start` to `end`."""

    __slots__ = ("_at", "_level", "block", "end", "folded", "index", "start")

    def __init__(self, block: Block, index: int, start: int, end: int, folded: int) -> None:
        self.block, self.index = block, index
        self.start, self.end, self.folded = start, end, folded
        self._at: float | str | None = ""
        self._level: tuple[str, bool] | None = None

    @property
    def raw(self) -> bytes:
        """Its bytes, as far as they were read with the block."""
        return self.block.data[self.start - self.block.base : self.end - self.block.base]

    @property
    def at(self) -> float | None:
        """When its first line says that it was written."""
        if isinstance(self._at, str):
            self._at = stamp.of(self._first_line())
        return self._at

    @property
    def key(self) -> float:
        """When it was written, for merging: as it says, as it arrived, or as the one before."""
        if self.at is not None:
            return self.at
        gen = self.block.gen
        return gen.arrived(self.start) or self.block.carried[self.index] or gen.grew_at

    @property
    def level(self) -> tuple[str, bool]:
        """Its level and whether it was inferred; an error where it holds a traceback."""
        if self._level is None:
            found = level.of(self._first_line())
            if found[0] == level.NONE and b"Traceback (most recent call last)" in self.raw:
                found = level.ERROR, True
            self._level = found
        return self._level

    def is_wanted(self, wanted: query.Wanted) -> bool:
        """Whether a query matches it."""
        raw = self.raw
        if wanted.needles and not wanted.may_match(raw.lower()):
            return False
        rank = level.RANK[self.level[0]] if wanted.rank else 0
        return wanted.matches(raw.rstrip(b"\n"), rank)

    def head(self) -> str:
        """Its first line as text."""
        lo = self.start - self.block.base
        if self.block.data.find(b"\n", lo) >= 0:
            return text.line(self._first_line())
        # Without a newline the line goes on beyond what was read with the block, or is unfinished.
        length = self.end - self.start - self.block.gen.ends_with_newline(self.end)
        return text.line(self._first_line(), length)

    def _first_line(self) -> bytes:
        lo = self.start - self.block.base
        newline = self.block.data.find(b"\n", lo)
        return self.block.data[lo : newline if newline >= 0 else len(self.block.data)]
