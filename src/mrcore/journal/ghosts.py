"""Jobs in the hands of nobody: those of dead workers, and strays of living ones, go back.

A worker is dead when its heartbeat key is gone. After Redis itself was away all keys are gone, so
death must be seen twice, two beats apart: the living have beaten in between.

A dead worker with empty hands is buried. It may only have been asleep, and wake with a job that it
had asked for; should it die for good before its next beat, nothing but its grave tells of it. So
the hands of the buried are looked at for a week.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from mrcore.journal import graves, heads, keys, projection, reader, scripts, writer

DEATHS = 3
"""A job whose workers died this often fails: it may be what kills them."""

Conn = Any
"""A redis.Redis that answers bytes; its types cannot tell bytes from text."""

Held = tuple[str, bytes]
"""A message in a worker's hands, and its queue."""

T = TypeVar("T")


@dataclass(frozen=True)
class Restored:
    """A message that went back: its queue, its job ('' if unreadable) and what became of it."""

    queue: str
    job_id: str
    worker: str
    became: str


class Ripening(Generic[T]):
    """What has been seen without a break for long enough."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._since: dict[T, float] = {}

    def ripe(self, seen: Iterable[T], grace_s: float) -> list[T]:
        """Those of `seen` that were seen `grace_s` ago too, and each time since."""
        now = self._monotonic()
        self._since = {item: self._since.get(item, now) for item in seen}
        return [item for item, since in self._since.items() if now - since >= grace_s]


class Sweeper:
    """Looks for the dead; it remembers whom it suspects, so one sweep alone recovers nothing."""

    def __init__(
        self,
        conn: Conn,
        root: keys.Root,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.conn = conn
        self.root = root
        self.now = now
        self._dead: Ripening[str] = Ripening(monotonic)
        self._strays: Ripening[tuple[Held, int]] = Ripening(monotonic)
        self._graves = graves.Graves(conn, root)

    def sweep(
        self, me: str, mine: Callable[[], Counter[Held]], *, grace_s: float
    ) -> list[Restored]:
        """Give back what dead workers hold, and what `me` holds without knowing (not in `mine`).

        Raises redis.RedisError.
        """
        restored: list[Restored] = []
        self._graves.look()
        for worker in self._dead.ripe(dead(self.conn, self.root, but=me), grace_s):
            restored += recover(self.conn, self.root, worker, now=self.now)
        ripe = self._strays.ripe(self._surplus(me, mine), grace_s)
        for stray in set(self._surplus(me, mine)).intersection(ripe) if ripe else ():
            restored.append(restore(self.conn, self.root, me, *stray[0], "not started", self.now))
        return restored

    def _surplus(self, me: str, mine: Callable[[], Counter[Held]]) -> Iterator[tuple[Held, int]]:
        """Messages that are more often in my hands than I know of, and how many there are less."""
        held = Counter(hands(self.conn, self.root, me))
        known = mine()
        for pair, count in held.items():
            yield from ((pair, n) for n in range(known[pair], count))


def dead(conn: Conn, root: keys.Root, *, but: str = "") -> list[str]:
    """Workers that are written down and have no heartbeat."""
    workers = [name.decode() for name in conn.hkeys(root.workers)]
    pipe = conn.pipeline(transaction=False)
    for name in workers:
        pipe.exists(root.alive(name))
    beats = pipe.execute()
    return [n for n, beats_ in zip(workers, beats, strict=True) if not beats_ and n != but]


def hands(conn: Conn, root: keys.Root, worker: str) -> list[Held]:
    """What a worker holds: queue and message."""
    queues = sorted(name.decode() for name in conn.smembers(root.queues))
    pipe = conn.pipeline(transaction=False)
    for name in queues:
        pipe.lrange(root.queue(name).hands(worker), 0, -1)
    found = zip(queues, pipe.execute(), strict=True)
    return [(name, message) for name, messages in found for message in messages]


def recover(
    conn: Conn, root: keys.Root, worker: str, *, now: Callable[[], datetime]
) -> list[Restored]:
    """Give back all that a dead worker holds, each message in one step, and bury it."""
    restored = [
        restore(conn, root, worker, queue, message, "worker died", now, deaths=DEATHS)
        for queue, message in hands(conn, root, worker)
    ]
    bury(conn, root, worker, now=now)
    return restored


def bury(conn: Conn, root: keys.Root, worker: str, *, now: Callable[[], datetime]) -> None:
    """Strike a worker out, unless it still holds something; its grave is known for a week."""
    if not hands(conn, root, worker):
        graves.dig(conn, root, worker, now)


def restore(
    conn: Conn,
    root: keys.Root,
    worker: str,
    queue: str,
    message: bytes,
    outcome: str,
    now: Callable[[], datetime],
    *,
    deaths: int | None = None,
    n: int | None = None,
) -> Restored:
    """Put one message back to where it is taken next; with `deaths` the job can fail instead.

    `n` is the attempt, where whoever gives it back knows that.
    """
    keys_of = root.queue(queue)
    names = conn.hmget(keys_of.meta, ["list", "schedule", "keep_failed"])
    waiting, schedule, keep = (value.decode() if value else "" for value in names)
    try:
        seen = reader.read(message)
        job_id, fields = seen.id, described(seen)
    except reader.Unreadable:  # too large, or another serializer's: what has begun is known
        job_id, fields = heads.begins(message), {}
    limit = "" if deaths is None else deaths
    why = f"Its worker {worker} {'died' if deaths else 'did not finish it'}."
    attempt = "" if n is None else n
    rest = (worker, message, outcome, why, limit, keep, attempt, *scripts.flat(fields))
    place = scripts.Place(keys_of, waiting, schedule)
    at_s, server = now().timestamp(), now is writer.utc_now
    became, of = scripts.call(conn, "restore", place, job_id, at_s, *rest, server=server)
    return Restored(queue, of.decode(), worker, became.decode())


def described(seen: reader.Seen) -> dict[str, scripts.Value | None]:
    """Fields of a job that only its message tells of; it was not enqueued by a watched producer."""
    return {
        "task": seen.task,
        "payload": projection.dump({"args": seen.args, "kwargs": seen.kwargs}),
        "max_attempts": seen.retries + 1,
        "retries": seen.retries,
        "retry_delay": seen.retry_delay,
    }
