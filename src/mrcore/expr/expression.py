"""A parsed expression, asked of a view: of what it is, and what it says of one such thing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mrcore.expr import parse, tokens, tree, units, views, words
from mrcore.model import base

UNKNOWN = "not known"
"""What is said of a value that nobody has."""


class Answer(NamedTuple):
    """What an expression says: `value` is None where `missing` has no data.

    Nothing is missing where a window only has to be looked at for longer.
    """

    value: tree.Value | None
    missing: tuple[views.Lack, ...] = ()


class Expression:
    """A typed expression; `kind` is of what it is asked, empty where everything in it is named."""

    def __init__(self, text: str, *, kind: str = "", time_scale: float = 1.0) -> None:
        """Parse `text`, whose free names have to be of `kind` where that is said.

        Its times, but for those in ms and of rates, are divided by `time_scale`.
        Raises ExpressionError with the place and the nearest known name.
        """
        self.text = text
        self.root = parse.Parser(text, time_scale).whole()
        self.names = tuple(tree.names(self.root))
        self._free = tuple(name for name in self.names if name.free)
        self.kind = kind or (self._free[0].word.kind if self._free else "")
        self._one_kind()

    @property
    def type(self) -> words.Type:
        """What its value is."""
        return self.root.type

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of entities that it needs."""
        return frozenset((*(name.word.kind for name in self.names), self.kind)) - {""}

    @property
    def window_s(self) -> float:
        """How long it remembers what is over: the shortest of its windows, in seconds, or 0."""
        return min(tree.windows_s(self.root), default=0.0)

    def subjects(self, view: views.View) -> Iterator[base.Entity | None]:
        """Everything that it can be asked of; one None where it is of named things only."""
        if not self.kind:
            yield None
            return
        for entity in view.entities(self.kind):
            if all(name.fits(entity, view) for name in self._free):
                yield entity

    def ask(self, view: views.View, subject: base.Entity | None = None) -> Answer:
        """What it says of `subject`. Raises views.Failed where it cannot be reckoned."""
        scope = views.Scope(view, subject)
        found = self.root.value(scope)
        return Answer(found, tuple(scope.missing) if found is None else ())

    def said(self, view: views.View, subject: base.Entity | None = None) -> str:
        """Its value as a person reads it; UNKNOWN where there is no data, or an empty text."""
        found = self.ask(view, subject).value
        if found is None or found == "":
            return UNKNOWN
        if isinstance(found, bool):
            return "yes" if found else "no"
        if isinstance(found, str):
            return found
        declared = self.root.word.declared if isinstance(self.root, tree.Name) else ""
        return units.shown(found, self.type.unit, declared)

    def _one_kind(self) -> None:
        variable = next((name.variable for name in self._free if name.variable), "")
        for name in self._free:
            if name.word.kind != self.kind:
                raise name.place.wrong(
                    f"{name.word.id} is of a {name.word.kind}, and this is asked of each "
                    f"{self.kind}.",
                    f'Name which one: {name.word.id}["…"].',
                )
            if name.variable and name.variable != variable:
                raise name.place.wrong(
                    f"[{name.variable}] is another name for [{variable}]: an expression is of "
                    "one thing at a time.",
                    f'A name is written in quotes: {name.word.id}["{name.variable}"].',
                )


def condition(text: str, *, kind: str = "", time_scale: float = 1.0) -> Expression:
    """An expression that is true or false, its times divided by `time_scale`.

    Raises ExpressionError where it does not parse, or is a number or a text.
    """
    found = Expression(text, kind=kind, time_scale=time_scale)
    if found.type != words.TRUTH:
        raise tokens.Place().wrong(
            f"A condition is true or false, and this is {found.type.said}.",
            "Compare it with something.",
        )
    return found
