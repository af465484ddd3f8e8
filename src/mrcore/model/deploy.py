"""Deployments: the colours between which the traffic is switched."""

from __future__ import annotations

from mrcore.model.base import Entity, Instant


class Colour(Entity):
    """One colour; `live` is the one that `.current_env` names.

    `state` is healthy, degraded, unhealthy, stopped or unknown, `why` says what its health says;
    `since` is since when it is up. `differs` says in what one that runs and has no traffic is not
    as the live one is; empty where they agree, or nobody knows.
    """

    KIND = "colour"

    name: str
    live: bool = False
    release: str = ""
    state: str = "unknown"
    since: Instant | None = None
    why: str = ""
    differs: str = ""
