"""What schedules have done: read from the jobs that they have made, whose ids tell when.

A schedule's job is `repeat:<key>:<epoch ms of its tick>`, and its options say the how manieth it
is. So the ticks before the next one are asked for by name; what lies between two that are found is
known although it has been removed, or never was.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from mrcore.model import base
from mrcore.queues import lines, ticks
from mrcore.sources.bullmq import asking, places, rows, schedules
from mrcore.sources.redis import link

BACK = 12
"""Ticks before the next one that are asked for."""

READ = 20
"""Schedules whose past is read in one look; the others come with the next ones."""

KEPT = 20
_FIELDS = ("opts", "processedOn", "finishedOn", "failedReason")


class Known(NamedTuple):
    """A schedule of a queue, by its ref."""

    of: base.Ref
    place: places.Place
    declared: schedules.Declared


@dataclass
class _Past:
    """The number of each tick, None where its job does not say; and the runs that have ended."""

    numbers: dict[datetime, int | None] = field(default_factory=dict)
    runs: dict[datetime, ticks.Ran] = field(default_factory=dict)
    seen: datetime | None = None
    look: int = 0
    open: bool = True


class Pasts:
    """Remembers what was read: jobs are removed, and then a tick is known only from before."""

    def __init__(self) -> None:
        self._known: dict[base.Ref, _Past] = {}
        self._looks = 0

    async def read(
        self, client: link.Client, those: Sequence[Known]
    ) -> dict[base.Ref, ticks.Truth]:
        """What each does: one round trip, none where nothing has ticked. Raises SourceError."""
        self._known = {one.of: self._known.get(one.of) or _Past() for one in those}
        self._looks += 1
        new = sorted(filter(self._wants, those), key=lambda one: self._known[one.of].look)[:READ]
        twins = _twins(those)
        spans = [_span(one.declared) for one in new]
        asked: list[link.Command] = [
            ("HMGET", _job(one, at), *_FIELDS)
            for one, span in zip(new, spans, strict=True)
            for at in span
        ]
        doubted = [one for one in those if one.of in twins and one.declared.next_at is not None]
        for one in doubted:
            asked.append(("HGET", _job(one, one.declared.next_at), "data"))
        replies = iter(await asking.ask(client, *asked))
        for one, span in zip(new, spans, strict=True):
            self._take(one, {at: next(replies) for at in span})
        data = {one.of: next(replies) for one in doubted}
        same = _same(doubted, data)
        return {one.of: self._truth(one, same.get(one.of, ())) for one in those}

    def _wants(self, one: Known) -> bool:
        past, next_at = self._known[one.of], one.declared.next_at
        return next_at is not None and (past.open or past.seen != next_at)

    def _take(self, one: Known, found: Mapping[datetime, Any]) -> None:
        past, next_at = self._known[one.of], one.declared.next_at
        past.seen, past.look, past.open = next_at, self._looks, False
        for at, values in found.items():
            opts, began, ended, error = asking.items(values) or (None, None, None, None)
            if opts is None:
                continue
            past.numbers[at] = _number(opts)
            started, finished = rows.instant(began), rows.instant(ended)
            if finished is not None:
                past.runs[at] = ticks.Ran(finished, started, not error)
            elif at != next_at:
                past.open = True  # its run has not ended: it is looked at again
        for kept in (past.numbers, past.runs):
            for at in sorted(kept)[:-KEPT]:
                del kept[at]

    def _truth(self, one: Known, same: Sequence[str]) -> ticks.Truth:
        past, declared = self._known[one.of], one.declared
        every_s = declared.every_s
        points = [(at, n) for at, n in sorted(past.numbers.items())]
        holes = list(_holes(declared, points, every_s))
        made = [at for at, _ in points if at != declared.next_at or at in past.runs]
        return ticks.truth(
            ticks.Told(
                declared_s=declared.wanted.every_s if declared.wanted else every_s,
                registered_s=every_s,
                ticks=sorted({*made, *_between(points, every_s)}),
                runs=[run for _, run in sorted(past.runs.items())],
                missed=sum(count for _, count in holes),
                missed_at=max((at for at, _ in holes), default=None),
                registered=max(1, len(same)),
                registrars=same,
            )
        )


Points = Sequence[tuple[datetime, int | None]]


def _holes(
    declared: schedules.Declared, points: Points, every_s: float | None
) -> Iterator[tuple[datetime, int]]:
    """After how many ticks that made no job one made one again, as the numbers of the jobs tell."""
    for (a, first), (b, second) in itertools.pairwise(points):
        if every_s:
            steps: int | None = round((b - a).total_seconds() / every_s)
        else:
            steps = lines.between(declared.pattern, declared.tz, a, b)
        if steps is None or first is None or second is None or second <= first:
            continue
        if steps > second - first:
            yield b, steps - (second - first)


def _between(points: Points, every_s: float | None) -> Iterator[datetime]:
    """Ticks whose jobs are gone, where the numbers say that there was each."""
    for (a, first), (b, second) in itertools.pairwise(points):
        if first is None or second is None or not every_s:
            continue
        steps = round((b - a).total_seconds() / every_s)
        if steps == second - first <= KEPT:
            yield from (a + timedelta(seconds=every_s * n) for n in range(1, steps))


def _span(declared: schedules.Declared) -> list[datetime]:
    """The next tick and those before it."""
    due = declared.next_at
    if due is None:
        return []
    if declared.every_ms:
        step = timedelta(milliseconds=declared.every_ms)
        return [due - step * n for n in range(BACK + 1)]
    return [due, *lines.before(declared.pattern, declared.tz, due, BACK)]


def _job(one: Known, at: datetime | None) -> str:
    """The key of a tick's job; schedules of BullMQ 3 and 4 are known by a hash in it."""
    own = one.declared.id
    name, found, rest = own.partition(":")
    parts = rest.split(":", 3)
    if one.declared.runs is None and found and len(parts) == 4 and name == one.declared.name:
        own = _md5(f"{name}{parts[0]}{_md5(own)}")
    millis = 0 if at is None else round(at.timestamp() * 1000)
    return one.place.job(f"repeat:{own}:{millis}")


def _md5(words: str) -> str:
    return hashlib.md5(words.encode(), usedforsecurity=False).hexdigest()


def _number(opts: Any) -> int | None:
    """The how manieth job of its schedule it is."""
    found = rows.parsed(opts)
    repeat = found.get("repeat") if isinstance(found, dict) else None
    count = repeat.get("count") if isinstance(repeat, dict) else None
    return count if isinstance(count, int) else None


def _key(one: Known) -> tuple[str, str, str]:
    return one.place.shown, one.declared.name, one.declared.words


def _twins(those: Sequence[Known]) -> set[base.Ref]:
    """Those that declare the same name as often in one queue as another one."""
    counts = Counter(_key(one) for one in those)
    return {one.of for one in those if counts[_key(one)] > 1}


def _same(those: Sequence[Known], data: Mapping[base.Ref, Any]) -> dict[base.Ref, list[str]]:
    """The ids of those that also make the same payload."""
    found: dict[tuple[Any, ...], list[Known]] = {}
    for one in those:
        if isinstance(data[one.of], bytes):
            found.setdefault((*_key(one), data[one.of]), []).append(one)
    return {
        one.of: sorted(twin.declared.id for twin in same)
        for same in found.values()
        if len(same) > 1
        for one in same
    }
