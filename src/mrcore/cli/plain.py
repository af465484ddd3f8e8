"""What commands print, without anything that a terminal would obey, hide or pile up."""

from __future__ import annotations

import json
import re
import unicodedata

_MARKS_MAX = 4
# Printable by Unicode's word, and yet unseen: fillers and variation selectors.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def text(line: str) -> str:
    """One line; what cannot be seen is written as Python writes it: `\\x1b`, `\\u202e`."""
    if line.isascii() and line.isprintable():
        return line
    made, marks = [], 0
    for char in line:
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        seen = char.isprintable() and marks <= _MARKS_MAX and not _UNSEEN.match(char)
        made.append(char if seen else ascii(char)[1:-1])
    return "".join(made)


def document(data: object, *, indent: int | None = None) -> str:
    """Data as JSON, which leaves nothing but DEL as it is."""
    return json.dumps(data, indent=indent).replace("\x7f", "\\u007f")
