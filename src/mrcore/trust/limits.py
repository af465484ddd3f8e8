"""How often something may happen: so many times within a span, for each who does it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

KEYS_MAX = 10_000


class Limit:
    """At most `most` times within `span_s` seconds by one key, a login or an address.

    It forgets what is older than the span, and the keys that were quiet longest when there are
    more than `keys_max` of them.
    """

    def __init__(
        self, most: int, span_s: float, *, now: Callable[[], datetime], keys_max: int = KEYS_MAX
    ) -> None:
        self._most = most
        self._span = timedelta(seconds=span_s)
        self._now = now
        self._keys_max = keys_max
        self._times: dict[str, deque[datetime]] = {}

    def free_at(self, key: str) -> datetime | None:
        """When `key` may next, or None when it may now."""
        times = self._times.get(key)
        if times is None or len(times) < self._most:
            return None
        free_at = times[0] + self._span
        return free_at if free_at > self._now() else None

    def note(self, key: str) -> None:
        """Count one more of `key` now."""
        times = self._times.pop(key, None) or deque(maxlen=self._most)
        times.append(self._now())
        self._times[key] = times  # last in the order: the first is the one quiet longest
        oldest = next(iter(self._times))
        if len(self._times) > self._keys_max or self._times[oldest][-1] + self._span < self._now():
            del self._times[oldest]

    def forget(self, key: str) -> None:
        """Begin anew for `key`."""
        self._times.pop(key, None)
