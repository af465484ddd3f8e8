"""What the core believes of a sample: a source that breaks the rules is `unknown`, not shown."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from urllib.parse import quote

from mrcore import errors
from mrcore.model import base, queue, wire

ENTITIES_MAX = 5_000
POINTS_MAX = 25_000
CAPTURED_MAX = 5_000
AHEAD_S = 5.0


def check(name: str, sample: object, now: datetime) -> wire.Sample:
    """The sample of source `name`, if it keeps the rules.

    At most 5,000 entities, 25,000 points and 5,000 captured runs; every ref is the source's own,
    an entity's there once; values are finite; instants have a zone and are not more than 5 s ahead
    of the core's clock; all of it can be written as JSON (which takes 5 ms for 2,000 sessions).
    Raises SourceLied with what is wrong.
    """
    if not isinstance(sample, wire.Sample):
        raise errors.SourceLied(f"{name} answered {type(sample).__name__} instead of a sample.")
    if len(sample.entities) > ENTITIES_MAX:
        raise errors.SourceLied(
            f"{name} reported {len(sample.entities):,} entities; {ENTITIES_MAX:,} are allowed."
        )
    if len(sample.points) > POINTS_MAX:
        raise errors.SourceLied(
            f"{name} reported {len(sample.points):,} points; {POINTS_MAX:,} are allowed."
        )
    _instant(name, sample.at, now)
    _entities(name, sample)
    _points(name, sample, now)
    _captured(name, sample)
    _writable(name, sample)
    return sample


def _entities(name: str, sample: wire.Sample) -> None:
    own = quote(name, safe="") + "/"
    seen: set[str] = set()
    for entity in sample.entities:
        if not entity.ref.startswith(own):
            raise errors.SourceLied(f"{name} reported {entity.ref!r}, which is not its own.")
        if entity.ref in seen:
            raise errors.SourceLied(f"{name} reported {entity.ref!r} twice.")
        seen.add(entity.ref)


def _points(name: str, sample: wire.Sample, now: datetime) -> None:
    own = quote(name, safe="") + "/"
    for point in sample.points:
        if not point.ref.startswith(own):
            raise errors.SourceLied(f"{name} measured {point.ref!r}, which is not its own.")
        if not math.isfinite(point.value):
            raise errors.SourceLied(f"{point.metric} of {point.ref!r} is {point.value}.")
        if point.at is not sample.at:
            _instant(name, point.at, now)


def _captured(name: str, sample: wire.Sample) -> None:
    """What cannot be kept would be tried for ever."""
    if len(sample.captured) > CAPTURED_MAX:
        raise errors.SourceLied(
            f"{name} captured {len(sample.captured):,} runs; {CAPTURED_MAX:,} are allowed."
        )
    own = quote(name, safe="") + "/"
    ends = (queue.JobState.FAILED, queue.JobState.COMPLETED)
    for run in sample.captured:
        if not run.ref.startswith(own):
            raise errors.SourceLied(f"{name} captured {run.ref!r}, which is not its own.")
        if run.state not in ends:
            raise errors.SourceLied(f"{name} captured {run.ref!r}, which is still {run.state}.")


def _writable(name: str, sample: wire.Sample) -> None:
    """A lone surrogate, once it is live, would break every stream at every event."""
    try:
        sample.model_dump_json(warnings=False)
    except ValueError:
        what = next(
            (entity.ref for entity in sample.entities if not _is_writable(entity)), "a point"
        )
        raise errors.SourceLied(
            f"{name} reported {what!r} with text that cannot be written."
        ) from None


def _is_writable(entity: base.Entity) -> bool:
    try:
        entity.model_dump_json(warnings=False)
    except ValueError:
        return False
    return True


def _instant(name: str, at: datetime, now: datetime) -> None:
    if at.tzinfo is None:
        raise errors.SourceLied(f"{name} reported an instant without a zone.")
    if at > now + timedelta(seconds=AHEAD_S):
        ahead_s = (at - now).total_seconds()
        raise errors.SourceLied(f"{name} reported an instant {ahead_s:.0f} s in the future.")
