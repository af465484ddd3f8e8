"""Whether a login may do what it asks now: its role, the environment, arming, approval, pace."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from mrcore import auth, catalogue, errors
from mrcore.model import plans
from mrcore.sources import base as sources
from mrcore.store import plans as plan_store


@dataclass(frozen=True)
class Grant:
    """That an operation may begin: who approved it, and whether the glass was broken for it."""

    approved_by: str = ""
    broke_glass: bool = False


class Authority:
    """The rules of one environment; `protected` starts read-only, `read_only` stays so."""

    def __init__(
        self, *, environment: str, protected: bool, read_only: bool = False, now: sources.Now
    ) -> None:
        self.environment = environment
        self.protected = protected
        self.read_only = read_only
        self._now = now

    def may_plan(self, login: auth.Login, action: catalogue.Action) -> None:
        """Raise Forbidden when this login's role does not reach."""
        if not login.may(action.role):
            raise errors.Forbidden(
                f"{login.name} may not {action.id}: it needs the role {action.role}."
            )

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

        Raises Forbidden, NotArmed, NeedsApproval, TooMany.
        """
        self.may_plan(login, catalogue.ACTIONS[stored.plan.action])
        if self.protected:
            raise errors.NotArmed(f"The environment {self.environment} is protected: read-only.")
        return Grant()
