"""A worker's heartbeat: who consumes which queues, since when, and that it lives."""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import secrets
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import redis

from mrcore.journal import ghosts, keys

if TYPE_CHECKING:
    from mrcore.journal.hook import Journal

BEAT_S = 2.0
LIFE_S = 10.0
"""A worker that has not been heard for this long is dead."""
LEAVE_S = 3.0
"""How long a worker that leaves waits for its threads to give back what they just took."""

log = logging.getLogger("mrcore.journal")


class Heart:
    """One worker of this process, for one or many watched queues.

    It beats in a thread of its own from the first claim on; every beat also looks for the dead and
    gives their jobs back. A fork begins a new worker.
    """

    def __init__(
        self,
        conn: ghosts.Conn,
        root: keys.Root,
        *,
        now: Callable[[], datetime],
        beat_s: float = BEAT_S,
        life_s: float = LIFE_S,
    ) -> None:
        self.conn = conn
        self.root = root
        self.now = now
        self.beat_s = beat_s
        self.life_s = life_s
        self.journals: list[Journal] = []
        self.restart: Callable[[], None] | None = None
        """What to call when somebody wishes a restart; set where a supervisor starts it again."""
        self.stopping = threading.Event()
        """Set when this worker claims no more."""
        self._left = False
        self._claiming = 0
        self._idle = threading.Condition()
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._started_at = self.now()
        self._name = f"{socket.gethostname()}-{self._pid}-{secrets.token_hex(3)}"
        self._sweeper = ghosts.Sweeper(self.conn, self.root, now=self.now)

    @property
    def name(self) -> str:
        """The worker's name: host, pid and three random bytes."""
        if self._pid != os.getpid():
            self._begin()
        return self._name

    def start(self) -> None:
        """Beat once now and then in the background; again is nothing.

        Raises redis.RedisError when the first beat cannot be written.
        """
        name = self.name
        if self._thread is not None:
            return
        with self._starting:
            if self._thread is None:
                self.beat()
                self._thread = threading.Thread(target=self._run, name=f"heart {name}", daemon=True)
                self._thread.start()
                atexit.register(self.stop)

    @contextlib.contextmanager
    def claiming(self) -> Iterator[bool]:
        """A thread may take a job within; False when this worker is leaving."""
        with self._idle:
            self._claiming += 1
        try:
            yield not self.stopping.is_set()
        finally:
            with self._idle:
                self._claiming -= 1
                self._idle.notify_all()

    def beat(self) -> None:
        """Write down that this worker lives, what it is busy with, and what it watches."""
        name, life_ms = self.name, int(self.life_s * 1000)
        wish = self.root.restart(name)
        pipe = self.conn.pipeline(transaction=False)
        pipe.hset(self.root.workers, name, json.dumps(self._facts()))
        pipe.set(self.root.alive(name), "1", px=life_ms)
        for journal in self.journals:
            pipe.sadd(self.root.queues, journal.place.queue.name)
            pipe.hset(journal.place.queue.meta, mapping=journal.meta())
            if told := journal.signatures():
                pipe.hset(journal.place.queue.signatures, mapping=told)
        pipe.get(wish)
        if pipe.execute()[-1] is not None and self.restart is not None:
            self.conn.delete(wish)
            self.restart()

    def _facts(self) -> dict[str, object]:
        return {
            "host": socket.gethostname(),
            "pid": self._pid,
            "queues": [journal.place.queue.name for journal in self.journals],
            "started_at": self._started_at.timestamp(),
            "last_seen_at": self.now().timestamp(),
            "supervised": self.restart is not None,
            "busy": [[j.place.queue.name, c.id] for j in self.journals for c in j.in_hand()],
        }

    def _run(self) -> None:
        away = False
        while not self.stopping.wait(self.beat_s):
            try:
                self.beat()
                self._sweeper.sweep(self.name, self._messages, grace_s=self.beat_s * 2)
                away = False
            # A connection that is closed under it, by an application that leaves, is an OSError.
            except (redis.RedisError, OSError) as error:
                if not away and not self.stopping.is_set():
                    log.warning("The heartbeat cannot be written: %s", error)
                away = True

    def _messages(self) -> Counter[ghosts.Held]:
        return Counter((j.name, c.message) for j in self.journals for c in j.in_hand())

    def stop(self) -> None:
        """The last beat: this worker leaves, unless it still holds jobs, which others then take."""
        self.stopping.set()
        if self._thread is None or self._pid != os.getpid() or self._left:
            return
        self._left = True
        if self._thread is not threading.current_thread():
            self._thread.join(1.0)  # a beat that is under way would say that it lives
        with self._idle:
            idle = self._idle.wait_for(lambda: not self._claiming, LEAVE_S)
        with contextlib.suppress(redis.RedisError):
            self.conn.delete(self.root.alive(self.name))
            if idle:  # or it could still take a job, which nobody would look for
                ghosts.bury(self.conn, self.root, self.name, now=self.now)
