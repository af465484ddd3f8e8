"""Whether a login may do what it asks now: its role, the environment, arming, approval, pace."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from mrcore import catalogue, errors, settings
from mrcore.model import core, plans
from mrcore.rights import approval
from mrcore.sources import base as sources
from mrcore.store import approvals, arming
from mrcore.store import plans as plan_store
from mrcore.trust import audit, auth, limits

STOPPING = frozenset(
    {
        "core.disarm",
        "operation.pause",
        "operation.stop",
        "plan.refuse",
        "run.abort",
        "token.revoke",
    }
)
"""What a read-only core does all the same: it only ends or takes away."""

UNARMED = STOPPING | {
    "core.arm",
    "plan.approve",
    "alert.ack",
    "alert.unack",
    "alert.silence",
    "silence.expire",
    "runbook.start",
    "run.next",
    "run.confirm",
    "run.skip",
    "run.handover",
}
"""What needs no arming in a protected environment."""

_SPAN_S = 60.0


@dataclass(frozen=True)
class Grant:
    """That an operation may begin: why, who approved it, whether the glass was broken for it."""

    approved_by: str = ""
    broke_glass: bool = False
    reason: str = ""


class Authority:
    """The rules of one environment; `protected` starts read-only, `read_only` stays so."""

    def __init__(
        self,
        *,
        environment: str,
        protected: bool,
        read_only: bool = False,
        pace: settings.LimitSettings | None = None,
        now: sources.Now,
    ) -> None:
        self.environment = environment
        self.protected = protected
        self.read_only = read_only
        self._now = now
        self._most = (pace or settings.LimitSettings()).dangerous_per_minute
        self._dangerous = limits.Limit(self._most, _SPAN_S, now=now)

    def may_plan(self, login: auth.Login, action: catalogue.Action) -> None:
        """Raise Forbidden when this login's role does not reach, or the core is read-only."""
        if not login.may(action.role):
            raise errors.Forbidden(
                f"{login.name} may not {action.id}: it needs the role {action.role}."
            )
        if self.read_only and action.id not in STOPPING:
            raise errors.Forbidden(
                f"The core of {self.environment} is read-only: it does no {action.id}.",
                fix="Whoever runs it can set read_only to false and start it again.",
            )

    def may_go_on(
        self, connection: sqlite3.Connection, right: auth.Login, stored: plan_store.Stored
    ) -> str:
        """Why an operation that runs under a login's right waits, or ''.

        Asked before each chunk, as part of the transaction that writes its intent.
        """
        action = catalogue.ACTIONS[stored.plan.action]
        try:
            for each in {action.id, stored.does}:
                self.may_plan(right, catalogue.ACTIONS[each])
            self._armed(connection, right, action)
        except errors.NotArmed:
            return f"Waits: {right.name} is not armed any more; arm and resume it, or stop it."
        except errors.Forbidden as error:
            return f"Waits: {error.sentence} Resume it when that may be, or stop it."
        return ""

    def needs_approval(self, risk: plans.Risk) -> bool:
        """Whether a plan of this risk waits for a second login here."""
        return self.protected and risk is plans.Risk.CRITICAL

    def may_apply(
        self,
        connection: sqlite3.Connection,
        login: auth.Login,
        stored: plan_store.Stored,
        request: plans.ApplyRequest,
    ) -> Grant:
        """Whether this plan may begin now, as part of the ledger's transaction.

        Raises Forbidden, BadRequest (no reason), NotArmed, TooMany and NeedsApproval. With the
        last one the plan has begun to wait: commit the transaction, then raise.
        """
        action = catalogue.ACTIONS[stored.plan.action]
        self.may_plan(login, action)
        armed = self._armed(connection, login, action)
        reason = request.reason.strip() or (armed.reason if armed else "")
        if action.needs_reason and not reason:
            raise errors.BadRequest(f"{action.id} needs a reason.", fix="Say why.")
        if action.id in approval.ACTIONS:
            for target in plan_store.targets(connection, stored.plan.plan_id, 0, stored.plan.total):
                approval.check(connection, login, target, self._now())
        grant = self._grant(connection, login, stored, request, reason)
        if action.id not in STOPPING:
            self._pace(login, stored.plan.risk)
        return grant

    def _armed(
        self, connection: sqlite3.Connection, login: auth.Login, action: catalogue.Action
    ) -> core.Arming | None:
        """The arming under which this is done; None where none is needed."""
        if not self.protected or action.id in UNARMED:
            return None
        found = arming.find(connection, login.name, self._now())
        if found is None:
            where = f"mr://core/environment/{self.environment}"
            raise errors.NotArmed(
                f"The environment {self.environment} is protected and you are not armed.",
                fix=f"Arm with A, or: mrtui do core.arm {where} --reason …",
            )
        return found

    def _grant(
        self,
        connection: sqlite3.Connection,
        login: auth.Login,
        stored: plan_store.Stored,
        request: plans.ApplyRequest,
        reason: str,
    ) -> Grant:
        """Whether a second login agrees, where it has to."""
        if not self.needs_approval(stored.plan.risk):
            if request.break_glass:
                raise errors.BadRequest("This plan needs no approval: there is no glass to break.")
            return Grant(reason=reason)
        found = approvals.ask(connection, stored, login=login.name, reason=reason, now=self._now())
        if found.state == approvals.APPROVED:
            return Grant(approved_by=found.by, reason=reason)
        if request.break_glass:
            self._break_glass(connection, login, stored, request, found)
            return Grant(broke_glass=True, reason=reason)
        if found.state == approvals.REFUSED:
            raise errors.NeedsApproval(
                f"{found.by} has refused this plan: {found.answer.rstrip('.')}.",
                fix=f"It can be asked for again after {found.expires_at:%H:%M:%S} UTC.",
            )
        role = catalogue.ACTIONS[stored.does].role
        raise errors.NeedsApproval(
            f"This plan waits for another login's approval, until {found.expires_at:%H:%M:%S} UTC.",
            fix=f"Ask somebody with the role {role} to approve mr://{found.ref}, then apply again.",
        )

    def _break_glass(
        self,
        connection: sqlite3.Connection,
        login: auth.Login,
        stored: plan_store.Stored,
        request: plans.ApplyRequest,
        found: core.WaitingPlan,
    ) -> None:
        """Write down that nobody else has agreed; only an admin may, and says why."""
        if not login.may("admin"):
            raise errors.Forbidden(f"{login.name} may not break the glass: it needs role admin.")
        if not request.reason.strip():
            raise errors.BadRequest("Breaking the glass needs a reason.", fix="Say why.")
        refused = f", against {found.by}'s refusal: {found.answer}" if found.by else ""
        audit.append(
            connection,
            audit.Entry(
                at=self._now(),
                stage="break_glass",
                login=login.name,
                action=stored.plan.action,
                refs=[target.ref for target in stored.plan.samples],
                plan_id=stored.plan.plan_id,
                reason=request.reason.strip(),
                text=f"Without approval: {stored.plan.label}{refused}",
                via=login.via,
                uid=login.uid,
                token=login.token,
                address=login.address,
            ),
        )

    def _pace(self, login: auth.Login, risk: plans.Risk) -> None:
        """Hold back a login that does too much danger in too short a time."""
        if risk is plans.Risk.LOW:
            return
        if free_at := self._dangerous.free_at(login.name):
            raise errors.TooMany(
                f"{login.name} has started {self._most} dangerous operations within a minute.",
                fix=f"Look what they did; the next may begin at {free_at:%H:%M:%S} UTC.",
            )
        self._dangerous.note(login.name)


def of(own: settings.Settings, now: sources.Now) -> Authority:
    """The rules of the environment that a core's settings name."""
    return Authority(
        environment=own.environment,
        protected=own.protected,
        read_only=own.read_only,
        pace=own.limits,
        now=now,
    )
