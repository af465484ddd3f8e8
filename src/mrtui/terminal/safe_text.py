"""Foreign text made harmless: one line, printable, nothing hidden in it."""

from __future__ import annotations

import json
import re
import unicodedata

from mrtui.terminal import clusters

LIMIT_CHARS = 10_000
"""The longest text that is kept when the caller names no limit."""

TAB = "    "
_SHORTENED = "…"
_MARKS = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
# What is printable and yet unseen, and marks that have nothing to sit on.
_UNSEEN = re.compile(f"[{clusters.UNSEEN}]|(?<![^\\s])[{_MARKS}]")
MARKS_MAX = 4
"""No writing system puts more marks on a character; a pile runs over other lines."""
# What a pile of any script's marks looks like to `re`, which does not know them: no word, no space.
_PILE = re.compile(r"[^\w\s\x00-\u02ff\u2010-\u20cf\u2100-\u2bff]{5,}")
# The selector that asks for a symbol's colourful form: terminals disagree about the width that it
# leads to, and its absence hides nothing.
_EMOJI_FORM = re.compile("(?<=[\u203c-\u3299\U0001f000-\U0001faff])\ufe0f")


def safe_text(text: str | bytes, *, limit: int = LIMIT_CHARS) -> str:
    """Return `text` as one printable line of at most `limit` characters, safe to show or copy.

    Control characters become their pictures (␛ ␀ ␊ ␡), other unseen ones their names (‹U+202E›),
    tabs four spaces, bytes that are not UTF-8 `\\xff`. Markup is neither read nor removed.
    A second pass changes nothing.
    """
    if isinstance(text, bytes):
        text = text[: 4 * limit + 4].decode("utf-8", "backslashreplace")
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    shortened = len(text) > limit
    text = _EMOJI_FORM.sub("", text[: limit + 1])
    if not text.isprintable():
        text = "".join(char if char.isprintable() else _visible(char) for char in text)
    text = _PILE.sub(_thinned, _UNSEEN.sub(lambda found: _name(found[0]), text))
    if shortened or len(text) > limit:
        text = text[: max(0, limit - 1)] + _SHORTENED[:limit]
    return text


def safe_block(text: str | bytes, *, limit: int = 1_000_000) -> str:
    """Return `text` of several lines with each line made safe, for clipboard and details."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    return "\n".join(safe_text(line, limit=limit) for line in text[:limit].splitlines())


def safe_json(data: object, indent: int | None = 2) -> str:
    """Return data as JSON for a terminal or a program; of what is not seen it leaves only DEL."""
    return json.dumps(data, indent=indent).replace("\x7f", "\\u007f")


def _visible(char: str) -> str:
    code = ord(char)
    if char == "\t":
        return TAB
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if char.isspace() and code not in (0x85, 0x2028, 0x2029):
        return " "  # the wide, thin and unbreakable spaces: only their width is lost
    return _name(char)


def _thinned(found: re.Match[str]) -> str:
    kept, marks = [], 0
    for char in found[0]:
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        kept.append(char if marks <= MARKS_MAX else _name(char))
    return "".join(kept)


def _name(char: str) -> str:
    return f"‹U+{ord(char):04X}›"
