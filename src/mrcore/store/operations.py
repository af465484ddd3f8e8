"""Operations in the ledger. Every function is part of the caller's transaction.

How one works through its plan's targets is in `chunks`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mrcore.model import base, core, ref
from mrcore.store import plans as plan_store
from mrcore.store import walk


@dataclass(frozen=True)
class Actor:
    """Who started an operation, as far as is known: the audit says it of every step."""

    name: str
    roles: tuple[str, ...] = ()
    via: str = ""
    uid: int | None = None
    token: int | None = None
    address: str = ""


def begin(
    connection: sqlite3.Connection,
    stored: plan_store.Stored,
    actor: Actor,
    *,
    reason: str,
    now: datetime,
    approved_by: str = "",
    broke_glass: bool = False,
) -> core.Operation:
    """Start the one operation of a plan."""
    plan = stored.plan
    values = {
        "plan_id": plan.plan_id,
        "content": stored.content,
        "action": plan.action,
        "label": plan.label,
        "login": actor.name,
        "roles": json.dumps(actor.roles),
        "via": actor.via,
        "uid": actor.uid,
        "token": actor.token,
        "address": actor.address,
        "reason": reason,
        "state": core.OperationState.RUNNING,
        "total": plan.total,
        "started_at": now.isoformat(),
        "at": now.isoformat(),
        "approved_by": approved_by,
        "broke_glass": broke_glass,
        "undoes": stored.undoes,
    }
    cursor = connection.execute(
        f"INSERT INTO operation ({', '.join(values)})"  # noqa: S608 (our names)
        f" VALUES ({', '.join('?' * len(values))})",
        tuple(values.values()),
    )
    return get(connection, int(cursor.lastrowid or 0))


def get(connection: sqlite3.Connection, operation: int) -> core.Operation:
    """An operation by its number, which must exist."""
    row = connection.execute("SELECT * FROM operation_kept WHERE id = ?", (operation,)).fetchone()
    return _entity(row)


def actor(connection: sqlite3.Connection, operation: int) -> Actor:
    """Who started an operation, which must exist."""
    row = connection.execute(
        "SELECT login, roles, via, uid, token, address FROM operation WHERE id = ?", (operation,)
    ).fetchone()
    login, roles, *rest = row
    return Actor(login, tuple(json.loads(roles)), *rest)


def right(connection: sqlite3.Connection, operation: int) -> Actor:
    """Under whose right an operation goes on: who resumed it last, or who started it."""
    row = connection.execute(
        "SELECT resumed_by, resumed_roles FROM operation WHERE id = ?", (operation,)
    ).fetchone()
    login, roles = row
    return Actor(login, tuple(json.loads(roles))) if login else actor(connection, operation)


def find(connection: sqlite3.Connection, operation: int) -> core.Operation | None:
    """An operation by its number, or None."""
    row = connection.execute("SELECT * FROM operation_kept WHERE id = ?", (operation,)).fetchone()
    return _entity(row) if row else None


def at(connection: sqlite3.Connection, address: base.Ref) -> core.Operation | None:
    """An operation by its ref, in the one spelling that it has, or None."""
    number = ref.parse(address).id
    known = number.isascii() and number.isdigit() and len(number) < 19  # 64 bits
    found = find(connection, int(number)) if known else None
    return found if found and found.ref == address else None


def of_plan(connection: sqlite3.Connection, plan_id: str) -> core.Operation | None:
    """The operation of a plan, or None."""
    row = connection.execute(
        "SELECT * FROM operation_kept WHERE plan_id = ?", (plan_id,)
    ).fetchone()
    return _entity(row) if row else None


def of_plans(connection: sqlite3.Connection, ids: Iterable[str]) -> dict[str, core.Operation]:
    """The operations of those plans that were applied."""
    found = (of_plan(connection, plan_id) for plan_id in ids)
    return {each.plan_id: each for each in found if each is not None}


def finished(connection: sqlite3.Connection, content: str) -> int:
    """How many operations on this content have ended: the next plan of it is another plan."""
    row = connection.execute(
        "SELECT count(*) FROM operation WHERE content = ? AND finished_at IS NOT NULL", (content,)
    ).fetchone()
    return int(row[0])


def running(connection: sqlite3.Connection) -> list[core.Operation]:
    """Operations that have neither ended nor are paused, oldest first."""
    rows = connection.execute("SELECT * FROM operation_kept WHERE state = 'running' ORDER BY id")
    return [_entity(row) for row in rows]


def read(connection: sqlite3.Connection, wanted: walk.Walk) -> walk.Rows:
    """Operations, page by page.

    Raises ValueError when the walk's text is not a regular expression.
    """
    return walk.walk(
        connection,
        "operation_kept",
        "id",
        wanted,
        lambda row: (_entity(row), f"{row['state']} {row['login']} {row['label']} {row['reason']}"),
    )


def shown(connection: sqlite3.Connection, limit: int) -> list[core.Operation]:
    """The newest operations and those that have not ended, oldest first."""
    rows = connection.execute(
        "SELECT * FROM operation_kept WHERE finished_at IS NULL"
        " OR id IN (SELECT id FROM operation ORDER BY id DESC LIMIT ?) ORDER BY id",
        (limit,),
    )
    return [_entity(row) for row in rows]


def want(connection: sqlite3.Connection, operation: int, state: core.OperationState) -> None:
    """Wish that a running operation pauses or stops after its open chunk."""
    connection.execute("UPDATE operation SET wanted = ? WHERE id = ?", (state, operation))


def turn(connection: sqlite3.Connection, operation: int, state: core.OperationState) -> None:
    """Pause an operation, or say that it is stopped."""
    connection.execute(
        "UPDATE operation SET state = ?, wanted = '', held = '' WHERE id = ?", (state, operation)
    )


def hold(connection: sqlite3.Connection, operation: int, why: str) -> None:
    """Pause an operation that may not go on."""
    turn(connection, operation, core.OperationState.PAUSED)
    connection.execute("UPDATE operation SET held = ? WHERE id = ?", (why, operation))


def resume(
    connection: sqlite3.Connection, operation: int, login: str, roles: Sequence[str]
) -> None:
    """Let an operation run again, from now on under this login's right."""
    turn(connection, operation, core.OperationState.RUNNING)
    connection.execute(
        "UPDATE operation SET resumed_by = ?, resumed_roles = ? WHERE id = ?",
        (login, json.dumps(roles), operation),
    )


