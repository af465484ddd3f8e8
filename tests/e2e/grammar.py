"""Every byte that a terminal may receive from us: a strict grammar, written apart from the code.

Printable text, and exactly the sequences that frame_diff, the title, the clipboard and Textual's
driver send; anything else raises Foreign.
"""

from __future__ import annotations

import base64
import functools
import itertools
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from typing import NamedTuple

MARKS_MAX = 4
"""So many marks may sit on one character; more run out of their line."""

# Unicode's Default_Ignorable_Code_Point that `isprintable` lets pass.
_INVISIBLE = {*"\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0"}
_INVISIBLE |= {*map(chr, range(0xFE00, 0xFE10)), *map(chr, range(0xE0100, 0xE01F0))}


def _class_of(fits: Callable[[str], bool]) -> str:
    """The characters that fit, as the inside of a regular expression's brackets."""
    made = []
    chars = (chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF)
    numbered = enumerate(filter(fits, chars))
    for _, group in itertools.groupby(numbered, lambda pair: ord(pair[1]) - pair[0]):
        run = [char for _, char in group]
        made.append(re.escape(run[0]) + (f"-{re.escape(run[-1])}" if len(run) > 1 else ""))
    return "".join(made)


# Made when they are first asked for: each takes a look at a million characters.
@functools.cache
def _text() -> re.Pattern[str]:
    """What may be shown."""
    plain = _class_of(lambda char: char.isprintable() and char not in _INVISIBLE)
    return re.compile(f"[{plain}]+")


@functools.cache
def _pile() -> re.Pattern[str]:
    """More marks than one character may carry."""
    mark = _class_of(lambda char: unicodedata.category(char) in ("Mn", "Me"))
    return re.compile(f"[{mark}]{{{MARKS_MAX + 1}}}")


_PROGRESS = re.compile(r"(?:operation \d+: |planning: | *\Z)")
_ATTRIBUTE = "0|1|2|3|4|7|9|39|49|3[0-7]|4[0-7]|9[0-7]|10[0-7]"  # no blink, no conceal
_COLOUR = r"[34]8;5;\d{1,3}|[34]8;2;\d{1,3};\d{1,3};\d{1,3}"
_ONE = f"(?:{_COLOUR}|{_ATTRIBUTE})"

SEQUENCES: dict[str, str] = {
    # what it is: how it is written; the first group is what it carries
    "look": rf"\x1b\[(?:{_ONE}(?:;{_ONE})*)?m",
    "at": r"\x1b\[(\d{1,3};\d{1,3})H",
    "column": r"\x1b\[(\d{1,3})G",
    "right": r"\x1b\[(\d{0,3})C",
    "erase": r"\x1b\[K",
    "region": r"\x1b\[((?:\d{1,3};\d{1,3})?)r",
    "reverse": r"\x1bM",
    "newline": r"\r*\n",
    "together": r"\x1b\[\?2026[hl]",
    "mode": r"\x1b\[\?(?:7|25|1004|1049|2004|2048)[hl]",
    "asked": r"\x1b\[\?(?:2026|2048)\$p",
    "keys": r"\x1b\[(?:>\d{1,2}|<)u",
    "pointer": r"\x1b\]22;(?:default|pointer|text)\x07",
    "title stack": r"\x1b\[2[23];2t",
    "title": r"\x1b\]2;([^\x00-\x1f\x7f-\x9f]{0,120})\x1b\\",
    "bell": r"\x07(?=\x1b\](?:9|777);)",  # never without the notice of what it is for
    "notice": r"\x1b\](?:9;|777;notify;)([^\x00-\x1f\x7f-\x9f]{0,450})\x1b\\",
    "clipboard": r"\x1b\]52;c;([A-Za-z0-9+/]*={0,2})\x07",
}
"""What a screen may send besides text."""

MOVES = ("at", "column", "right", "newline", "again", "reverse")
"""After these, marks no longer belong to the last text."""

AROUND = ("mode", "asked", "keys")
"""What is sent only before the first frame and after the last."""

LINES: dict[str, str] = {
    "newline": r"\r*\n",
    "again": r"\r",  # only over a line that says how far something is
}
"""What a command that prints may send besides text."""


class Foreign(AssertionError):
    """Bytes that are not ours."""


