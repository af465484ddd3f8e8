"""How a fact is read from an entity and the clock: None is no data, ages are in seconds. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from mrcore.model import stack

Value = float | bool | str

Read = Callable[[Any, datetime], Value | None]


def since(at: datetime | None, now: datetime) -> float | None:
    """Seconds since then, at least 0."""
    return None if at is None else max(0.0, (now - at).total_seconds())


def age(name: str) -> Read:
    """How long ago an instant of the entity is."""
    return lambda entity, now: since(getattr(entity, name), now)


def age_or_0(name: str) -> Read:
    """The same, and 0 where there is nothing that began."""
    return lambda entity, now: since(getattr(entity, name), now) or 0.0


def value(name: str) -> Read:
    """A field as it is."""
    return lambda entity, now: getattr(entity, name)


def count(name: str) -> Read:
    """How many a field holds."""
    return lambda entity, now: float(len(getattr(entity, name)))


def of_counts(name: str) -> Read:
    """One of the numbers of a queue."""
    return lambda entity, now: float(getattr(entity.counts, name))


def slots(entity: Any, now: datetime) -> float:
    """How many connections an application may open."""
    return float(entity.max_connections - entity.reserved - entity.superuser_reserved)


def used(entity: Any, now: datetime) -> float | None:
    """The share of these that is taken, in percent."""
    most = slots(entity, now)
    return entity.sessions / most * 100 if most > 0 else None


def oldest_wait(entity: Any, now: datetime) -> float | None:
    """Nothing that waits has waited no time; an engine that cannot tell has no data."""
    found = since(entity.oldest_enqueued_at, now)
    waiting = entity.counts.waiting + entity.counts.prioritized + entity.counts.paused
    return 0.0 if found is None and not waiting else found


def overdue(entity: Any, now: datetime) -> float | None:
    """How late its next run is, at least 0."""
    return since(entity.next_at, now)


def silent(entity: Any, now: datetime) -> float | None:
    """Beyond the time in which it may be silent."""
    found = since(entity.last_seen_at, now)
    return None if found is None else max(0.0, found - entity.beat_s)


def left(entity: Any, now: datetime) -> float | None:
    """What has expired is less than nothing."""
    return None if entity.expires_at is None else (entity.expires_at - now).total_seconds()


def failing(entity: Any, now: datetime) -> float | None:
    """How long a source fails; one that does not, not at all."""
    return since(entity.since, now) if entity.state == "failing" else 0.0


def smtp(name: str) -> Read:
    """Of a mail server only; of another service there is nothing to say."""
    return lambda entity, now: getattr(entity, name) if entity.form == "smtp" else None


def colour(entity: Any, now: datetime) -> str:
    """Of `backend-blue` it is blue; of another process it is empty."""
    before, _, colour = str(entity.name).partition("-")
    return colour if before == "backend" else ""


def preflight(name: str) -> Read:
    """Nothing is newer than what has the traffic; of a colour that was not asked nobody knows."""

    def read(entity: Any, now: datetime) -> str | None:
        if entity.live:
            return ""
        said = entity.preflight
        return None if said is None or said.level == "unknown" else str(getattr(said, name))

    return read


def wished(entity: Any, now: datetime) -> bool:
    """Whether it ends, or ended last, since it was wished."""
    return entity.state == "stopping" or str(entity.last_exit).startswith(stack.RESTARTED)


def restartable(entity: Any, now: datetime) -> bool:
    """Whether we can restart it."""
    return "process.restart" in entity.actions


def share(name: str) -> Read:
    """Which part of the backend's calls, in percent; nothing of no calls."""
    return lambda entity, now: 100 * getattr(entity, name) / entity.calls if entity.calls else None
