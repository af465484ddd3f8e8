"""From INFO to the node and its points."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from mrcore.model import base, redis, wire

MEMORY_WARN = 0.9

_SHOWN = {
    "server": "redis_version valkey_version os process_id tcp_port config_file",
    "memory": "used_memory_human used_memory_peak_human maxmemory_human maxmemory_policy "
    "mem_fragmentation_ratio mem_fragmentation_bytes",
    "clients": "connected_clients blocked_clients maxclients rejected_connections",
    "stats": "total_commands_processed instantaneous_ops_per_sec keyspace_hits keyspace_misses "
    "expired_keys evicted_keys",
    "persistence": "aof_enabled aof_last_write_status rdb_last_bgsave_status "
    "rdb_changes_since_last_save",
    "replication": "role connected_slaves master_link_status master_repl_offset",
}
"""Fields of INFO that a person looks for, by section."""

Info = Mapping[str, str]


def parse(text: bytes) -> dict[str, str]:
    """Fields of INFO by name, of all sections."""
    pairs = (line.split(":", 1) for line in text.decode("utf-8", "replace").splitlines())
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2 and not pair[0].startswith("#")}


def number(info: Info, name: str) -> float:
    """A field as a number; 0 where this version does not have it."""
    try:
        return float(info.get(name, "0"))
    except ValueError:
        return 0.0


def started(info: Info, now: datetime) -> datetime | None:
    """When the server began, to the second; INFO has only the uptime, rounded down."""
    if "uptime_in_seconds" not in info:
        return None
    return (now - timedelta(seconds=number(info, "uptime_in_seconds"))).replace(microsecond=0)


def ahead_ms(info: Info, now: datetime) -> float | None:
    """How far the server's clock is ahead; INFO tells its time since Redis 6.2."""
    told_us = number(info, "server_time_usec")
    return told_us / 1000 - now.timestamp() * 1000 if told_us else None


_WAKES: dict[str, tuple[base.ActionId, ...]] = {
    "paused": ("redis.unpause",),
    "hangs": ("redis.unpause",),
    "busy": ("redis.script_kill",),
}
"""What lets a server go on, by the code of its verdict."""


def node(
    ref: base.Ref,
    info: Info,
    started_at: datetime | None,
    canary_ok: bool | None,
    verdict: base.Verdict,
) -> redis.RedisNode:
    """The server as an entity; `info` is empty where INFO is not permitted."""
    product = (
        "Valkey" if info.get("server_name") == "valkey" or "valkey_version" in info else "Redis"
    )
    version = info.get("valkey_version") or info.get("redis_version", "")
    return redis.RedisNode(
        ref=ref,
        actions=_WAKES.get(verdict.code, ()),
        verdict=verdict if verdict.level is not base.Level.OK else _own_verdict(info),
        version=f"{product} {version}" if version else "",
        role=info.get("role", ""),
        mode=info.get("redis_mode") or info.get("server_mode", ""),
        started_at=started_at,
        port=int(number(info, "tcp_port")),
        machine_bytes=int(number(info, "total_system_memory")),
        maxmemory_bytes=int(number(info, "maxmemory")),
        maxmemory_policy=info.get("maxmemory_policy", ""),
        persistence=_persistence(info),
        canary_ok=canary_ok,
    )


def values(info: Info, before: tuple[Info, datetime] | None, now: datetime) -> dict[str, float]:
    """Points by metric; those that are differences need the INFO before.

    Counters that went back (CONFIG RESETSTAT, a restart) give nothing rather than a lie.
    """
    if not info:
        return {}
    found = {
        "redis.used_bytes": number(info, "used_memory"),
        "redis.ops": number(info, "instantaneous_ops_per_sec"),
        "redis.clients": number(info, "connected_clients"),
        "redis.blocked_clients": number(info, "blocked_clients"),
    }
    if before is None:
        return found
    earlier, then = before
    hits, misses, evicted = (
        number(info, name) - number(earlier, name)
        for name in ("keyspace_hits", "keyspace_misses", "evicted_keys")
    )
    if hits >= 0 and misses >= 0 and hits + misses > 0:
        found["redis.hit_ratio"] = 100.0 * hits / (hits + misses)
    seconds = (now - then).total_seconds()
    if seconds > 0 and evicted >= 0:
        found["redis.evicted"] = evicted / seconds
    return found


def sections(info: Info) -> tuple[wire.Section, ...]:
    """INFO for a person."""
    return tuple(
        wire.Section(
            id=title,
            title=title.capitalize(),
            fields=tuple(
                wire.Field(name=name, value=info[name]) for name in names.split() if name in info
            ),
        )
        for title, names in _SHOWN.items()
        if info
    )


def _persistence(info: Info) -> str:
    """`aof`, `rdb`, both, or `none`; a snapshot is known only once one was written (7.0)."""
    if not info:
        return ""
    ways = []
    if info.get("aof_enabled") == "1":
        ways.append("aof")
    if number(info, "rdb_saves") > 0 or info.get("rdb_bgsave_in_progress") == "1":
        ways.append("rdb")
    return " + ".join(ways) or "none"


def _own_verdict(info: Info) -> base.Verdict:
    """What INFO itself says is wrong, when writes work."""
    if info.get("rdb_last_bgsave_status", "ok") != "ok":
        return base.Verdict(
            level=base.Level.WARN, code="snapshot", why="the last background save failed"
        )
    if info.get("role") == "slave" and info.get("master_link_status") == "down":
        return base.Verdict(
            level=base.Level.WARN, code="replication", why="the link to its primary is down"
        )
    limit = number(info, "maxmemory")
    if limit and number(info, "used_memory") >= MEMORY_WARN * limit:
        policy = info.get("maxmemory_policy", "")
        why = f"over 90 % of maxmemory is used; then {_at_the_limit(policy)}"
        return base.Verdict(level=base.Level.WARN, code="memory", why=why)
    return base.OK


def _at_the_limit(policy: str) -> str:
    return "writes are refused (noeviction)" if policy == "noeviction" else f"keys go ({policy})"
