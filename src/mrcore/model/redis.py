"""Redis and Valkey: a node and its keys."""

from __future__ import annotations

from mrcore.model.base import Entity, Instant


class RedisNode(Entity):
    """One server; what changes at every sample (memory, ops) are points.

    `port` and `machine_bytes`, the memory of its machine, are 0 where INFO does not tell them.
    While INFO has no answer, `silent_since` is when it had its last: facts and points are of then.
    """

    KIND = "node"

    version: str
    role: str = ""
    mode: str = ""
    started_at: Instant | None = None
    port: int = 0
    machine_bytes: int = 0
    maxmemory_bytes: int = 0
    maxmemory_policy: str = ""
    persistence: str = ""
    canary_ok: bool | None = None
    silent_since: Instant | None = None


class Key(Entity):
    """One key: `name` is its bytes as readable text, `size` counts members or bytes of a string."""

    KIND = "key"

    name: str
    type: str = ""
    expires_at: Instant | None = None
    size: int | None = None
    memory_bytes: int | None = None
    encoding: str = ""
