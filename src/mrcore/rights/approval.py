"""How a second login approves or refuses a plan that waits for it."""

from __future__ import annotations

import dataclasses
import sqlite3
from datetime import datetime
from typing import Literal

from mrcore import catalogue, errors
from mrcore.model import base, plans, ref
from mrcore.sources import base as sources
from mrcore.store import approvals, database
from mrcore.store import plans as plan_store
from mrcore.trust import auth

ACTIONS = frozenset({"plan.approve", "plan.refuse"})


@dataclasses.dataclass(frozen=True)
class Answer:
    """The act `plan.approve` or `plan.refuse` on core/plan/<id>."""

    ledger: database.Database
    state: Literal["approved", "refused"]
    now: sources.Now

    async def plan(self, where: base.Ref, args: plans.Args) -> plans.Target | plans.LeftOut:
        """The plan, while it waits."""
        plan_id, now = ref.parse(where).id, self.now()
        found = await self.ledger.read(lambda c: approvals.find(c, plan_id, now))
        if found is None or found.ref != where:
            why = f"There is no plan {plan_id} that waits."
            return plans.LeftOut(why=why, count=1, samples=(where,))
        if found.state != approvals.WAITING:
            why = f"It was {found.state} by {found.by}."
            return plans.LeftOut(why=why, count=1, samples=(where,))
        guard = {"plan_id": plan_id, "until": found.expires_at.isoformat()}
        return plans.Target(
            ref=where,
            label=f"{found.label} (plan of {found.login})",
            guard={**guard},
            at=found.created_at,
        )

    async def apply(
        self, target: plans.Target, args: plans.Args, by: plans.By
    ) -> plans.TargetOutcome:
        """Write the answer, once; who may give it is asked again in the same transaction."""
        now, login = self.now(), auth.Login(by.login, by.roles, "")

        def write(connection: sqlite3.Connection) -> plans.TargetOutcome:
            try:
                check(connection, login, target, now)
            except errors.MrError as error:
                return plans.TargetOutcome(
                    ref=target.ref, outcome=plans.Outcome.SKIPPED, why=str(error)
                )
            plan_id = str(target.guard["plan_id"])
            approvals.answer(connection, plan_id, self.state, by=by.login, text=by.reason)
            return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.DONE)

        return await self.ledger.run(write)


def check(
    connection: sqlite3.Connection, login: auth.Login, target: plans.Target, now: datetime
) -> None:
    """Whether this login may answer for the plan that `target` names, and it still waits.

    Raises Forbidden for whoever made it or lacks its action's role, PlanExpired and PlanTaken.
    """
    plan_id = str(target.guard["plan_id"])
    found = approvals.find(connection, plan_id, now)
    if found is None or found.expires_at.isoformat() != target.guard["until"]:
        raise errors.PlanExpired("That plan does not wait any more: it expired or was asked anew.")
    if found.state != approvals.WAITING:
        raise errors.PlanTaken(f"{found.by} has {found.state} that plan already.")
    stored = plan_store.load(connection, plan_id)
    if login.name in stored.planners:
        raise errors.Forbidden(
            f"{login.name} has made that plan: somebody else has to answer for it."
        )
    role = catalogue.ACTIONS[stored.does].role  # an undo wants the role of what it undoes
    if not login.may(role):
        raise errors.Forbidden(
            f"{login.name} may not answer for {found.action}: it needs the role {role}."
        )
