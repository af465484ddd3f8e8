"""Expressions with names of their own beside the known ones: what a runbook has found so far.

`before.queue.waiting` is what that was before something was done; every other name of its own is
given with its type, and with all that it can be where that is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mrcore.expr import expression, parse, reads, tokens, tree, views, words
from mrcore.model import base

BEFORE = "before."

Types = Mapping[str, words.Type]
Texts = Mapping[str, tuple[str, ...]]
"""All that a name of its own can be, of those of which that is known."""
Values = Mapping[str, reads.Value | None]

_NONE: Types = MappingProxyType({})
_ANY: Texts = MappingProxyType({})
_NOTHING: Values = MappingProxyType({})


@dataclass(frozen=True)
class Local:
    """A name of its own; its value is in the scope, in base units."""

    name: str
    type: words.Type
    parts: tuple[tree.Node, ...] = ()

    def value(self, at: views.Scope) -> tree.Value | None:
        found = at.local.get(self.name)
        return at.lacks(self.name) if found is None else found


class _Parser(parse.Parser):
    """A parser that knows more names."""

    def __init__(
        self, text: str, time_scale: float, types: Types, texts: Texts, before: bool
    ) -> None:
        super().__init__(text, time_scale)
        self._types = types
        self._texts = texts
        self._before = before

    def _name(self, token: tokens.Token) -> tree.Node:
        if (typed := self._types.get(token.text)) is not None:
            return Local(token.text, typed)
        if self._before and token.text.startswith(BEFORE):
            word = words.WORDS.get(token.text.removeprefix(BEFORE))
            if word is not None:
                return Local(token.text, word.type)
        if token.text not in words.WORDS:
            fix = words.nearest(token.text, (*self._types, *words.WORDS))
            raise token.place.wrong(f"There is no metric, fact or step {token.text!r}.", fix)
        return super()._name(token)

    def _infix(self, left: tree.Node, token: tokens.Token, power: int) -> tree.Node:
        made = super()._infix(left, token, power)
        match made:
            case tree.Compare(parts=(Local(name), tree.Constant(text))):
                self._possible(name, (text,), token)
            case tree.Compare(parts=(tree.Constant(text), Local(name))):
                self._possible(name, (text,), token)
            case tree.Among(Local(name), these):
                self._possible(name, these, token)
        return made

    def _possible(self, name: str, asked: Iterable[reads.Value], token: tokens.Token) -> None:
        """What a name can never be makes a comparison that says the same whatever happens."""
        known = self._texts.get(name)
        for text in sorted(map(str, asked)) if known is not None else ():
            if known and text not in known:
                said = f"{name} is never {text!r} here: it is {_listed(known)}."
                raise token.place.wrong(said, words.nearest(text, known))
            if not known:
                raise token.place.wrong(f"{name} is never {text!r} here: it finds nothing.")


class Expression(expression.Expression):
    """An expression that may name `types`, and with `before` what was before."""

    def __init__(
        self,
        text: str,
        *,
        kind: str = "",
        time_scale: float = 1.0,
        types: Types = _NONE,
        texts: Texts = _ANY,
        before: bool = False,
    ) -> None:
        """Parse it; raises ExpressionError."""
        self.text = text
        self._take(_Parser(text, time_scale, types, texts, before).whole(), kind)

    def _take(self, root: tree.Node, kind: str) -> None:
        """Be what `root` says; an `and` or `or` of things of several kinds is in `parts`."""
        self.root = root
        self.names = tuple(tree.names(root))
        self._free = tuple(name for name in self.names if name.free)
        self.kind = kind or (self._free[0].word.kind if self._free else "")
        self.parts: tuple[Expression, ...] = ()
        mixed = len({name.word.kind for name in self._free}) > 1
        if mixed and not kind and isinstance(root, tree.Both):
            self.kind = ""
            self.parts = tuple(self._part(part) for part in root.parts)
        else:
            self._one_kind()

    def _part(self, root: tree.Node) -> Expression:
        made = object.__new__(Expression)
        made.text = self.text
        made._take(root, "")
        return made

    @property
    def one(self) -> bool:
        """Whether one of its `parts` is enough."""
        return isinstance(self.root, tree.Both) and self.root.one

    @property
    def locals(self) -> tuple[str, ...]:
        """The names of its own that it uses."""
        return tuple(dict.fromkeys(_locals(self.root)))

    def ask(
        self, view: views.View, subject: base.Entity | None = None, local: Values = _NOTHING
    ) -> expression.Answer:
        """What it says of `subject`, with the values of its own names. Raises views.Failed."""
        scope = views.Scope(view, subject, local=local)
        found = self.root.value(scope)
        return expression.Answer(found, tuple(scope.missing) if found is None else ())


def condition(
    text: str,
    *,
    kind: str = "",
    time_scale: float = 1.0,
    types: Types = _NONE,
    texts: Texts = _ANY,
    before: bool = False,
) -> Expression:
    """One that is true or false. Raises ExpressionError."""
    found = Expression(
        text, kind=kind, time_scale=time_scale, types=types, texts=texts, before=before
    )
    if found.type != words.TRUTH:
        raise tokens.Place().wrong(
            f"A condition is true or false, and this is {found.type.said}.",
            "Compare it with something.",
        )
    return found


def _listed(known: tuple[str, ...]) -> str:
    """`a, b or c`"""
    return " or ".join(filter(None, (", ".join(known[:-1]), known[-1])))


def _locals(node: tree.Node) -> list[str]:
    own = [node.name] if isinstance(node, Local) else []
    return own + [name for part in node.parts for name in _locals(part)]
