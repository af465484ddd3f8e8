"""What is told of a run and of a runbook in full: the timeline, the steps, the text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mrcore.model import base, run, wire
from mrcore.runbooks import engine, record


async def sections(kept: engine.Engine, entity: base.Entity) -> Sequence[wire.Section]:
    """What stands above the facts; nothing of other kinds. Raises StoreError."""
    if isinstance(entity, run.Runbook):
        known = kept.runbooks.get(entity.id)
        return (_text(known.text),) if known else ()
    if isinstance(entity, run.Run):
        return _steps(entity), _timeline(entity, await kept.timeline(entity.id))
    return ()


def _text(text: str) -> wire.Section:
    """A runbook as it is to be read: its front matter is among the facts."""
    _, _, body = text.partition("\n+++\n")
    return wire.Section(id="text", title="Runbook", form="text", text=(body or text).strip())


def _steps(entity: run.Run) -> wire.Section:
    fields = []
    for number, step in enumerate(entity.steps, 1):
        said = f"{step.state.value} {step.found}".rstrip()
        value = f"{said}: {step.why}" if step.why else said
        fields.append(wire.Field(name=f"{number} {step.title}", value=value))
    return wire.Section(id="steps", title="Steps", fields=tuple(fields))


def _timeline(entity: run.Run, events: Sequence[record.Event]) -> wire.Section:
    titles = {step.id: step.title for step in entity.steps}
    lines = "\n".join(_lines(events, titles))
    return wire.Section(id="timeline", title="Timeline (UTC)", form="text", text=lines)


def _lines(events: Sequence[record.Event], titles: dict[str, str]) -> Iterator[str]:
    day = None
    for event in events:
        if event.at.date() != day:
            if day is not None:
                yield f"{event.at:%Y-%m-%d}"
            day = event.at.date()
        what = f"{titles.get(event.step, event.step)}: {event.what}" if event.step else event.what
        text = f", {event.text}" if event.text else ""
        by = f" ({event.login})" if event.login else ""
        yield f"{event.at:%H:%M:%S}  {what}{text}{by}"
