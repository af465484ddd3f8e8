"""The processes that `mrcore up` supervises."""

from __future__ import annotations

from mrcore.model.base import Entity, Instant

RESTARTED = "was restarted by"
"""How the last exit of a process begins that was wished to begin anew."""

STOPPED = "was stopped by"
"""How the last exit of a process begins that was wished to stay stopped."""


class Process(Entity):
    """One process; memory is a point.

    `state` is starting, ready, backoff, stopping, stopped or failed; what somebody wished stopped
    is stopped until somebody wishes it to begin again.
    """

    KIND = "process"

    name: str
    state: str
    pid: int | None = None
    since: Instant | None = None
    restarts: int = 0
    last_exit: str = ""
    command: str = ""
    log: str = ""
