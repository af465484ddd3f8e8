"""Whether this backend can do its work: asked in the background, answered from memory.

The playbook's own check looks only at flags (`shallow`). The deep one asks: `SELECT 1` on a held
connection and a wait for the pool, a write, read and compare in Redis, each with a deadline.
A question that hangs is not asked again but waited for, so a stopped server finds one question of
ours, not hundreds, and its answer shows that it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from mrcore import errors
from mrcore.mentor import links

LOG = logging.getLogger("health")

CANARY = "mr:canary:backend:{}"

_EVERY_S, _QUICKEST_S = 5.0, 0.25
_STALE_S = 15.0
_BAD_AFTER = 2
_GOOD_AFTER = 3
_GIVE_UP_S = 60.0
_JITTER = 0.2
_DATABASE_S, _REDIS_S, _ACQUIRE_S = 1.0, 0.5, 1.0
_SLOW_MS = {"database": 250.0, "redis": 100.0}
_SATURATED = 0.9

Clock = Callable[[], float]
"""A monotonic clock in seconds."""


@dataclass
class Track:
    """What is known of one dependency: two misses make it bad, three answers good again.

    The first answer ever makes it good at once; a lost connection makes it bad at once.
    """

    ok: bool = False
    latency_ms: float | None = None
    misses: int = 0
    answers: int = 0
    seen_good: bool = False

    def answered(self, latency_ms: float) -> None:
        """It answered within its deadline."""
        self.latency_ms = round(latency_ms, 1)
        self.misses = 0
        self.answers += 1
        if not self.seen_good or self.answers >= _GOOD_AFTER:
            self.ok = self.seen_good = True

    def missed(self, *, connected: bool) -> None:
        """It did not; without a connection there is nothing to wait for."""
        self.latency_ms = None
        self.answers = 0
        self.misses += 1
        if not connected or self.misses >= _BAD_AFTER:
            self.ok = False


class Question:
    """One question with a deadline, never asked twice at once and never cancelled by it."""

    def __init__(
        self, ask: Callable[[], Awaitable[None]], deadline_s: float, clock: Clock = time.monotonic
    ) -> None:
        self._ask = ask
        self._deadline_s = deadline_s
        self._clock = clock
        self._pending: asyncio.Future[None] | None = None
        self._since = 0.0

    @property
    def hangs_s(self) -> float:
        """How long the open question has been open; 0 without one."""
        return self._clock() - self._since if self._pending is not None else 0.0

    async def put(self) -> float | None:
        """Ask; the milliseconds that the answer took, or None for a miss or an error."""
        if self._pending is not None and self._pending.done():
            self._pending.exception()
            self._pending = None
        if self._pending is None:
            self._pending = asyncio.ensure_future(self._ask())
            self._since = self._clock()
        started = self._clock()
        await asyncio.wait({self._pending}, timeout=self._deadline_s)
        if not self._pending.done():
            return None
        done, self._pending = self._pending, None
        error = done.exception()
        if error is None:
            return 1000 * (self._clock() - started)
        if not isinstance(error, (*links.LOST, _Mismatch)):
            raise error
        LOG.error("%s: %s", self._ask.__name__, type(error).__name__)
        return None

    async def drop(self) -> None:
        """Stop waiting for the answer, if there is an open question."""
        if self._pending is not None:
            self._pending.cancel()
            await asyncio.gather(self._pending, return_exceptions=True)
            self._pending = None


def interval_s(env: Mapping[str, str]) -> float:
    """How often to ask: every 5 s, divided by MR_TIME_SCALE in a game day.

    Raises SettingsError where that is no number.
    """
    said = env.get("MR_TIME_SCALE") or "1"
    try:
        return max(_EVERY_S / max(1.0, float(said)), _QUICKEST_S)
    except ValueError:
        raise errors.SettingsError(f"MR_TIME_SCALE is {said!r}, which is no number.") from None


class _Mismatch(Exception):
    """Redis gave back something else than was written."""


@dataclass
class Checker:
    """Asks every `interval_s`, five times as often while something is bad, and at every change."""

    links: links.Links
    colour: str
    interval_s: float = _EVERY_S
    clock: Clock = time.monotonic
    database: Track = field(default_factory=Track)
    redis: Track = field(default_factory=Track)
    saturation: float = 0.0
    acquire_ms: float | None = None
    checked_at: float | None = None

    def __post_init__(self) -> None:
        self._select = Question(self._select_one, _DATABASE_S, self.clock)
        self._canary = Question(self._write_canary, _REDIS_S, self.clock)

    async def run(self) -> None:
        """Check until cancelled; no question is open then."""
        try:
            while True:
                self.links.changed.clear()
                await self.check()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._pause_s()):
                        await self.links.changed.wait()
        finally:
            await self.drop()

    def _pause_s(self) -> float:
        pause_s = self.interval_s if self.database.ok and self.redis.ok else self.interval_s / 5
        return pause_s * (1 + _JITTER * (2 * random.random() - 1))  # noqa: S311 - colours differ

    async def drop(self) -> None:
        """Leave no question open: one that outlives its connections would open another."""
        await self._select.drop()
        await self._canary.drop()

    async def check(self) -> None:
        """Ask both once."""
        await asyncio.gather(self._check_database(), self._check_redis())
        self.checked_at = self.clock()

    async def _check_database(self) -> None:
        connected = self.links.database_connected
        took_ms = await self._select.put() if connected else None
        if took_ms is None:
            self.database.missed(connected=connected)
            if self._select.hangs_s > _GIVE_UP_S:
                await self.links.drop_database()
            return
        self.database.answered(took_ms)
        await self._measure_pool()

    async def _select_one(self) -> None:
        assert self.links.eye is not None
        # The eye is a proxy; without a timeout of its own no cancel request is ever sent.
        await self.links.eye.fetchval("SELECT 1", timeout=_GIVE_UP_S * 10)

    async def _measure_pool(self) -> None:
        pool = self.links.pool
        if pool is None:
            return
        started = self.clock()
        try:
            connection = await pool.acquire(timeout=_ACQUIRE_S)
        except TimeoutError:
            self.saturation, self.acquire_ms = 1.0, 1000 * _ACQUIRE_S
            return
        self.acquire_ms = round(1000 * (self.clock() - started), 1)
        # The one in our hand is not load.
        used = pool.get_size() - pool.get_idle_size() - 1
        self.saturation = round(used / pool.get_max_size(), 2)
        await pool.release(connection, timeout=_ACQUIRE_S)

    async def _check_redis(self) -> None:
        took_ms = await self._canary.put()
        if took_ms is not None:
            self.redis.answered(took_ms)
            return
        self.redis.missed(connected=self.links.redis_connected)
        if self._canary.hangs_s > _GIVE_UP_S:
            await self.links.canary.connection_pool.disconnect()

    async def _write_canary(self) -> None:
        key, value = CANARY.format(self.colour), uuid.uuid4().hex
        async with self.links.canary.pipeline(transaction=False) as pipe:
            pipe.set(key, value, ex=10)
            pipe.get(key)
            _, read = await pipe.execute()
        if read != value:
            raise _Mismatch

    def age_s(self) -> float:
        """How old the newest check is; endless before the first."""
        return float("inf") if self.checked_at is None else self.clock() - self.checked_at

    def degraded(self) -> list[str]:
        """What is not as it should be, by stable names."""
        found = [name for name in ("database", "redis") if not getattr(self, name).ok]
        if self.age_s() > _STALE_S:
            found.append("check.age")
        if self.database.ok and self.saturation >= _SATURATED:
            found.append("database.saturation")
        for name, limit in _SLOW_MS.items():
            latency = getattr(self, name).latency_ms
            if latency is not None and latency > limit:
                found.append(f"{name}.latency")
        return found

    def healthy(self) -> bool:
        """Whether traffic should come here: slow or saturated is still yes."""
        return self.database.ok and self.redis.ok and self.age_s() <= _STALE_S
