"""What every type on the wire has in common: frozen, instants in UTC, a ref and a verdict."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, SerializeAsAny

Instant = AwareDatetime
"""A point in time with its zone; the core writes UTC. Ages are computed where they are shown."""

Ref = str
"""An entity's address `source/kind/id…`, parts percent-encoded; see `model.ref`."""

ActionId = str
"""`queue.retry`, `pg.terminate`: an id in `mrcore.catalogue.ACTIONS`."""


class Frozen(BaseModel):
    """A wire type: immutable; unknown fields are ignored so that versions may differ.

    Built at its first use: no process uses all of them, and most use few.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class Request(BaseModel):
    """A body that a client sends: unknown fields are refused by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Level(StrEnum):
    """How an entity is. `unknown` is never `ok`."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    UNKNOWN = "unknown"


class Verdict(Frozen):
    """A level with a stable code and a sentence, empty when there is nothing to say."""

    level: Level = Level.OK
    code: str = ""
    why: str = ""


OK = Verdict()

KINDS: dict[str, type[Entity]] = {}
"""Entity class by its `kind`, filled as the families are imported."""


class Entity(Frozen):
    """One row that a source reports. Subclasses name their `KIND`; values are facts, instants."""

    KIND: ClassVar[str] = ""

    kind: str = ""
    ref: Ref
    verdict: Verdict = OK
    actions: tuple[ActionId, ...] = ()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if cls.KIND:
            KINDS[cls.KIND] = cls

    def model_post_init(self, context: Any, /) -> None:
        if not self.kind:
            object.__setattr__(self, "kind", self.KIND)


class UnknownEntity(Entity):
    """An entity of a kind that this version does not know: kept whole, shown generically."""

    model_config = ConfigDict(frozen=True, extra="allow")


def _entity(value: Any) -> Any:
    """Choose the class by `kind`: what a newer core sends stays readable on an older screen."""
    if isinstance(value, dict):
        return KINDS.get(value.get("kind", ""), UnknownEntity).model_validate(value)
    return value


AnyEntity = Annotated[SerializeAsAny[Entity], BeforeValidator(_entity)]
"""An entity on the wire: any registered kind, told apart by `kind`."""
