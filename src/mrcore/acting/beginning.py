"""How an operation begins with a plan, or is refused: one transaction of the ledger."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from mrcore import catalogue, errors
from mrcore.acting import pacing, refusals, steering, steps, vault
from mrcore.model import core, plans
from mrcore.rights import authority
from mrcore.sources import base as sources
from mrcore.store import operations
from mrcore.store import plans as plan_store
from mrcore.trust import auth


@dataclass(frozen=True)
class Begun:
    """The operation of a plan, which is `new` or runs already; or why there is none."""

    operation: core.Operation | None = None
    new: plan_store.Stored | None = None
    refused: errors.DoorError | None = None


@dataclass(frozen=True)
class Beginning:
    """Who may begin what; a refusal is put into the audit."""

    allows: authority.Authority
    vault: vault.Vault
    refusals: refusals.Refusals
    now: sources.Now

    def begin(
        self,
        connection: sqlite3.Connection,
        login: auth.Login,
        plan_id: str,
        request: plans.ApplyRequest,
    ) -> Begun:
        """Start the operation with its first chunk's intent; the same login gets the same one.

        Raises PlanNotFound, and StoreError where what it does could not be undone.
        """
        stored = plan_store.load(connection, plan_id)
        known = operations.of_plan(connection, plan_id)
        if known is not None and known.login == login.name:
            return Begun(known)
        connection.execute("SAVEPOINT asked")
        try:
            return Begun(self._begin(connection, login, stored, known, request), stored)
        except refusals.AUDITED as error:
            if not isinstance(error, errors.NeedsApproval):  # with it the plan begins to wait
                connection.execute("ROLLBACK TO asked")
            refs = [target.ref for target in stored.plan.samples]
            more = {"plan_id": plan_id, "reason": request.reason}
            self.refusals.write(connection, login, stored.plan.action, error, refs, **more)
            return Begun(refused=error)

    def _begin(
        self,
        connection: sqlite3.Connection,
        login: auth.Login,
        stored: plan_store.Stored,
        known: core.Operation | None,
        request: plans.ApplyRequest,
    ) -> core.Operation:
        refusals.check(login, stored, known, request.confirm, self.now())
        if stored.undoes is not None:
            self.allows.may_plan(login, catalogue.ACTIONS[stored.does])
        if stored.plan.action == steering.RESUME:
            targets = plan_store.targets(connection, stored.plan.plan_id, 0, stored.plan.total)
            for action in steering.resumed(connection, [target.ref for target in targets]):
                self.allows.may_plan(login, action)
        grant = self.allows.may_apply(connection, login, stored, request)
        if stored.plan.undoable:
            self.vault.ready()  # what could not be undone for want of a key is not done
        actor = operations.Actor(
            login.name, login.roles, login.via, login.uid, login.token, login.address
        )
        operation = operations.begin(
            connection,
            stored,
            actor,
            reason=grant.reason or request.reason,
            now=self.now(),
            approved_by=grant.approved_by,
            broke_glass=grant.broke_glass,
        )
        first = pacing.first(stored.does)
        steps.take(connection, self.allows, stored, operation.id, first, self.now)
        return operation
