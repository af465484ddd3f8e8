"""What the contract suite needs of a source: the real thing behind it, with known content."""

from __future__ import annotations

import abc
import operator
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from mrcore import sources
from mrcore.model import base, plans
from mrcore.sources import base as source_base


@dataclass(frozen=True)
class Listing:
    """A collection that pages cover exactly: `rows` are all of them, as `told` tells them apart."""

    ref: base.Ref
    collection: str
    rows: frozenset[str]
    query: plans.Query = field(default_factory=lambda: plans.Query(limit=3))
    told: Callable[[Any], str] = operator.attrgetter("ref")


@dataclass(frozen=True)
class Deed:
    """An action, the refs that it is planned for, and what breaks the guard of the first."""

    action: base.ActionId
    refs: tuple[base.Ref, ...]
    moved_on: base.Ref


class Rig(abc.ABC):
    """The real server, files or processes of one kind of source.

    `lacks` says why a topic does not apply; the suite skips with that sentence, and only where
    `describe()` does not claim the opposite.
    """

    kind: ClassVar[str]
    lacks: ClassVar[dict[str, str]] = {}
    frozen_answer: ClassVar[str] = "raises"
    """What a sample does while the server is stopped: `raises`, or `unknown` in its entities."""

    @abc.abstractmethod
    def close(self) -> None:
        """End whatever was started."""

    @abc.abstractmethod
    def table(self) -> dict[str, Any]:
        """The settings of the source."""

    def limited(self) -> dict[str, Any]:
        """Settings with a login that lacks rights; the topic `limited`."""
        raise NotImplementedError(self.lacks["limited"])

    def open(self, table: dict[str, Any] | None = None) -> source_base.Source:
        """The source, not entered yet."""
        return sources.build(self.kind, table or self.table())[0]

    def pid(self, source: source_base.Source) -> int:
        """The process to stop; the topic `frozen`."""
        raise NotImplementedError(self.lacks["frozen"])

    async def identities(self, source: source_base.Source) -> Hashable:
        """What must be the same after the process went on: kept connections, pids."""
        raise NotImplementedError(self.lacks["frozen"])

    def kill(self, source: source_base.Source) -> None:
        """End the server without a goodbye; the topic `killed`. Called in a thread."""
        raise NotImplementedError(self.lacks["killed"])

    def spawn(self) -> None:
        """Start it again on the same address. Called on the main thread, whose child it is."""
        raise NotImplementedError(self.lacks["killed"])

    def settle(self) -> None:
        """Wait until it answers and has its content again. Called in a thread."""
        raise NotImplementedError(self.lacks["killed"])

    def listings(self) -> tuple[Listing, ...]:
        """Every collection of `describe()`."""
        return ()

    def odd(self) -> tuple[base.Ref, ...]:
        """Refs of things whose ids hold `/ % ? space` and bytes that are no text; topic `odd`."""
        raise NotImplementedError(self.lacks["odd"])

    def unknown(self) -> tuple[base.Ref, ...]:
        """Well-formed refs of this source's kinds that lead nowhere."""
        return ()

    async def deed(self) -> Deed:
        """A plan for two or more targets; called anew for each test; the topic `guards`."""
        raise NotImplementedError(self.lacks["guards"])

    async def move_on(self, deed: Deed) -> None:
        """Make the guard of `deed.moved_on` not hold any more."""
        raise NotImplementedError(self.lacks["guards"])
