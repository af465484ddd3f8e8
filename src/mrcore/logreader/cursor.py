"""Where a page ended, on both sides: an opaque string."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import NamedTuple

from mrcore import errors

BEFORE_MARKER = -2
"""Offset of a place that lies before everything of a generation, its marker too."""


class Place(NamedTuple):
    """An offset in a generation."""

    id: str
    offset: int


class Cursor:
    """For each stream: `back`, above which everything was shown (None: all), and `front`, below.

    One cursor leads back through older lines and, with waiting, on to new ones.
    """

    def __init__(
        self,
        back: dict[str, Place | None] | None = None,
        front: dict[str, Place] | None = None,
    ) -> None:
        self.back = back or {}
        self.front = front or {}

    def encode(self) -> str:
        """As a string that survives a URL."""
        names = {*self.back, *self.front}
        table = {name: [self.back.get(name), self.front.get(name)] for name in sorted(names)}
        packed = zlib.compress(json.dumps(table, separators=(",", ":")).encode(), 1)
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def decode(text: str) -> Cursor:
    """Take a cursor apart.

    Raises Unsupported for one that did not come from here.
    """
    try:
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        unpacker = zlib.decompressobj()
        table = json.loads(unpacker.decompress(packed, 1 << 20))
        cursor = Cursor()
        for name, (back, front) in table.items():
            cursor.back[name] = _place(back) if back is not None else None
            if front is not None:
                cursor.front[name] = _place(front)
    except (ValueError, TypeError, AttributeError, binascii.Error, zlib.error) as error:
        raise errors.Unsupported(
            "The cursor is not one of a page of log lines.", fix="Ask for the first page again."
        ) from error
    return cursor


def _place(value: list[object]) -> Place:
    identity, offset = value
    if not isinstance(identity, str) or not isinstance(offset, int) or offset < BEFORE_MARKER:
        raise ValueError("not a place")
    return Place(identity, offset)
