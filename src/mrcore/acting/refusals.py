"""Why an operation may not begin with a plan as it is, and which refusals the audit keeps."""

from __future__ import annotations

from datetime import datetime

from mrcore import errors
from mrcore.model import core
from mrcore.store import plans as plan_store
from mrcore.trust import auth

AUDITED = (
    errors.Forbidden,
    errors.NotArmed,
    errors.NeedsApproval,
    errors.PlanTaken,
    errors.TooMany,
    errors.BadRequest,
)


def check(
    login: auth.Login,
    stored: plan_store.Stored,
    known: core.Operation | None,
    confirm: str,
    now: datetime,
) -> None:
    """Raise PlanTaken, PlanExpired or BadRequest when this login may not start this plan now."""
    plan = stored.plan
    if known is not None:
        raise errors.PlanTaken(f"{known.login} has applied this plan: {known.ref}.")
    if login.name not in stored.planners:
        raise errors.PlanTaken(
            f"This plan is {', '.join(sorted(stored.planners))}'s.", fix="Make your own."
        )
    if now >= plan.expires_at:
        raise errors.PlanExpired(
            f"The plan expired at {plan.expires_at:%H:%M:%S} UTC.", fix="Make it again."
        )
    if not plan.total:
        raise errors.BadRequest("The plan has no targets: there is nothing to do.")
    if plan.confirm and confirm != plan.confirm:
        raise errors.BadRequest(f"Type {plan.confirm!r} to confirm.")
