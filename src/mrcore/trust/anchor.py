"""The audit's end, kept elsewhere than the ledger, so that rows cut off its end are missed.

The file holds the newest row's number and hash. It is written after the row is, so the chain may
be longer than the anchor, never shorter; and it is not moved on while the ledger lacks the row
that it names, because that would hide what happened to it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from mrcore import errors

SAID = "audit-anchor.path"
"""The file of a state folder in which its core says where the anchor is."""
ROW = "SELECT seq, hash FROM audit WHERE seq = ?"
_NEWEST = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1"


@dataclass(frozen=True)
class Anchor:
    """A row of the audit: its number and its hash."""

    seq: int
    hash: str


def default_path(state: Path) -> Path:
    """Where the anchor of a state folder's ledger is when no setting says: another folder."""
    tag = hashlib.sha256(os.fsencode(state.absolute())).hexdigest()[:16]
    return Path(platformdirs.user_data_path("mr")) / "anchors" / f"{tag}.json"


def read(path: Path) -> Anchor | None:
    """The anchor of a file, None where there is no file.

    Raises StoreError when it cannot be read or is no anchor.
    """
    try:
        value = json.loads(path.read_text())
        return Anchor(int(value["seq"]), str(value["hash"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise errors.StoreError(
            f"The audit's anchor {path} cannot be read: {error}.",
            fix="Put it back from a copy, or name another with --anchor FILE.",
        ) from error


def write(path: Path, anchor: Anchor) -> None:
    """Replace the file in one step, 0600, on the disk when this returns.

    Raises OSError.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(fd, "w") as file:
            file.write(json.dumps({"seq": anchor.seq, "hash": anchor.hash}))
            file.flush()
            os.fsync(fd)
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):  # the first error is the one to tell
            temporary.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def newest(connection: sqlite3.Connection) -> Anchor | None:
    """The end of the audit now."""
    row = connection.execute(_NEWEST).fetchone()
    return Anchor(*row) if row else None


def lost(connection: sqlite3.Connection, anchor: Anchor) -> str:
    """What is wrong when the audit lacks the anchor's row, or nothing."""
    row = connection.execute(ROW, (anchor.seq,)).fetchone()
    if row is not None and row[1] == anchor.hash:
        return ""
    if row is None:
        return f"Row {anchor.seq} is missing, which the anchor names: the end was cut off."
    return f"Row {anchor.seq} is not the one that the anchor names: the ledger was replaced."


class Keeper:
    """Moves an anchor on after each commit; never raises, `trouble` says why it could not.

    `lost` is why it must not: the ledger lacks the row that the anchor names, or the one that was
    its end before, `last`, which is remembered here because somebody may remove the file.
    """

    def __init__(self, path: Path, last: Anchor | None = None) -> None:
        self.path = path
        self.trouble = ""
        self.lost = ""
        self._last = last

    def keep(self, connection: sqlite3.Connection) -> None:
        """Write the newest row's number and hash, when there is a new one."""
        try:
            end = newest(connection)
            if end is None or end == self._last:
                return
            known = read(self.path)
            before = [each for each in (self._last, known) if each]
            self.lost = next(filter(None, (lost(connection, each) for each in before)), "")
            if self.lost:
                return
            if known is None or known.seq < end.seq:
                write(self.path, end)
            self._last, self.trouble = end, ""
        except errors.StoreError as error:
            self.trouble = error.sentence
        except (OSError, sqlite3.Error) as error:
            self.trouble = f"The audit's anchor {self.path} cannot be written: {error}."
