"""What a step can name in conditions and templates: parameters, and the steps before it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from mrcore.expr import local, words
from mrcore.runbooks import book, record

_ANY: Mapping[str, tuple[str, ...] | None] = MappingProxyType({})
_NO_PARAMS: Mapping[str, str] = MappingProxyType({})


class Names(NamedTuple):
    """`about` is the kind of the subject, `params` the type of each parameter as conditions name
    it, `steps` what each step before can have found; empty or None where it could not be read.
    """

    about: str = ""
    params: Mapping[str, str] = _NO_PARAMS
    steps: Mapping[str, tuple[str, ...] | None] = _ANY

    @property
    def types(self) -> local.Types:
        """Those that conditions can name."""
        texts = [said for said, type_ in self.params.items() if type_ in ("text", "")]
        return dict.fromkeys((*texts, *self.steps), words.TEXT)

    @property
    def texts(self) -> local.Texts:
        """All that a step can have found, of those that could be read."""
        return {name: found for name, found in self.steps.items() if found is not None}

    def acting(self) -> Names:
        """The same for what acts, or proves: to that an unknown verdict is no data."""
        sure = {
            name: found and tuple(each for each in found if each != record.UNKNOWN)
            for name, found in self.steps.items()
        }
        return self._replace(steps=sure)

    def after(self, step: str, found: tuple[str, ...] | None) -> Names:
        """The same behind one more step."""
        return self._replace(steps={**self.steps, step: found})


def found(step: book.Step) -> tuple[str, ...]:
    """All that a step can have found; a route to a runbook leaves no step to ask for it."""
    if step.kind == "diagnose":
        codes = dict.fromkeys(each.code for each in step.verdicts if each.code)
        return (*codes, record.PASSED, record.UNKNOWN)
    if step.kind == "decide":
        return tuple(dict.fromkeys(each.goto for each in step.routes if each.goto))
    done = step.kind in ("manual", "wait") or step.proof is not None
    return (record.DONE,) if done else ()
