"""Bytes of a value as something to read: JSON, text, or hex; never executed, secrets masked."""

from __future__ import annotations

import json
import pickletools
import re
from typing import NamedTuple

from pydantic import JsonValue

from mrcore import redact
from mrcore.sources import base

MOST_OPCODES = 200
_PICKLE = re.compile(rb"\x80[\x02-\x05]")


class Decoded(NamedTuple):
    """`data` for JSON, else None; `text` is always readable."""

    how: str
    text: str
    data: JsonValue = None


def decode(raw: bytes, clean: redact.Redactor = redact.ALL) -> Decoded:
    """What the bytes most likely are; a pickle is listed by its opcodes, never loaded."""
    if _PICKLE.match(raw):
        return Decoded("pickle, not loaded", _opcodes(raw, clean))
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return Decoded("hex", hexdump(raw))
    if text[:1] in ("{", "["):
        try:
            data = clean.value(base.parse_json(text))
        except (ValueError, RecursionError):
            return Decoded("text", clean.text(text))
        return Decoded("JSON", json.dumps(data, ensure_ascii=False), data)
    return Decoded("text", clean.text(text))


def short(raw: bytes, clean: redact.Redactor = redact.ALL, most: int = 2000) -> str:
    """One line for a member of a collection."""
    decoded = decode(raw[: most * 2], clean)
    words = raw[:most].hex() if decoded.how == "hex" else decoded.text
    return words if len(words) <= most else words[:most] + " …"


def hexdump(raw: bytes) -> str:
    """Sixteen bytes a line: offset, hex, ASCII."""
    lines = []
    for at in range(0, len(raw), 16):
        part = raw[at : at + 16]
        shown = "".join(chr(b) if 32 <= b < 127 else "." for b in part)
        lines.append(f"{at:08x}  {part.hex(' '):<47}  {shown}")
    return "\n".join(lines)


def _opcodes(raw: bytes, clean: redact.Redactor) -> str:
    lines: list[str] = []
    try:
        for opcode, argument, at in pickletools.genops(raw):
            said = clean.text(repr(argument)[:200]) if argument is not None else ""
            lines.append(f"{at or 0:>6}  {opcode.name} {said}".rstrip())
            if len(lines) >= MOST_OPCODES:
                return "\n".join([*lines, "…"])
    except (ValueError, UnicodeDecodeError) as error:
        lines.append(f"… ({error})")
    return "\n".join(lines)
