"""A TOML table read strictly: every key is asked for, and what is left over is a mistake. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mrcore import errors
from mrcore.expr import expression, local, units, words
from mrcore.runbooks import book, document

_NAME = "{name}"


class Table:
    """The keys of one table of a block; `within` is what stands before it there."""

    def __init__(
        self, given: Mapping[str, Any], block: document.Block, within: str, time_scale: float
    ) -> None:
        self._given = dict(given)
        self._asked: set[str] = set()
        self._block = block
        self._within = within
        self._scale = time_scale

    def wrong(self, sentence: str, key: str = "", value: str = "") -> document.Wrong:
        """A mistake at a key, or where a value of it stands."""
        needles = (value, f"{key} =", f"{key}=", key) if key else ()
        return document.Wrong(sentence, self._block.line_of(*needles, after=self._within))

    def has(self, key: str) -> bool:
        """Whether it is there."""
        return key in self._given

    def take(self, key: str, usual: Any, *types: type) -> Any:
        """A value of one of `types`. Raises Wrong."""
        self._asked.add(key)
        value = self._given.get(key, usual)
        if key in self._given and (
            not isinstance(value, types) or (isinstance(value, bool) and bool not in types)
        ):
            named = {"str": "text in quotes", "bool": "true or false", "dict": "a table"}
            wanted = " or ".join(named.get(t.__name__, f"a {t.__name__}") for t in types)
            raise self.wrong(f"{key} has to be {wanted}.", key)
        return value

    def text(self, key: str, usual: str | None = None) -> str:
        """A text; without `usual` it has to be there. Raises Wrong."""
        if usual is None and not self._given.get(key):
            self._asked.add(key)
            raise self.wrong(f"{key} is missing.")
        return str(self.take(key, usual or "", str))

    def flag(self, key: str) -> bool:
        """True or false, false if it is not there."""
        return bool(self.take(key, False, bool))

    def tables(self, key: str) -> Iterator[Table]:
        """Every table of a list."""
        for each in self.take(key, [], list):
            if not isinstance(each, dict):
                raise self.wrong(f"{key} is a list of tables.", key)
            first = next((str(v) for v in each.values() if isinstance(v, str)), "")
            yield self.inner(each, first or key)

    def inner(self, given: Mapping[str, Any], within: str) -> Table:
        """A table in this one, that stands where `within` does."""
        begin = self._within
        place = within if within in self._block.text[self._block.text.find(begin) :] else begin
        return Table(given, self._block, place, self._scale)

    def time_s(self, key: str, usual_s: float) -> float:
        """`5m` in seconds, divided by the time scale. Raises Wrong."""
        if not self.has(key):
            self._asked.add(key)
            return usual_s / self._scale
        said = self.text(key)
        try:
            found = expression.Expression(said, time_scale=self._scale)
        except errors.ExpressionError as error:
            raise self.wrong(f"{key} {error}", key) from None
        value = getattr(found.root, "is_", None)
        if found.type.unit != units.TIME or not isinstance(value, float):
            raise self.wrong(f"{key} is a time, for example 5m.", key)
        return value

    def condition(
        self, key: str, types: local.Types, *, kind: str = "", before: bool = False
    ) -> local.Expression:
        """A condition that type-checks. Raises Wrong at its line."""
        said = self.text(key)
        try:
            return local.condition(
                said, kind=kind, time_scale=self._scale, types=types, before=before
            )
        except errors.ExpressionError as error:
            raise self._expression(error, key, said) from None

    def said(self, key: str, types: local.Types, kind: str) -> book.Said:
        """A sentence with expressions in braces; `{name}` is the name of the run's subject."""
        pieces: list[str | local.Expression] = []
        for number, part in enumerate(_split(self.text(key, ""))):
            if number % 2 == 0 or part == _NAME[1:-1]:
                pieces.append(_NAME if number % 2 else part)
                continue
            try:
                made = local.Expression(part, kind="", time_scale=self._scale, types=types)
            except errors.ExpressionError as error:
                raise self._expression(error, key, part) from None
            pieces.append(made)
        return tuple(pieces)

    def _expression(self, error: errors.ExpressionError, key: str, said: str) -> document.Wrong:
        first = said.strip().split("\n", 1)[0]
        found = self.wrong(f"{key} {error}", key, first)
        return document.Wrong(str(found), found.line + error.line - 1)

    def end(self) -> None:
        """Raise Wrong for a key that nobody has asked for."""
        for key in self._given:
            if key not in self._asked:
                near = words.nearest(key, self._asked)
                raise self.wrong(f"there is no {key!r} here. {near}".rstrip(), key)


def _split(text: str) -> list[str]:
    """`a {b} c` as [a, b, c]: every second piece stood in braces."""
    pieces = text.replace("}", "{").split("{")
    return pieces if len(pieces) % 2 else [*pieces, ""]
