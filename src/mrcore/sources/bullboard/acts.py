"""What every family of actions offers to the source, and how what became of it is said."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mrcore.model import base, plans
from mrcore.sources import base as source_base

TWO_STEPS = plans.Remark(
    text="the board cannot check and act in one step: each is looked at right before, and what "
    "changes in between is not seen"
)
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
        self,
        action: base.ActionId,
        chunk: Sequence[plans.Target],
        args: plans.Args,
        by: plans.By,
    ) -> list[plans.TargetOutcome]: ...

    def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]: ...

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]: ...


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


def done(of: base.Ref, why: str, memento: plans.Args | None = None) -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=of, outcome=plans.Outcome.DONE, why=why, memento=memento)


def skipped(of: base.Ref, why: str) -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=of, outcome=plans.Outcome.SKIPPED, why=why)


def failed(of: base.Ref, why: str, *, doubtful: bool = False) -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=of, outcome=plans.Outcome.FAILED, why=why, doubtful=doubtful)


def left(of: base.Ref, why: str) -> plans.LeftOut:
    return plans.LeftOut(why=why, count=1, samples=(of,))


def lasting(why: str) -> plans.Undo:
    """What the catalogue can undo elsewhere, and a board cannot: it has no route for it."""
    return plans.Undo(possible=False, words=f"a Bull Board {why}")
