"""How a login is armed for a protected environment, and disarmed before its time."""

from __future__ import annotations

import dataclasses
import sqlite3
from datetime import datetime, timedelta

from mrcore import errors
from mrcore.model import base, plans, ref
from mrcore.sources import base as sources
from mrcore.store import arming, database

MINUTES = 15
MINUTES_MAX = 60
_STALE = timedelta(minutes=5)


@dataclasses.dataclass(frozen=True)
class Arm:
    """The act `core.arm` on core/environment/<name>: whoever applies it is armed."""

    ledger: database.Database
    environment: str
    protected: bool
    now: sources.Now

    async def plan(self, where: base.Ref, args: plans.Args) -> plans.Target | plans.LeftOut:
        """The environment, where it is protected.

        Raises BadRequest for other than 1 to 60 minutes.
        """
        minutes = _minutes(args)
        if where != ref.make("core", "environment", self.environment):
            why = f"It is not what this core watches: that is {self.environment}."
            return plans.LeftOut(why=why, count=1, samples=(where,))
        if not self.protected:
            why = f"The environment {self.environment} is not protected: nobody needs to arm."
            return plans.LeftOut(why=why, count=1, samples=(where,))
        label = f"{self.environment} for {minutes} min"
        return plans.Target(ref=where, label=label, guard={"asked_at": self.now().isoformat()})

    async def apply(
        self, target: plans.Target, args: plans.Args, by: plans.By
    ) -> plans.TargetOutcome:
        """Arm whoever asks from now on, once an operation, and not when it comes too late."""
        now = self.now()
        if now > datetime.fromisoformat(str(target.guard["asked_at"])) + _STALE:
            return _skipped(target, "It was asked for over 5 min ago: arm again.")
        entity = arming.entity(
            by.login, by.reason, since=now, until=now + timedelta(minutes=_minutes(args))
        )

        def write(connection: sqlite3.Connection) -> plans.TargetOutcome:
            if arming.armed_by(connection, by.login) == by.operation:
                return _skipped(target, "It was armed by this operation already.")
            arming.arm(connection, entity, by.operation)
            why = f"{by.login} is armed until {entity.until:%H:%M:%S} UTC"
            return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.DONE, why=why)

        return await self.ledger.run(write)


@dataclasses.dataclass(frozen=True)
class Disarm:
    """The act `core.disarm` on core/arming/<login>: anybody may take it away."""

    ledger: database.Database
    now: sources.Now

    async def plan(self, where: base.Ref, args: plans.Args) -> plans.Target | plans.LeftOut:
        """The arming, while it lasts."""
        login, now = ref.parse(where).id, self.now()
        found = await self.ledger.read(lambda c: arming.find(c, login, now))
        if found is None or found.ref != where:
            return plans.LeftOut(why="That login is not armed.", count=1, samples=(where,))
        since = found.since.isoformat()
        return plans.Target(ref=where, label=login, guard={"since": since}, at=found.since)

    async def apply(
        self, target: plans.Target, args: plans.Args, by: plans.By
    ) -> plans.TargetOutcome:
        """End that arming; a later one of the same login is another."""
        login, now = ref.parse(target.ref).id, self.now()

        def write(connection: sqlite3.Connection) -> plans.TargetOutcome:
            found = arming.find(connection, login, now)
            if found is None or found.since.isoformat() != target.guard["since"]:
                return _skipped(
                    target, "It was armed anew since." if found else "It is not armed any more."
                )
            arming.disarm(connection, login, now)
            return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.DONE)

        return await self.ledger.run(write)


def _skipped(target: plans.Target, why: str) -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.SKIPPED, why=why)


def _minutes(args: plans.Args) -> int:
    """The argument `minutes`; the command line gives it as text."""
    value = args.get("minutes", MINUTES)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 4:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MINUTES_MAX:
        raise errors.BadRequest(
            f"minutes is {str(value)[:40]!r}: arming lasts 1 to {MINUTES_MAX} min."
        )
    return value
