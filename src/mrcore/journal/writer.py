"""What the journal's writes have in common: the queue's place, the clock, and patience."""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import redis
from huey.api import Huey
from huey.registry import Message

from mrcore.journal import claims, projection, scripts

PAUSES_S = (0.1, 0.5, 1.0)


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def word() -> str:
    """A word of one call, the same where the client repeats it after a broken connection."""
    return secrets.token_hex(6)


class Writer:
    """Runs the scripts of one queue."""

    def __init__(self, huey: Huey, place: scripts.Place, now: Callable[[], datetime]) -> None:
        self.huey: Any = huey  # it has no types
        self.place = place
        self.now = now
        self._real = now is utc_now
        self.conn: Any = huey.storage.conn  # its types cannot tell bytes from text

    def ended_s(self, claim: claims.Claim) -> float:
        """When a run ends that ends now: a clock that was set meanwhile does not matter."""
        if not self._real:
            return max(claim.started_at, self.now_s())
        return claim.started_at + time.monotonic() - claim.began

    def now_s(self) -> float:
        """Epoch seconds."""
        return self.now().timestamp()

    def call(self, name: str, job_id: str, *rest: scripts.Value, now_s: float | None = None) -> Any:
        """Run a script, now by the clock of Redis. Raises redis.RedisError."""
        server = now_s is None and self._real
        at = self.now_s() if now_s is None else now_s
        return scripts.call(self.conn, name, self.place, job_id, at, *rest, server=server)

    def insist(
        self,
        stopping: threading.Event,
        name: str,
        job_id: str,
        *rest: scripts.Value,
        ended_s: float,
    ) -> Any:
        """Run a script that must be run: while Redis is away, wait for it.

        Raises redis.RedisError when the process is stopping before Redis is back.
        """
        at = None
        for pause_s in itertools.chain(PAUSES_S, itertools.repeat(2.0)):
            try:
                return self.call(name, job_id, *rest, now_s=at)
            except (redis.ConnectionError, redis.TimeoutError):
                at = ended_s  # it was then, and not when Redis is back
                if stopping.wait(pause_s):
                    raise
        raise AssertionError("an endless loop ended")

    def read(self, data: bytes) -> Message:
        """A message of this huey, read as huey reads it: only in producers and consumers."""
        message: Message = self.huey.serializer.deserialize(data)
        return message

    def described(self, message: Message) -> dict[str, scripts.Value | None]:
        """A message as fields of its job."""
        return {
            "task": message.name,
            "payload": projection.dump({"args": message.args, "kwargs": message.kwargs}),
            "max_attempts": message.retries + 1,
            "retries": message.retries,
            "retry_delay": message.retry_delay or 0,
        }
