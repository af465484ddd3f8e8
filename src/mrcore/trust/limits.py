"""How much one login may do: so often within a span, so many things at once."""

from __future__ import annotations

import contextlib
from collections import Counter, deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from mrcore import errors

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


class AtOnce:
    """At most `most` of `what` ("plans in the making") at once by one key, a login."""

    def __init__(self, most: int, what: str) -> None:
        self._most = most
        self._what = what
        self._begun: Counter[str] = Counter()

    @contextlib.contextmanager
    def one_of(self, key: str) -> Iterator[None]:
        """Count one more of `key` while this lasts.

        Raises TooMany.
        """
        if self._begun[key] >= self._most:
            raise errors.TooMany(
                f"{key} has {self._most} {self._what} already.",
                fix="Wait until one of them has ended.",
                retry_after_s=1.0,
            )
        self._begun[key] += 1
        try:
            yield
        finally:
            self._begun[key] -= 1
            if not self._begun[key]:
                del self._begun[key]
