"""Health checks of backends."""

from __future__ import annotations

from pydantic import JsonValue

from mrcore.model.base import Entity, Instant


class Check(Entity):
    """One health check, for example `/api/health` of the blue colour; latency is a point."""

    KIND = "check"

    name: str
    target: str = ""
    status_code: int | None = None
    says: str = ""
    facts: dict[str, JsonValue] = {}
    up_since: Instant | None = None


class Cache(Entity):
    """Cached figures of a dashboard, as the backend tells of them: when they were computed.

    `equal` is whether a figure is what the database says of that instant; it and `computed_at` are
    None while nobody tells.
    """

    KIND = "cache"

    name: str
    computed_at: Instant | None = None
    equal: bool | None = None
