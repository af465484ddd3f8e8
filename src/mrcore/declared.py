"""What a job that repeats declares: an interval or a cron line, and which ticks these make. Pure.

Ticks of an interval are counted from the epoch, so every clock finds the same ones; a cron line is
read in its own zone, daylight saving included.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from mrcore import errors, ticks

_MISSED_MAX = 10_000


@dataclass(frozen=True)
class Declared:
    """A job that repeats: `every` an interval, or by a `cron` line in the zone `tz`.

    `says` is what it declares in words beside the code, where that is another interval: a comment,
    a name, a manual. It is shown as declared, and what really happens is held against it.
    Raises SettingsError that names the schedule when it is neither or both, or does not parse.
    """

    name: str
    queue: str
    job: str
    every: timedelta | None = None
    cron: str = ""
    tz: str = "UTC"
    says: timedelta | None = None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.every is None) == (not self.cron):
            raise errors.SettingsError(f"Schedule {self.name!r} needs either every or cron.")
        if self.every is not None and self.every < timedelta(seconds=1):
            raise errors.SettingsError(f"Schedule {self.name!r} is due more than once a second.")
        try:
            ticks.check(self.cron or ticks.ANY, self.tz)
        except ValueError as error:
            raise errors.SettingsError(
                f"Schedule {self.name!r} does not parse: {error}.",
                fix="cron is five fields, tz is a name like Asia/Kolkata.",
            ) from error

    @property
    def words(self) -> str:
        """The schedule as a person reads it: `every 15 min`, `59 23 * * * Asia/Kolkata`."""
        said = self.says or self.every
        return f"{self.cron} {self.tz}" if said is None else f"every {_words(said)}"

    @property
    def interval_s(self) -> float | None:
        """Seconds of the interval as declared; a cron line has none."""
        said = self.says or self.every
        return None if said is None else said.total_seconds()

    def obeying(self, told: bytes | None) -> Declared:
        """Itself, or with the interval that it says, where it was told to obey that very one."""
        said = self.says
        if told is None or said is None or self.every in (None, said):
            return self
        return dataclasses.replace(self, every=said) if told == obeyed(said) else self

    def latest(self, now: datetime) -> datetime:
        """The newest tick at or before `now`."""
        if self.every is not None:
            step_s = self.every.total_seconds()
            return datetime.fromtimestamp(now.timestamp() // step_s * step_s, UTC)
        return ticks.latest(self.cron, self.tz, now)

    def following(self, at: datetime) -> datetime:
        """The first tick after `at`."""
        if self.every is not None:
            return self.latest(at) + self.every
        return ticks.following(self.cron, self.tz, at)

    def between(self, last: datetime, tick: datetime) -> int:
        """How many ticks lie after `last` and before `tick`; at most 10,000 are counted."""
        if self.every is not None:
            return max(0, min(_MISSED_MAX, round((tick - last) / self.every) - 1))
        later = itertools.islice(ticks.after(self.cron, self.tz, last), _MISSED_MAX)
        return sum(1 for _ in itertools.takewhile(lambda at: at < tick, later))


def obeyed(said: timedelta) -> bytes:
    """An interval as a schedule's hash has it: seconds."""
    return str(said.total_seconds()).encode()


def _words(every: timedelta) -> str:
    seconds = every.total_seconds()
    for unit, size_s in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds % size_s == 0 and (unit, seconds) != ("days", 86_400):
            return f"{seconds / size_s:.0f} {unit}"
    return f"{seconds:g} s"
