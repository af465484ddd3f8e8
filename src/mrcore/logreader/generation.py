"""What one file holds from its first byte until it is truncated or replaced."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import stat
import zlib
from bisect import bisect_right
from collections.abc import Container
from pathlib import Path

from mrcore import errors
from mrcore.logreader import text

HEAD_BYTES = 1024
TAIL_BYTES = 64
ID_BYTES = 256
READ_BYTES = 1 << 20
ARRIVAL_S = 0.2
ARRIVALS_MAX = 4096
SETTLED_S = 1.0
"""An unterminated last line is shown when nothing has been added for so long."""

ROTATED, TRUNCATED = "rotated", "truncated"


class Generation:
    """An open file and how far it has been followed.

    `read` is the end of what was followed, `complete` the end of its last whole line. The first
    1 KiB and the last 64 bytes read are remembered: while they are still in place the file is the
    one that was read. It stays readable after it was renamed or unlinked.
    """

    def __init__(self, fd: int, *, born: str = "", born_at: float = 0.0) -> None:
        self.fd = fd
        status = os.fstat(fd)
        self.dev, self.ino = status.st_dev, status.st_ino
        self.grew_at = status.st_mtime
        self.born, self.born_at = born, born_at
        self.read = 0
        self.complete = 0
        self.finished = False
        self.replaced_at = 0.0
        self.serial = 0
        self.taken: Container[str] = ()
        self._head = b""
        self._tail = b""
        self._id = ""
        self._shown = False
        self._arrivals: list[tuple[int, float]] = []

    @property
    def id(self) -> str:
        """Inode and checksum of the first line: the same after a rename and a restart."""
        if self._id:
            return self._id
        if not self.read:
            return self.empty_id
        first = os.pread(self.fd, ID_BYTES, 0).split(b"\n", 1)[0]
        found = base = f"{self.ino:x}-{zlib.crc32(first):x}"
        twins = 1
        while found in self.taken:
            twins += 1
            found = f"{base}-{twins}"
        if self.complete or self.read >= ID_BYTES or self._shown:
            self._id = found
        return found

    @property
    def empty_id(self) -> str:
        """What it is called while there is nothing in it."""
        return f"empty-{self.serial}"

    def size(self) -> int:
        """Bytes in the file now."""
        return os.fstat(self.fd).st_size

    def unlinked(self) -> bool:
        """Whether no name leads to it any more."""
        return os.fstat(self.fd).st_nlink == 0

    def end(self, now: float) -> int:
        """Up to where lines are shown: an unterminated one counts when it has settled."""
        settled = self.finished or now - self.grew_at >= SETTLED_S
        if settled and self.read > self.complete == 0:
            self._shown = True  # from now on the beginning of a first line names this generation
        return self.read if settled else self.complete

    def same(self) -> bool:
        """Whether what was read is still in place."""
        if self.size() < self.read or os.pread(self.fd, len(self._head), 0) != self._head:
            return False
        return os.pread(self.fd, len(self._tail), self.read - len(self._tail)) == self._tail

    def copied_in(self, fd: int) -> bool:
        """Whether the file `fd` begins and goes on like this one up to what was read."""
        if not self._head or os.pread(fd, len(self._head), 0) != self._head:
            return False
        return os.pread(fd, len(self._tail), self.read - len(self._tail)) == self._tail

    def rest_on(self, fd: int) -> None:
        """Go on reading from a copy, because the original was truncated."""
        identity = self.id
        os.close(self.fd)
        self.fd, self._id = fd, identity
        self.ino = os.fstat(fd).st_ino
        self.finished = True

    def next_bytes(self, most: int) -> bytes:
        """What was added behind `read`; raises Changed when the file is no longer the same."""
        data = os.pread(self.fd, most, self.read)
        if not self.same():
            raise Changed
        return data

    def advance(self, data: bytes, now: float) -> None:
        """Count `data`, just read, as followed."""
        if len(self._head) < HEAD_BYTES:
            self._head += data[: HEAD_BYTES - len(self._head)]
        newline = data.rfind(b"\n")
        if newline >= 0:
            self.complete = self.read + newline + 1
        self._tail = (self._tail + data)[-TAIL_BYTES:]
        if not self._arrivals or now - self._arrivals[-1][1] >= ARRIVAL_S:
            self._arrivals.append((self.read, now))
            if len(self._arrivals) > ARRIVALS_MAX:
                del self._arrivals[1::2]
        self.read += len(data)
        self.grew_at = now

    def skip_to_end(self) -> None:
        """Begin to follow at the end of what is there."""
        size = self.size()
        self._head = os.pread(self.fd, min(HEAD_BYTES, size), 0)
        self._tail = os.pread(self.fd, min(TAIL_BYTES, size), max(size - TAIL_BYTES, 0))
        self.read = size
        self.complete = self.line_start(size)

    def bytes_at(self, offset: int, length: int) -> bytes:
        """Bytes from `offset`, fewer at the end of what was followed."""
        length = min(length, self.read - offset)
        parts = []
        while length > 0:
            part = os.pread(self.fd, length, offset)
            if not part:
                break
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def ends_with_newline(self, offset: int) -> bool:
        """Whether the byte before `offset` is a newline."""
        return self.bytes_at(max(offset - 1, 0), 1) == b"\n"

    def line_start(self, offset: int) -> int:
        """Where the line that holds the byte before `offset` begins; `offset` behind a newline."""
        position = offset
        while position > 0:
            lower = max(position - READ_BYTES, 0)
            newline = os.pread(self.fd, position - lower, lower).rfind(b"\n")
            if newline >= 0:
                return lower + newline + 1
            position = lower
        return 0

    def line_end(self, offset: int, limit: int) -> int:
        """Where the line that holds the byte at `offset` ends, its newline included."""
        while offset < limit:
            data = self.bytes_at(offset, READ_BYTES)
            newline = data.find(b"\n")
            if newline >= 0:
                return min(offset + newline + 1, limit)
            if not data:
                break
            offset += len(data)
        return limit

    def arrived(self, offset: int) -> float | None:
        """About when the byte at `offset` was written, if that was while it was followed."""
        index = bisect_right(self._arrivals, (offset, math.inf)) - 1
        return self._arrivals[index][1] if index >= 0 else None

    def close(self) -> None:
        """Give the file back."""
        os.close(self.fd)


class Changed(Exception):
    """The file was truncated, or written anew from its beginning."""


def open_file(path: str, *, links: bool) -> int:
    """A descriptor of a regular file.

    Raises NotFound where there is none, NotPermitted with the reason, Unsupported for what is not
    a regular file, and for a symbolic link where `links` is False.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        status = Path(path).stat(follow_symlinks=links)
        if stat.S_ISREG(status.st_mode):
            fd = os.open(path, flags | (0 if links else os.O_NOFOLLOW))
            if stat.S_ISREG(os.fstat(fd).st_mode):
                return fd
            os.close(fd)
    except OSError as error:
        raise failure(path, error) from error
    shown = text.readable(path)
    raise errors.Unsupported(f"{shown} is {_sort(status.st_mode)}, which cannot be followed.")


def failure(path: str, error: OSError) -> errors.SourceError:
    """Why a path cannot be read, as an error of the tree."""
    path = text.readable(path)
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return errors.NotFound(f"{path} does not exist.")
    if error.errno in (errno.EACCES, errno.EPERM):
        return errors.NotPermitted(
            f"{path} cannot be read: permission denied.",
            fix="Give the core's user the right to read it (and to enter its folder).",
        )
    if error.errno == errno.ELOOP:
        return errors.Unsupported(f"{path} is a symbolic link, which cannot be followed.")
    return errors.Unreachable(f"{path} cannot be read: {error.strerror}.")


def _sort(mode: int) -> str:
    for test, words in (
        (stat.S_ISLNK, "a symbolic link (name its target in `files`)"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISSOCK, "a socket"),
    ):
        if test(mode):
            return words
    return "a device"


def open_quietly(path: str) -> int | None:
    """A descriptor of a rotated neighbour, or None where there is none to be had."""
    with contextlib.suppress(errors.SourceError):
        return open_file(path, links=False)
    return None
