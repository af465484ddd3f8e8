"""A process's log that has become large: it goes to `<name>.log.1`, in place of the one before."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

LIMIT_BYTES = 20 << 20
_CHUNK_BYTES = 1 << 20
_LAST_BYTES = 4096


def set_aside(log: Path) -> None:
    """Rename a large log that nobody writes to yet."""
    if _is_large(log):
        log.replace(_older(log))


async def copy_aside(log: Path) -> None:
    """Copy a large log and empty it, because whoever writes to it (O_APPEND) keeps it open.

    The log reader finds what it had read in the copy, which therefore appears whole, before the
    log is emptied; a line that is written between the last read and that moment is lost. On a
    full disk nothing changes: the log is left as it is, and looked at again later.
    """
    copy = log.with_name(f".{log.name}.1")
    try:
        if _is_large(log):
            with log.open("r+b") as source:
                with copy.open("wb") as target:
                    while chunk := source.read(_CHUNK_BYTES):
                        target.write(chunk)
                        await asyncio.sleep(0)
                copy.replace(_older(log))
                source.truncate(0)
    except OSError:
        with contextlib.suppress(OSError):
            copy.unlink(missing_ok=True)


async def keep_small(logs: Iterable[Path], every_s: float) -> None:
    """Set large logs aside also while their processes live, until cancelled."""
    logs = list(logs)
    while True:
        await asyncio.sleep(every_s)
        for log in logs:
            await copy_aside(log)


def last_words(log: Path) -> str:
    """The last line of a log in a sentence that says where the others are."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _LAST_BYTES))
        lines = file.read().decode(errors="replace").strip().splitlines()
        if lines:
            return f"It said: {lines[-1].strip()} (all of it is in {log})"
    return f"It said nothing; its log is {log}."


def _is_large(log: Path) -> bool:
    return log.exists() and log.stat().st_size > LIMIT_BYTES


def _older(log: Path) -> Path:
    return log.with_name(f"{log.name}.1")
