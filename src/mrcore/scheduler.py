"""The one scheduler: declared jobs, enqueued once a tick however many schedulers there are.

A lease in Redis (`mr:scheduler:lease`, SET NX PX) lets one of them work; the tick's own guard, in
the same script as the enqueue, keeps it once even when two believe that they hold it. Ticks of an
interval are counted from the epoch, so every clock finds the same ones; a cron line is read in its
own zone, daylight saving included. Ticks that nobody was there for are counted and made up for by
one run.
"""

from __future__ import annotations

import itertools
import logging
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import cronsim
from huey.api import Huey

from mrcore import errors, journal
from mrcore.journal import keys, scripts

log = logging.getLogger("scheduler")

LEASE_S = 10.0
FORGOTTEN_S = 7 * 86_400
"""How long it is known when a withdrawn schedule ran: one that is declared again, as by two
versions that take turns with the lease, must not run at once."""

AGAIN = timedelta(seconds=30)
"""After what time declarations that could not be read are asked for again."""

_MISSED_MAX = 10_000
_MICROSECOND = timedelta(microseconds=1)
_ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)

_HOLD = """
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return {0, false} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {owner and 1 or 2, redis.call('GET', KEYS[2])}
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end"


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
            zoneinfo.ZoneInfo(self.tz)
            if self.cron:
                cronsim.CronSim(self.cron, _ANY_TIME)
        except (cronsim.CronSimError, zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
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

    def latest(self, now: datetime) -> datetime:
        """The newest tick at or before `now`."""
        if self.every is not None:
            step_s = self.every.total_seconds()
            return datetime.fromtimestamp(now.timestamp() // step_s * step_s, UTC)
        return self._cron(now + _MICROSECOND, reverse=True)

    def following(self, at: datetime) -> datetime:
        """The first tick after `at`."""
        if self.every is not None:
            return self.latest(at) + self.every
        return self._cron(at)

    def between(self, last: datetime, tick: datetime) -> int:
        """How many ticks lie after `last` and before `tick`; at most 10,000 are counted."""
        if self.every is not None:
            return max(0, min(_MISSED_MAX, round((tick - last) / self.every) - 1))
        ticks = itertools.islice(self._simulate(last), _MISSED_MAX)
        return sum(1 for _ in itertools.takewhile(lambda at: at < tick, ticks))

    def _cron(self, at: datetime, *, reverse: bool = False) -> datetime:
        return next(self._simulate(at, reverse=reverse)).astimezone(UTC)

    def _simulate(self, at: datetime, *, reverse: bool = False) -> cronsim.CronSim:
        return cronsim.CronSim(self.cron, at.astimezone(zoneinfo.ZoneInfo(self.tz)), reverse)


class Scheduler:
    """One of the schedulers that share the lease; call `tick` about once a second.

    `again` gives what is declared now: whoever changes that counts `mr:schedules:revision` up, and
    the scheduler that holds the lease reads it at its next tick.
    """

    def __init__(
        self,
        hueys: Mapping[str, Huey],
        declared: Sequence[Declared],
        *,
        owner: str,
        now: Callable[[], datetime],
        lease_s: float = LEASE_S,
        again: Callable[[], Sequence[Declared]] | None = None,
    ) -> None:
        self._books = {name: journal.of(huey) for name, huey in hueys.items()}
        self._declared = tuple(declared)
        self._owner = owner
        self._now = now
        self._lease_ms = int(lease_s * 1000)
        self._last: dict[str, datetime] = {}
        self._due: dict[str, datetime] = {}
        self._again = again
        self._revision: bytes | None = None
        self._wait_until = datetime.min.replace(tzinfo=UTC)
        for schedule in declared:
            self._task(schedule)

    @property
    def _conn(self) -> Any:
        return next(iter(self._books.values())).pen.conn

    def tick(self) -> int:
        """Enqueue what is due if the lease is ours; how many jobs that were.

        Raises redis.RedisError.
        """
        if not self._declared and self._again is None:
            return 0
        names = (keys.LEASE, keys.REVISION)
        held, revision = self._conn.eval(_HOLD, 2, *names, self._owner, self._lease_ms)
        if held == 0:
            self._due = {}
            return 0
        now = self._now()
        if self._read_again(revision, now) or held == 2 or not self._due:
            self._take_over(now)
        ripe = [s for s in self._declared if self._due[s.name] <= now]
        return sum(self._enqueue(schedule, now) for schedule in ripe)

    def _read_again(self, revision: bytes | None, now: datetime) -> bool:
        """Whether what is declared was read anew; while it cannot be, the old stays."""
        if self._again is None or revision == self._revision or now < self._wait_until:
            return False
        try:
            declared = tuple(self._again())
            for schedule in declared:
                self._task(schedule)
        except errors.MrError as error:
            log.warning("Schedules stay as they were: %s", error)
            self._wait_until = now + AGAIN
            return False
        self._declared, self._revision = declared, revision
        return True

    def release(self) -> None:
        """Let another scheduler have the lease at once. Raises redis.RedisError."""
        self._due = {}
        if self._declared or self._again:
            self._conn.eval(_RELEASE, 1, keys.LEASE, self._owner)

    def _take_over(self, now: datetime) -> None:
        """Publish what is declared, and learn what has been enqueued before."""
        conn, names = self._conn, [s.name for s in self._declared]
        gone = [n for n in conn.smembers(keys.SCHEDULES) if n.decode() not in names]
        pipe = conn.pipeline(transaction=True)
        for schedule in self._declared:
            pipe.hget(keys.schedule(schedule.name), "last_tick")
        for schedule, last in zip(self._declared, pipe.execute(), strict=True):
            self._due[schedule.name] = self._first(schedule, last, now)
        pipe = conn.pipeline(transaction=True)
        if names:
            pipe.sadd(keys.SCHEDULES, *names)
        if gone:
            pipe.srem(keys.SCHEDULES, *gone)
        for name in gone:
            pipe.expire(keys.schedule(name.decode()), FORGOTTEN_S)
        for schedule in self._declared:
            key = keys.schedule(schedule.name)
            pipe.hset(key, mapping=self._published(schedule))
            pipe.persist(key)
            if at := self._last.get(schedule.name):  # a cron line is counted from here on
                pipe.hsetnx(key, "last_tick", scripts.stamp(at.timestamp()))
        pipe.execute()

    def _first(self, schedule: Declared, last: bytes | None, now: datetime) -> datetime:
        """When it is due: an interval that has never run at once, a cron line at its next tick."""
        if last is None and schedule.every is not None:
            self._last.pop(schedule.name, None)
            return now
        at = datetime.fromtimestamp(float(last), UTC) if last else schedule.latest(now)
        self._last[schedule.name] = at
        return schedule.following(at)

    def _published(self, schedule: Declared) -> dict[str, scripts.Value]:
        interval_s = schedule.interval_s
        return {
            "declared": schedule.words,
            "queue": schedule.queue,
            "job": schedule.job,
            "interval_s": "" if interval_s is None else interval_s,
            "every_s": "" if schedule.every is None else schedule.every.total_seconds(),
            "next_at": scripts.stamp(self._due[schedule.name].timestamp()),
            "template": self._template(schedule),
        }

    def _template(self, schedule: Declared) -> bytes:
        """A message of its job, with which somebody else can enqueue one; b"" where they cannot."""
        task = self._task(schedule)(
            tuple(schedule.args), dict(schedule.kwargs), id=keys.TEMPLATE_ID
        )
        data = bytes(self._books[schedule.queue].huey.serialize_task(task))
        return data if data.count(keys.TEMPLATE_ID.encode()) == 1 else b""

    def _enqueue(self, schedule: Declared, now: datetime) -> bool:
        tick, book = schedule.latest(now), self._books[schedule.queue]
        last = self._last.get(schedule.name)
        missed = 0 if last is None else schedule.between(last, tick)
        due = schedule.following(tick)
        task = self._task(schedule)(tuple(schedule.args), dict(schedule.kwargs))
        data = book.huey.serialize_task(task)
        key, now_s = keys.schedule(schedule.name), now.timestamp()
        fields = {
            **book.pen.described(book.pen.read(data)),
            "enqueued_at": scripts.stamp(now_s),
            "schedule": key,
        }
        at = (scripts.stamp(tick.timestamp()), missed, scripts.stamp(due.timestamp()))
        pairs = scripts.flat(fields)
        book.tell()
        reply = book.pen.call("tick", task.id, data, key, *at, *pairs, now_s=now_s)
        self._last[schedule.name], self._due[schedule.name] = tick, due
        return bool(reply == b"done")

    def _task(self, schedule: Declared) -> Any:
        """The task class of a schedule's job. Raises SettingsError where there is none."""
        if schedule.queue not in self._books:
            raise errors.SettingsError(
                f"Schedule {schedule.name!r} is of queue {schedule.queue!r}, which is not here.",
                fix=f"The queues are {', '.join(sorted(self._books))}.",
            )
        tasks: dict[str, Any] = self._books[schedule.queue].huey._registry._registry
        for name, task in tasks.items():
            if schedule.job in (name, name.rpartition(".")[2]):
                return task
        raise errors.SettingsError(
            f"Schedule {schedule.name!r} wants {schedule.job!r}; {schedule.queue} has no such job.",
            fix=f"Its jobs are {', '.join(sorted(tasks))}.",
        )


def _words(every: timedelta) -> str:
    seconds = every.total_seconds()
    for unit, size_s in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds % size_s == 0 and (unit, seconds) != ("days", 86_400):
            return f"{seconds / size_s:.0f} {unit}"
    return f"{seconds:g} s"
