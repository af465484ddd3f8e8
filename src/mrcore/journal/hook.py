"""The journal of one huey: it takes the place of huey's enqueue, dequeue, execute and schedule."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from huey import signals
from huey.api import Huey, Task

from mrcore.journal import (
    claims,
    due,
    endings,
    heart,
    keys,
    refusals,
    scripts,
    signatures,
    telling,
    writer,
)

PAUSED_S = 1.0  # how often a waiting consumer looks whether its queue is still paused
Now = Callable[[], datetime]

_UNRUN = {
    signals.SIGNAL_REVOKED: "revoked",
    signals.SIGNAL_EXPIRED: "expired",
    signals.SIGNAL_CANCELED: "canceled",
}
_HEARD = (
    signals.SIGNAL_EXECUTING,
    signals.SIGNAL_RETRYING,
    signals.SIGNAL_INTERRUPTED,
    *_UNRUN,
)


class Journal:
    """The journal of one huey; `watch` makes it."""

    def __init__(
        self,
        huey: Huey,
        *,
        keep_completed: int | None,
        keep_failed: int | None,
        listed: bool,
        prefix: str,
        now: Now,
    ) -> None:
        root, storage = keys.Root(prefix), huey.storage
        self.huey: Any = huey
        self.name: str = huey.name
        self.listed = listed
        self.keep = {"completed": keep_completed, "failed": keep_failed}
        self.place = scripts.Place(root.queue(huey.name), storage.queue_key, storage.schedule_key)
        self.pen = writer.Writer(huey, self.place, now)
        self.endings = endings.Endings(self.pen, self.keep)
        self._running: set[claims.Claim] = set()
        self._local = threading.local()
        self._told = False
        self._execute: Any = huey.execute
        self.join(heart.Heart(self.pen.conn, root, now=now))
        self._take_over()

    def _take_over(self) -> None:
        self.huey.storage.enqueue = self._enqueue
        self.huey.storage.add_to_schedule = self._add_to_schedule
        self.huey.dequeue = self._dequeue
        self.huey.execute = self._execute_task
        self.huey.read_schedule = self._read_schedule
        self.huey.post_execute(name="mr.journal")(self._on_end)
        self.huey.signal(*_HEARD)(self._on_signal)

    def join(self, worker: heart.Heart) -> None:
        """Consume as a part of `worker`: several queues of a process can be one worker."""
        self.heart = worker
        worker.journals.append(self)

    def meta(self) -> dict[str, scripts.Value]:
        """What a reader of the journal must know of the queue."""
        return {
            "name": self.name,
            "list": self.place.waiting,
            "schedule": self.place.schedule,
            "listed": int(self.listed),
            **{f"keep_{state}": "" if n is None else n for state, n in self.keep.items()},
        }

    def signatures(self) -> dict[str, str]:
        """What the arguments of its tasks are called, where their functions are."""
        return signatures.of(self.huey._registry._registry)

    def tell(self) -> None:
        """Write `meta` once: a queue without a worker yet is known by its producers."""
        if not self._told:
            self.pen.conn.hset(self.place.queue.meta, mapping=self.meta())
            self._told = True

    def in_hand(self) -> list[claims.Claim]:
        """The jobs that this process runs now."""
        return sorted(self._running, key=lambda claim: claim.began)

    # -- producing

    def _enqueue(self, data: bytes, priority: float | None = None) -> None:
        if priority:
            raise NotImplementedError("Task priorities are not supported by this storage.")
        message = self.pen.read(data)
        claim = telling.retrying(message.id)
        if claim is not None:
            self.endings.requeue(claim, data, "", "", self.heart.stopping)
            return
        self.tell()
        parent, fields = self._described(message)
        self.pen.call("enqueue", message.id, data, parent, writer.word(), *scripts.flat(fields))

    def _described(self, message: Any) -> tuple[str, dict[str, scripts.Value | None]]:
        """The hash of the job that enqueues it from here, or '', and its fields."""
        parent, words = telling.parent(message.id)
        return parent, {**self.pen.described(message), "parent": words or None}

    def _add_to_schedule(self, data: bytes, due_at: datetime) -> None:
        message = self.pen.read(data)
        score = str(self.huey.storage.convert_ts(due_at))
        aware = due_at.replace(tzinfo=UTC) if self.huey.utc else due_at.astimezone()
        due_s = scripts.stamp(aware.timestamp())
        claim = telling.retrying(message.id)
        if claim is not None:
            self.endings.requeue(claim, data, score, due_s, self.heart.stopping)
            return
        held: dict[str, bytes] = getattr(self._local, "later", {})
        hands = (self.heart.name, held[message.id]) if message.id in held else ("", b"")
        parent, fields = self._described(message)
        rest = (data, score, due_s, parent, *scripts.flat(fields))
        self.pen.call("requeue", message.id, *hands, "", "", *rest)

    # -- consuming

    def claim(self, timeout_s: float | None = None) -> claims.Claim | None:
        """Take the next job into this worker's hands; wait up to `timeout_s` (None: do not wait).

        Jobs for later go to the schedule, what cannot be read fails, what is quarantined stays so:
        all are passed over. None from an empty or paused queue, or when the worker is leaving.
        Raises redis.RedisError.
        """
        with self.heart.claiming() as stays:
            if not stays:
                return None
            self.heart.start()
            return self._claim(timeout_s)

    def _claim(self, timeout_s: float | None) -> claims.Claim | None:
        hands, conn = self.place.queue.hands(self.heart.name), self.pen.conn
        while True:
            if timeout_s is None:
                message = conn.lmove(self.place.waiting, hands, "RIGHT", "LEFT")
            else:
                message = conn.blmove(self.place.waiting, hands, timeout_s, "RIGHT", "LEFT")
            if message is None:
                return None
            if self.heart.stopping.is_set():
                self.endings.give_back(self.heart.name, message, "not started")
                return None
            task = self._task(message)
            if task is not None:
                became, claim = self._start(message, task)
                if became != b"aside":
                    if claim is None and timeout_s is not None:
                        self.heart.stopping.wait(PAUSED_S)  # it would only be claimed again
                    return claim
            timeout_s = None

    def _task(self, message: bytes) -> Any:
        """The task to run now, or None: then it has been scheduled, or refused."""
        try:
            task = self.huey.deserialize_task(message)
        except Exception as error:  # pickles of any kind, and tasks that this process lacks
            refusals.refuse(self.endings, self.heart, message, error)
            return None
        if self.huey.ready_to_run(task):
            return task
        self._local.later = {task.id: message}
        try:
            self.huey.add_schedule(task)
        finally:
            self._local.later = {}
        return None

    def _start(self, message: bytes, task: Any) -> tuple[bytes, claims.Claim | None]:
        worker, word = self.heart.name, writer.word()
        reply = self.pen.call("start", task.id, worker, message, word)
        if reply[0] == b"unknown":  # its producer is not watched
            fields = scripts.flat(self.pen.described(self.pen.read(message)))
            reply = self.pen.call("start", task.id, worker, message, word, *fields)
        if reply[0] != b"started":
            return reply[0], None
        n, most, retries, delay, at = (float(value or 0) for value in reply[1:])
        claim = claims.Claim(message, task, worker, int(n), int(most), int(retries), delay, at)
        task.journal_claim = claim
        self._running.add(claim)
        return b"started", claim

    def run(self, claim: claims.Claim) -> claims.Ended:
        """Run a claimed job and write down how it ended; the job's own errors are not raised.

        While Redis is away this waits. Raises redis.RedisError when the worker stops before the
        end could be written down: then the job's ghost goes back into the queue.
        """
        try:
            self.huey.execute(claim.task)
        except Exception:
            if claim.ended is None:
                raise
        return claim.ended or claims.Ended("lost", "failed")

    def put_back(self, claim: claims.Claim) -> None:
        """Give an unfinished job back, to be taken next. Raises redis.RedisError."""
        self.endings.put_back(claim)
        self._running.discard(claim)

    # -- in huey's place

    def _dequeue(self) -> Task | None:
        storage = self.huey.storage
        claim = self.claim(storage.read_timeout if storage.blocking else None)
        return None if claim is None else claim.task

    def _execute_task(self, task: Task, timestamp: datetime | None = None) -> Any:
        claim: claims.Claim | None = getattr(task, "journal_claim", None)
        if claim is None:
            return self._execute(task, timestamp)
        token = telling.NOW.set(telling.Running(self.pen, claim))
        try:
            return self._execute(task, timestamp)
        except Exception as error:
            claim.error = claim.error or error
            raise
        finally:
            telling.NOW.reset(token)
            try:
                if claim.ended is None:
                    self.endings.settle(claim, self.heart.stopping)
            finally:  # what could not be written down is a stray now: the next sweeps give it back
                self._running.discard(claim)

    def _on_signal(self, signal: str, task: Task) -> None:
        claim: claims.Claim | None = getattr(task, "journal_claim", None)
        if claim is None:
            return
        if signal == signals.SIGNAL_EXECUTING:
            claim.executing = True
        elif signal == signals.SIGNAL_RETRYING:
            claim.retrying = True
        elif signal == signals.SIGNAL_INTERRUPTED:
            self.heart.stopping.set()  # huey says so when its consumer is told to leave at once
            self.put_back(claim)
        else:
            claim.signal = _UNRUN[signal]

    def _on_end(self, task: Task, value: Any, error: BaseException | None) -> None:
        claim: claims.Claim | None = getattr(task, "journal_claim", None)
        if claim is not None:
            claim.value, claim.error = value, error

    # -- delayed jobs

    def _read_schedule(self, timestamp: datetime | None = None) -> list[Task]:
        self.move_due(timestamp)
        return []

    def move_due(self, timestamp: datetime | None = None) -> int:
        """Move delayed jobs whose time has come into the queue, each in one step; at most 500.

        `timestamp` is on huey's clock (naive). Returns how many moved. Raises redis.RedisError.
        """
        return due.move(self.pen, timestamp)
