"""Many huey queues in one process: a few threads that claim fairly, and one pulse.

A Consumer a queue would cost 21 processes or 42 threads that wake up by themselves. Here a job's
arrival is heard on one channel (`mr:journal:wake`), and once a second one pipeline looks after what
was not announced: producers that are not watched, delayed jobs that are due, paused queues.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import redis
from huey.api import Huey

from mrcore import errors, journal, scheduler
from mrcore.stack import ready

THREADS = 8
GRACE_S = 5.0
RESTART_S = 20.0
"""How long running jobs may take to end when somebody wishes a restart."""

PULSE_S = 1.0

log = logging.getLogger("worker")


class Board:
    """Which queues may have a job, and how many of each run: what the threads take turns from."""

    def __init__(self, queues: Collection[str], limit: int) -> None:
        self._order = list(queues)
        self._limit = limit
        self._hints = dict.fromkeys(self._order, 0)
        self._empty: dict[str, int] = dict.fromkeys(self._order, 0)
        self._running = dict.fromkeys(self._order, 0)
        self._changed = threading.Condition()
        self._closed = False

    def hint(self, queue: str) -> None:
        """A job may wait there."""
        with self._changed:
            if queue in self._hints:
                self._hints[queue] += 1
                self._changed.notify()

    def take(self) -> tuple[str, int] | None:
        """Wait for a queue with a job and room, the one served longest ago first; None at the end.

        The number says which hint it was; give it back to `done`.
        """
        with self._changed:
            while not self._closed:
                for queue in self._order:
                    hints = self._hints[queue]
                    if hints > self._empty[queue] and self._running[queue] < self._limit:
                        self._running[queue] += 1
                        self._order.remove(queue)
                        self._order.append(queue)
                        return queue, hints
                self._changed.wait()
        return None

    def done(self, queue: str, hints: int, *, empty: bool) -> None:
        """A thread is through with a queue; `empty` if nothing was there after that hint."""
        with self._changed:
            self._running[queue] -= 1
            if empty:
                self._empty[queue] = max(self._empty[queue], hints)
            self._changed.notify_all()

    def close(self) -> None:
        """No more turns."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def quiet(self, timeout_s: float) -> bool:
        """Wait until nothing runs; False when it took too long."""
        with self._changed:
            return self._changed.wait_for(lambda: not any(self._running.values()), timeout_s)


