"""A parsed expression: nodes that know their type and answer with a value or no data."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from mrcore.expr import reads, tokens, units, views, windows, words
from mrcore.model import base
from mrcore.model import ref as refs

Value = reads.Value


class Node(Protocol):
    """A part of an expression."""

    @property
    def type(self) -> words.Type:
        """What its value is."""
        ...

    @property
    def parts(self) -> tuple[Node, ...]:
        """The nodes in it."""
        ...

    def value(self, at: views.Scope) -> Value | None:
        """Its value, numbers in base units; None is no data. Raises Failed."""
        ...


@dataclass(frozen=True)
class Constant:
    """A number, a text, true or false."""

    is_: Value
    type: words.Type
    parts: tuple[Node, ...] = ()

    def value(self, at: views.Scope) -> Value | None:
        return self.is_


@dataclass(frozen=True)
class Name:
    """A metric or fact, of the subject, of what `named` is, or of the subject's namesake."""

    word: words.Word
    place: tokens.Place
    named: str = ""
    variable: str = ""
    namesake: bool = False
    parts: tuple[Node, ...] = ()

    @property
    def type(self) -> words.Type:
        return self.word.type

    @property
    def free(self) -> bool:
        """Whether it is of the subject."""
        return not self.named and not self.namesake

    def fits(self, entity: base.Entity, view: views.View) -> bool:
        """Whether an entity can have it."""
        if entity.kind != self.word.kind:
            return False
        return not self.word.source or view.source_kind(entity.ref) == self.word.source

    def entity(self, at: views.Scope) -> base.Entity | None:
        """What it is of; None where that is not there. Raises Failed where several are."""
        if self.free:
            return at.subject
        named = self.named
        if self.namesake:
            named = refs.parse(at.subject.ref).id if at.subject else ""
        found = [
            each
            for each in at.view.entities(self.word.kind)
            if named in (each.ref, refs.parse(each.ref).id) and self.fits(each, at.view)
        ]
        if len(found) > 1:
            all_of = ", ".join(entity.ref for entity in found[:3])
            raise views.Failed(f"{named} can be {all_of}: write its ref in quotes.")
        return found[0] if found else None

    def value(self, at: views.Scope) -> Value | None:
        entity = self.entity(at)
        found: Value | None = None
        if entity is not None and self.word.read is None:
            found = at.view.latest(self.word.id, entity.ref)
        elif entity is not None and self.word.read is not None:
            found = self.word.read(entity, at.view.now)
        if found is None:
            return at.lacks(self.word.id, entity.ref if entity else "")
        return found if isinstance(found, str | bool) else found * self.word.scale


@dataclass(frozen=True)
class Window:
    """What a metric did in the last while: `slope(queue.waiting, 10m)`."""

    function: windows.Function
    of: Name
    window_s: float

    @property
    def type(self) -> words.Type:
        per = units.TIME if self.function.per_second else units.PLAIN
        return words.Type(words.Sort.NUMBER, self.of.type.unit.over(per))

    @property
    def parts(self) -> tuple[Node, ...]:
        return (self.of,)

    def value(self, at: views.Scope) -> Value | None:
        entity = self.of.entity(at)
        points = at.view.points(self.of.word.id, entity.ref, self.window_s) if entity else ()
        if points and not windows.enough(points, self.window_s):
            at.warming = True
            return None
        if not points:
            said = units.shown(self.window_s, units.TIME)
            return at.lacks(f"{self.of.word.id} over {said}", entity.ref if entity else "")
        return self.function.of(points) * self.of.word.scale


@dataclass(frozen=True)
class Absent:
    """Whether something has no data: never no data itself."""

    of: Node
    type: words.Type = words.TRUTH

    @property
    def parts(self) -> tuple[Node, ...]:
        return (self.of,)

    def value(self, at: views.Scope) -> Value | None:
        return self.of.value(views.Scope(at.view, at.subject, local=at.local)) is None


@dataclass(frozen=True)
class Not:
    """The opposite."""

    of: Node
    type: words.Type = words.TRUTH

    @property
    def parts(self) -> tuple[Node, ...]:
        return (self.of,)

    def value(self, at: views.Scope) -> Value | None:
        found = self.of.value(at)
        return None if found is None else not found


@dataclass(frozen=True)
class Both:
    """`and`, or `or` where `one`: decided as soon as one side decides, whatever the other lacks."""

    parts: tuple[Node, ...]
    one: bool
    type: words.Type = words.TRUTH

    def value(self, at: views.Scope) -> Value | None:
        known, lacked = True, len(at.missing)
        for part in self.parts:
            found = part.value(at)
            if found is self.one:
                del at.missing[lacked:]  # what is decided lacks nothing
                return self.one
            known = known and found is not None
        return not self.one if known else None


@dataclass(frozen=True)
class Compare:
    """Two values of one type, compared."""

    parts: tuple[Node, ...]
    by: Callable[[Value, Value], bool]
    type: words.Type = words.TRUTH

    def value(self, at: views.Scope) -> Value | None:
        left, right = (part.value(at) for part in self.parts)
        return None if left is None or right is None else bool(self.by(left, right))


@dataclass(frozen=True)
class Among:
    """Whether a value is one of some constants."""

    of: Node
    these: frozenset[Value]
    type: words.Type = words.TRUTH

    @property
    def parts(self) -> tuple[Node, ...]:
        return (self.of,)

    def value(self, at: views.Scope) -> Value | None:
        found = self.of.value(at)
        return None if found is None else found in self.these


@dataclass(frozen=True)
class Absolute:
    """A number without its sign."""

    of: Node

    @property
    def type(self) -> words.Type:
        return self.of.type

    @property
    def parts(self) -> tuple[Node, ...]:
        return (self.of,)

    def value(self, at: views.Scope) -> Value | None:
        found = self.of.value(at)
        return None if found is None else abs(float(found))


@dataclass(frozen=True)
class Reckon:
    """`+ - * /` of numbers; a division by zero has no data."""

    parts: tuple[Node, ...]
    sign: str
    type: words.Type

    def value(self, at: views.Scope) -> Value | None:
        left, right = (part.value(at) for part in self.parts)
        if left is None or right is None:
            return None
        if self.sign == "/" and not right:
            return at.lacks("a quotient by zero")
        return ARITHMETIC[self.sign](float(left), float(right))


COMPARISONS: dict[str, Callable[[Value, Value], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def names(node: Node) -> Iterator[Name]:
    """Every name in it, from left to right."""
    if isinstance(node, Name):
        yield node
    for part in node.parts:
        yield from names(part)


def windows_s(node: Node) -> Iterator[float]:
    """How far back it looks, in seconds, at each place where it does."""
    if isinstance(node, Window):
        yield node.window_s
    for part in node.parts:
        yield from windows_s(part)
