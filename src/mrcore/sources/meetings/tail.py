"""The new lines of a log that somebody else writes, also when it is turned over. Blocks."""

from __future__ import annotations

from pathlib import Path

MOST_BYTES = 8 << 20
"""As much is read at once; what is older by more is not read."""

_LINE_BYTES = 16 << 10


class Tail:
    """Reads one file on, by its inode: a new or emptied file is read from its beginning."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode = 0
        self._offset = 0
        self._rest = b""

    def read(self) -> list[str]:
        """The whole lines that came since the last time; the first time, the last of the file.

        Raises OSError.
        """
        with self._path.open("rb") as file:
            found = file.seek(0, 2)
            inode = self._path.stat().st_ino
            if inode != self._inode or found < self._offset:
                self._inode, self._offset, self._rest = inode, 0, b""
            skipped = max(0, found - MOST_BYTES)
            if skipped > self._offset:
                self._offset, self._rest = skipped, b""
            cut = skipped == self._offset > 0 and not self._rest
            file.seek(self._offset)
            raw = file.read(found - self._offset)
        self._offset += len(raw)
        lines = (self._rest + raw).split(b"\n")
        self._rest = lines.pop()[-_LINE_BYTES:]
        return [line.decode("utf-8", "replace") for line in lines[1 if cut else 0 :]]
