"""What this login may do here and now, and the sentence that says why not. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from mrcore import catalogue
from mrcore.model import base, core, ref
from mrtui import world

_RANK = {"viewer": 0, "operator": 1, "admin": 2}
STOPPING = frozenset(
    (
        "core.disarm",
        "operation.pause",
        "operation.stop",
        "plan.refuse",
        "run.abort",
        "token.revoke",
    )
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
"""What needs no arming in a protected environment; the core decides, this only says it before."""


class Rights(NamedTuple):
    """Who asks, what is known, and when; `offers_none`: the screen was started to look only."""

    me: core.Me | None
    known: world.World
    now: datetime
    offers_none: bool = False

    @property
    def environment(self) -> core.Environment | None:
        """The environment as the core reports it."""
        found = next(iter(self.known.table("environment").values()), None)
        return found if isinstance(found, core.Environment) else None

    @property
    def protected(self) -> bool:
        """Whether one has to be armed here."""
        found = self.environment
        return found.protected if found else bool(self.me and self.me.protected)

    @property
    def read_only(self) -> bool:
        """Whether nobody may act here, or the screen offers nothing."""
        found = self.environment
        fixed = found.read_only if found else bool(self.me and self.me.read_only)
        return fixed or self.offers_none

    @property
    def arming(self) -> core.Arming | None:
        """How this login is armed now, if it is."""
        for found in self.known.table("arming").values():
            mine = isinstance(found, core.Arming) and self.me and found.login == self.me.login
            if isinstance(found, core.Arming) and mine and found.until > self.now:
                return found
        return None

    @property
    def place(self) -> base.Ref:
        """The ref that is armed."""
        found = self.environment
        name = self.me.environment if self.me else self.known.environment
        return found.ref if found else ref.make("core", "environment", name)

    def has(self, role: str) -> bool:
        """Whether the login has a role or one above it; before it is known, it is taken so."""
        if self.me is None:
            return True
        if role not in _RANK:
            return role in self.me.roles
        return any(_RANK.get(have, -1) >= _RANK[role] for have in self.me.roles)

    @property
    def looks_only(self) -> bool:
        """Whether this login can change nothing here, armed or not."""
        return self.read_only or not self.has("operator")

    def refusal(self, action: base.ActionId) -> str:
        """Why this login may not do an action here and now; empty when it may."""
        known = catalogue.ACTIONS.get(action)
        if known is None:
            return f"this release does not know {action}"
        if self.offers_none:
            return "this screen was started with --read-only"
        if not self.has(known.role):
            return f"{known.label} needs the role {known.role}"
        if self.read_only and action not in STOPPING:
            return "this environment is read-only"
        if self.protected and action not in UNARMED and self.arming is None:
            return "not armed: A arms"
        return ""
