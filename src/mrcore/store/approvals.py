"""Plans that wait for a second login, in the ledger, part of the caller's transaction.

An answer is bound to the plan's id, so to its exact targets and guards, and holds until the
plan expired as it stood when it was asked for; making the same plan again does not prolong it.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Literal

from mrcore.model import base, core, plans, ref
from mrcore.store import plans as plan_store

WAITING: Literal["waiting"] = "waiting"
APPROVED: Literal["approved"] = "approved"
REFUSED: Literal["refused"] = "refused"

_NOT_APPLIED = (
    "WHERE NOT EXISTS (SELECT 1 FROM operation o WHERE o.plan_id = a.plan_id)"
    " ORDER BY a.asked_at, a.plan_id"
)


def ask(
    connection: sqlite3.Connection,
    stored: plan_store.Stored,
    *,
    login: str,
    reason: str,
    now: datetime,
) -> core.WaitingPlan:
    """What a second login has answered; a plan that nobody was asked about waits from now on.

    The approval of somebody who has made the same plan meanwhile does not count.
    """
    plan = stored.plan
    known = find(connection, plan.plan_id, now)
    if known is None or (known.state == APPROVED and known.by in stored.planners):
        connection.execute(
            "INSERT OR REPLACE INTO approval VALUES (?, ?, ?, ?, ?, ?, '', '')",
            (
                plan.plan_id,
                login,
                reason,
                now.isoformat(),
                plan.expires_at.isoformat(),
                WAITING,
            ),
        )
        known = _entity(_rows(connection, "WHERE a.plan_id = ?", plan.plan_id)[0])
    return known


def find(connection: sqlite3.Connection, plan_id: str, now: datetime) -> core.WaitingPlan | None:
    """A plan that was asked about, unless that has expired."""
    found = [_entity(row) for row in _rows(connection, "WHERE a.plan_id = ?", plan_id)]
    return found[0] if found and found[0].expires_at > now else None


def answer(
    connection: sqlite3.Connection,
    plan_id: str,
    state: Literal["approved", "refused"],
    *,
    by: str,
    text: str,
) -> None:
    """Write a second login's answer."""
    connection.execute(
        "UPDATE approval SET state = ?, by = ?, answer = ? WHERE plan_id = ?",
        (state, by, text, plan_id),
    )


def open_ones(connection: sqlite3.Connection, now: datetime) -> list[core.WaitingPlan]:
    """Plans that were asked about, are not applied yet and have not expired, oldest first."""
    rows = _rows(connection, _NOT_APPLIED)
    return [found for found in map(_entity, rows) if found.expires_at > now]


def answered(connection: sqlite3.Connection, plan: plans.Plan, now: datetime) -> plans.Plan:
    """The plan with what a second login has said of it."""
    found = find(connection, plan.plan_id, now)
    if found is None or found.state == WAITING:
        return plan
    who = "approved_by" if found.state == APPROVED else "refused_by"
    return plan.model_copy(update={who: found.by, "answer": found.answer})


def _rows(connection: sqlite3.Connection, where: str, *values: str) -> list[sqlite3.Row]:
    joined = "SELECT a.*, p.body FROM approval a JOIN plan p USING (plan_id)"
    return connection.execute(f"{joined} {where}", values).fetchall()


def _entity(row: sqlite3.Row) -> core.WaitingPlan:
    plan = plans.Plan.model_validate_json(row["body"])
    return core.WaitingPlan(
        ref=ref.make("core", "plan", plan.plan_id),
        verdict=_verdict(row),
        actions=("plan.approve", "plan.refuse") if row["state"] == WAITING else (),
        plan_id=plan.plan_id,
        action=plan.action,
        label=plan.label,
        login=row["login"],
        reason=row["reason"],
        total=plan.total,
        state=row["state"],
        by=row["by"],
        answer=row["answer"],
        created_at=datetime.fromisoformat(row["asked_at"]),
        expires_at=datetime.fromisoformat(row["until"]),
    )


def _verdict(row: sqlite3.Row) -> base.Verdict:
    if row["state"] == APPROVED:
        return base.OK
    if row["state"] == REFUSED:
        why = f"{row['by']} has refused it: {row['answer']}"
        return base.Verdict(level=base.Level.WARN, code="refused", why=why)
    why = f"{row['login']} waits for another login's approval."
    return base.Verdict(level=base.Level.WARN, code="waits_for_approval", why=why)
