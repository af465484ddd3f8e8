"""What every family of actions offers to the source, and how left-outs are counted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mrcore.model import base, plans
from mrcore.sources import base as source_base

_SAMPLES = 10


class Act(Protocol):
    """A family of actions: the four calls of a source, for the ids that it is registered for."""

    def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: source_base.Progress,
    ) -> AsyncIterator[source_base.Planned]: ...

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> list[plans.TargetOutcome]: ...

    def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]: ...

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]: ...


def table(
    families: Mapping[tuple[base.ActionId, ...], Act],
) -> dict[base.ActionId, Act]:
    """Every action with the family that does it."""
    return {action: act for ids, act in families.items() for action in ids}


@dataclass
class LeftOuts:
    """Counts what is left out, by reason."""

    counts: dict[str, int] = field(default_factory=dict)
    samples: dict[str, list[base.Ref]] = field(default_factory=dict)

    def add(self, of: base.Ref, why: str) -> None:
        """One more for that reason."""
        self.counts[why] = self.counts.get(why, 0) + 1
        kept = self.samples.setdefault(why, [])
        if len(kept) < _SAMPLES:
            kept.append(of)

    def told(self) -> Iterator[plans.LeftOut]:
        """One for each reason."""
        for why, count in self.counts.items():
            yield plans.LeftOut(why=why, count=count, samples=tuple(self.samples[why]))
