"""The two files of a state folder: the ledger, which is kept, and the history, which may go."""

from __future__ import annotations

from pathlib import Path

from mrcore.store import database

HISTORY_BYTES_MAX = 256 * 1024 * 1024
_PAGE_BYTES = 4096


def ledger(folder: Path, *, pages_max: int = 0) -> database.Database:
    """Audit, plans, operations and tokens: on the disk when a call returns, never pruned."""
    return database.Database(folder / "ledger.sqlite", "ledger", pages_max=pages_max)


def history(folder: Path, *, bytes_max: int = HISTORY_BYTES_MAX) -> database.Database:
    """Rollups: bounded, and made anew when corrupt."""
    return database.Database(
        folder / "history.sqlite",
        "history",
        synchronous="NORMAL",
        disposable=True,
        pages_max=bytes_max // _PAGE_BYTES,
    )
