"""Deployments: the colours between which the traffic is switched."""

from __future__ import annotations

from mrcore.model.base import Entity, Instant, Verdict


class Colour(Entity):
    """One colour; `live` is the one that `.current_env` names.

    `state` is healthy, degraded, unhealthy, stopped or unknown, `why` says what its health says;
    `since` is since when it is up. `preflight` is what it says of a schema and of jobs that are
    newer than its release: of a colour without traffic, where it is asked. `differs` says in what
    one that runs and has no traffic is not as the live one is; empty where they agree, or nobody
    knows.
    """

    KIND = "colour"

    name: str
    live: bool = False
    release: str = ""
    state: str = "unknown"
    since: Instant | None = None
    why: str = ""
    preflight: Verdict | None = None
    differs: str = ""
