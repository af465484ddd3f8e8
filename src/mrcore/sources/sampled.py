"""The detail of an entity of which a sample tells all."""

from __future__ import annotations

from mrcore import errors
from mrcore.model import base, wire

_NOT_FACTS = {"ref", "kind", "verdict", "actions"}


def detail(sample: wire.Sample, of: base.Ref, *instants: str) -> wire.Detail:
    """One entity with everything that is known of it; `instants` are shown as such, at the end.

    Raises NotFound.
    """
    entity = next((each for each in sample.entities if each.ref == of), None)
    if entity is None:
        raise errors.NotFound(f"There is no {of}.")
    facts = entity.model_dump(exclude=_NOT_FACTS | set(instants), mode="json")
    fields = [wire.Field(name=name.replace("_", " "), value=v) for name, v in facts.items()]
    fields += [wire.Field(name=name, at=getattr(entity, name, None)) for name in instants]
    section = wire.Section(id="facts", title=entity.kind, fields=tuple(fields))
    return wire.Detail(at=sample.at, entity=entity, sections=(section,))
