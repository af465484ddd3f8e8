"""A simulated deployment whose traffic can be switched: the one critical action."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from mrcore.model import plans, ref, wire
from mrcore.sources import base
from tests.core import harness


class Colours(harness.Simulated):
    """Blue and green; `switched` has every colour that was switched to, with who did it."""

    def __init__(self, name: str = "deploy", *, now: base.Now = base.utc_now) -> None:
        super().__init__(name, now=now)
        self.switched: list[tuple[str, str]] = []

    def ref(self, colour: str) -> str:
        return ref.make(self.name, "colour", colour)

    def describe(self) -> wire.Description:
        return wire.Description(kinds=("colour",), actions=("deploy.switch",))

    async def plan(
        self, action: str, selection: plans.Selection, args: plans.Args, progress: base.Progress
    ) -> AsyncIterator[base.Planned]:
        for each in selection.refs:
            yield plans.Target(ref=each, label=ref.parse(each).id, guard={"live": "none"})

    async def apply(
        self, action: str, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        self.switched += [(target.label, by.login) for target in chunk]
        return [plans.TargetOutcome(ref=t.ref, outcome=plans.Outcome.DONE) for t in chunk]
