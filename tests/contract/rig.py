"""What the contract suite needs of a source: the real thing behind it, with known content."""

from __future__ import annotations

import abc
import operator
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from mrcore import sources
from mrcore.model import base, plans
from mrcore.sources import base as source_base


@dataclass(frozen=True)
class Listing:
    """A collection that pages cover exactly: `rows` are all of them, as `told` tells them apart.

    `foreign`: they are of other sources, which have forgotten them.
    """

    ref: base.Ref
    collection: str
    rows: frozenset[str]
    query: plans.Query = field(default_factory=lambda: plans.Query(limit=3))
    told: Callable[[Any], str] = operator.attrgetter("ref")
    foreign: bool = False


@dataclass(frozen=True)
class Deed:
    """An action and fresh things to do it to: two or more where there can be, never shared.

    `moved_on` is the one whose guard `Rig.move_on` breaks; `chosen` is what is selected, where that
    is not what is acted on (a queue, of which jobs are removed).
    """

    action: base.ActionId
    refs: tuple[base.Ref, ...]
    moved_on: base.Ref
    args: plans.Args = field(default_factory=dict)
    chosen: tuple[base.Ref, ...] = ()


Churn = Mapping[str, Callable[[base.Ref], Awaitable[None]]]
"""What can happen to a thing meanwhile, by name; each may be called whatever has become of it."""


class Rig(abc.ABC):
    """The real server, files or processes of one kind of source.

    `lacks` says why a topic does not apply; the suite skips with that sentence, and only where
    `describe()` does not claim the opposite.
    """

    kind: ClassVar[str]
    acts: ClassVar[tuple[base.ActionId, ...]] = ()
    """The actions of `describe()`, without those that only reveal."""
    lasting: ClassVar[dict[base.ActionId, str]] = {}
    """Actions that the catalogue can undo and this kind cannot, and why; plans say so."""
    lacks: ClassVar[dict[str, str]] = {}
    frozen_answer: ClassVar[str] = "raises"
    """What a sample does while the server is stopped: `raises`, or `unknown` in its entities."""

    @classmethod
    def made(cls, folder: Path, fixture: Callable[[str], Any]) -> Self:
        """The rig with its files in `folder`; `fixture` gives a fixture of the session by name."""
        return cls(folder)  # type: ignore[call-arg]

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

    # -- acting: for each of `acts`

    def args(self, action: base.ActionId) -> plans.Args:
        """Arguments with which `action` can be planned, of those that need some."""
        return {}

    async def deed(self, action: base.ActionId) -> Deed:
        """New things to do `action` to; called anew for each test and each example."""
        raise NotImplementedError(f"nothing to {action}")

    async def move_on(self, deed: Deed) -> None:
        """Make the guard of `deed.moved_on` not hold any more."""
        raise NotImplementedError(f"nothing moves on before {deed.action}")

    async def state(self, action: base.ActionId, ref: base.Ref) -> Hashable:
        """All that `action` changes of a thing, read past the source: undo must restore it.

        A job's hash and place, a key's DUMP and TTL, a session's being there. An action that was
        done has changed it; one that was skipped has not.
        """
        raise NotImplementedError(f"nobody reads what {action} changes")

    async def facts(self, action: base.ActionId, ref: base.Ref) -> Hashable:
        """What must be as it was planned for `action` to be done, read past the source."""
        return await self.state(action, ref)

    def churn(self, action: base.ActionId) -> Churn:
        """What can happen to a thing of a deed between plan and apply, and before undo."""
        return {}
