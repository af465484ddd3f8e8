"""Bytes of a log as text: cut, decoded and redacted."""

from __future__ import annotations

import os

from mrcore import redact

CUT_BYTES = 16 * 1024
"""How much of one line is shown and searched."""

WHOLE_BYTES = 256 * 1024
"""How much of one entry its detail shows."""


def readable(path: str) -> str:
    """A file's name or path as text: bytes of it that are not UTF-8 become backslash escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def line(raw: bytes, length: int | None = None) -> str:
    """One line as text: `length` is its whole length where `raw` is only its beginning.

    Invalid UTF-8 becomes backslash escapes; what is beyond 16 KiB is cut with a mark.
    """
    whole = len(raw) if length is None else length
    if whole <= CUT_BYTES:
        return redact.text(decode(raw))
    return f"{redact.text(decode(_whole_characters(raw[:CUT_BYTES])))} ‹cut: {whole:,} bytes›"


def entry(raw: bytes) -> str:
    """An entry of several lines as text, each line cut, 256 KiB in all."""
    lines = raw[:WHOLE_BYTES].split(b"\n")
    more = f"\n‹cut: {len(raw):,} bytes›" if len(raw) > WHOLE_BYTES else ""
    return redact.text("\n".join(line(part) for part in lines)) + more


def decode(raw: bytes) -> str:
    """Text without a trailing carriage return; the filler of a truncated sparse file shrinks."""
    if raw[:1] == b"\0":
        rest = raw.lstrip(b"\0")
        return f"‹{len(raw) - len(rest):,} NUL bytes›{decode(rest)}"
    return raw.removesuffix(b"\r").decode("utf-8", "backslashreplace")


def _whole_characters(raw: bytes) -> bytes:
    """Without the beginning of a character whose end was cut off."""
    for back in range(1, min(4, len(raw)) + 1):
        byte = raw[-back]
        if byte & 0xC0 != 0x80:
            size = 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return raw[:-back] if size > back else raw
    return raw
