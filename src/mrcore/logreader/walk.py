"""Through one stream's entries, a block a step, to older or to newer ones."""

from __future__ import annotations

import math
from typing import NamedTuple

from mrcore.logreader import blocks, cursor, follow, query, text

MARKER_SUFFIX = "m"
"""Ends the id of a line that is ours: it says what happened to the file."""

_MARKER = -1


class Item(NamedTuple):
    """Something to show, and the place that is reached once it was taken."""

    stream: str
    place: cursor.Place
    after: tuple[int, int]
    entry: blocks.Entry | None = None
    marker: str = ""
    written: float = 0.0

    @property
    def key(self) -> float:
        """About when it was written, for merging."""
        return self.entry.key if self.entry is not None else self.written

    @property
    def size(self) -> int:
        """About how many bytes its row has."""
        if self.entry is None:
            return len(self.marker)
        return min(self.entry.end - self.entry.start, text.CUT_BYTES)

    def row(self) -> dict[str, object]:
        """As it travels to the source."""
        offset = max(self.place.offset, 0)
        identity = f"{self.place.id}.{offset}"
        row: dict[str, object] = {"stream": self.stream, "offset": offset}
        if self.entry is None:
            return {**row, "id": identity + MARKER_SUFFIX, "text": self.marker}
        word, inferred = self.entry.level
        return {
            **row,
            "id": identity,
            "at": self.entry.at,
            "level": word,
            "inferred": inferred,
            "text": self.entry.head(),
            "folded": self.entry.folded,
        }


class Walk:
    """One stream's part of a page. Positions are (index in the chain, offset).

    `ready` holds what was found and not yet taken, the next one last. `reached` is the last block
    looked at: it tells about when the next one was written, so that streams are walked through
    side by side.
    """

    def __init__(self, stream: follow.Stream, wanted: query.Wanted, now: float) -> None:
        self.stream = stream
        self.chain = stream.chain
        self.wanted = wanted
        self.ends = [gen.end(now) for gen in self.chain]
        self.ready: list[Item] = []
        self.done = not self.chain
        self.border = math.inf
        self.reached: blocks.Block | None = None
        self.taken = self.scanned = (len(self.chain) - 1, self.ends[-1] if self.chain else 0)

    @property
    def next_key(self) -> float:
        """About when the next one was written."""
        if self.ready:
            return self.ready[-1].key
        return self.border if self.reached is None else self.reached.first_key

    @property
    def over(self) -> bool:
        """Whether there is nothing left to take."""
        return self.done and not self.ready

    @property
    def position(self) -> tuple[int, int]:
        """Up to where everything was taken or ruled out."""
        return self.taken if self.ready else self.scanned

    def place(self, position: tuple[int, int]) -> cursor.Place:
        """A position as it goes into a cursor."""
        return cursor.Place(self.chain[position[0]].id, position[1])

    def resolve(self, place: cursor.Place) -> tuple[int, int] | None:
        """The position of a place, or None when its generation is gone."""
        index = self.stream.find(place.id)
        return None if index is None else (index, min(place.offset, self.ends[index]))

    def take(self) -> Item:
        """The next one."""
        item = self.ready.pop()
        self.taken = item.after
        return item

    def absolute(self, position: tuple[int, int]) -> int:
        """Bytes of the stream before a position."""
        return sum(self.ends[: position[0]]) + max(position[1], 0)

    def step(self) -> None:
        """Look at one block more."""
        raise NotImplementedError

    def _block(self, index: int, number: int) -> blocks.Block:
        return blocks.Block(self.chain[index], number, self.ends[index])

    def _item(self, index: int, entry: blocks.Entry, after: int) -> Item:
        place = cursor.Place(self.chain[index].id, entry.start)
        return Item(self.stream.name, place, (index, after), entry)

    def _marker(self, index: int, after: tuple[int, int]) -> list[Item]:
        gen = self.chain[index]
        if not gen.born or not self.wanted.everything:
            return []
        place = cursor.Place(gen.id, _MARKER)
        written = self.chain[index - 1].grew_at if index else gen.born_at
        return [Item(self.stream.name, place, after, marker=f"── {gen.born} ──", written=written)]


