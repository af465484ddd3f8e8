"""One session, server or check of Postgres in full."""

from __future__ import annotations

import importlib.resources
from collections.abc import Sequence
from datetime import datetime

from mrcore import errors, redact
from mrcore.model import backend, base, ref, wire
from mrcore.sources.pg import link, rows

MOST_LOCKS = 100
MOST_WAITERS = 50

_QUERY = importlib.resources.files(__package__).joinpath("query.sql").read_text()
_LOCKS = importlib.resources.files(__package__).joinpath("locks.sql").read_text()


def kind_of(source: str, asked: base.Ref) -> str:
    """`postgres`, `check` or `session`.

    Raises NotFound where the ref is not one of this source.
    """
    try:
        address = ref.parse(asked)
    except ValueError:
        raise absent(asked) from None
    match (address.source == source, address.kind, address.ids):
        case (True, "postgres", (b"main",)) | (True, "check", (b"postgres",)):
            return address.kind
        case (True, "session", (_, _)):
            return address.kind
    raise absent(asked)


def absent(asked: base.Ref) -> errors.NotFound:
    """The sentence for a ref that leads nowhere."""
    return errors.NotFound(f"There is no {asked} (any more).")


def of_check(check: backend.Check, at: datetime) -> wire.Detail:
    """The check has nothing behind it but the server."""
    source = ref.source_of(check.ref)
    link_ = wire.Link(label="the server", ref=ref.make(source, "postgres", "main"))
    fields = (wire.Field(name="says", value=check.says),)
    section = wire.Section(id="check", title="Check", fields=fields)
    return wire.Detail(at=at, entity=check, sections=(section,), links=(link_,))


def of_server(source: str, seen: rows.Look, at: datetime) -> wire.Detail:
    """Limits, counts by state and by application, and the sessions that are in the way."""
    _, left_out = rows.sessions(source, seen)
    entity = rows.server(source, seen, left_out)
    usable = entity.max_connections - entity.reserved - entity.superuser_reserved
    limits = (
        wire.Field(name="usable connections", value=usable),
        wire.Field(name="taken", value=entity.sessions),
        wire.Field(name="max_connections", value=entity.max_connections),
        wire.Field(name="reserved_connections", value=entity.reserved),
        wire.Field(name="superuser_reserved_connections", value=entity.superuser_reserved),
        wire.Field(name="started", at=entity.started_at),
        wire.Field(name="oldest transaction", at=entity.oldest_xact_start),
        wire.Field(name="in recovery", value=entity.in_recovery),
    )
    states = tuple(wire.Field(name=k, value=v) for k, v in entity.by_state.items())
    apps = tuple(wire.Field(name=k or "(none)", value=v) for k, v in entity.by_app.items())
    ways = rows.Blocking(seen)
    roots = [row for row in seen.clients if row["pid"] in ways.roots]
    return wire.Detail(
        at=at,
        entity=entity,
        sections=(
            wire.Section(id="limits", title="Connections", fields=limits),
            wire.Section(id="states", title="By state", fields=states),
            wire.Section(id="apps", title="By application", fields=apps),
        ),
        links=tuple(
            wire.Link(
                label=f"{ways.name(row['pid'])} blocks {len(ways.blocks[row['pid']])}",
                ref=rows.session_ref(source, row),
            )
            for row in roots[:MOST_WAITERS]
        ),
    )


async def of_session(
    source: str, asked: base.Ref, connection: link.Connection, seen: rows.Look, at: datetime
) -> wire.Detail:
    """A session with its whole statement, its times, its locks and who is in whose way.

    Raises NotFound when it has ended, also where its pid is used again.
    """
    row = next((r for r in seen.clients if rows.session_ref(source, r) == asked), None)
    if row is None:
        raise absent(asked)
    query = await connection.fetchval(_QUERY, row["pid"], row["backend_start"])
    locks = await connection.fetch(_LOCKS, row["pid"])
    ways = rows.Blocking(seen)
    entity = rows.session(source, row, ways, seen)
    times = tuple(
        wire.Field(name=name, at=row[column])
        for name, column in (
            ("connected", "backend_start"),
            ("transaction began", "xact_start"),
            ("statement began", "query_start"),
            ("state since", "state_change"),
            ("waits for a lock since", "waitstart"),
        )
        if row[column] is not None
    )
    shown = redact.repeated(query) if query else entity.query
    sections = (
        wire.Section(id="query", title="Statement", form="text", text=shown),
        wire.Section(id="times", title="Times", fields=times),
        wire.Section(id="locks", title=_locks_title(locks), fields=_locks(locks)),
    )
    return wire.Detail(at=at, entity=entity, sections=sections, links=_links(source, row, ways))


def _locks_title(locks: Sequence[rows.Row]) -> str:
    more = " (the first 100)" if len(locks) > MOST_LOCKS else ""
    waits = sum(1 for lock in locks if not lock["granted"])
    return f"Locks{more}: waits for {waits}, holds {len(locks[:MOST_LOCKS]) - waits}"


def _locks(locks: Sequence[rows.Row]) -> tuple[wire.Field, ...]:
    return tuple(
        wire.Field(
            name=f"{'holds' if lock['granted'] else 'waits for'} {lock['mode']}",
            value=" ".join(
                str(part)
                for part in (lock["locktype"], lock["relation"], lock["transaction"])
                if part is not None
            ),
            at=lock["waitstart"],
        )
        for lock in locks[:MOST_LOCKS]
    )


def _links(source: str, row: rows.Row, ways: rows.Blocking) -> tuple[wire.Link, ...]:
    """The chain up to whoever is at its root, nearest first; then those that wait for this one."""
    links = [
        wire.Link(label=f"{'behind that' if depth else 'waits for'} {ways.name(pid)}", ref=to)
        for depth, pid in ways.chain(row["pid"])
        if (to := ways.ref(source, pid))
    ]
    waiters = ways.blocks.get(row["pid"], [])
    for pid in waiters[:MOST_WAITERS]:
        if to := ways.ref(source, pid):
            links.append(wire.Link(label=f"blocks {ways.name(pid)}", ref=to))
    return tuple(links)