def undone(connection: sqlite3.Connection, operation: int, by: int) -> core.Operation:
    """Note which operation has undone this one, in part or whole."""
    connection.execute("UPDATE operation SET undone_by = ? WHERE id = ?", (by, operation))
    return get(connection, operation)


def finish(
    connection: sqlite3.Connection, operation: int, now: datetime, error: str = ""
) -> core.Operation:
    """End an operation: FAILED with an error or when no target was spared, otherwise DONE.

    One that is stopped stays so.
    """
    row = get(connection, operation)
    failed = bool(error) or (row.failed > 0 and row.failed == row.total)
    state = core.OperationState.FAILED if failed else core.OperationState.DONE
    if row.state is core.OperationState.STOPPED:
        state = row.state
    connection.execute(
        "UPDATE operation SET state = ?, finished_at = ?, error = ?, wanted = '', held = ''"
        " WHERE id = ?",
        (state, now.isoformat(), error, operation),
    )
    return get(connection, operation)


def did(
    connection: sqlite3.Connection, login: str, action: str, ref: base.Ref, since: datetime
) -> bool:
    """Whether a login has done an action on a ref since an instant."""
    row = connection.execute(
        "SELECT 1 FROM operation o JOIN target t ON t.plan_id = o.plan_id AND t.outcome = 'done'"
        " WHERE o.login = ? AND o.action = ? AND o.finished_at >= ?"
        " AND json_extract(t.body, '$.ref') = ?",
        (login, action, since.isoformat(), ref),
    ).fetchone()
    return row is not None


def _entity(row: sqlite3.Row) -> core.Operation:
    columns = {k: row[k] for k in row.keys() if k in core.Operation.model_fields}  # noqa: SIM118
    return core.Operation(
        ref=ref.make("core", "operation", row["id"]),
        verdict=_verdict(row),
        actions=_actions(row),
        **columns,
    )


def _actions(row: sqlite3.Row) -> tuple[str, ...]:
    """What can be done with it now."""
    if row["state"] == core.OperationState.RUNNING:
        if row["wanted"] == core.OperationState.STOPPED:
            return ()  # a wish to pause would take the place of that to stop
        paused = row["wanted"] == core.OperationState.PAUSED
        return ("operation.stop",) if paused else ("operation.pause", "operation.stop")
    if row["state"] == core.OperationState.PAUSED:
        return ("operation.resume", "operation.stop")
    return ("undo",) if row["kept"] else ()


def _verdict(row: sqlite3.Row) -> base.Verdict:
    if row["error"]:
        return base.Verdict(level=base.Level.BAD, code="stopped_early", why=row["error"])
    if row["held"]:
        return base.Verdict(level=base.Level.WARN, code="held", why=row["held"])
    if row["failed"]:
        why = f"{row['failed']:,} of {row['total']:,} targets failed."
        return base.Verdict(level=base.Level.BAD, code="targets_failed", why=why)
    if row["state"] in (core.OperationState.PAUSED, core.OperationState.STOPPED):
        why = f"{row['state'].capitalize()}: {row['done']:,} of {row['total']:,} done."
        return base.Verdict(level=base.Level.WARN, code=row["state"], why=why)
    if row["broke_glass"]:
        why = f"{row['login']} has broken the glass: nobody else has approved it."
        if row["refused_by"]:
            against = f"against {row['refused_by']}'s refusal: {row['refusal'].rstrip('.')}."
            why = f"{row['login']} has broken the glass {against}"
        return base.Verdict(level=base.Level.WARN, code="broke_glass", why=why)
    return base.OK
