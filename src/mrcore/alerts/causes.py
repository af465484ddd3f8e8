"""What a rule depends on: other rules, of anything or of what is named. Pure."""

from __future__ import annotations

import fnmatch
import glob
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from mrcore.expr import words
from mrcore.model import base
from mrcore.model import ref as refs


class Cause(NamedTuple):
    """A rule that another depends on, and of what: a pattern of the last id of its subject.

    `{name}` in it is the last id of what the other rule is about.
    """

    rule: str
    of: str = "*"

    def is_of(self, cause: base.Ref, own: base.Ref) -> bool:
        """Whether an alert of that rule on `cause` is one that an alert on `own` comes from."""
        pattern = self.of.replace("{name}", glob.escape(refs.parse(own).id))
        return fnmatch.fnmatchcase(refs.parse(cause).id, pattern)

    def __str__(self) -> str:
        return self.rule if self.of == "*" else f"{self.rule}@{self.of}"


Causes = Mapping[str, tuple[Cause, ...]]
"""By rule, what it depends on."""


def mistakes(known: Causes) -> Iterator[str]:
    """Dependencies that lead nowhere or in a circle, which would hide each other."""
    for rule, named in known.items():
        for other in named:
            if other.rule not in known:
                near = words.nearest(other.rule, known)
                said = f"Rule {rule} depends on {other.rule}, which is no rule. {near}"
                yield said.rstrip()
        if rule in _beneath(known, named):
            yield f"Rule {rule} depends on itself, over others or directly."


def _beneath(known: Causes, named: tuple[Cause, ...]) -> set[str]:
    found: set[str] = set()
    ahead = list(named)
    while ahead:
        one = ahead.pop().rule
        if one in known and one not in found:
            found.add(one)
            ahead += known[one]
    return found
