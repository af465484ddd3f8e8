"""Runbooks and their runs, as deeds of the core's rig."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime, timedelta

from mrcore import hub, series
from mrcore.alerts import live
from mrcore.expr import views
from mrcore.model import base, plans, ref, run
from mrcore.runbooks import acts, book, engine, parse, record, shown
from mrcore.sources import own
from mrcore.store import database, runbooks
from mrcore.trust import auth
from tests.contract import rig

ACTS = ("runbook.start", "run.next", "run.confirm", "run.skip", "run.handover", "run.abort")

TEXT = """+++
id = "R%s"
title = "something is wrong"
symptom = "not redis.canary_ok"
recovers = "it is right again"
severity = "SEV3"
owner = "nobody"
+++
## 1. look

```toml
[step.look]
kind = "diagnose"
verdicts = [
  { bad = "wrong", when = "not redis.canary_ok" },
  { ok = true, when = "redis.canary_ok" } ]
```

## 2. mend it

```toml
[step.mend]
kind = "fix"
when = 'look == "wrong"'
action = "redis.unpause"
on = { of = "redis/node/main" }
verify = "none: nobody can tell"
rollback = "none: it went on"
```

## 3. ask them

Ask whether it works.

```toml
[step.ask]
kind = "manual"
done = "none: only they know"
skippable = true
```
"""

_NUMBERS = itertools.count(100)


class Runs:
    """Runs that were begun here, each of a runbook of its own; nothing moves them on."""

    def __init__(
        self, ledger: database.Database, history: database.Database, now: Callable[[], datetime]
    ) -> None:
        self._ledger = ledger
        self._history = history
        self._now = now
        self._books: dict[str, book.Runbook] = {}
        self._made: list[book.Runbook] = []
        self._book("1")
        self.engine = self._engine()

    def _engine(self) -> engine.Engine:
        seen = hub.Hub("test", "1", now=self._now)
        points = series.Series(self._history, now=self._now)

        def view(at: datetime) -> views.View:
            return live.Live(seen, points, (), at)

        return engine.Engine(
            self._books,
            self._ledger,
            view=view,
            alerts=tuple,
            plan=self._plan,
            now=self._now,
            changed=lambda: None,
        )

    async def _plan(self, login: auth.Login, request: plans.PlanRequest) -> plans.Plan:
        now = self._now()
        return plans.Plan(
            plan_id=f"plan-{next(_NUMBERS)}",
            action=request.action,
            label="Let clients go on",
            created_at=now,
            expires_at=now + timedelta(minutes=1),
            login=login.name,
            total=1,
            risk=plans.Risk.HIGH,
            undoable=False,
        )

    def begin(self, own: database.Database) -> None:
        """A run is under way."""
        known = self._books["R1"]
        new = record.Record(
            runbook=known.id,
            title=known.title,
            text=known.text,
            where=known.where,
            subject="",
            began_by="olga",
            login="olga",
            began_at=self._now(),
        )
        at = new.began_at.isoformat()

        def write(connection: sqlite3.Connection) -> None:
            body = new.but(id=1).model_dump_json()
            kept = runbooks.Kept(0, known.id, "", new.state, at, "", body)
            runbooks.begin(connection, kept)

        own.run_here(write)

    def entities(self, own: database.Database) -> list[base.Entity]:
        """What is shown of what is in the ledger."""
        made: list[base.Entity] = []
        now = self._now()
        for kept in own.run_here(runbooks.active):
            known = record.Record.model_validate_json(kept.body)
            made.append(shown.entity(self._books[known.runbook], known, now))
        return [*made, *(shown.runbook(each, None, now) for each in self._books.values())]

    def acts(self) -> dict[base.ActionId, own.Act]:
        """The acts of a core that begins now."""
        self.engine = self._engine()
        return acts.of(self.engine)

    def _book(self, number: str) -> book.Runbook:
        return self._books.setdefault(f"R{number}", parse.read(TEXT % number, "R.md"))

    async def deed(self, action: base.ActionId) -> rig.Deed:
        """Three runbooks, or a run of each of three that waits for what is done to it.

        Those of the deed before go: a search makes hundreds, and a core that begins reads all.
        """
        await self._ledger.run(self._forget)
        for each in self._made:
            del self._books[each.id]
        await self.engine.ready()
        self._made = books = [self._book(str(next(_NUMBERS))) for _ in range(3)]
        refs = tuple(ref.make("core", "runbook", each.id) for each in books)
        if action != "runbook.start":
            refs = tuple([await self._begun(each, action) for each in books])
        args: plans.Args = {"to": "ravi"} if action == "run.handover" else {}
        return rig.Deed(action, refs, moved_on=refs[1], args=args)

    def _forget(self, connection: sqlite3.Connection) -> None:
        ids = [(each.id,) for each in self._made]
        connection.executemany("DELETE FROM runbook_run WHERE runbook = ?", ids)

    async def _begun(self, of: book.Runbook, action: base.ActionId) -> base.Ref:
        async with self.engine.lock:
            made = await self.engine.begin(of, "", {}, "olga")
            assert made is not None
            at = 1 if action == "run.next" else 2
            step = of.steps[at].id
            now = made.but(state=run.RunState.WAITING, at_step=at, diagnosed_at=self._now())
            now = now.with_step(step, state=run.StepState.RUNNING, began_at=self._now())
            await self.engine.write(now, ())
        return made.ref

    async def _kept(self, of: base.Ref) -> record.Record | None:
        number = int(ref.parse(of).id)
        found = await self._ledger.read(lambda c: runbooks.find(c, number))
        return record.Record.model_validate_json(found.body) if found else None

    async def state(self, action: base.ActionId, of: base.Ref) -> Hashable:
        """The runs of a runbook; the state, the login, the plan and the steps of a run."""
        if action == "runbook.start":
            named = ref.parse(of).id
            active = await self._ledger.read(runbooks.active)
            return tuple(each.id for each in active if each.runbook == named)
        found = await self._kept(of)
        steps = tuple((name, s.state, s.plan) for name, s in found.steps.items()) if found else ()
        return found and (found.state, found.login, found.at_step, steps)

    async def facts(self, action: base.ActionId, of: base.Ref) -> Hashable:
        """What the guard of a target is about."""
        if action == "runbook.start":
            return await self.state(action, of)
        found = await self._kept(of)
        if found is None or found.ended or action == "run.abort":
            return found and found.ended
        return found.login if action == "run.handover" else (found.at_step, found.steps)

    def churn(self, action: base.ActionId) -> rig.Churn:
        """What may happen between a plan and its application."""
        if action == "runbook.start":
            return {"started by another": self._started}
        ended = self._turned(state=run.RunState.ABORTED, ended_at=self._now())
        if action == "run.handover":
            return {"handed to another": self._turned(login="vera"), "ended": ended}
        if action == "run.abort":
            return {"ended": ended}
        return {"gone on": self._gone_on, "ended": ended}

    async def _started(self, of: base.Ref) -> None:
        async with self.engine.lock:
            await self.engine.begin(self._books[ref.parse(of).id], "", {}, "ravi")

    def _turned(self, **changes: object) -> Callable[[base.Ref], Awaitable[None]]:
        async def turn(of: base.Ref) -> None:
            async with self.engine.lock:
                found = self.engine.find(of)
                if found is not None:
                    await self.engine.write(found[1].but(**changes), ())

        return turn

    async def _gone_on(self, of: base.Ref) -> None:
        async with self.engine.lock:
            found = self.engine.find(of)
            if found is not None and found[1].at_step < len(found[0].steps):
                step = found[0].steps[found[1].at_step].id
                gone = found[1].with_step(step, state=run.StepState.PASSED)
                await self.engine.write(gone.but(at_step=found[1].at_step + 1), ())
