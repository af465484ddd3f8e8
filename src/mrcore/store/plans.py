"""Plans and their targets in the ledger. Every function is part of the caller's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mrcore import errors
from mrcore.model import plans

PORTION = 2_000
"""So many targets are forgotten in one transaction."""


@dataclass(frozen=True)
class Stored:
    """A plan, its content's hash, its source, its collection's ref or '', who may apply it.

    An undo's plan `undoes` an operation, and its source is told what that one `does`.
    """

    plan: plans.Plan
    content: str
    source: str
    owner: str
    planners: frozenset[str]
    does: str = ""
    undoes: int | None = None


def save(
    connection: sqlite3.Connection,
    stored: Stored,
    targets: Iterable[tuple[str, int | None]],
) -> None:
    """Store a plan; one with the same id gets the new expiry and one more planner.

    A target comes as JSON, of an undo with its number in the plan of what is undone.
    """
    plan = stored.plan
    whole = _is_whole(connection, plan)
    connection.execute(
        "INSERT INTO plan (plan_id, content, source, owner, expires_at, body, does, undoes)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (plan_id) DO UPDATE"
        " SET expires_at = excluded.expires_at, body = excluded.body",
        (
            plan.plan_id,
            stored.content,
            stored.source,
            stored.owner,
            plan.expires_at.isoformat(),
            plan.model_dump_json(),
            stored.does or plan.action,
            stored.undoes,
        ),
    )
    connection.executemany(
        "INSERT OR IGNORE INTO planner VALUES (?, ?)",
        [(plan.plan_id, login) for login in stored.planners],
    )
    if not whole:
        connection.executemany(
            "INSERT OR IGNORE INTO target (plan_id, n, body, undoes_n) VALUES (?, ?, ?, ?)",
            ((plan.plan_id, n, body, undone) for n, (body, undone) in enumerate(targets)),
        )


def load(connection: sqlite3.Connection, plan_id: str) -> Stored:
    """A plan by its id.

    Raises PlanNotFound.
    """
    row = connection.execute("SELECT * FROM plan WHERE plan_id = ?", (plan_id,)).fetchone()
    if row is None:
        raise errors.PlanNotFound("There is no such plan.", fix="Make the plan again.")
    logins = connection.execute("SELECT login FROM planner WHERE plan_id = ?", (plan_id,))
    return Stored(
        plan=plans.Plan.model_validate_json(row["body"]),
        content=row["content"],
        source=row["source"],
        owner=row["owner"],
        planners=frozenset(login for (login,) in logins),
        does=row["does"],
        undoes=row["undoes"],
    )


def targets(
    connection: sqlite3.Connection, plan_id: str, first: int, count: int
) -> list[plans.Target]:
    """Targets number `first` to `first + count - 1` of a plan."""
    rows = connection.execute(
        "SELECT body FROM target WHERE plan_id = ? AND n >= ? AND n < ? ORDER BY n",
        (plan_id, first, first + count),
    )
    return [plans.Target.model_validate_json(body) for (body,) in rows]


def outcomes(
    connection: sqlite3.Connection, plan_id: str, first: int, count: int
) -> list[plans.TargetOutcome]:
    """What became of those targets that have been acted on."""
    rows = connection.execute(
        "SELECT json_extract(body, '$.ref'), outcome, why FROM target"
        " WHERE plan_id = ? AND n >= ? AND n < ? AND outcome IS NOT NULL ORDER BY n",
        (plan_id, first, first + count),
    )
    return [plans.TargetOutcome(ref=r, outcome=plans.Outcome(o), why=why) for r, o, why in rows]


def forget_expired(connection: sqlite3.Connection, before: datetime) -> bool:
    """Drop a portion of a plan that expired before an instant and was never applied.

    Whether there was one: of 100,000 targets all at once everybody else would wait for a second.
    """
    found = connection.execute(
        "SELECT plan_id FROM plan WHERE expires_at < ?"
        " AND NOT EXISTS (SELECT 1 FROM operation o WHERE o.plan_id = plan.plan_id) LIMIT 1",
        (before.isoformat(),),
    ).fetchone()
    if found is None:
        return False
    plan_id = found["plan_id"]
    dropped = connection.execute(
        "DELETE FROM target WHERE plan_id = ? AND n >="
        " (SELECT max(n) - ? + 1 FROM target WHERE plan_id = ?)",
        (plan_id, PORTION, plan_id),
    )
    if dropped.rowcount < PORTION:
        connection.execute("DELETE FROM plan WHERE plan_id = ?", (plan_id,))
    return True


def _is_whole(connection: sqlite3.Connection, plan: plans.Plan) -> bool:
    """Whether a plan is stored and has its last target, which is forgotten first."""
    known = connection.execute(
        "SELECT 1 FROM plan p WHERE plan_id = ?1 AND"
        " (?2 = 0 OR EXISTS (SELECT 1 FROM target t WHERE t.plan_id = ?1 AND n = ?2 - 1))",
        (plan.plan_id, plan.total),
    )
    return known.fetchone() is not None
