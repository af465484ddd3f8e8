"""Rows that were acted on stay where they were, and show how they are now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mrcore.model import base, queue

FINAL = {queue.JobState.COMPLETED, queue.JobState.FAILED, queue.JobState.QUARANTINED}
"""States in which a job stays unless somebody acts on it."""


def settled(entity: base.Entity | None) -> bool:
    """Whether nothing more will become of a job by itself."""
    return not isinstance(entity, queue.Job) or entity.state in FINAL


def present(entity: base.Entity | None) -> base.Entity | None:
    """None for a job that its queue has no more: what the core tells of it is history."""
    return None if isinstance(entity, queue.Job) and entity.captured_at is not None else entity


class Holding:
    """Held rows by ref, and the order in which the list was when they were held."""

    def __init__(self) -> None:
        self.now: dict[str, base.Entity] = {}
        self._order: tuple[str, ...] = ()
        self._open: dict[str, None] = {}
        self.gone: set[str] = set()

    @property
    def open(self) -> list[str]:
        """Refs that are still to be asked for, the one that was asked longest ago first."""
        return list(self._open)

    def hold(
        self, refs: Iterable[str], order: Sequence[str], known: Mapping[str, base.Entity]
    ) -> None:
        """Hold rows of a list that is shown in this order."""
        wanted = [ref for ref in refs if ref in known]
        if wanted:
            self._order = tuple(order)
            self.now.update({ref: known[ref] for ref in wanted})
            self._open.update(dict.fromkeys(wanted))

    def release(self) -> None:
        """Let every row go where it belongs."""
        self.now.clear()
        self._open.clear()
        self.gone.clear()

    def let_go(self, refs: Iterable[str]) -> None:
        """Hold these no more."""
        for ref in refs:
            self.now.pop(ref, None)
            self._open.pop(ref, None)
            self.gone.discard(ref)

    def saw(self, ref: str, entity: base.Entity | None, *, ended: bool) -> None:
        """A row as it is now (None: it is nowhere any more); `ended`: it stays as it is."""
        if ref not in self.now:
            return
        if entity is not None:
            self.now[ref] = entity
            self.gone.discard(ref)
        else:
            self.gone.add(ref)
        self._open.pop(ref, None)
        if not ended:
            self._open[ref] = None

    def placed(self, listed: Sequence[base.Entity]) -> list[base.Entity]:
        """The list with the held rows where they were, each below what it was below."""
        if not self.now:
            return list(listed)
        kept = {entity.ref: entity for entity in listed if entity.ref not in self.now}
        above: dict[str, list[base.Entity]] = {}
        anchor = ""
        for ref in self._order:
            if ref in kept:
                anchor = ref
            elif ref in self.now:
                above.setdefault(anchor, []).append(self.now[ref])
        made = above.get("", [])
        for ref, entity in kept.items():
            made += [entity, *above.get(ref, [])]
        return made
