"""Following real files: what was written is what is read, across renames and truncations."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from mrcore.logreader import blocks, cursor, follow, generation, page, query

NOW = 1_795_208_400.0


def entries(answer: page.Answer) -> dict[tuple[str, int], bytes]:
    """The bytes behind every ref of a page, in its order."""
    return {
        (item.place.id, item.place.offset): item.entry.block.gen.bytes_at(
            item.entry.start, item.entry.end - item.entry.start
        )
        for item in answer.items
        if item.entry is not None
    }


def pages(
    stream: follow.Stream, now: float, order: str, limit: int
) -> dict[tuple[str, int], bytes]:
    """Everything that can be read, page by page."""
    seen: dict[tuple[str, int], bytes] = {}
    at: cursor.Cursor | None = None
    while True:
        answer = page.read(page.Ask([stream], query.Wanted(), limit, order, at), now)
        assert answer is not None
        found = entries(answer)
        assert not found.keys() & seen.keys()
        seen.update(found)
        if answer.cursor is None:
            return seen
        at = cursor.decode(answer.cursor.encode())


class Writes(RuleBasedStateMachine):
    """A writer whose log is renamed and truncated under it, and a follower that reads at times."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "app.log"
        self.now = NOW
        self.number = 0
        self.written = b""
        self.seen: dict[tuple[str, int], bytes] = {}
        self.cursor: cursor.Cursor | None = None
        self.rotations = 0
        self.writer = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.stream = follow.Stream("app", str(self.path), links=True, from_start=True)
        self.stream.poll(self.now)

    def teardown(self) -> None:
        self.read()
        self.stream.close()
        os.close(self.writer)
        shutil.rmtree(self.folder)

    @rule(count=st.integers(1, 40), width=st.sampled_from([1, 80, 5_000]), trace=st.booleans())
    def write(self, count: int, width: int, trace: bool) -> None:
        lines = []
        for _ in range(count):
            self.number += 1
            lines.append(f"{self.number} {'x' * width}\n" + ("    at somewhere\n" if trace else ""))
        self._put("".join(lines))

    @rule()
    def write_a_part_of_a_line(self) -> None:
        self.number += 1
        self._put(f"{self.number} part ")

    @rule(size=st.sampled_from([blocks.BLOCK_BYTES - 3, 3 * blocks.BLOCK_BYTES]))
    def write_a_very_long_line(self, size: int) -> None:
        self.number += 1
        self._put(f"{self.number} {'y' * size}\n")

    @rule()
    def continue_a_trace(self) -> None:
        self.number += 1  # the same bytes again would be the same file
        self._put(f"    at moment {self.number}\n")

    @rule()
    def poll(self) -> None:
        self.now += 0.1
        self.stream.poll(self.now)

    @rule()
    def read(self) -> None:
        """Everything that was written is read, once and in order."""
        self.poll()
        self.now += generation.SETTLED_S
        more = True
        while more:
            self.stream.poll(self.now)
            ask = page.Ask([self.stream], query.Wanted(), 50, "oldest", self.cursor, waits=True)
            answer = page.read(ask, self.now)
            assert answer is not None
            self.cursor = answer.cursor
            self.seen.update(entries(answer))
            more = bool(answer.items) or not answer.complete
        self.rotations = 0
        assert b"".join(self.seen.values()) == self.written

    @rule(limit=st.sampled_from([1, 7, 300]))
    def both_directions_show_the_same(self, limit: int) -> None:
        self.poll()
        older = pages(self.stream, self.now, "newest", 300)
        newer = pages(self.stream, self.now, "oldest", max(limit, len(older) // 20))
        assert list(older.items())[::-1] == list(newer.items())

    @rule(reopen_late=st.booleans())
    def rename(self, reopen_late: bool) -> None:
        """logrotate with `create`: the writer opens the new file now, or goes on for a while."""
        self._rotating()
        self.path.rename(f"{self.path}.1")
        fresh = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        if reopen_late:
            self._put(f"late {self.number}\n")
            self.poll()
            self._put("later\n")
        os.close(self.writer)
        self.writer = fresh
        self.number += 1
        self._put(f"{self.number} begins\n")

    @rule()
    def copytruncate(self) -> None:
        """logrotate with `copytruncate`: what nobody has read yet is read from the copy."""
        self._rotating()
        self.poll()
        if self.path.stat().st_size:  # a file that was empty at every look cannot be told apart
            self._put("once more\n")
        shutil.copyfile(self.path, f"{self.path}.1")
        os.ftruncate(self.writer, 0)
        self.poll()

    @rule()
    def truncate(self) -> None:
        """Without a copy only what was read remains."""
        self.read()
        os.ftruncate(self.writer, 0)

    def _rotating(self) -> None:
        self.rotations += 1
        if self.rotations >= follow.KEPT - 1:
            self.read()  # what is rotated away so often before anybody reads it is lost
        for number in (3, 2, 1):
            old = Path(f"{self.path}.{number}")
            if old.exists():
                old.rename(f"{self.path}.{number + 1}")

    def _put(self, text: str) -> None:
        os.write(self.writer, text.encode())
        self.written += text.encode()


TestWrites = Writes.TestCase
TestWrites.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
