"""What each engine does in the life, and how it is lived on one."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, ClassVar

from mrcore.model import base, plans, ref
from mrcore.sources import base as source_base
from tests.lives import script, telling

BY = plans.By(login="asha", reason="the life", operation=1)
CHUNK = 200


class Engine(abc.ABC):
    """An engine with one queue; `ids` are those of its jobs by their number in the life."""

    kind: ClassVar[str]
    queue: ClassVar[str] = "life"
    untold: ClassVar[frozenset[script.Fate]] = frozenset()
    """What this engine keeps no trace of, and does not count as an attempt."""

    def __init__(self) -> None:
        self.ids: dict[int, str] = {}

    @abc.abstractmethod
    def table(self) -> dict[str, Any]:
        """The settings of a source that sees this queue."""

    @abc.abstractmethod
    def send(self, jobs: Sequence[script.Job]) -> None:
        """Enqueue them; each will do what its fate says."""

    @abc.abstractmethod
    def run(self) -> None:
        """Let a worker run what waits until nothing does."""

    @abc.abstractmethod
    def take(self) -> None:
        """A worker takes the next job and has it still."""

    @abc.abstractmethod
    def counts(self) -> dict[str, int]:
        """Jobs by state, in our words, as the engine's library counts them."""

    @abc.abstractmethod
    def told(self) -> dict[str, telling.Told]:
        """Every job that is there, by its id, as the engine's library tells it."""

    @abc.abstractmethod
    def close(self) -> None:
        """End what was started."""


async def live(on: Engine, source: source_base.Source, life: Sequence[script.Job]) -> None:
    """The whole life; what a person does is done by the source."""
    fate = script.Fate
    on.send(_of(life, *script.RAN, fate.DELAYED))
    on.run()
    await telling.the_queue(source, on.queue)
    await act(source, "queue.retry", _refs(on, source, _of(life, fate.RETRIED)))
    on.run()
    on.send(_of(life, fate.ACTIVE))
    on.take()
    on.send(_of(life, fate.WAITING, fate.DROPPED))
    await act(source, "job.remove", _refs(on, source, _of(life, *script.REMOVED)))


async def act(
    source: source_base.Source, action: base.ActionId, chosen: Sequence[base.Ref]
) -> None:
    """Plan and apply, as a core does; everything must be done."""
    selection = plans.Selection(refs=tuple(chosen))
    parts = source.plan(action, selection, {}, lambda done, total: None)
    targets = [part async for part in parts if isinstance(part, plans.Target)]
    assert sorted(target.ref for target in targets) == sorted(chosen)
    for start in range(0, len(targets), CHUNK):
        outcomes = await source.apply(action, targets[start : start + CHUNK], {}, BY)
        assert [one for one in outcomes if one.outcome is not plans.Outcome.DONE] == []


def _of(life: Sequence[script.Job], *fates: script.Fate) -> list[script.Job]:
    return [job for job in life if job.fate in fates]


def _refs(on: Engine, source: source_base.Source, some: Sequence[script.Job]) -> list[base.Ref]:
    return [ref.make(source.name, "job", on.queue, on.ids[job.n]) for job in some]
