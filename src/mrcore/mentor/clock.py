"""The clock of a machine of Mr. Mentor, which game days set wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path


def of(env: Mapping[str, str]) -> Callable[[], datetime]:
    """The time that jobs are told: with MR_CLOCK_FILE so many seconds off as stand in that file.

    It is read whenever somebody asks, so that a clock can be set while a process runs.
    """
    path = env.get("MR_CLOCK_FILE", "")
    return (lambda: datetime.now(UTC) + _off(Path(path))) if path else lambda: datetime.now(UTC)


def _off(file: Path) -> timedelta:
    try:
        return timedelta(seconds=float(file.read_text()))
    except (OSError, ValueError):  # nobody has set it wrong
        return timedelta()
