"""A Postgres server: how near it is to its limits."""

from __future__ import annotations

from mrcore.model import postgres
from mrtui.columns import fmt
from mrtui.columns.table import Cell, Column, Table, View, trouble_first


def usable(entity: postgres.PostgresServer) -> int:
    """Connections that an application can have at most."""
    return entity.max_connections - entity.reserved - entity.superuser_reserved


def against_limit(entity: postgres.PostgresServer) -> str:
    """`14/97`: client sessions against what applications may open."""
    return f"{entity.sessions}/{usable(entity)}"


def name(entity: postgres.PostgresServer) -> str:
    """`mentor on Postgres 18.1`."""
    server = f"Postgres {entity.version}"
    return f"{entity.database} on {server}" if entity.database else server


def headline(entity: postgres.PostgresServer, view: View) -> list[Cell]:
    """What the screen says above the sessions."""
    states = entity.by_state
    parts = [
        Cell(f"{against_limit(entity)} connected", "strong"),
        Cell(f"{states.get('active', 0)} active", "ok"),
        Cell(f"{states.get('idle', 0)} idle", "dim"),
    ]
    in_tx = states.get("idle in transaction", 0)
    aborted = states.get("idle in transaction (aborted)", 0)
    if in_tx:
        parts.append(Cell(f"{in_tx} idle in tx", "warn"))
    if aborted:
        parts.append(Cell(f"{aborted} aborted tx", "bad"))
    if entity.blocked:
        parts.append(Cell(f"{entity.blocked} blocked", "bad"))
    if entity.oldest_xact_start is not None:
        parts.append(Cell(f"tx {view.age(entity.oldest_xact_start)}"))
    return parts


def measures(entity: postgres.PostgresServer, view: View) -> list[Cell]:
    """Rates and latencies of a server."""
    latest = view.world.latest
    return [
        Cell(f"{fmt.rate(latest('pg.tps', entity.ref))} tx"),
        Cell(f"hit {fmt.percent(latest('pg.hit_ratio', entity.ref))}"),
        Cell(f"round trip {fmt.millis(latest('pg.round_trip_ms', entity.ref))}"),
    ]


def cells(entity: postgres.PostgresServer, view: View) -> tuple[Cell, ...]:
    return (
        view.mark(entity),
        Cell(name(entity)),
        Cell(against_limit(entity)),
        Cell(str(entity.blocked), "bad" if entity.blocked else "dim"),
        Cell(view.age(entity.oldest_xact_start)),
        view.why(entity),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("server", 24),
        Column("conns", 8, right=True),
        Column("blocked", 7, right=True),
        Column("oldest tx", 9, right=True, keep=5),
        Column("why"),
    ),
    cells=cells,
    label=name,
    orders=(("trouble", trouble_first),),
)