class Token(NamedTuple):
    """One piece: its name in the grammar or "text", what it carries, where it began."""

    name: str
    said: str
    at: int


class Grammar:
    """Takes bytes apart as they come; a sequence may come in pieces.

    A sequence of ours is foreign where we do not send it: beyond the screen's size, a title that
    is not of this program, the clipboard unless `copies`, modes while `drawing`.
    """

    def __init__(self, sequences: dict[str, str], columns: int = 80, rows: int = 24) -> None:
        self.copies = self.drawing = self.leaves = False
        self._named = {name: re.compile(pattern) for name, pattern in sequences.items()}
        self.resize(columns, rows)
        self._rest = b""
        self._line = ""
        self._text = ""  # the end of the last text: marks may follow in another piece
        self._at = 0

    def resize(self, columns: int, rows: int) -> None:
        """The screen has this size from now on."""
        self._size = (rows, columns)

    def feed(self, data: bytes, *, last: bool = False) -> list[Token]:
        """The tokens of these bytes; raises Foreign. `last`: nothing may be left unfinished."""
        data = self._rest + data
        whole = len(data) if last else _whole(data)
        self._rest = data[whole:]
        try:
            text = data[:whole].decode("utf-8")
        except UnicodeDecodeError as error:
            raise Foreign(f"no UTF-8: {data[error.start - 20 : error.end + 20]!r}") from None
        return list(self._tokens(text))

    def _tokens(self, text: str) -> Iterator[Token]:
        at = 0
        while at < len(text):
            found = self._next(text, at)
            if found is None:
                raise Foreign(
                    f"not in our grammar: {text[at : at + 40]!r}, after {text[:at][-60:]!r}"
                )
            name, match = found
            said = match[match.lastindex or 0]
            self._check(name, said)
            yield Token(name, said, self._at + at)
            at = match.end()
        self._at += len(text)

    def _next(self, text: str, at: int) -> tuple[str, re.Match[str]] | None:
        if match := _text().match(text, at):
            return "text", match
        for name, pattern in self._named.items():
            if match := pattern.match(text, at):
                return name, match
        return None

    def _check(self, name: str, said: str) -> None:
        """What a token carries is as harmless as what is shown."""
        if self.drawing and name in AROUND and not self.leaves:
            raise Foreign(f"{said!r} while it draws")
        if name == "text" and _pile().search(self._text + said):
            raise Foreign(f"a pile of marks: {said!r}")
        told = name in ("title", "notice") and said
        if told and not (_text().fullmatch(said) and said.startswith("mr ")):
            raise Foreign(f"{name}: {said!r}")
        if name in ("at", "region") and said and not self._inside(name, said):
            raise Foreign(f"{name} {said}, which is not of this screen")
        if name == "clipboard" and not (self.copies and _is_harmless(said)):
            raise Foreign(f"clipboard: {said!r}")
        if name == "again" and not _PROGRESS.match(self._line):
            raise Foreign(f"{self._line!r} is written over")
        if name == "text":
            self._text = said[-MARKS_MAX:]
        elif name in MOVES:
            self._text = ""
        self._line = (self._line + said)[:200] if name == "text" else ""

    def _inside(self, name: str, said: str) -> bool:
        first, second = map(int, said.split(";"))
        rows, columns = self._size
        if name == "region":
            return 0 < first < second <= rows
        return 0 < first <= rows and 0 < second <= columns


def _is_harmless(payload: str) -> bool:
    """Whether what a clipboard is given is lines of plain text."""
    try:
        lines = base64.b64decode(payload, validate=True).decode("utf-8").split("\n")
    except ValueError:
        return False
    return all(not line or _text().fullmatch(line) for line in lines)


def _whole(data: bytes) -> int:
    """Up to where data is not the begin of a sequence or of a character."""
    begun = re.search(rb"(?:\x1b(?:\[[0-9;?<>$]*|\][^\x07\x1b]{0,200000}\x1b?)?|\r+)\Z", data)
    end = begun.start() if begun else len(data)
    if data[:end].endswith(b"\x07") and not re.search(rb"\x1b\][^\x07\x1b]*\x07\Z", data[:end]):
        return end - 1  # a bell, whose notice follows; no end of a sequence
    if begun:
        return end
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(data) - back if length > back else len(data)
        if byte < 0x80:
            break
    return len(data)
