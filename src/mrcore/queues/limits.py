"""Until when a rate limit holds jobs back, also where an engine does not tell its limit. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import NamedTuple

from mrcore.model import base

STILL = timedelta(seconds=0.5)
"""For how long nothing may have gone through while jobs wait for workers that are idle."""

SAME = timedelta(seconds=2)
"""Ends of a window that are that close are one: each is told to within a round trip."""


class _Window(NamedTuple):
    until: datetime
    still: Hashable
    since: datetime


class Limits:
    """What has to be remembered of the rate limits of one source from look to look."""

    def __init__(self) -> None:
        self._windows: dict[base.Ref, _Window] = {}

    def see(
        self, of: base.Ref, now: datetime, ttl_ms: float, *, sure: bool, still: Hashable
    ) -> datetime | None:
        """When the next job may go; None where one may now, or where that is not certain.

        `ttl_ms` is how long the window that jobs are counted in still lasts. `sure` says that no
        more may go in it. `still` is another value after each job that went; None: somebody is at
        work, nothing waits or nobody is there, and so it does not matter that nothing goes.
        """
        if ttl_ms <= 0:
            self._windows.pop(of, None)
            return None
        until = now + timedelta(milliseconds=ttl_ms)
        before, since = self._windows.get(of), now
        if before is not None and now < before.until and abs(until - before.until) <= SAME:
            until = before.until
            since = before.since if before.still == still else now
        self._windows[of] = _Window(until, still, since)
        stood = still is not None and now - since >= STILL
        return until if sure or stood else None
