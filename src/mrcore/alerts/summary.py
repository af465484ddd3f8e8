"""What is said of an alert: a text with expressions in it, each said of the subject."""

from __future__ import annotations

import re

from mrcore import errors
from mrcore.expr import expression, views
from mrcore.model import base
from mrcore.model import ref as refs

Summary = tuple[str | expression.Expression, ...]
"""A template in pieces: texts, and expressions that are said there."""

NAME = expression.Expression("true")
"""What stands for `{name}` in a summary."""

_PART = re.compile(r"\{([^{}]*)\}")


def name_of(subject: base.Entity | None) -> str:
    """What a person calls a subject: its name, or the first id of its ref (a pid)."""
    if subject is None:
        return ""
    named = getattr(subject, "name", "")
    ids = refs.parse(subject.ref).ids
    return str(named) or (ids[0].decode("utf-8", "backslashreplace") if ids else subject.kind)


def read(text: str, kind: str, time_scale: float) -> Summary:
    """The pieces of a template: `{name}` is the subject's, every other `{…}` an expression of it.

    Raises RuleError that names the part that is none.
    """
    pieces: list[str | expression.Expression] = []
    for number, part in enumerate(_PART.split(text)):
        if number % 2 == 0 or part.strip() == "name":
            pieces.append(NAME if number % 2 else part)
            continue
        try:
            pieces.append(expression.Expression(part, kind=kind, time_scale=time_scale))
        except errors.ExpressionError as error:
            raise errors.RuleError(f"{{{part}}} {error}") from None
    return tuple(pieces)


def say(summary: Summary, view: views.View, subject: base.Entity | None) -> str:
    """A summary, of one subject as it is now; `not known` where that cannot be reckoned."""
    return "".join(
        part if isinstance(part, str) else _said(part, view, subject) for part in summary
    )


def _said(part: expression.Expression, view: views.View, subject: base.Entity | None) -> str:
    if part is NAME:
        return name_of(subject)
    try:
        return part.said(view, subject)
    except views.Failed:
        return expression.UNKNOWN
