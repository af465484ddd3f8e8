"""The queues of a snapshot under the names that the board gives them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar
from urllib.parse import unquote

from mrcore.mentor.board import problem
from mrcore.model import base, core, queue, redis, ref, wire

E = TypeVar("E", bound=base.Entity)

Rank = tuple[int, str]

ENGINES = ("huey", "bullmq", "rq")
"""The application's own first: its queues have the names that its people know."""

_BOARD = "bullboard"
"""A source that watches a board: it may be this one, which would show itself in itself."""


class Names:
    """All queues of a snapshot by unique names: in a clash the engine, or the source, is in front.

    A queue that the board does not list takes part, so that a name always means the same queue.
    """

    def __init__(self, snapshot: wire.Snapshot) -> None:
        entities = [e for changed in snapshot.sources for e in changed.upserts]
        statuses = _of(entities, core.SourceStatus)
        boards = {s.name for s in statuses if s.source_kind == _BOARD}
        shown = [e for e in entities if ref.source_of(e.ref) not in boards]
        sampled = {changed.source for changed in snapshot.sources}
        unseen = [
            rank(s.source_kind, s.name)
            for s in statuses
            if s.source_kind in ENGINES and s.name not in sampled
        ]
        found = unique(_of(shown, queue.Queue), unseen)
        self.at = snapshot.at
        self.listed = {name: q for name, q in found.items() if q.listed}
        self.unlisted = {name: q for name, q in found.items() if not q.listed}
        self.nodes = _of(entities, redis.RedisNode)
        self.points = [p for changed in snapshot.sources for p in changed.points]
        self._names = {q.ref: name for name, q in found.items()}
        self._schedules = _of(shown, queue.Schedule)
        self._workers = _of(shown, queue.Worker)

    def find(self, name: str) -> queue.Queue:
        """The queue of that name. Raises Problem 404."""
        found = self.listed.get(name)
        if found is None:
            raise problem.Problem(404, "QUEUE_NOT_FOUND")
        return found

    def asked(self, name: str) -> queue.Queue | None:
        """The queue that a query names: clients encode it once or twice."""
        return self.listed.get(name) or self.listed.get(unquote(name))

    def name(self, of: base.Ref) -> str:
        """The board's name of a queue by its ref; '' for none that there is."""
        return self._names.get(of, "")

    def schedules(self, of: queue.Queue) -> list[queue.Schedule]:
        """What is enqueued there again and again."""
        return [s for s in self._schedules if s.queue == of.name and _together(s, of)]

    def workers(self, of: queue.Queue) -> list[queue.Worker]:
        """Who works on it."""
        return [w for w in self._workers if of.name in w.queues and _together(w, of)]


def unique(queues: Sequence[queue.Queue], unseen: Iterable[Rank] = ()) -> dict[str, queue.Queue]:
    """Queues by names that no two of them have, in their order.

    In a clash the first engine of ENGINES keeps the name. What comes after an `unseen` source,
    which has not been sampled yet, is not called by its name alone: that could mean its queue.
    """
    first = min(unseen, default=None)
    named: dict[str, queue.Queue] = {}
    for of in sorted(queues, key=_rank):
        sure = first is None or _rank(of) < first
        spelled = (s for s in _spellings(of, plain=sure) if s not in named)
        named[next(spelled)] = of
    names = {of.ref: name for name, of in named.items()}
    return {names[of.ref]: of for of in queues}


def rank(kind: str, source: str) -> Rank:
    """Where a source comes among those with queues."""
    return (ENGINES.index(kind) if kind in ENGINES else len(ENGINES), source)


def _rank(of: queue.Queue) -> Rank:
    return rank(of.engine, ref.source_of(of.ref))


def _spellings(of: queue.Queue, *, plain: bool) -> Iterator[str]:
    if plain:
        yield of.name
    yield f"{of.engine}:{of.name}"
    yield f"{ref.source_of(of.ref)}:{of.name}"
    yield of.ref


def _of(entities: Iterable[base.Entity], kind: type[E]) -> list[E]:
    return [e for e in entities if isinstance(e, kind)]


def _together(one: base.Entity, other: base.Entity) -> bool:
    return ref.source_of(one.ref) == ref.source_of(other.ref)
