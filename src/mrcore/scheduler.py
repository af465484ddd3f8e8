"""The one scheduler: declared jobs, enqueued once a tick however many schedulers there are.

A lease in Redis (`mr:scheduler:lease`, SET NX PX) lets one of them work; the tick's own guard, in
the same script as the enqueue, keeps it once even when two believe that they hold it. Ticks that
nobody was there for are counted and made up for by one run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from huey.api import Huey

from mrcore import declared, errors, journal
from mrcore.journal import keys, scripts

log = logging.getLogger("scheduler")

LEASE_S = 10.0
FORGOTTEN_S = 7 * 86_400
"""How long it is known when a withdrawn schedule ran: one that is declared again, as by two
versions that take turns with the lease, must not run at once."""

AGAIN = timedelta(seconds=30)
"""After what time declarations that could not be read are asked for again."""

Declared = declared.Declared

_HOLD = """
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return {0, false, false} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {owner and 1 or 2, redis.call('GET', KEYS[2]), redis.call('HGET', KEYS[3], 'revision')}
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end"


class Scheduler:
    """One of the schedulers that share the lease; call `tick` about once a second.

    `again` gives what is declared now: whoever changes that counts `mr:schedules:revision` up, and
    the scheduler that holds the lease reads it at its next tick. A schedule whose hash says that it
    `obeys` what it declares in words goes by that, and not by its code, until its code says
    something else (`schedule.register`).
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
        self._live: tuple[Declared, ...] = ()  # as declared, but for what they were told to obey
        self._obeyed: bytes | None = None
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
        names = (keys.LEASE, keys.REVISION, keys.OBEYED)
        held, revision, obeyed = self._conn.eval(_HOLD, 3, *names, self._owner, self._lease_ms)
        if held == 0:
            self._due = {}
            return 0
        now = self._now()
        anew = self._read_again(revision, now) or obeyed != self._obeyed
        if anew or held == 2 or not self._due:
            self._take_over(now)
            self._obeyed = obeyed
        ripe = [s for s in self._live if self._due[s.name] <= now]
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
            pipe.hmget(keys.schedule(schedule.name), "last_tick", "obeys", "registered_at")
        known = pipe.execute()
        self._live = tuple(
            schedule.obeying(obeys)
            for schedule, (_, obeys, _) in zip(self._declared, known, strict=True)
        )
        for schedule, (last, _, since) in zip(self._live, known, strict=True):
            self._due[schedule.name] = self._first(schedule, last, since, now)
        pipe = conn.pipeline(transaction=True)
        if names:
            pipe.sadd(keys.SCHEDULES, *names)
        if gone:
            pipe.srem(keys.SCHEDULES, *gone)
        for name in gone:
            pipe.expire(keys.schedule(name.decode()), FORGOTTEN_S)
        for schedule, coded in zip(self._live, self._declared, strict=True):
            key = keys.schedule(schedule.name)
            pipe.hset(key, mapping=self._published(schedule))
            pipe.persist(key)
            if schedule is coded:  # what it was told to obey is not what its code says any more
                pipe.hdel(key, "obeys")
            if at := self._last.get(schedule.name):  # a cron line is counted from here on
                pipe.hsetnx(key, "last_tick", scripts.stamp(at.timestamp()))
        pipe.execute()

    def _first(
        self, schedule: Declared, last: bytes | None, since: bytes | None, now: datetime
    ) -> datetime:
        """When it is due: an interval that has never run at once, a cron line at its next tick.

        What was registered again went by something else before: it has missed no tick of then.
        """
        if last is None and schedule.every is not None:
            self._last.pop(schedule.name, None)
            return now
        at = datetime.fromtimestamp(float(last), UTC) if last else schedule.latest(now)
        if since is not None:
            at = max(at, schedule.latest(min(now, datetime.fromtimestamp(float(since), UTC))))
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
