"""What fails lately, by fingerprint: how often, of which jobs, and since when it is known.

Counted from runs that sources capture. The core shows each as a `group` of the source that it is
of, so that rules can be about it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from mrcore.model import queue
from mrcore.model import ref as refs
from mrcore.queues import fingerprint, groups

LATELY_S = 600.0
PRINTS_MAX = 1_000
"""Fingerprints that are counted at once: what failed longest ago goes first."""

FAILURES_MAX = 1_000
"""Failures of one fingerprint that are counted."""

SHOWN_MAX = 100
"""Fingerprints of one source that are shown: those that failed last."""


class Print(NamedTuple):
    """One fingerprint of one queue."""

    source: str
    queue: str
    fingerprint: str


@dataclass(slots=True)
class _Failures:
    """The failures of one fingerprint, oldest first; `first_at` is when the very first was."""

    run: queue.Captured
    title: fingerprint.Print
    first_at: datetime | None = None
    lately: deque[queue.Captured] = field(default_factory=lambda: deque(maxlen=FAILURES_MAX))


class Failing:
    """The failures of the last 10 min of every source; `time_scale` makes these shorter."""

    def __init__(self, time_scale: float = 1.0) -> None:
        self._lately = timedelta(seconds=LATELY_S / time_scale)
        self._known: dict[Print, _Failures] = {}

    def count(self, ended: Iterable[queue.Captured], now: datetime) -> None:
        """Take the runs of a sample; what failed before these 10 min, or well, is left out."""
        for run in ended:
            if run.state is not queue.JobState.FAILED or run.finished_at < now - self._lately:
                continue
            key = Print(refs.source_of(run.ref), run.queue, run.fingerprint)
            known = self._known.pop(key, None)
            if known is None:
                known = _Failures(run, fingerprint.of(run.error, run.trace))
            self._known[key] = known  # moved to the end
            known.lately.append(run)
        while len(self._known) > PRINTS_MAX:
            del self._known[next(iter(self._known))]

    def unknown(self) -> list[Print]:
        """Those of which it has to be looked up when they came first."""
        return [key for key, known in self._known.items() if known.first_at is None]

    def learn(self, first: Mapping[Print, datetime | None]) -> None:
        """When they came first, as the history has it; None where it has none of them."""
        for key, at in first.items():
            if (known := self._known.get(key)) is not None:
                own = min(run.finished_at for run in known.lately)
                known.first_at = min(at, own) if at else own

    def rows(self, source: str, now: datetime) -> tuple[queue.FailureGroup, ...]:
        """What has failed lately of one source; what is new is known once it was looked up."""
        of = [(key, known) for key, known in self._known.items() if key.source == source]
        for key, known in of:
            while known.lately and known.lately[0].finished_at < now - self._lately:
                known.lately.popleft()
            if not known.lately:
                del self._known[key]
        sums = Counter({key.queue: 0 for key, _ in of})
        for key, known in of:
            sums[key.queue] += len(known.lately)
        shown = [each for each in of if each[1].lately][-SHOWN_MAX:]
        return tuple(_rows(shown, sums))


def _rows(
    shown: Iterable[tuple[Print, _Failures]], sums: Mapping[str, int]
) -> Iterator[queue.FailureGroup]:
    for key, known in shown:
        jobs = Counter(run.ref for run in known.lately)
        names = Counter(run.name for run in known.lately)
        yield queue.FailureGroup(
            ref=refs.make(key.source, "group", key.queue, key.fingerprint),
            engine=known.run.engine,
            queue=key.queue,
            fingerprint=key.fingerprint,
            title=known.title.title,
            code=known.title.code,
            frame=known.title.frame,
            jobs=len(known.lately),
            names=tuple(name for name, _ in names.most_common(groups.NAMES)),
            first_at=known.first_at,
            last_at=known.lately[-1].finished_at,
            newest=known.lately[-1].ref,
            oldest=known.lately[0].ref,
            whole=False,
            worst=jobs.most_common(1)[0][1],
            share=100.0 * len(known.lately) / sums[key.queue],
        )
