"""One SQLite file behind one thread: opened on first use, migrated after a copy."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from mrcore import errors
from mrcore.store import migrations

T = TypeVar("T")

_GONE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Database:
    """A SQLite file; every piece of work is one transaction on the file's own thread.

    `schema` names the folder of numbered SQL files; `synchronous` is SQLite's pragma (FULL:
    a commit is on the disk when it returns); `disposable` files are made anew when they are
    corrupt or from a newer release; `pages_max` bounds the file (4 KiB a page). `after` is called
    on that thread, outside of any transaction, when something was committed: once for several.
    Looking, which nobody who writes shall wait for, has a second connection and thread.
    """

    def __init__(
        self,
        path: Path,
        schema: str,
        *,
        synchronous: str = "FULL",
        disposable: bool = False,
        pages_max: int = 0,
    ) -> None:
        self.path = path
        self.trouble = ""
        self.after: Callable[[sqlite3.Connection], None] | None = None
        self._after_due = False
        self._unreadable = False
        self._schema = schema
        self._synchronous = synchronous
        self._disposable = disposable
        self._pages_max = pages_max
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=path.stem)
        self._looking: sqlite3.Connection | None = None
        self._looker = ThreadPoolExecutor(1, thread_name_prefix=f"{path.stem}-look")

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a transaction.

        Raises StoreError when the file cannot be opened, read or written (a full disk); then
        nothing of it was kept, `trouble` says why, and the next call tries again.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._run_then_after, work)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work`, which only reads: whether that succeeds says nothing of writing.

        Raises StoreError.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._read_here, work)

    async def look(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work`, which only reads and may take its time: it delays only others who look.

        Raises StoreError; `trouble`, which is of the file's own thread, stays as it is.
        """
        if self._connection is None:
            await self.read(lambda connection: None)  # which makes or migrates the file
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._looker, self._look_here, work)

    def run_here(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """`run` on the calling thread, for commands that have no event loop."""
        result = self._guarded(work, "BEGIN IMMEDIATE")
        self.trouble, self._unreadable = "", False
        self._call_after()
        return result

    def _run_then_after(self, work: Callable[[sqlite3.Connection], T]) -> T:
        result = self._guarded(work, "BEGIN IMMEDIATE")
        self.trouble, self._unreadable = "", False
        if self.after and not self._after_due:
            self._after_due = True
            self._thread.submit(self._call_after)  # behind the work that waits already
        return result

    def _read_here(self, work: Callable[[sqlite3.Connection], T]) -> T:
        before = self.trouble
        try:
            result = self._guarded(work, "BEGIN")
        except errors.StoreError:
            self._unreadable = self._unreadable or not before
            raise
        if self._unreadable:
            self.trouble, self._unreadable = "", False
        return result

    def _look_here(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._looking = self._looking or _open_to_read(self.path)
            connection.execute("BEGIN")
            try:
                return work(connection)
            finally:
                connection.execute("ROLLBACK")
        except (sqlite3.Error, OSError) as error:
            self._close_looking()
            raise errors.StoreError(f"{self.path} cannot be read: {error}.") from error

    def _close_looking(self) -> None:
        if self._looking is not None:
            self._looking.close()
            self._looking = None

    def _guarded(self, work: Callable[[sqlite3.Connection], T], begin: str) -> T:
        """A transaction whose failure is a StoreError, and said in `trouble`."""
        try:
            return self._transaction(work, begin)
        except errors.StoreError as error:
            self.trouble = error.sentence
            raise
        except (sqlite3.Error, OSError) as error:
            self.trouble = f"{self.path.name}: {error}"
            if _is_gone(error):
                self._close()
                self._remove_if_disposable()
            raise errors.StoreError(
                f"{self.path} cannot be used: {error}.",
                fix="Free space on its disk, or check its permissions.",
            ) from error

    def _call_after(self) -> None:
        self._after_due = False
        if self.after and self._connection:
            self.after(self._connection)

    async def close(self) -> None:
        """Close the file and end its threads."""
        loop = asyncio.get_running_loop()
        if self._looking is not None:
            await loop.run_in_executor(self._looker, self._close_looking)
        self._looker.shutdown(wait=False)
        if self._after_due:
            await loop.run_in_executor(self._thread, self._call_after)
        await loop.run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)

    def _transaction(self, work: Callable[[sqlite3.Connection], T], begin: str) -> T:
        connection = self._connection or self._open()
        self._connection = connection
        connection.execute(begin)
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # SQLite itself rolls back when the disk is full
                connection.execute("ROLLBACK")
            raise
        return result

    def _open(self) -> sqlite3.Connection:
        try:
            return self._open_once()
        except (sqlite3.DatabaseError, errors.StoreError) as error:
            corrupt = isinstance(error, errors.StoreError) or _is_gone(error)
            if not (self._disposable and corrupt):
                raise
        self._remove_if_disposable()
        return self._open_once()

    def _open_once(self) -> sqlite3.Connection:
        with contextlib.suppress(FileExistsError):  # closing one that SQLite has drops its locks
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, timeout=5.0
        )
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            connection.execute("PRAGMA foreign_keys = ON")
            migrations.apply(connection, self.path, self._schema)
            if self._pages_max:  # a migration may need its room twice
                _bound(connection, self._pages_max)
        except BaseException:
            connection.close()
            raise
        return connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _remove_if_disposable(self) -> None:
        if self._disposable:
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self.path}{suffix}").unlink(missing_ok=True)


def _bound(connection: sqlite3.Connection, pages_max: int) -> None:
    """The file takes no more pages than these; what a migration has left of more is given back."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    if pages > pages_max:
        connection.execute("VACUUM")
    connection.execute(f"PRAGMA max_page_count = {pages_max}")


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a file that is not changed, as it is now: for other processes' files.

    Raises StoreError when there is no file or it cannot be read.
    """
    try:
        connection = _open_to_read(path)
    except (sqlite3.Error, OSError) as error:
        raise errors.StoreError(f"{path} cannot be read: {error}.") from error
    try:
        connection.execute("BEGIN")
        yield connection
    except sqlite3.Error as error:
        raise errors.StoreError(f"{path} cannot be read: {error}.") from error
    finally:
        connection.close()


def _open_to_read(path: Path) -> sqlite3.Connection:
    """A copy that nobody writes has no log beside it, and may be where nothing can be made."""
    path.stat()
    uri = f"file:{urllib.parse.quote(str(path.absolute()))}?mode=ro"
    alone = not Path(f"{path}-wal").exists() and not os.access(path.parent, os.W_OK)
    connection = sqlite3.connect(
        f"{uri}&immutable=1" if alone else uri, uri=True, isolation_level=None, timeout=5.0
    )
    connection.row_factory = sqlite3.Row
    return connection


def _is_gone(error: Exception) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _GONE
