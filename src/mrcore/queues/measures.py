"""A queue's pace as points, which outlive the look that they were made in. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from mrcore.model import base, wire
from mrcore.queues import truth

_RATES = {
    "queue.in_rate": "in_per_s",
    "queue.out_rate": "out_per_s",
    "queue.fail_rate": "fail_per_s",
}


def points(of: base.Ref, facts: truth.Facts, at: datetime) -> Iterator[wire.Point]:
    """Rates, as far as they are known, and when the queue is empty as it goes on.

    A queue that will never be empty has no such time: `queue.drains_never` is then 1.
    """
    for metric, name in _RATES.items():
        if (value := getattr(facts, name)) is not None:
            yield wire.Point(metric=metric, ref=of, at=at, value=value)
    drain = truth.drain_s(facts)
    if drain.s is not None:
        yield wire.Point(metric="queue.drain_s", ref=of, at=at, value=drain.s)
    if drain.s is not None or drain.never:
        yield wire.Point(metric="queue.drains_never", ref=of, at=at, value=float(drain.never))