class Worker:
    """Consumes `queues` (all, if None) of `hueys`, `limit` jobs of each at a time, and takes part
    in the scheduling of `schedules`, which `again` reads anew; one that is `supervised` ends when
    a restart is wished."""

    def __init__(
        self,
        hueys: Mapping[str, Huey],
        schedules: Sequence[scheduler.Declared] = (),
        *,
        now: Callable[[], datetime],
        queues: Collection[str] | None = None,
        threads: int = THREADS,
        limit: int = 1,
        grace_s: float = GRACE_S,
        supervised: bool = False,
        again: Callable[[], Sequence[scheduler.Declared]] | None = None,
    ) -> None:
        names = list(hueys) if queues is None else list(queues)
        if unknown := sorted(set(names) - set(hueys)):
            raise errors.SettingsError(
                f"There is no queue {unknown[0]!r}.",
                fix=f"The queues are {', '.join(sorted(hueys))}.",
            )
        self._books = {name: journal.of(hueys[name]) for name in names}
        if not self._books:
            raise errors.SettingsError("A worker needs a queue.")
        first = next(iter(self._books.values()))
        self._conn: Any = first.pen.conn
        self._root = first.place.queue.root
        self.heart = journal.Heart(self._conn, self._root, now=now)
        for book in self._books.values():
            book.join(self.heart)
        self._scheduler = scheduler.Scheduler(
            hueys, schedules, owner=self.heart.name, now=now, again=again
        )
        self._board = Board(names, limit)
        self._threads = threads
        self._grace_s = grace_s
        self._stopping = threading.Event()
        if supervised:
            self.heart.restart = self._restart

    def _restart(self) -> None:
        """End, so that the supervisor starts it again; running jobs have more time than usual."""
        log.info("%s ends, to be started again", self.heart.name)
        self._grace_s = max(self._grace_s, RESTART_S)
        self.stop()

    def stop(self) -> None:
        """Let `run` end; may be called from a signal handler."""
        self._stopping.set()

    def run(self) -> bool:
        """Work until `stop`; False if threads still run: then leave by `end_process`."""
        while not self._begin():
            if self._stopping.wait(PULSE_S):
                return True
        for n in range(self._threads):
            threading.Thread(target=self._turns, name=f"job {n + 1}", daemon=True).start()
        threading.Thread(target=self._pulse, name="pulse", daemon=True).start()
        ready.announce()
        log.info("%s consumes %d queues", self.heart.name, len(self._books))
        self._stopping.wait()
        return self._leave()

    def _begin(self) -> bool:
        try:
            self.heart.start()
        except redis.RedisError as error:
            log.warning("Redis cannot be reached: %s", error)
            return False
        return True

    # -- the threads

    def _turns(self) -> None:
        while (turn := self._board.take()) is not None:
            name, hints = turn
            empty = True
            try:
                empty = not self._turn(self._books[name])
            except redis.RedisError as error:
                log.debug("%s cannot be claimed from: %s", name, error)  # the pulse says so once
            except Exception:
                log.exception("A turn of %s failed", name)
            finally:
                self._board.done(name, hints, empty=empty)

    def _turn(self, book: journal.Journal) -> bool:
        """Take a job of that queue and run it; False if there was none."""
        claim = book.claim()
        if claim is None:
            return False
        began = time.monotonic()
        ended = book.run(claim)
        _tell(book.name, claim, ended, time.monotonic() - began)
        return True

    # -- the pulse

    def _pulse(self) -> None:
        ear = self._conn.pubsub(ignore_subscribe_messages=True)
        look_at, away = 0.0, False
        while not self._stopping.is_set():
            try:
                if not ear.subscribed:
                    ear.subscribe(self._root.wake)
                heard = ear.get_message(timeout=max(0.0, look_at - time.monotonic()))
                if heard is not None:
                    self._board.hint(heard["data"].decode())
                if time.monotonic() >= look_at:
                    look_at = time.monotonic() + PULSE_S
                    self._look()
                    self._scheduler.tick()
                    away = False
            except redis.RedisError as error:
                if not away:
                    log.warning("Redis cannot be reached: %s", error)
                away = True
                self._stopping.wait(PULSE_S)
        with contextlib.suppress(redis.RedisError):
            ear.close()

    def _look(self) -> None:
        """One round trip: who has jobs, whose delayed jobs are due."""
        pipe = self._conn.pipeline(transaction=False)
        for book in self._books.values():
            storage = book.huey.storage
            due = storage.convert_ts(book.huey._get_timestamp())
            pipe.llen(book.place.waiting)
            pipe.exists(book.place.queue.paused)
            pipe.zrangebyscore(book.place.schedule, "-inf", due, start=0, num=1)
        replies = iter(pipe.execute())
        for name, book in self._books.items():
            waiting, paused, due = next(replies), next(replies), next(replies)
            if due:
                book.move_due()
            if waiting and not paused:
                self._board.hint(name)

    # -- the end

    def _leave(self) -> bool:
        """Let running jobs end for a while, give back what still runs, and sign off."""
        log.info("%s leaves", self.heart.name)
        self._board.close()
        finished = self._board.quiet(self._grace_s)
        # In a thread of its own: a Redis that does not answer must not keep the process.
        last = threading.Thread(target=self._sign_off, name="sign off", daemon=True)
        last.start()
        last.join(2.0)
        return finished and not last.is_alive()

    def _sign_off(self) -> None:
        try:
            for book in self._books.values():
                for claim in book.in_hand():
                    book.put_back(claim)
                    _log_of(book.name).warning("job %s %s given back", claim.id, claim.name)
            self._scheduler.release()
        except redis.RedisError as error:
            log.warning("Redis cannot be reached to sign off: %s", error)
        self.heart.stop()


def _log_of(queue: str) -> logging.Logger:
    """`emailQueue` logs as `email.worker`."""
    return logging.getLogger(f"{queue.removesuffix('Queue') or queue}.worker")


def _tell(queue: str, claim: journal.Claim, ended: journal.Ended, took_s: float) -> None:
    """One line about a run; a failure with its stack trace."""
    to, head = _log_of(queue), f"job {claim.id} {claim.name}"
    if ended.state == "lost":
        to.warning("%s was taken from this worker while it ran", head)
    elif claim.error is None:
        to.info("%s %s in %.3f s", head, ended.outcome, took_s)
    else:
        count = f"({claim.n}/{max(claim.n, claim.max_attempts)})"
        again = "" if ended.state in ("failed", "completed") else ", will be retried"
        level = logging.WARNING if again else logging.ERROR
        to.log(level, "%s failed %s%s", head, count, again, exc_info=claim.error)


def end_process(finished: bool) -> None:
    """Leave, also while threads run jobs that were given back, or wait for Redis."""
    if not finished:
        logging.shutdown()
        os._exit(0)
