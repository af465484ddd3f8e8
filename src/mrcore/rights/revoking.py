"""How a bearer token is revoked through the door."""

from __future__ import annotations

import dataclasses
import sqlite3

from mrcore.model import base, plans, ref
from mrcore.sources import base as sources
from mrcore.store import database, tokens


@dataclasses.dataclass(frozen=True)
class Revoke:
    """The act `token.revoke` on core/token/<number>."""

    ledger: database.Database
    now: sources.Now

    async def plan(self, where: base.Ref, args: plans.Args) -> plans.Target | plans.LeftOut:
        """The token, unless it is revoked."""
        found = await self.ledger.read(lambda c: _find(c, where))
        if found is None:
            return plans.LeftOut(why="There is no such token.", count=1, samples=(where,))
        if found.revoked_at:
            return plans.LeftOut(why="It is revoked already.", count=1, samples=(where,))
        roles = ", ".join(found.roles)
        return plans.Target(
            ref=where,
            label=f"token {found.id} of {found.login} ({roles})",
            guard={"login": found.login},
            at=found.created_at,
        )

    async def apply(
        self, target: plans.Target, args: plans.Args, by: plans.By
    ) -> plans.TargetOutcome:
        """Refuse it from now on."""
        now = self.now()

        def write(connection: sqlite3.Connection) -> plans.TargetOutcome:
            found = _find(connection, target.ref)
            held = found is not None and found.login == target.guard["login"]
            if found is None or not held or not tokens.revoke(connection, found.id, now):
                why = "It was revoked meanwhile."
                return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.SKIPPED, why=why)
            return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.DONE)

        return await self.ledger.run(write)


def _find(connection: sqlite3.Connection, where: base.Ref) -> tokens.Token | None:
    """The token of a ref, in the one spelling that a number has."""
    number = ref.parse(where).id
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        return None
    found = tokens.find(connection, int(number))
    return found if found and ref.make("core", "token", found.id) == where else None
