"""Every type on the wire. Importing the package registers each family's kinds."""

from mrcore.model import (
    alert,
    backend,
    base,
    core,
    deploy,
    log,
    meeting,
    plans,
    postgres,
    queue,
    redis,
    ref,
    run,
    stack,
    upstream,
    wire,
)

__all__ = [
    "alert",
    "backend",
    "base",
    "core",
    "deploy",
    "log",
    "meeting",
    "plans",
    "postgres",
    "queue",
    "redis",
    "ref",
    "run",
    "stack",
    "upstream",
    "wire",
]
