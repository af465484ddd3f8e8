"""Why an operation may not begin with a plan as it is, and which refusals the audit keeps."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mrcore import errors
from mrcore.acting import trail
from mrcore.model import base, core
from mrcore.store import plans as plan_store
from mrcore.trust import auth

AUDITED = (
    errors.Forbidden,
    errors.NotArmed,
    errors.NeedsApproval,
    errors.PlanTaken,
    errors.PlanExpired,
    errors.TooMany,
    errors.BadRequest,
)


AT_MOST = 20
WITHIN = timedelta(minutes=1)
REFS_MAX = 5
REF_MAX = 200
TEXT_MAX = 500


@dataclass
class _Window:
    """What one login was refused within a minute: rows `written`, and how many were `left`."""

    login: auth.Login
    action: base.ActionId
    until: datetime
    written: int = 0
    left: int = 0


class Refusals:
    """Writes refusals into the audit, at most 20 a minute of one login and then their number.

    Anybody with a login can be refused as often as they like, and the audit is kept for ever.
    Used in the ledger's transactions only, which come one after another.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._windows: dict[str, _Window] = {}

    def write(
        self,
        connection: sqlite3.Connection,
        login: auth.Login,
        action: base.ActionId,
        error: errors.DoorError,
        refs: Sequence[base.Ref],
        **more: Any,
    ) -> None:
        """Write that somebody tried what they may not, shortened."""
        now = self._now()
        self.settle(connection)
        window = self._windows.setdefault(login.name, _Window(login, action, now + WITHIN))
        if window.written == AT_MOST:
            window.left += 1
            return
        window.written += 1
        short = [_short(each, REF_MAX) for each in refs[:REFS_MAX]]
        text = _short(str(error), TEXT_MAX)
        trail.refused(connection, login, action, now, text, refs=short, **more)

    def settle(self, connection: sqlite3.Connection, *, everything: bool = False) -> None:
        """Write how many were left out of the minutes that are over."""
        now = self._now()
        for name, window in list(self._windows.items()):
            if everything or now >= window.until:
                del self._windows[name]
                if window.left:
                    text = f"{window.left:,} more refused within a minute"
                    trail.refused(connection, window.login, window.action, now, text)


def _short(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"


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
