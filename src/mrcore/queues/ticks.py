"""What a schedule does, held against what it declares: observed interval, missed, overrun. Pure.

Engines differ in what they know: each fills `Told` with what it can tell.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mrcore.model import base
from mrcore.queues import lines, words

OFF = 1.5
"""From what factor on an interval is another one; a made-up run and a late boot are not."""

GAPS_MIN = 2
"""Gaps between ticks that are needed: the first tick after a boot comes at no full interval."""

LATELY = timedelta(hours=1)
"""How long missed ticks are a matter of now, where it ticks too seldom to show that it does."""

KEPT = 2
"""After so many ticks in their time it runs again: those that it missed are the past."""

SLACK = timedelta(seconds=1)
"""By how much a clock may be early."""


@dataclass(frozen=True)
class Ran:
    """One run of a schedule's job; `finished_at` is when it ended."""

    finished_at: datetime
    started_at: datetime | None = None
    succeeded: bool = True

    @property
    def took_s(self) -> float | None:
        """How long it took; None where nobody knows."""
        if self.started_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


@dataclass(frozen=True)
class Told:
    """What is known of a schedule; seconds, None where it has no fixed interval.

    `declared_s` is what it says of itself, `registered_s` what its engine goes by where that is
    known, or `line` and `zone`; `ticks` are when it enqueued something, in any order; `missed` is
    the engine's own count, where it has one, and `missed_at` its own; `registered` is how often it
    is there, `registrars` by whom or as what.
    """

    declared_s: float | None = None
    registered_s: float | None = None
    line: str = ""
    zone: str = ""
    ticks: Sequence[datetime] = ()
    runs: Sequence[Ran] = ()
    missed: int | None = None
    missed_at: datetime | None = None
    last_succeeded_at: datetime | None = None
    registered: int = 1
    registrars: Sequence[str] = ()


@dataclass(frozen=True)
class Truth:
    """What a schedule does; `verdict` is OK where that is what it declares.

    `last_at` is its newest tick; `missed_at` is when it last ran again after ticks that it missed,
    and `kept` how many have come in their time since.
    """

    last_at: datetime | None = None
    observed_s: float | None = None
    missed: int = 0
    missed_at: datetime | None = None
    kept: int = 0
    overrun: int = 0
    registered: int = 1
    last_succeeded_at: datetime | None = None
    verdict: base.Verdict = base.OK


def truth(told: Told) -> Truth:
    """The observed interval is the median of the gaps between ticks: from two gaps on."""
    ticks = sorted(set(told.ticks))
    gaps = [(b - a).total_seconds() for a, b in itertools.pairwise(ticks)]
    observed_s = statistics.median_high(gaps) if len(gaps) >= GAPS_MIN else None
    real_s = told.registered_s or observed_s or told.declared_s
    late = [run for run in told.runs if real_s and (run.took_s or 0.0) > real_s]
    succeeded = [run.finished_at for run in told.runs if run.succeeded]
    holes = list(_holes(told, ticks, real_s))
    if told.last_succeeded_at is not None:
        succeeded.append(told.last_succeeded_at)
    missed_at = told.missed_at or max((at for at, _ in holes), default=None)
    return Truth(
        last_at=max(ticks, default=None),
        registered=told.registered,
        observed_s=observed_s,
        missed=sum(count for _, count in holes) if told.missed is None else told.missed,
        missed_at=missed_at,
        kept=sum(1 for at in ticks if missed_at is not None and at > missed_at),
        overrun=len(late),
        last_succeeded_at=max(succeeded, default=None),
        verdict=_several(told) or _off(told, observed_s) or _overrun(told, late, real_s) or base.OK,
    )


def every(seconds: float) -> str:
    """An interval as one says it: `15 min`, `24 h`."""
    for unit, size_s, least in (("days", 86_400, 2), ("h", 3_600, 1), ("min", 60, 2)):
        count = round(seconds / size_s, 1)
        if count >= least and abs(count * size_s - seconds) < 0.05 * size_s:
            return f"{count:g} {unit}"
    return words.age(seconds)


def missed(does: Truth, now: datetime) -> base.Verdict | None:
    """That ticks were missed; None where none were, or it has run as it should since."""
    if does.missed_at is None or now - does.missed_at > LATELY or does.kept >= KEPT:
        return None
    ticks = words.some(does.missed, "tick")
    were = "was" if does.missed == 1 else "were"
    why = f"{ticks} {were} missed, the last before {words.clock(does.missed_at, now)}"
    return base.Verdict(level=base.Level.WARN, code="missed", why=why)


def _holes(
    told: Told, ticks: Sequence[datetime], real_s: float | None
) -> Iterator[tuple[datetime, int]]:
    """When it ran again after how many ticks that should have been in between."""
    for earlier, later in itertools.pairwise(ticks):
        count: int | None = None
        if told.line:
            count = lines.between(told.line, told.zone, earlier + SLACK, later + SLACK)
        elif real_s:
            count = round((later - earlier).total_seconds() / real_s)
        if count is not None and count > 1:
            yield later, count - 1


def _several(told: Told) -> base.Verdict | None:
    if told.registered <= 1:
        return None
    why = f"registered {told.registered} times, so it runs that often"
    if told.registrars:
        why += f": {', '.join(told.registrars)}"
    return base.Verdict(level=base.Level.WARN, code="doubled", why=why)


def _off(told: Told, observed_s: float | None) -> base.Verdict | None:
    declared_s = told.declared_s
    if not declared_s:
        return None
    if observed_s is not None and (registered_s := told.registered_s):
        # What is meant by what was measured; seldomer than that, ticks were missed: told as such.
        seldomer = observed_s > registered_s
        observed_s = registered_s if seldomer or _same(observed_s, registered_s) else observed_s
    does, real_s = ("runs", observed_s) if observed_s else ("registered", told.registered_s)
    if not real_s or _same(real_s, declared_s):
        return None
    why = f"declared every {every(declared_s)}, {does} every {every(real_s)}"
    return base.Verdict(level=base.Level.WARN, code="interval_off", why=why)


def _overrun(told: Told, late: Sequence[Ran], real_s: float | None) -> base.Verdict | None:
    newest = max(told.runs, key=lambda run: run.finished_at, default=None)
    if newest is None or real_s is None or newest not in late:
        return None
    why = (
        f"{len(late)} of its newest {words.some(len(told.runs), 'run')} took longer than its "
        f"interval of {every(real_s)}"
    )
    return base.Verdict(level=base.Level.WARN, code="overrun", why=why)


def _same(a: float, b: float) -> bool:
    return a < b * OFF and b < a * OFF
