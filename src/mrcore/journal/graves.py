"""The graves of workers: names that were struck out, in case one of them was only asleep."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime
from typing import Any

import redis

from mrcore.journal import keys

KEPT_S = 7 * 86_400
"""How long a grave is known."""
AT_ONCE = 200
"""Graves that one look is at: each is a key for every queue."""

Conn = Any
"""A redis.Redis that answers bytes; its types cannot tell bytes from text."""


def dig(conn: Conn, root: keys.Root, worker: str, now: Callable[[], datetime]) -> None:
    """Strike a worker out; from now on its grave tells of it. Raises redis.RedisError."""
    now_s = _now_s(conn, now)
    pipe = conn.pipeline(transaction=True)
    pipe.zadd(root.buried, {worker: now_s})
    pipe.zremrangebyscore(root.buried, "-inf", now_s - KEPT_S)
    pipe.hdel(root.workers, worker)
    pipe.execute()


class Graves:
    """Looks at some graves after the others, so that a look costs no more where there are many."""

    def __init__(self, conn: Conn, root: keys.Root) -> None:
        self._conn = conn
        self._root = root
        self._next = 0

    def look(self) -> list[str]:
        """Those buried who hold something are workers again, so that they are missed.

        Raises redis.RedisError.
        """
        first = self._next
        names = self._conn.zrange(self._root.buried, first, first + AT_ONCE - 1)
        self._next = first + AT_ONCE if len(names) == AT_ONCE else 0
        if not names:
            return []
        queues = [self._root.queue(n.decode()) for n in self._conn.smembers(self._root.queues)]
        pipe = self._conn.pipeline(transaction=False)
        pairs = list(itertools.product((name.decode() for name in names), queues))
        for name, queue in pairs:
            pipe.exists(queue.hands(name))
        held = zip(pairs, pipe.execute(), strict=True)
        risen = sorted({name for (name, _), holds in held if holds})
        for name in risen:
            self._conn.hsetnx(self._root.workers, name, "{}")
        return risen


def _now_s(conn: Conn, now: Callable[[], datetime]) -> float:
    """Epoch seconds on the clock of Redis, if the login may ask for it: many machines dig."""
    try:
        seconds, _ = conn.time()
    except redis.ResponseError:
        return now().timestamp()
    return float(seconds)
