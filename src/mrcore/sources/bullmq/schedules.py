"""Job schedulers, and the repeatable jobs of older versions, as rows. Pure.

`repeat` is a sorted set of ids by when they are due; the hash `repeat:<id>` has the interval or
cron line and, in schedulers, the template of the job and how often it ran (`ic`). Repeatable jobs
of BullMQ 3 and 4 have no hash: their id is `name:id:end:zone:pattern`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from mrcore.model import base, queue
from mrcore.queues import lines, ticks, truth
from mrcore.sources.bullmq import asking, offers, places, rows
from mrcore.sources.engine import declared

FIELDS = ("name", "pattern", "every", "tz", "ic", "limit", "endDate")
MOST = 300
"""Schedules of a queue that are read."""


class Declared(NamedTuple):
    """What is known of a schedule; `runs` is None in repeatable jobs of older versions.

    `wanted` is what the settings declare of it.
    """

    id: str
    next_at: datetime | None
    name: str
    pattern: str
    every_ms: float | None
    tz: str
    runs: int | None
    wanted: declared.Schedule | None = None

    @property
    def every_s(self) -> float | None:
        return self.every_ms / 1000 if self.every_ms else None

    @property
    def differs(self) -> bool:
        """Whether it is there otherwise than the settings declare it."""
        wanted = self.wanted
        return wanted is not None and wanted.differs(self.every_s, self.pattern, self.tz)

    @property
    def words(self) -> str:
        """`every 15 min`, `59 23 * * * Asia/Kolkata`."""
        if self.every_ms:
            return f"every {length(self.every_ms / 1000)}"
        return f"{self.pattern} {self.tz}".strip()

    def interval_s(self, now: datetime) -> float | None:
        """The interval declared: of a cron line that between its next two runs."""
        if self.wanted:
            return self.wanted.interval_s(now)
        if self.every_ms:
            return self.every_ms / 1000
        start = now.replace(minute=0, second=0, microsecond=0)
        return lines.interval_s(self.pattern, self.tz, start)


def length(seconds: float) -> str:
    """A whole length of time as one declares it: `15 min`, `1.5 s`."""
    for unit_s, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= unit_s and seconds % unit_s == 0:
            count = f"{seconds / unit_s:.0f}"
            return "day" if (count, unit) == ("1", "days") else f"{count} {unit}"
    return f"{seconds:g} s"


def read(member: bytes, score: bytes, values: Any) -> Declared:
    """From the member of `repeat`, its score and HMGET of FIELDS."""
    schedule_id = member.decode("utf-8", "replace")
    fields = dict(zip(FIELDS, asking.items(values) or [None] * len(FIELDS), strict=True))
    name, pattern, tz = (asking.text(fields[f]) for f in ("name", "pattern", "tz"))
    every_ms = asking.number(fields["every"])
    if not name:
        name, _, rest = schedule_id.partition(":")
        parts = rest.split(":", 3)
        if len(parts) == 4:
            tz, pattern = parts[2], parts[3]
            every_ms = asking.number(pattern) if pattern.isdigit() else None
    runs = asking.number(fields["ic"])
    return Declared(
        schedule_id,
        rows.instant(score),
        name,
        "" if every_ms else pattern,
        every_ms,
        tz,
        None if runs is None else int(runs),
    )


def entity(
    of: base.Ref,
    place: places.Place,
    found: Declared,
    does: ticks.Truth,
    now: datetime,
    may: tuple[base.ActionId, ...],
) -> queue.Schedule:
    """A schedule's row: what it declares, and what it does."""
    last_at = does.last_at
    if last_at is None and found.every_ms and found.next_at and (found.runs or 0) > 1:
        last_at = found.next_at - timedelta(milliseconds=found.every_ms)
    return queue.Schedule(
        ref=of,
        verdict=_verdict(found, does, now),
        actions=_may(found, may),
        engine="bullmq",
        name=found.id,
        queue=place.shown,
        job=found.name,
        declared=found.wanted.words if found.wanted else found.words,
        interval_s=found.interval_s(now),
        next_at=found.next_at,
        last_enqueued_at=last_at,
        last_succeeded_at=does.last_succeeded_at,
        missed=does.missed,
        observed_s=does.observed_s,
        overrun=does.overrun,
        registered=does.registered,
    )


def missing(
    of: base.Ref,
    name: str,
    wanted: declared.Schedule,
    now: datetime,
    may: tuple[base.ActionId, ...],
) -> queue.Schedule:
    """The row of one that the settings declare and the queue does not have."""
    register = tuple(action for action in may if action == offers.REGISTER)
    return queue.Schedule(
        ref=of,
        verdict=declared.missing(wanted),
        actions=register,
        engine="bullmq",
        name=name,
        queue=wanted.queue,
        job=wanted.job or name,
        declared=wanted.words,
        interval_s=wanted.interval_s(now),
        registered=0,
    )


def _may(found: Declared, may: tuple[base.ActionId, ...]) -> tuple[base.ActionId, ...]:
    if found.runs is None:
        return ()
    return may if found.differs else tuple(one for one in may if one != offers.REGISTER)


def late(found: Sequence[Declared], now: datetime) -> list[Declared]:
    """Those that are due and were not taken."""
    edge = now - timedelta(seconds=truth.OVERDUE_S)
    return [one for one in found if one.next_at is not None and one.next_at < edge]


def _verdict(found: Declared, does: ticks.Truth, now: datetime) -> base.Verdict:
    """That nothing runs is worse than what runs otherwise than declared."""
    if late([found], now):
        why = "It is due and nobody takes it: its queue has no worker that could."
        return base.Verdict(level=base.Level.BAD, code="overdue", why=why)
    if found.wanted and found.differs and not does.verdict.code:
        does_by = f"every {ticks.every(found.every_s)}" if found.every_s else found.words
        return declared.off(found.wanted.words, does_by)
    return does.verdict if does.verdict.code else ticks.missed(does, now) or base.OK
