"""Watching a canary: how what was done first fares, asked of its source until it is known."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence

from mrcore import errors
from mrcore.acting import canary, needs, said
from mrcore.model import plans
from mrcore.store import chunks
from mrcore.store import plans as plan_store

LOOK_S = 1.0
FARED_S = 5.0

log = logging.getLogger(__name__)


class Watching:
    """One watch over the first targets of a plan; what the ledger has of them is enough to begin.

    `words` is what to say while nothing is known yet.
    """

    def __init__(self, means: needs.Means, stored: plan_store.Stored, first: canary.Canary) -> None:
        self.words = ""
        self._means = means
        self._stored = stored
        self._first = first
        self._until_s = means.clock() + first.watch_s
        self._trouble = ""
        self._reached = 0

    async def look(self) -> str | None:
        """'' when the rest may follow, why it must not, None while that is not known yet.

        Raises StoreError.
        """
        done, failed = await self._means.ledger.read(self._tried)
        fared = await self._fared(done)
        left_s = self._until_s - self._means.clock()
        over = left_s <= 0
        left = self._stored.plan.total - self._reached
        seen = canary.Watched((*fared, *failed), left)
        verdict = seen.verdict(over=over, watch_s=self._first.watch_s)
        self.words = self._trouble or seen.words(max(0.0, left_s))
        if verdict and self._trouble:
            return f"{self._trouble} Stopped; {left:,} not touched."
        return verdict

    def _tried(
        self, connection: sqlite3.Connection
    ) -> tuple[list[plans.Target], list[plans.Fared]]:
        """What was done, and how what could not be done fared by that alone."""
        plan_id = self._stored.plan.plan_id
        done: list[plans.Target] = []
        failed: list[plans.Fared] = []
        for one in chunks.tried(connection, plan_id, self._first.count):
            (target,) = plan_store.targets(connection, plan_id, one.n, 1)
            self._reached = one.n + 1
            if one.done:
                done.append(target)
            else:
                failed.append(plans.Fared(ref=target.ref, state="failed", why=one.why))
        return done, failed

    async def _fared(self, done: Sequence[plans.Target]) -> list[plans.Fared]:
        """How each fares; while the source cannot say, none has ended."""
        source = self._means.monitor.source(self._stored.source)
        self._trouble, answers = "", list[plans.Fared]()
        try:
            answers = list(
                await self._means.caller.call(
                    lambda: source.fared(self._stored.does, done), FARED_S, source.name
                )
            )
        except errors.MrError as error:
            self._trouble = f"How the first fare is not known: {said.clean(str(error))}"
        except Exception as defect:
            log.exception("Source %s broke while it was asked how a canary fares.", source.name)
            broke = type(defect).__name__
            self._trouble = f"How the first fare is not known: {source.name} broke with {broke}."
        known = {one.ref: one for one in answers}
        return [_cleaned(known.get(t.ref), t) for t in done]


def _cleaned(fared: plans.Fared | None, target: plans.Target) -> plans.Fared:
    if fared is None:
        return plans.Fared(ref=target.ref, state="pending")
    return fared.model_copy(update={"why": said.clean(fared.why)}) if fared.why else fared
