"""A Redis or Valkey node: memory, commands, keys, whether a write comes back."""

from __future__ import annotations

from mrcore.model import redis, ref
from mrtui.columns import fmt
from mrtui.columns.table import Cell, Column, Table, View, trouble_first


def as_of(entity: redis.RedisNode, view: View) -> Cell:
    """`◌ as of 14:01:57, 14 s old` while it tells nothing of itself; empty when it does."""
    if entity.silent_since is None:
        return Cell("")
    age_s = max(0, int((view.now - entity.silent_since).total_seconds()))
    return Cell(f"{fmt.STALE} as of {fmt.clock(entity.silent_since)}, {age_s} s old", "stale")


def headline(entity: redis.RedisNode, view: View) -> list[Cell]:
    """`1,204 keys  38MB  99.1%  1.2k/s`; grey while these are of before."""
    cells = _figures(entity, view)
    if entity.silent_since is None:
        return cells
    return [Cell(cell.text, "stale") for cell in cells]


def _figures(entity: redis.RedisNode, view: View) -> list[Cell]:
    latest = view.world.latest
    used = fmt.size(latest("redis.used_bytes", entity.ref))
    limit = f" of {fmt.size(entity.maxmemory_bytes)}" if entity.maxmemory_bytes else ""
    return [
        Cell(f"{fmt.count(latest('redis.keys', entity.ref))} keys", "strong"),
        Cell(f"{used}{limit}"),
        Cell(f"{fmt.percent(latest('redis.hit_ratio', entity.ref))} hits"),
        Cell(fmt.rate(latest("redis.ops", entity.ref))),
    ]


def canary(entity: redis.RedisNode, view: View) -> Cell:
    """Whether a write comes back, and how fast."""
    if entity.canary_ok is None:
        return Cell("canary ?", "unknown")
    if not entity.canary_ok:
        return Cell("canary lost", "bad")
    return Cell(f"canary {fmt.millis(view.world.latest('redis.canary_ms', entity.ref))}", "ok")


def facts(entity: redis.RedisNode, view: View) -> list[Cell]:
    """What changes rarely, and clients."""
    latest = view.world.latest
    blocked = latest("redis.blocked_clients", entity.ref) or 0.0
    evicted = latest("redis.evicted", entity.ref) or 0.0
    return [
        canary(entity, view),
        Cell(f"{fmt.count(latest('redis.clients', entity.ref))} clients"),
        Cell(f"{fmt.count(blocked)} blocked", "dim"),
        Cell(f"evicts {fmt.rate(evicted)}", "warn" if evicted else "dim"),
        Cell(entity.maxmemory_policy or "no policy", "dim"),
        Cell(entity.persistence, "dim"),
        Cell(f"up {view.age(entity.started_at)}", "dim"),
    ]


def name(entity: redis.RedisNode) -> str:
    """`main, master 9.0.1`."""
    return ", ".join(filter(None, (ref.parse(entity.ref).id, entity.role, entity.version)))


def cells(entity: redis.RedisNode, view: View) -> tuple[Cell, ...]:
    keys, memory, hits, commands = headline(entity, view)
    return (
        view.mark(entity),
        Cell(name(entity)),
        keys,
        memory,
        hits,
        commands,
        canary(entity, view),
        view.why(entity),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("node", 22),
        Column("keys", 14, right=True),
        Column("memory", 14, right=True),
        Column("hits", 11, right=True, keep=3),
        Column("commands", 8, right=True, keep=4),
        Column("canary", 14, keep=5),
        Column("why"),
    ),
    cells=cells,
    label=name,
    orders=(("trouble", trouble_first),),
)
