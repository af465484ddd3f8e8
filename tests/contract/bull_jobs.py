"""BullMQ jobs written straight into Redis, in any state, and what Redis has of them (layout 6)."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Hashable
from typing import Any

import redis

from mrcore.model import plans

LISTS = ("wait", "active", "paused")
SETS = ("failed", "completed", "delayed", "prioritized", "waiting-children")
HOUR_MS = 3_600_000
OTHER_ID, OTHER_NAME, OTHER_DATA = "other-77", "remind", {"lead": "Acme Trading"}
"""The one job of a rig that differs from all others in its id, its name and its argument."""

SEARCHES = (
    *(plans.Query(text=text, limit=300) for text in ("OTHER-7", "remind", "acme t")),
    plans.Query(name="remind", limit=300),
)
"""What finds it, and it alone."""

TRACE = (
    "Error: {0}\n    at send (/app/mail.js:{1}:5)\n"
    "    at async /app/node_modules/bullmq/dist/cjs/classes/worker.js:595:32"
)


class Desk:
    """The queues of one Redis, past any library."""

    def __init__(self, conn: redis.Redis, prefix: str = "bull") -> None:
        self.conn = conn
        self._prefix = prefix
        self._numbers = itertools.count(1)

    def key(self, queue: str, what: str) -> str:
        return f"{self._prefix}:{queue}:{what}"

    def add(self, queue: str, state: str, *, id_: str = "", name: str = "send", **more: Any) -> str:
        """A job in that state, an hour old; `more` are fields of its hash. Returns its id."""
        number = next(self._numbers)
        id_ = id_ or f"job-{number}"
        at_ms = int(time.time() * 1000) - HOUR_MS + number
        data = {"to": f"{id_}@example.org", "n": number}
        fields: dict[str, Any] = {
            "name": name, "data": json.dumps(data, separators=(",", ":")),
            "opts": json.dumps({"attempts": 3}), "timestamp": at_ms, "delay": 0, "priority": 0,
        }  # fmt: skip
        if state in ("failed", "completed"):
            fields |= {"processedOn": at_ms + 1, "finishedOn": at_ms + 5, "atm": 1, "ats": 1}
        if state == "failed":
            fields["failedReason"] = f"550 mailbox {number} unavailable"
            fields["stacktrace"] = json.dumps([TRACE.format(fields["failedReason"], 9)])
        if state == "completed":
            fields["returnvalue"] = json.dumps({"id": number})
        if state == "delayed":
            fields["delay"] = 2 * HOUR_MS
        if state == "prioritized":
            fields["priority"] = 5
        self.conn.hset(self.key(queue, id_), mapping={**fields, **more})
        self._place(queue, state, id_, fields, number)
        return id_

    def _place(self, queue: str, state: str, id_: str, fields: dict[str, Any], number: int) -> None:
        scores = {
            "delayed": (fields["timestamp"] + fields["delay"]) * 4096,
            "prioritized": 5 * 2**32 + number,
        }
        if state in LISTS:
            self.conn.lpush(self.key(queue, state), id_)
        else:
            score = scores.get(state, fields.get("finishedOn", fields["timestamp"]))
            self.conn.zadd(self.key(queue, state), {id_: score})

    def place(self, queue: str, id_: str) -> tuple[str, ...]:
        """In which lists and sets it is."""
        lists = [of for of in LISTS if self._in_list(queue, of, id_)]
        sets = [of for of in SETS if self.conn.zscore(self.key(queue, of), id_) is not None]
        return (*lists, *sets)

    def _in_list(self, queue: str, of: str, id_: str) -> bool:
        return self.conn.lpos(self.key(queue, of), id_) is not None

    def ids(self, queue: str, state: str) -> list[str]:
        """Newest first, as a board lists them."""
        key = self.key(queue, state)
        found: Any = (
            self.conn.lrange(key, 0, -1) if state in LISTS else self.conn.zrevrange(key, 0, -1)
        )
        return [one.decode() for one in found]

    def fields(self, queue: str, id_: str, *names: str) -> tuple[Hashable, ...]:
        found: Any = self.conn.hmget(self.key(queue, id_), *names)
        return tuple(found)

    def copies(self, queue: str, wanted: dict[bytes, bytes]) -> tuple[tuple[str, ...], ...]:
        """Where the jobs with ids of ours are that have these fields."""
        keys: Any = self.conn.keys(self.key(queue, "mr-*"))
        rows: dict[bytes, Any] = {key: self.conn.hgetall(key) for key in keys}
        same = [key for key, row in rows.items() if wanted.items() <= row.items()]
        return tuple(sorted(self.place(queue, key.decode().rpartition(":")[2]) for key in same))

    def take(self, queue: str, id_: str) -> None:
        """As when a worker takes it, if it waits."""
        if self.conn.lrem(self.key(queue, "wait"), 1, id_):
            self.conn.lpush(self.key(queue, "active"), id_)

    def forget(self, queue: str, id_: str) -> None:
        """As when it is removed, or trimmed."""
        for of in LISTS:
            self.conn.lrem(self.key(queue, of), 0, id_)
        for of in SETS:
            self.conn.zrem(self.key(queue, of), id_)
        self.conn.unlink(self.key(queue, id_))

    def clear(self, queue: str) -> None:
        """Nothing of it is left but what its library says of itself."""
        found: Any = self.conn.keys(self.key(queue, "*"))
        if keys := [key for key in found if not key.endswith(b":meta")]:
            self.conn.unlink(*keys)
        self.conn.hdel(self.key(queue, "meta"), "paused")
