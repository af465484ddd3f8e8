"""The queues of a snapshot under the names that the board gives them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeVar
from urllib.parse import unquote

from mrcore.mentor.board import problem
from mrcore.model import base, core, queue, redis, ref, wire

E = TypeVar("E", bound=base.Entity)

_BOARD = "bullboard"
"""A source that watches a board: it may be this one, which would show itself in itself."""


class Names:
    """All queues of a snapshot by unique names: a clash gets the engine, or the source, in front.

    A queue that the board does not list takes part, so that a name always means the same queue.
    """

    def __init__(self, snapshot: wire.Snapshot) -> None:
        entities = [e for changed in snapshot.sources for e in changed.upserts]
        boards = {e.name for e in _of(entities, core.SourceStatus) if e.source_kind == _BOARD}
        shown = [e for e in entities if ref.source_of(e.ref) not in boards]
        found = unique(_of(shown, queue.Queue))
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


def unique(queues: Iterable[queue.Queue]) -> dict[str, queue.Queue]:
    """Queues by names that no two of them have, in their order."""
    left, named = list(queues), dict[base.Ref, str]()
    order = list(left)
    for spell in _SPELLINGS:
        often = Counter(spell(q) for q in left) + Counter(named.values())
        named |= {q.ref: spell(q) for q in left if often[spell(q)] == 1}
        left = [q for q in left if q.ref not in named]
    return {named[q.ref]: q for q in order}


_SPELLINGS: tuple[Callable[[queue.Queue], str], ...] = (
    lambda q: q.name,
    lambda q: f"{q.engine}:{q.name}",
    lambda q: f"{ref.source_of(q.ref)}:{q.name}",
    lambda q: q.ref,
)


def _of(entities: Iterable[base.Entity], kind: type[E]) -> list[E]:
    return [e for e in entities if isinstance(e, kind)]


def _together(one: base.Entity, other: base.Entity) -> bool:
    return ref.source_of(one.ref) == ref.source_of(other.ref)
