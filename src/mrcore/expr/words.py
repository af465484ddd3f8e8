"""The names that an expression may use: the catalogue's metrics and the facts of entities."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from mrcore import catalogue, measured
from mrcore.expr import facts, reads, units


class Sort(StrEnum):
    """What a value is."""

    NUMBER = "number"
    TEXT = "text"
    TRUTH = "truth"


class Type(NamedTuple):
    """The type of an expression; only numbers have a unit."""

    sort: Sort
    unit: units.Unit = units.PLAIN

    @property
    def said(self) -> str:
        """In words, for a sentence."""
        if self.sort is Sort.NUMBER:
            return self.unit.said
        return "a text" if self.sort is Sort.TEXT else "true or false"


TEXT = Type(Sort.TEXT)
TRUTH = Type(Sort.TRUTH)
NUMBER = Type(Sort.NUMBER)


class Word(NamedTuple):
    """A metric or a fact: of which kind of entity, of which kind of source, and what it is.

    `scale` makes the base unit of what is said; a metric has no `read`, and a history.
    """

    id: str
    kind: str
    type: Type
    label: str
    declared: str
    scale: float = 1.0
    read: reads.Read | None = None
    source: str = ""


def _of_metric(metric: measured.Metric) -> Word:
    unit, scale = units.DECLARED[metric.unit]
    typed = Type(Sort.NUMBER, unit)
    return Word(metric.id, metric.kind, typed, metric.label, metric.unit, scale)


def _of_fact(fact: facts.Fact) -> Word:
    if fact.unit in ("text", "truth"):
        typed, scale = Type(Sort(fact.unit)), 1.0
    else:
        unit, scale = units.DECLARED[fact.unit]
        typed = Type(Sort.NUMBER, unit)
    return Word(fact.id, fact.kind, typed, fact.label, fact.unit, scale, fact.read, fact.source)


WORDS: dict[str, Word] = {
    **{fact.id: _of_fact(fact) for fact in facts.FACTS.values()},
    **{metric.id: _of_metric(metric) for metric in catalogue.METRICS.values()},
}


def nearest(name: str, known: Iterable[str]) -> str:
    """`did you mean …?`, or nothing where no name is near."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"Did you mean {found[0]}?" if found else ""
