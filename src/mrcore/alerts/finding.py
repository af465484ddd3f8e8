"""What every rule says of every thing that it is about, and where it cannot say it. Pure."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol, Self, cast

from mrcore.alerts import rule as rules
from mrcore.alerts import state as states
from mrcore.expr import views
from mrcore.model import alert, base
from mrcore.model import ref as refs

NO_SOURCE = "its source is not in the settings any more"
SELF = refs.make("core", "core", "self")

log = logging.getLogger(__name__)


class Key(NamedTuple):
    """One alert of all: of which rule, what it is about, and on what."""

    rule: str
    about: alert.About
    subject: base.Ref

    @property
    def ref(self) -> base.Ref:
        """Its address."""
        ids = (self.subject,) if self.about == "condition" else (self.subject, self.about)
        return refs.make("core", "alert", self.rule, *ids)

    @classmethod
    def of(cls, ref: base.Ref) -> Self:
        """The alert at an address."""
        rule, subject, *about = (part.decode() for part in refs.parse(ref).ids)
        return cls(rule, cast("alert.About", about[0] if about else "condition"), subject)


class Finding(NamedTuple):
    """What is so now of one alert; `entity` is the subject, `why` what there is to say."""

    key: Key
    signal: states.Signal
    entity: base.Entity | None = None
    why: str = ""


class View(views.View, Protocol):
    """A view that tells which sources there are, and of which it knows nothing now."""

    def has(self, source: str) -> bool:
        """Whether there is such a source, also one that has not answered yet."""
        ...

    def answers(self, source: str) -> bool:
        """Whether a source's are known."""
        ...


class Finder:
    """One rule, and of which subjects it was ever able to tell."""

    def __init__(self, rule: rules.Rule) -> None:
        self.rule = rule
        self._told: dict[base.Ref, None] = {}
        self._broken = ""

    def find(self, view: View, standing: Mapping[Key, object]) -> list[Finding]:
        """Everything that is so now; `standing` are the alerts that are not at rest.

        Of something that has gone, or whose source has, the rule is false; of something whose
        source is away it is unknown, and so is what was standing before anything was seen.
        """
        wrong, found = "", []
        lacking: dict[base.Ref, str] = {}
        here: set[base.Ref] = set()
        for entity in self.rule.expr.subjects(view):
            subject = entity.ref if entity else SELF
            here.add(subject)
            try:
                answer = self.rule.expr.ask(view, entity)
                over = self.rule.over(view, entity)
            except Exception as error:  # a mistake in a rule, or in a fact: an alert of its own
                wrong = self._why(error)
                found.append(Finding(self._key(subject), states.Signal.UNKNOWN, entity))
                continue
            if answer.value is not None:
                self._told[subject] = None
            elif answer.missing and subject in self._told:
                lack = answer.missing[0]
                of = lack.ref or subject
                source = refs.make("core", "source", refs.source_of(of))
                lacking.setdefault(source, f"{lack.what} of {of}")
            signal = self._signal(answer.value, over)
            found.append(Finding(self._key(subject), signal, entity))
        found += self._gone(view, here, lacking, standing)
        found += self._lacking(view, lacking, standing)
        if wrong or Key(self.rule.id, "error", SELF) in standing:
            signal = states.Signal.TRUE if wrong else states.Signal.FALSE
            found.append(Finding(Key(self.rule.id, "error", SELF), signal, why=wrong))
        self._broken = wrong
        return found

    def _signal(self, value: object, over: bool) -> states.Signal:
        """A condition's value as a signal; `over` is whether what ends it is true."""
        if value:
            return states.Signal.TRUE
        if over:
            return states.Signal.FALSE
        if value is None:
            return states.Signal.UNKNOWN
        return states.Signal.HELD if self.rule.until else states.Signal.FALSE

    def _key(self, subject: base.Ref) -> Key:
        return Key(self.rule.id, "condition", subject)

    def _gone(
        self,
        view: View,
        here: set[base.Ref],
        lacking: dict[base.Ref, str],
        standing: Mapping[Key, object],
    ) -> Iterator[Finding]:
        """What was there before: gone, or not seen."""
        before = [key.subject for key in standing if key[:2] == (self.rule.id, "condition")]
        for subject in dict.fromkeys((*self._told, *before)):
            if subject in here:
                continue
            source = refs.source_of(subject)
            if why := _over(view, source):
                self._told.pop(subject, None)
                yield Finding(self._key(subject), states.Signal.FALSE, why=why)
                continue
            if subject in self._told:
                lacking.setdefault(refs.make("core", "source", source), subject)
            yield Finding(self._key(subject), states.Signal.UNKNOWN)

    def _lacking(
        self, view: View, lacking: Mapping[base.Ref, str], standing: Mapping[Key, object]
    ) -> Iterator[Finding]:
        """No data, once a source; what had none and has it again, too."""
        for source, what in lacking.items():
            key = Key(self.rule.id, "nodata", source)
            yield Finding(key, states.Signal.TRUE, why=f"no data: {what}")
        for key in standing:
            if key[:2] == (self.rule.id, "nodata") and key.subject not in lacking:
                source = refs.parse(key.subject).id
                over = view.answers(source) or not view.has(source)
                signal = states.Signal.FALSE if over else states.Signal.UNKNOWN
                yield Finding(key, signal, why="" if view.has(source) else NO_SOURCE)

    def _why(self, error: Exception) -> str:
        if isinstance(error, views.Failed):
            return str(error)
        said = f"{type(error).__name__}, a defect; the core's log has it."
        if self._broken != said:
            log.error("The rule %s cannot be reckoned.", self.rule.id, exc_info=error)
        return said


def _over(view: View, source: str) -> str:
    """Why what is not seen there is no more; empty where that is not known."""
    if not view.has(source):
        return NO_SOURCE
    return "it is gone" if view.answers(source) else ""