class Back(Walk):
    """From newer to older, down to `floor`: what ends behind it is new."""

    def __init__(
        self,
        stream: follow.Stream,
        wanted: query.Wanted,
        now: float,
        *,
        start: cursor.Place | None = None,
        floor: cursor.Place | None = None,
    ) -> None:
        super().__init__(stream, wanted, now)
        self.floor: tuple[int, int] | None = None
        if self.done:
            return
        self.top = self.scanned
        if start is not None:
            resolved = self.resolve(start)
            self.done = resolved is None
            self.taken = self.scanned = resolved or self.scanned
        if floor is not None:
            self.floor = self.resolve(floor) or (stream.after(floor.id), cursor.BEFORE_MARKER)
            self.done = self.floor >= self.scanned
            self._floor_block = self._line_block(self.floor)

    def remaining(self) -> int:
        """Bytes not looked at."""
        return self.absolute(self.position) - self.absolute(self.floor or (0, 0))

    def step(self) -> None:
        index, offset = self.scanned
        if offset <= 0:
            self._cross(index)
            return
        number = (offset - 1) // blocks.BLOCK_BYTES
        block = self._block(index, number)
        on_floor = self.floor is not None and index == self.floor[0]
        above = self.floor[1] if self.floor is not None and on_floor else -1
        self.ready = [
            self._item(index, entry, entry.start)
            for entry in block.wanted(self.wanted)
            if entry.start < offset and entry.end > above
        ]
        if not block.empty:
            self.reached = block
        self.scanned = (index, block.lo)
        if on_floor and number <= self._floor_block and above >= 0:
            self.done = True

    def _cross(self, index: int) -> None:
        if self.floor is not None and index == self.floor[0]:
            self.ready = (
                self._marker(index, (index, 0)) if self.floor[1] == cursor.BEFORE_MARKER else []
            )
            self.done = True
            return
        if index == 0:
            self.done = True
            return
        self.scanned = (index - 1, self.ends[index - 1])
        self.ready = self._marker(index, self.scanned)

    def _line_block(self, position: tuple[int, int]) -> int:
        index, offset = position
        return self.chain[index].line_start(max(offset, 0)) // blocks.BLOCK_BYTES


class Forward(Walk):
    """From older to newer: what ends behind `start`."""

    def __init__(
        self, stream: follow.Stream, wanted: query.Wanted, now: float, *, start: cursor.Place | None
    ) -> None:
        super().__init__(stream, wanted, now)
        self.border = -math.inf
        if self.done:
            return
        first = (0, 0)
        if start is not None:
            first = self.resolve(start) or (stream.after(start.id), cursor.BEFORE_MARKER)
        self.taken = self.scanned = first
        self._number = self.chain[first[0]].line_start(max(first[1], 0)) // blocks.BLOCK_BYTES
        self.done = first >= (len(self.chain) - 1, self.ends[-1])

    def step(self) -> None:
        index, offset = self.scanned
        if offset == cursor.BEFORE_MARKER:
            self.scanned = (index, 0)
            self.ready = self._marker(index, self.scanned)
            self._number = 0
            return
        end = self.ends[index]
        block = self._block(index, self._number)
        found = [entry for entry in block.wanted(self.wanted) if entry.end > offset]
        self.ready = [self._item(index, entry, entry.end) for entry in reversed(found)]
        if not block.empty:
            self.reached = block
        ended = max(offset, block.last_end) if not block.empty else offset
        self.scanned = (index, ended)
        self._number = max(self._number + 1, ended // blocks.BLOCK_BYTES)
        if self._number * blocks.BLOCK_BYTES >= end:
            self._cross(index)

    def _cross(self, index: int) -> None:
        if index == len(self.chain) - 1:
            self.scanned, self.done = (index, self.ends[index]), True
            return
        self.scanned = (index + 1, cursor.BEFORE_MARKER)


def same(walks: list[Walk]) -> bool:
    """Whether everything that was walked through is still what it was."""
    try:
        return all(gen.same() for walk in walks for gen in walk.chain)
    except OSError:
        return False
