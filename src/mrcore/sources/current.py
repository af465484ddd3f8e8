"""The file that names the live colour."""

from __future__ import annotations

from pathlib import Path

_MOST_CHARS = 100


def named(path: Path) -> str:
    """What the file says, without blanks around it. Raises OSError, UnicodeDecodeError."""
    with path.open() as file:
        return file.read(_MOST_CHARS).strip()
