"""The fingerprints of one source's failed jobs: made once a failure, kept by job and attempt."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping

from mrcore.journal import keys
from mrcore.queues import fingerprint
from mrcore.sources.huey import asking
from mrcore.sources.redis import link

KEPT = 60_000
"""Fingerprints that are kept, of all queues: the oldest are made anew."""

PORTION = 100
_TRACE = b'"trace": "'
Key = tuple[str, str, int]
"""Queue, job id, attempts."""


class Prints:
    """Makes and keeps fingerprints."""

    def __init__(self, root: keys.Root) -> None:
        self._root = root
        self._known: dict[Key, fingerprint.Print] = {}

    def get(self, of: str, job_id: str, attempts: int) -> fingerprint.Print | None:
        """The one that is known."""
        return self._known.get((of, job_id, attempts))

    def make(
        self, of: str, job_id: str, attempts: int, error: str, attempt: bytes | None
    ) -> fingerprint.Print:
        """From the job's error and its last attempt as the journal has it."""
        found = fingerprint.of(error, _trace(attempt))
        self._known[(of, job_id, attempts)] = found
        if len(self._known) > KEPT:
            for key in list(self._known)[: KEPT // 6]:
                del self._known[key]
        return found

    async def of_jobs(
        self, client: link.Client, of: str, tried: Mapping[str, int]
    ) -> dict[str, fingerprint.Print]:
        """Of these failed jobs, of which only is known how often each was tried."""
        at = self._root.queue(of)
        found = {i: known for i, n in tried.items() if (known := self.get(of, i, n))}
        missing = [job_id for job_id in tried if job_id not in found]
        for start in range(0, len(missing), PORTION):
            some = missing[start : start + PORTION]
            replies = await asking.ask(
                client,
                *(("HMGET", at.job(i), "error", f"attempt:{tried[i]}") for i in some),
            )
            for job_id, values in zip(some, replies, strict=True):
                if isinstance(values, list) and values[0] is not None:
                    error = values[0].decode("utf-8", "replace")
                    found[job_id] = self.make(of, job_id, tried[job_id], error, values[1])
        return found

    async def read(
        self, client: link.Client, of: str, failed: Mapping[str, tuple[int, str]]
    ) -> dict[str, fingerprint.Print]:
        """Of these jobs: how often each was tried, and its error. Raises NotPermitted."""
        found = {job_id: self.get(of, job_id, n) for job_id, (n, _) in failed.items()}
        missing = [job_id for job_id, known in found.items() if known is None]
        at = self._root.queue(of)
        for start in range(0, len(missing), PORTION):
            some = missing[start : start + PORTION]
            traces = await asking.ask(
                client, *(("HGET", at.job(i), f"attempt:{failed[i][0]}") for i in some)
            )
            for job_id, attempt in zip(some, traces, strict=True):
                attempts, error = failed[job_id]
                found[job_id] = self.make(of, job_id, attempts, error, attempt)
        return {job_id: known for job_id, known in found.items() if known is not None}


def _trace(attempt: bytes | None) -> str:
    """The trace in an attempt's JSON, which begins anew with every job: only its end is read."""
    if not isinstance(attempt, bytes):
        return ""
    start = attempt.find(_TRACE)
    return "" if start < 0 else _unpacked(attempt[start:])


@functools.lru_cache(maxsize=2048)
def _unpacked(tail: bytes) -> str:
    """The trace from the end of an attempt's JSON; '' where it is none."""
    try:
        trace = json.loads(b"{" + tail).get("trace")
    except (ValueError, RecursionError):
        return ""
    return trace if isinstance(trace, str) else ""
