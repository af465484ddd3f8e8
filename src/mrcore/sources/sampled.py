"""The detail of an entity of which a sample tells all."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mrcore import errors
from mrcore.model import base, wire

_NOT_FACTS = {"ref", "kind", "verdict", "actions"}
Words = Callable[[base.Entity], Mapping[str, str]]


def _none(entity: base.Entity) -> Mapping[str, str]:
    return {}


def detail(sample: wire.Sample, of: base.Ref, *instants: str, words: Words = _none) -> wire.Detail:
    """One entity with everything that is known of it; `instants` are shown as such, at the end.

    `words` says in a sentence what is more than a value.

    Raises NotFound.
    """
    entity = next((each for each in sample.entities if each.ref == of), None)
    if entity is None:
        raise errors.NotFound(f"There is no {of}.")
    facts = entity.model_dump(exclude=_NOT_FACTS | set(instants), mode="json")
    facts |= words(entity)
    fields = [wire.Field(name=name.replace("_", " "), value=v) for name, v in facts.items()]
    fields += [wire.Field(name=name, at=getattr(entity, name, None)) for name in instants]
    section = wire.Section(id="facts", title=entity.kind, fields=tuple(fields))
    return wire.Detail(at=sample.at, entity=entity, sections=(section,))
