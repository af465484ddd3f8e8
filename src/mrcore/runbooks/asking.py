"""What a condition of a runbook says of what a run is about: of one thing, or of every one. Pure.

A name is of the thing of its kind that the run is about, its subject or a parameter. Where the run
is about none of that kind, it is asked of each there is; of workers, schedules, jobs and groups of
failures, of those of the subject's queue; of services outside, of those that its schedules ask. An
`and` or `or` of several kinds asks each side of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from mrcore.alerts import summary
from mrcore.expr import expression, local, reads, views, words
from mrcore.model import base, core, upstream
from mrcore.model import ref as refs
from mrcore.runbooks import record

COMMA = ", "


class _Part(NamedTuple):
    """A part of a sentence: how many values it asks for, and how many of them are known."""

    text: str = ""
    asked: int = 0
    known: int = 0

    def told(self, value: str) -> _Part:
        known = self.known + (value != expression.UNKNOWN)
        return _Part(self.text + value, self.asked + 1, known)


class Said(NamedTuple):
    """What a condition says: `value` is None where nobody knows, `why` then says what lacks.

    `about` is the thing that decided it.
    """

    value: bool | None
    about: base.Ref = ""
    why: str = ""


class Asking:
    """A view, and what a run is about: one ref of a kind; `found` are the verdicts so far."""

    def __init__(
        self,
        view: views.View,
        bound: Mapping[str, base.Ref],
        found: local.Values,
        before: Mapping[str, reads.Value],
    ) -> None:
        self.view = view
        self.bound = bound
        self.found = found
        self._before = before
        self._queues = {
            (refs.source_of(each.ref), name)
            for kind in bound
            if (each := self.thing(kind)) is not None
            for name in _queues(each)
        }

    def thing(self, kind: str) -> base.Entity | None:
        """What the run is about, of a kind, while it is there."""
        wanted = self.bound.get(kind)
        return next((e for e in self.view.entities(kind) if e.ref == wanted), None)

    def any(self, asked: local.Expression, *, certain: bool = False) -> Said:
        """Whether it is true of one of them; what has gone is not so any more.

        With `certain` an unknown verdict is no data, so that it can decide nothing.
        """
        return self._ask(asked, decides=True, certain=certain)

    def every(self, asked: local.Expression) -> Said:
        """Whether it is true of all of them."""
        return self._ask(asked, decides=False, certain=True)

    def gone(self, asked: local.Expression) -> Said:
        """Whether it is true of none: a symptom that is over."""
        said = self.any(asked)
        return said._replace(value=None if said.value is None else not said.value)

    def _ask(self, asked: local.Expression, *, decides: bool, certain: bool) -> Said:
        if asked.parts:
            return self._mixed(asked, decides=decides, certain=certain)
        lacks, about = "", ""
        asked_of = 0
        for entity in self.things(asked):
            asked_of += 1
            try:
                answer = asked.ask(self.view, entity, self._local(asked, entity, certain))
            except views.Failed as error:
                return Said(None, why=str(error))
            at = entity.ref if entity else ""
            if answer.value is decides:
                return Said(decides, at)
            if answer.value is None and not lacks:
                what = answer.missing[0] if answer.missing else None
                lacks = f"no data: {what.what}" if what else "its points do not go back far enough"
                about = at
        if lacks:
            return Said(None, about, lacks)
        if not asked_of and not self.knows(asked.kind):
            return Said(None, why=f"no source says anything of a {asked.kind} now")
        return Said(not decides)

    def _mixed(self, asked: local.Expression, *, decides: bool, certain: bool) -> Said:
        """What is about things of several kinds: each part is asked of those of its own."""
        found = [self._ask(part, decides=decides, certain=certain) for part in asked.parts]
        for each in found:
            if each.value is asked.one:
                return each
        return next((each for each in found if each.value is None), found[0])

    def of(self, asked: local.Expression, entity: base.Entity) -> bool:
        """Whether it is known to be true of one thing. Raises views.Failed."""
        return asked.ask(self.view, entity, self._local(asked, entity, True)).value is True

    def things(self, asked: local.Expression) -> Iterator[base.Entity | None]:
        """What it is asked of; one None where everything in it is named."""
        if not asked.kind:
            yield None
        elif asked.kind in self.bound:
            found = self.thing(asked.kind)
            if found is not None:
                yield found
        else:
            for each in asked.subjects(self.view):
                if each is None or self.related(each):
                    yield each

    def related(self, entity: base.Entity) -> bool:
        """Whether it can have to do with what the run is about."""
        if isinstance(entity, upstream.Upstream) and (self._queues or "schedule" in self.bound):
            return entity.schedule in self._schedules()
        own = _queues(entity)
        if not self._queues or not own:
            return True
        return any((refs.source_of(entity.ref), name) in self._queues for name in own)

    def _schedules(self) -> tuple[base.Ref, ...]:
        """The schedule that the run is about, else those of its queues."""
        if "schedule" in self.bound:
            return (self.bound["schedule"],)
        return tuple(e.ref for e in self.view.entities("schedule") if self.related(e))

    def knows(self, kind: str) -> bool:
        """Whether a source that answers now would have told of such a thing."""
        if not kind:
            return True
        wanted = self.bound.get(kind)
        for each in self.view.entities("source"):
            assert isinstance(each, core.SourceStatus)
            mine = not wanted or refs.source_of(wanted) == each.name
            if mine and each.state == "watching" and (kind == "source" or kind in each.kinds):
                return True
        return False

    def baseline(self, asked: local.Expression) -> dict[str, reads.Value]:
        """What the names `before.…` of a proof are now."""
        found: dict[str, reads.Value] = {}
        for name in asked.locals:
            word = words.WORDS.get(name.removeprefix(local.BEFORE))
            if word is None or not name.startswith(local.BEFORE):
                continue
            plain = local.Expression(word.id)
            for entity in self.things(plain):
                if entity is not None:
                    value = plain.ask(self.view, entity).value
                    if value is not None:
                        found[f"{name} {entity.ref}"] = value
        return found

    def say(self, pieces: tuple[str | local.Expression, ...], about: base.Ref = "") -> str:
        """A sentence, each expression in it said of what it is about.

        Of its parts, between commas, those are left out that are about nothing that is known.
        """
        parts = [_Part()]
        for each in pieces:
            if isinstance(each, str):
                begun, *more = each.split(COMMA)
                parts[-1] = parts[-1]._replace(text=parts[-1].text + begun)
                parts += [_Part(text) for text in more]
            else:
                parts[-1] = parts[-1].told(self._said(each, about))
        return COMMA.join(part.text for part in parts if part.known or not part.asked)

    def _said(self, asked: local.Expression, about: base.Ref) -> str:
        """The value for the one thing that it is about; of one out of several it says nothing."""
        things = list(self.things(asked))
        chosen = next((e for e in things if e is not None and e.ref == about), None)
        chosen = chosen or (things[0] if len(things) == 1 else None)
        if chosen is None and asked.kind:
            return expression.UNKNOWN
        try:
            return asked.said(self.view, chosen)
        except views.Failed:
            return expression.UNKNOWN

    def name(self, subject: base.Ref) -> str:
        """What a person calls the subject."""
        if not subject:
            return ""
        kind = refs.parse(subject).kind
        found = next((e for e in self.view.entities(kind) if e.ref == subject), None)
        return summary.name_of(found) or refs.parse(subject).id

    def _local(
        self, asked: local.Expression, entity: base.Entity | None, certain: bool
    ) -> dict[str, reads.Value | None]:
        """The values of its own names, asked of one thing."""
        found: dict[str, reads.Value | None] = {}
        for name in asked.locals:
            if not name.startswith(local.BEFORE):
                value = self.found.get(name)
                found[name] = None if certain and value == record.UNKNOWN else value
                continue
            kind = words.WORDS[name.removeprefix(local.BEFORE)].kind
            of = entity.ref if entity and entity.kind == kind else self.bound.get(kind, "")
            found[name] = self._before.get(f"{name} {of}")
        return found


def _queues(entity: base.Entity) -> tuple[str, ...]:
    """The names of the queues that an entity has to do with."""
    if entity.kind == "queue":
        return (str(getattr(entity, "name", "")),)
    several = getattr(entity, "queues", ())
    one = getattr(entity, "queue", "")
    return tuple(several) or ((str(one),) if one else ())


def subject_of(view: views.View, alert_about: base.Ref, kind: str) -> base.Ref:
    """What a run is about whose alert is on something: that, its queue, the schedule that asks it,
    or the only one there is.

    Empty where it is about no single thing.
    """
    if not kind:
        return ""
    address = refs.parse(alert_about) if alert_about else None
    if address and address.kind == kind:
        return alert_about
    of = [e for e in view.entities(address.kind) if e.ref == alert_about] if address else []
    if of and kind == "schedule" and isinstance(of[0], upstream.Upstream):
        return of[0].schedule
    there = list(view.entities(kind))
    if of and kind == "queue":
        for each in there:
            same = refs.source_of(each.ref) == refs.source_of(alert_about)
            if same and str(getattr(each, "name", "")) in _queues(of[0]):
                return each.ref
        return ""
    near = [e for e in there if address and refs.source_of(e.ref) == address.source] or there
    return near[0].ref if len(near) == 1 else ""
