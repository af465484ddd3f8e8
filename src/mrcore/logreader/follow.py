"""One stream: the file that its path names now, and those that it named before."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from mrcore import errors
from mrcore.logreader import blocks, generation, tally

KEPT = 3
"""Generations of a stream that stay readable, the current one included."""

UNLINKED_KEPT_S = 60.0
"""How long the space of a deleted file is held so that its last lines can be read."""

ROTATED_SHOWN_S = 30.0
DRAIN_BYTES = 32 << 20
"""What one poll takes of one stream at most."""

LOOKED_AT_BYTES = 2 << 20
"""Of what is waiting, the end that is looked at line by line; of the rest lines are counted."""

FORGOTTEN_MAX = 1000
FOLLOWING, WAITING, ROTATED = "following", "waiting", "rotated"


class Stream:
    """Follows one path through rename, truncation, absence and refusal. `poll` does all work.

    Rename: the old file is drained, also while the new one is still empty (the writer may hold the
    old one until it is told), then the new one is followed from its beginning. Truncation: the
    file begins anew; where a copy was left at `PATH.1` (copytruncate) the old lines stay readable
    there. `chain` are the readable generations, oldest first, the last one is current.
    """

    def __init__(
        self,
        name: str,
        path: str,
        *,
        links: bool,
        from_start: bool,
        patterns: tally.Patterns | None = None,
    ) -> None:
        self.name = name
        self.path = path
        self.chain: list[generation.Generation] = []
        self.tally = tally.Tally(patterns)
        self.problem: errors.SourceError | None = None
        self.gone_since: float | None = None
        self.rotated_at: float | None = None
        self.wrote_at: float | None = None
        self._links = links
        self._from_start = from_start
        self._forgotten: dict[str, int] = {}
        self._serial = 0

    @property
    def current(self) -> generation.Generation | None:
        """The generation that grows."""
        return self.chain[-1] if self.chain else None

    def state(self, now: float) -> str:
        """`following`, `waiting` for a file, or `rotated` a moment ago."""
        if self.gone_since is not None or not self.chain:
            return WAITING
        recent = self.rotated_at is not None and now - self.rotated_at < ROTATED_SHOWN_S
        return ROTATED if recent else FOLLOWING

    def signature(self, now: float) -> tuple[str, int, int]:
        """Differs whenever there is something new to show."""
        ends = sum(gen.end(now) for gen in self.chain)
        return (self.current.id if self.current else "", self._serial, ends)

    def find(self, identity: str) -> int | None:
        """Index of a generation in the chain."""
        for index, gen in enumerate(self.chain):
            if identity in (gen.id, gen.empty_id):
                return index
        return None

    def after(self, identity: str) -> int:
        """Index of the oldest generation that came after one that is gone; else the current one."""
        serial = self._forgotten.get(identity)
        if serial is not None:
            for index, gen in enumerate(self.chain):
                if gen.serial > serial:
                    return index
        return len(self.chain) - 1

    def poll(self, now: float) -> None:
        """Take in what was written, and notice what became of the file. Raises nothing."""
        try:
            self._drain(now)
            self._look(now)
            self._let_go(now)
        except OSError as error:
            self.problem = generation.failure(self.path, error)

    def close(self) -> None:
        """Give every file back."""
        while self.chain:
            self._forget(0)

    def _drain(self, now: float) -> None:
        for gen in self.chain[:-1]:
            try:
                self._take(gen, now)
            except generation.Changed:
                self._forget(self.chain.index(gen))
        if self.chain:
            try:
                self._take(self.chain[-1], now)
            except generation.Changed:
                self._truncated(now)

    def _take(self, gen: generation.Generation, now: float) -> None:
        # Only what is there now: a fast writer is never chased to the end.
        waiting = gen.size() - gen.read
        until = gen.read + min(max(waiting, 0), DRAIN_BYTES)
        while True:
            counted = gen.complete
            data = gen.next_bytes(min(generation.READ_BYTES, until - gen.read))
            if not data:
                return
            gen.advance(data, now)
            self.wrote_at = now
            waiting -= len(data)
            if gen.complete > counted:
                self._count(gen, counted, data, hurry=waiting > LOOKED_AT_BYTES)

    def _count(self, gen: generation.Generation, counted: int, data: bytes, *, hurry: bool) -> None:
        start = gen.read - len(data)
        # A line that an earlier read began is looked at as a whole, unless it is very long.
        lo = max(counted, start - blocks.BLOCK_BYTES)
        whole = gen.bytes_at(lo, gen.complete - lo) if lo < start else data[: gen.complete - start]
        self.tally.add(whole, lo, gen.id, hurry=hurry)

    def _truncated(self, now: float) -> None:
        old = self.chain[-1]
        fd = os.dup(old.fd)
        copy = generation.open_quietly(self.path + ".1")
        if copy is not None and old.copied_in(copy):
            old.rest_on(copy)
            with contextlib.suppress(generation.Changed):
                self._take(old, now)
            old.replaced_at = now
        else:
            self._forget(len(self.chain) - 1)
            if copy is not None:
                os.close(copy)
        self.rotated_at = now
        self._begin(fd, generation.TRUNCATED, now)
        # What is truncated once more meanwhile is seen by the next poll.
        with contextlib.suppress(generation.Changed):
            self._take(self.chain[-1], now)

    def _look(self, now: float) -> None:
        """See what the path names now."""
        gen = self.current
        try:
            status = Path(self.path).stat(follow_symlinks=self._links)
            known = gen is not None and (status.st_dev, status.st_ino) == (gen.dev, gen.ino)
            # An empty new file: rotated, but the writer may still hold the old one.
            if gen is None or not (known or status.st_size == 0):
                self._open(generation.open_file(self.path, links=self._links), now)
        except OSError as error:
            self._missing(generation.failure(self.path, error), now)
        except errors.SourceError as error:
            self._missing(error, now)
        else:
            self.problem = self.gone_since = None

    def _missing(self, problem: errors.SourceError, now: float) -> None:
        self.problem = problem
        if self.gone_since is None:
            self.gone_since = now

    def _open(self, fd: int, now: float) -> None:
        old = self.current
        if old is None:
            self._first(fd, now)
            return
        with contextlib.suppress(generation.Changed):
            self._take(old, now)  # the writer has moved on: what it left is all there
        self._finish(old, now)
        for missed in self._between(old):
            gen = self._begin(missed, generation.ROTATED, now)
            with contextlib.suppress(generation.Changed):
                self._take(gen, now)
            self._finish(gen, now)
        self.rotated_at = now
        gen = self._begin(fd, generation.ROTATED, now)
        with contextlib.suppress(generation.Changed):
            self._take(gen, now)

    def _first(self, fd: int, now: float) -> None:
        older = generation.open_quietly(self.path + ".1")
        if older is not None:
            gen = self._begin(older, "", now)
            gen.skip_to_end()
            self._finish(gen, now)
        gen = self._begin(fd, generation.ROTATED if older is not None else "", now)
        if self._from_start:
            with contextlib.suppress(generation.Changed):
                self._take(gen, now)
            return
        gen.grew_at = os.fstat(fd).st_mtime
        gen.skip_to_end()
        self.wrote_at = gen.grew_at if gen.read else None
        lo = gen.line_start(max(gen.complete - blocks.BLOCK_BYTES, 0))
        self.tally.look(gen.bytes_at(lo, gen.complete - lo), lo, gen.id)

    def _between(self, old: generation.Generation) -> list[int]:
        """Files that came and went between two polls, oldest first: they lie at `.1`, `.2` now."""
        missed: list[int] = []
        for number in range(1, KEPT + 1):
            fd = generation.open_quietly(f"{self.path}.{number}")
            if fd is None:
                break
            status = os.fstat(fd)
            if (status.st_dev, status.st_ino) == (old.dev, old.ino):
                os.close(fd)
                return missed[::-1]
            missed.append(fd)
        for fd in missed:
            os.close(fd)
        return []

    def _begin(self, fd: int, born: str, now: float) -> generation.Generation:
        self._serial += 1
        gen = generation.Generation(fd, born=born, born_at=now)
        gen.grew_at = now
        gen.serial = self._serial
        gen.taken = {*self._forgotten, *(older.id for older in self.chain)}
        self.chain.append(gen)
        self.tally.begin_anew()
        return gen

    def _finish(self, gen: generation.Generation, now: float) -> None:
        gen.finished, gen.replaced_at = True, now

    def _let_go(self, now: float) -> None:
        """Close what is too old to be asked for."""
        while len(self.chain) > KEPT:
            self._forget(0)
        for gen in self.chain[:-1]:
            if now - gen.replaced_at > UNLINKED_KEPT_S and gen.unlinked():
                self._forget(self.chain.index(gen))

    def _forget(self, index: int) -> None:
        gen = self.chain.pop(index)
        self._forgotten[gen.id] = gen.serial
        if len(self._forgotten) > FORGOTTEN_MAX:
            del self._forgotten[next(iter(self._forgotten))]
        gen.close()
