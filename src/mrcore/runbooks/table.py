"""A TOML table read strictly: every key is asked for, and what is left over is a mistake. Pure.

A mistake is noted, and what could not be read is then a stand-in of its type: so reading goes on,
and tells of every mistake at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mrcore import errors
from mrcore.expr import expression, local, units, words
from mrcore.runbooks import book, document, names

STAND_IN = "true"
"""A condition in place of one that could not be read."""

_NAME = "{name}"
_KINDS = {"str": "text in quotes", "bool": "true or false", "dict": "a table"}


class Notes(NamedTuple):
    """What is wrong so far; times are divided by `time_scale`."""

    wrong: list[document.Wrong]
    time_scale: float = 1.0


class Table:
    """The keys of one table of a block, in whose text it begins at the character `begin`."""

    def __init__(
        self,
        given: Mapping[str, Any],
        block: document.Block,
        begin: int,
        notes: Notes,
        known: names.Names,
    ) -> None:
        self.names = known
        self._given = dict(given)
        self._asked: set[str] = set()
        self._block = block
        self._begin = begin
        self._notes = notes

    @property
    def noted(self) -> int:
        """How many mistakes the runbook has so far."""
        return len(self._notes.wrong)

    def note(self, sentence: str, key: str = "", value: str = "") -> None:
        """A mistake at a key, or where a value of it stands."""
        self._note(sentence, self._line(key, value))

    def has(self, key: str) -> bool:
        """Whether it is there."""
        self._asked.add(key)
        return key in self._given

    def take(self, key: str, usual: Any, *types: type) -> Any:
        """A value of one of `types`, else `usual`."""
        self._asked.add(key)
        value = self._given.get(key, usual)
        if key not in self._given:
            return usual
        if isinstance(value, types) and (not isinstance(value, bool) or bool in types):
            return value
        wanted = " or ".join(_KINDS.get(t.__name__, f"a {t.__name__}") for t in types)
        self.note(f"{key} has to be {wanted}.", key)
        return usual

    def text(self, key: str, usual: str | None = None) -> str:
        """A text; without `usual` it has to be there."""
        if usual is None and self._given.get(key) in (None, ""):
            self._asked.add(key)
            self.note(f"{key} is missing.")
            return ""
        return str(self.take(key, usual or "", str))

    def flag(self, key: str) -> bool:
        """True or false, false if it is not there."""
        return bool(self.take(key, False, bool))

    def tables(self, key: str) -> Iterator[Table]:
        """Every table of a list."""
        at = self._place(key, self._begin) or self._begin
        for each in self.take(key, [], list):
            if not isinstance(each, dict):
                self.note(f"{key} is a list of tables.", key)
                continue
            first = next((v for v in each.values() if isinstance(v, str)), "")
            quoted = re.compile(rf"""(?<=["']){re.escape(first)}(?=["'])""")
            found = quoted.search(self._block.text, at) if first else None
            at = found.start() if found else at
            yield Table(each, self._block, at, self._notes, self.names)
            at += len(first)

    def inner(self, given: Mapping[str, Any], key: str) -> Table:
        """The table that is the value of a key."""
        at = self._place(key, self._begin)
        return Table(given, self._block, at or self._begin, self._notes, self.names)

    def time_s(self, key: str, usual_s: float) -> float:
        """`5m` in seconds, divided by the time scale."""
        scale = self._notes.time_scale
        if not self.has(key):
            self._asked.add(key)
            return usual_s / scale
        said = self.text(key)
        if not said:
            return usual_s
        try:
            found = expression.Expression(said, time_scale=scale)
        except errors.ExpressionError as error:
            self.note(f"{key} {error}", key)
            return usual_s
        value = getattr(found.root, "is_", None)
        if found.type.unit == units.TIME and isinstance(value, float):
            return value
        self.note(f"{key} is a time, for example 5m.", key)
        return usual_s

    def condition(
        self,
        key: str,
        *,
        kind: str = "",
        before: bool = False,
        acts: bool = False,
        needed: bool = True,
    ) -> local.Expression:
        """A condition that type-checks; one that `acts` knows no unknown verdict."""
        said = self.text(key, None if needed else "")
        known = self.names.acting() if acts else self.names
        try:
            if said:
                return local.condition(
                    said,
                    kind=kind,
                    time_scale=self._notes.time_scale,
                    types=known.types,
                    texts=known.texts,
                    before=before,
                )
        except errors.ExpressionError as error:
            self._expression(error, key, said)
        return local.condition(STAND_IN)

    def said(self, key: str) -> book.Said:
        """A sentence with expressions in braces; `{name}` is the name of the run's subject."""
        pieces: list[str | local.Expression] = []
        for number, part in enumerate(_split(self.text(key, ""))):
            if number % 2 == 0 or part == _NAME[1:-1]:
                pieces.append(_NAME if number % 2 else part)
                continue
            try:
                pieces.append(
                    local.Expression(
                        part,
                        time_scale=self._notes.time_scale,
                        types=self.names.types,
                        texts=self.names.texts,
                    )
                )
            except errors.ExpressionError as error:
                self._expression(error, key, part)
        return tuple(pieces)

    def end(self) -> None:
        """Note every key that nobody has asked for."""
        for key in self._given:
            if key not in self._asked:
                near = words.nearest(key, self._asked)
                self.note(f"there is no {key!r} here. {near}".rstrip(), key)

    def _expression(self, error: errors.ExpressionError, key: str, said: str) -> None:
        first = said.strip().split("\n", 1)[0]
        skipped = said[: len(said) - len(said.lstrip())].count("\n")
        line = self._line(key, first) + error.line - 1 - skipped
        self._note(f"{key} {error}", line)

    def _line(self, key: str, value: str = "") -> int:
        at = self._block.text.find(value, self._begin) if value else -1
        if at < 0:
            at = self._place(key, self._begin) or self._begin
        return self._block.line_at(at)

    def _place(self, key: str, begin: int) -> int | None:
        """Where a key stands: before its `=`, or as the last of a [table]'s head."""
        text, name = self._block.text, re.escape(key)
        head = rf"""(?<![\w.-])["']?{name}["']?\s*=(?!=)|\.{name}\s*\]"""
        for pattern in (head, name) if key else ():
            if found := re.compile(pattern).search(text, begin):
                return found.start()
        return None

    def _note(self, sentence: str, line: int) -> None:
        self._notes.wrong.append(document.Wrong(sentence, line))


def _split(text: str) -> list[str]:
    """`a {b} c` as [a, b, c]: every second piece stood in braces."""
    pieces = text.replace("}", "{").split("{")
    return pieces if len(pieces) % 2 else [*pieces, ""]
