"""What the panes of the home screen show: a title, a level, rows. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from mrcore.model import backend, base, log, postgres, queue, redis
from mrtui import world
from mrtui.columns import check as check_columns
from mrtui.columns import fmt, session, table
from mrtui.columns import line as line_columns
from mrtui.columns import node as node_columns
from mrtui.columns import postgres as server_columns
from mrtui.columns import queue as queue_columns
from mrtui.widgets import cells

Cell = cells.Cell
Rows = list[tuple[base.Entity, tuple[Cell, ...]]]

MOST_LINES = 60

FRESH_S = 300.0
"""Lines that are older do not look as if they had just been written."""


class Shown(NamedTuple):
    """A pane: what stands beside its name, how it is (None: nothing can be), and its table.

    `empty` is what it says without rows.
    """

    title: list[Cell]
    level: base.Level | None
    columns: Sequence[table.Column]
    rows: Rows
    sources: frozenset[str]
    empty: str


def rank(shown: Shown) -> int:
    """Place in the order of trouble."""
    return world.RANK[shown.level or base.Level.OK]


def _worst(view: table.View, entities: Iterable[base.Entity], kind: str) -> base.Level | None:
    levels = [view.verdict(entity).level for entity in entities]
    names = view.world.sources_of(kind)
    levels += [view.world.trust(name, view.now).level for name in names]
    return min(levels, key=lambda level: world.RANK[level], default=None)


OTHERS = {"source", "process", "worker", "schedule"}

# Health: checks, servers, and whatever else is not well and has no pane


def health(view: table.View) -> Shown:
    """A line for each check and each server; then sources, processes … that are not well."""
    found: list[base.Entity] = [
        entity for kind in ("postgres", "node") for entity in view.world.table(kind).values()
    ]
    served = {view.world.source_of(entity) for entity in found}
    checks = [
        entity
        for entity in view.world.table("check").values()
        if (source := view.world.source_of(entity)) not in served
        or (not view.well(entity) and (_believed(view, source) or not view.world.connected))
    ]
    # A server stands for its source: when that is away, the server's line says why.
    others = [e for e in _others(view) if getattr(e, "name", "") not in served]
    listed = sorted([*checks, *found, *others], key=lambda e: (_rank(view, e), e.ref))
    levels = [view.verdict(entity).level for entity in listed]
    unknown = levels.count(base.Level.UNKNOWN)
    away = len(levels) - levels.count(base.Level.OK) - unknown
    title = [Cell(f"{away} not well", "bad")] if away else []
    title += [Cell(f"{unknown} unknown", "unknown")] if unknown else []
    title = title or [Cell("all well", "ok")]
    rows: Rows = [(entity, _health_row(entity, view)) for entity in listed]
    columns = check_columns.TABLE.brief_columns
    level = min(levels, key=lambda level: world.RANK[level], default=None)
    empty = view.emptiness("check", "no check yet")
    return Shown(title if rows else [], level, columns, rows, frozenset(), empty)


def _others(view: table.View) -> list[base.Entity]:
    """What is not well and has no pane; while the core is lost, what was not well before."""
    if view.world.connected:
        troubles = view.world.troubles(view.now)
        return [trouble.entity for trouble in troubles if trouble.entity.kind in OTHERS]
    known = [entity for kind in sorted(OTHERS) for entity in view.world.table(kind).values()]
    return [entity for entity in known if entity.verdict.level is not base.Level.OK]


def _believed(view: table.View, source: str) -> bool:
    return view.world.trust(source, view.now).level is base.Level.OK


def _rank(view: table.View, entity: base.Entity) -> int:
    if not view.world.connected:
        return view.rank(entity)  # what is lost stays where it was
    return world.RANK[view.verdict(entity).level]


def _health_row(entity: base.Entity, view: table.View) -> tuple[Cell, ...]:
    latest = view.world.latest
    source = view.world.source_of(entity)
    name = Cell(entity.name if isinstance(entity, backend.Check) else source)
    known = (backend.Check, postgres.PostgresServer, redis.RedisNode)
    if isinstance(entity, known) and not _believed(view, source):
        said = f"unknown: {view.verdict(entity).why}"
        return (view.mark(entity), name, Cell(said, "unknown"))
    if isinstance(entity, backend.Check):
        return check_columns.brief(entity, view)
    if isinstance(entity, postgres.PostgresServer):
        measured = check_columns.measured(
            "", latest("pg.round_trip_ms", entity.ref), view.why(entity)
        )
        limit = f"{measured.text}  {server_columns.against_limit(entity)}"
        return (view.mark(entity), name, Cell(limit, measured.style))
    if isinstance(entity, redis.RedisNode):
        measured = check_columns.measured(
            "", latest("redis.canary_ms", entity.ref), view.why(entity)
        )
        canary = "  canary" if entity.canary_ok else ""
        return (view.mark(entity), name, Cell(measured.text + canary, measured.style))
    why = view.why(entity)
    named = Cell(str(getattr(entity, "name", entity.kind)))
    return (view.mark(entity), named, Cell(f"{entity.kind} {why.text}", why.style))


# Queues


def queues(view: table.View) -> Shown:
    """Every queue, trouble first."""
    found = list(view.world.table("queue").values())
    listed = table.ordered(found, view, queue_columns.TABLE.orders[0])
    bad = sum(not view.well(entity) for entity in listed)
    waiting = sum(entity.counts.waiting for entity in found if isinstance(entity, queue.Queue))
    title = [Cell(f"{len(found)}", "dim")]
    if bad:
        title.append(Cell(f"{bad} in trouble", "bad"))
    title.append(Cell(f"{fmt.count(waiting)} waiting", "dim"))
    rows: Rows = [
        (entity, queue_columns.brief(entity, view))
        for entity in listed
        if isinstance(entity, queue.Queue)
    ]
    columns = queue_columns.TABLE.brief_columns
    empty = view.emptiness("queue", "no queue yet", "job queues")
    names = view.world.sources_of("queue")
    return Shown(title if rows else [], _worst(view, found, "queue"), columns, rows, names, empty)


def fitting(shown: Shown, view: table.View, height: int) -> tuple[Rows, int]:
    """The rows for a height, and how many quiet queues are left out; without room calm files of
    the core are, too."""
    if len(shown.rows) <= height:
        return shown.rows, 0
    rows = [pair for pair in shown.rows if not _calm_file(pair[0], view)]
    loud = sum(not _quiet(entity, view) for entity, _ in rows)
    kept = max(loud, height - 1)
    if len(rows) <= height or not any(isinstance(entity, queue.Queue) for entity, _ in rows):
        return rows, 0
    return rows[:kept], len(rows) - kept if kept < len(rows) else 0


def _calm_file(entity: base.Entity, view: table.View) -> bool:
    core_s = isinstance(entity, backend.Check) and view.world.source_of(entity) == "core"
    return core_s and view.well(entity)


def _quiet(entity: base.Entity, view: table.View) -> bool:
    if not isinstance(entity, queue.Queue) or not view.well(entity):
        return False
    return not (entity.counts.waiting or entity.counts.active or entity.counts.failed)


# Postgres


def sessions(view: table.View) -> Shown:
    """Sessions that do something, what blocks above what it blocks."""
    servers = [s for s in view.world.table("postgres").values()]
    found = list(view.world.table("session").values())
    title: list[Cell] = []
    for server in servers:
        if isinstance(server, postgres.PostgresServer):
            bars = fmt.spark(view.world.recent("pg.sessions", server.ref), 10)
            title += [Cell(server_columns.against_limit(server), "strong"), Cell(bars, "accent")]
            if server.blocked:
                title.append(Cell(f"{server.blocked} blocked", "bad"))
    first = table.ordered(found, view, session.TABLE.orders[0])
    busy = [
        (entity, depth)
        for entity, depth in session.tree(first)
        if entity.state != "idle" or depth or not view.well(entity)
    ]
    rows: Rows = [(entity, session.brief(entity, view, depth)) for entity, depth in busy]
    level = _worst(view, [*servers, *found], "postgres")
    columns = session.TABLE.brief_columns
    empty = view.emptiness("postgres", "every session is idle", "Postgres")
    return Shown(title, level, columns, rows, view.world.sources_of("postgres"), empty)


# Redis

NODE_COLUMNS = (table.Column("", 1), table.Column(""))


def redis_nodes(view: table.View) -> Shown:
    """A line a node: what it holds, whether writes come back; the title has what it does."""
    found = list(view.world.table("node").values())
    rows: Rows = []
    title: list[Cell] = []
    for node in found:
        if isinstance(node, redis.RedisNode):
            keys, memory, hits, commands = node_columns.headline(node, view)
            bars = Cell(fmt.spark(view.world.recent("redis.ops", node.ref), 10), "accent")
            old = node_columns.as_of(node, view)
            title += [old] if old.text else [commands, bars]
            why = view.why(node)
            calm = "  ".join(cell.text for cell in (keys, memory, hits))
            rows.append((node, (view.mark(node), why if why.text else Cell(calm))))
    empty = view.emptiness("node", "no node yet", "Redis")
    names = view.world.sources_of("node")
    return Shown(title, _worst(view, found, "node"), NODE_COLUMNS, rows, names, empty)


# Logs

LINE_COLUMNS = (
    table.Column("", 3, right=True, keep=7),
    table.Column("", 1),
    table.Column("", 14, keep=5, narrow=10),
    table.Column(""),
)


def lines(view: table.View) -> Shown:
    """The newest lines that are worth showing, and how much is written at all."""
    streams = [s for s in view.world.table("stream").values() if isinstance(s, log.LogStream)]
    notable = [(line, stream) for stream in streams for line in stream.notable]
    notable.sort(key=lambda pair: view.age_s(pair[0].at or pair[1].last_line_at))
    total = view.world.total("log.line_rate")
    bars = fmt.spark(view.world.recent_total("log.line_rate"), 16)
    title = [
        Cell(fmt.plural(len(streams), "stream"), "dim"),
        Cell(fmt.rate(total)),
        Cell(bars, "accent"),
    ]
    rows: Rows = []
    for place, (line, stream) in enumerate(notable[:MOST_LINES]):
        at = line.at or stream.last_line_at
        old = at is None or view.age_s(at) > FRESH_S
        style: cells.Style = "dim" if old else line_columns.TONES.get(line.level, "")
        name, said = line_columns.named(line.stream, line.text)
        known = log.LogLine(
            ref=line.ref or f"{stream.ref}/{place}",
            stream=line.stream,
            offset=0,
            at=line.at,
            level=line.level,
            text=line.text,
        )
        row = (
            Cell(fmt.coarse(line.at, view.now), "dim"),
            Cell(line_columns.GLYPHS[line.level], style),
            Cell(name, "dim" if old else "accent"),
            Cell(said, style),
        )
        rows.append((known, row))
    level = _worst(view, streams, "stream")
    empty = view.emptiness("stream", "nothing notable", "logs")
    names = view.world.sources_of("stream")
    return Shown(title if streams else [], level, LINE_COLUMNS, rows, names, empty)


PANES: tuple[tuple[str, Callable[[table.View], Shown], str], ...] = (
    # id, what it shows, screen that it leads to
    ("health", health, "sources"),
    ("queues", queues, "queues"),
    ("postgres", sessions, "postgres"),
    ("logs", lines, "logs"),
    ("redis", redis_nodes, "redis"),
)
