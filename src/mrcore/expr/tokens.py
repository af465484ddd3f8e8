"""An expression as tokens, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from mrcore import errors

LENGTH_MAX = 2_000

Sort = Literal["number", "text", "word", "sign", "end"]


class Place(NamedTuple):
    """Where something stands: both count from 1."""

    line: int = 1
    column: int = 1

    def wrong(self, sentence: str, fix: str = "") -> errors.ExpressionError:
        """An error that names this place."""
        return errors.ExpressionError(sentence, line=self.line, column=self.column, fix=fix)


class Token(NamedTuple):
    """A piece of the text; `unit` is what stands behind a number."""

    sort: Sort
    text: str
    place: Place
    unit: str = ""


_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>\d+(?:\.\d+)?)(?P<unit>%|[A-Za-z]+)?
      | (?P<text>"[^"\n]*")
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
      | (?P<sign><=|>=|==|!=|[-+*/<>()\[\],@])""",
    re.VERBOSE | re.ASCII,
)


def read(text: str) -> Iterator[Token]:
    """The tokens of `text`, the last one of sort `end`.

    Raises ExpressionError at the first character that no token begins with.
    """
    if len(text) > LENGTH_MAX:
        raise Place().wrong(f"It has {len(text):,} characters; {LENGTH_MAX:,} are allowed.")
    at, line, began = 0, 1, 0
    while at < len(text):
        place = Place(line, at - began + 1)
        found = _TOKEN.match(text, at)
        if found is None:
            raise place.wrong(_unreadable(text[at]))
        if found["space"] is None:
            yield _token(found, place)
        elif "\n" in found[0]:
            line += found[0].count("\n")
            began = at + found[0].rindex("\n") + 1
        at = found.end()
    yield Token("end", "", Place(line, at - began + 1))


def _token(found: re.Match[str], place: Place) -> Token:
    if found["number"] is not None:
        return Token("number", found["number"], place, found["unit"] or "")
    if found["text"] is not None:
        return Token("text", found["text"][1:-1], place)
    sort: Sort = "word" if found["word"] is not None else "sign"
    return Token(sort, found[0], place)


def _unreadable(character: str) -> str:
    if character == '"':
        return "This text does not end: a second quote is missing."
    if character == "=":
        return "A single = says nothing: write == to compare."
    return f"{character!r} does not belong into an expression."
