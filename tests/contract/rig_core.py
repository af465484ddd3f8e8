"""The core itself, over a ledger with rows of every kind; its clock can be moved on."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from mrcore import runs
from mrcore.model import base, plans, queue, ref
from mrcore.model import core as entities
from mrcore.rights import approval, revoking
from mrcore.rights import arming as armings
from mrcore.sources import base as source_base
from mrcore.sources import core as core_source
from mrcore.sources import own
from mrcore.store import approvals, arming, captures, files, operations, tokens
from mrcore.store import plans as plan_store
from mrcore.trust import audit
from tests.contract import rig, rig_core_alerts, rig_core_runs

ODD = "wor/k%e?r é"
ROWS = 7
ENVIRONMENT = ref.make("core", "environment", "test")
WHO = "asha"  # whom the suites of acting act as

_NUMBERS = itertools.count(100)
_STATES = {
    "core.arm": f"SELECT * FROM arming WHERE login = '{WHO}' AND ? <> ''",
    "core.disarm": "SELECT * FROM arming WHERE login = ?",
    "plan.approve": "SELECT * FROM approval WHERE plan_id = ?",
    "plan.refuse": "SELECT * FROM approval WHERE plan_id = ?",
    "token.revoke": "SELECT * FROM token WHERE id = ?",
}

_RAN = tuple(
    queue.Captured(
        ref=ref.make("huey", "job", "emailQueue", str(n)),
        engine="huey",
        queue="emailQueue",
        id=str(n),
        name="sendOtp",
        state=queue.JobState.COMPLETED,
        finished_at=source_base.utc_now(),
    )
    for n in range(ROWS)
)


class Core(rig.Rig):
    kind = "core"
    acts = (*_STATES, *rig_core_alerts.ACTS, *rig_core_runs.ACTS)
    lacks = {
        "frozen": "it reads its own memory and its own file",
        "killed": "it is the core",
        "limited": "the file is its own",
    }

    def __init__(self, place: Path) -> None:
        self._ledger = files.ledger(place)
        self._history = files.history(place)
        self._own = files.ledger(place)
        self._ahead = timedelta()
        self._alerts = rig_core_alerts.Alerts(self._ledger, self._history, self._now)
        self._runs = rig_core_runs.Runs(self._ledger, self._history, self._now)
        self._asked_at = self._now()
        self._alerts.fire(self._own)
        self._runs.begin(self._own)
        for n in range(1, ROWS + 1):
            self._add(n)
        self._history.run_here(lambda c: captures.add(c, _RAN, self._now()))

    def close(self) -> None:
        for file in (self._ledger, self._history, self._own):
            file._close()

    def table(self) -> dict[str, Any]:
        return {}

    def open(self, table: dict[str, Any] | None = None) -> source_base.Source:
        ledger, now = self._ledger, self._now
        facts = core_source.Facts(
            environment=entities.Environment(
                ref=ENVIRONMENT, name="test", protected=True, actions=("core.arm",)
            ),
            statuses=lambda: [
                entities.SourceStatus(
                    ref="core/source/pg", name="pg", source_kind="pg", interval_s=1, deadline_s=2
                )
            ],
            operations=lambda: self._own.run_here(lambda c: operations.shown(c, ROWS)),
            sample_times=lambda: (),
            not_resumed=str,
            alerts=lambda: self._alerts.entities(self._own),
            runbooks=lambda: self._runs.entities(self._own),
            clients=lambda: 1,
            audit=lambda: base.OK,
        )
        acts: dict[base.ActionId, own.Act] = {
            "core.arm": armings.Arm(ledger, "test", True, now),
            "core.disarm": armings.Disarm(ledger, now),
            "plan.approve": approval.Answer(ledger, approvals.APPROVED, now),
            "plan.refuse": approval.Answer(ledger, approvals.REFUSED, now),
            "token.revoke": revoking.Revoke(ledger, now),
            **self._alerts.acts(),
            **self._runs.acts(),
        }
        kept = runs.Runs(self._history, now=now)
        return core_source.CoreSource(facts, ledger, self._history, kept, acts, now=now)

    def listings(self) -> tuple[rig.Listing, ...]:
        total = len(self._rows("SELECT id FROM token"))
        ran = rig.Listing(core_source.SELF, "ran", frozenset(run.ref for run in _RAN), foreign=True)
        return (
            ran,
            *self._numbered(total),
        )

    def _numbered(self, total: int) -> tuple[rig.Listing, ...]:
        return tuple(
            rig.Listing(core_source.SELF, name, frozenset(self._refs(kind, count)))
            for kind, name, count in (
                ("audit", "audit", ROWS),
                ("operation", "operations", ROWS),
                ("token", "tokens", total),
            )
        )

    def odd(self) -> tuple[base.Ref, ...]:
        self._arm(ODD)
        return (ref.make("core", "arming", ODD),)

    def unknown(self) -> tuple[base.Ref, ...]:
        kinds = ("audit", "operation", "token", "arming", "plan", "check", "environment", "source")
        kinds = (*kinds, "alert", "silence", "runbook", "run")
        nowhere = [ref.make("core", kind, "99999") for kind in kinds]
        return (*nowhere, "core/audit/01", "core/token/1/2", "core/audit", "core/plan/waits-1/x")

    # -- acting

    async def deed(self, action: base.ActionId) -> rig.Deed:
        self._asked_at = self._now()
        if action in rig_core_alerts.ACTS:
            return await self._alerts.deed(action)
        if action in rig_core_runs.ACTS:
            return await self._runs.deed(action)
        numbers = [next(_NUMBERS) for _ in range(3)]
        if action == "core.arm":
            self._write(f"DELETE FROM arming WHERE login = '{WHO}'")
            return rig.Deed(action, (ENVIRONMENT,), moved_on=ENVIRONMENT, args={"minutes": 20})
        if action == "core.disarm":
            refs = tuple(ref.make("core", "arming", f"login {n}") for n in numbers)
            for one in refs:
                self._arm(ref.parse(one).id)
        elif action == "token.revoke":
            refs = tuple(ref.make("core", "token", self._token()) for _ in numbers)
        else:
            refs = tuple(ref.make("core", "plan", f"waits-{n}") for n in numbers)
            for n in numbers:
                self._ask(self._plan(f"waits-{n}"))
        return rig.Deed(action, refs, moved_on=refs[1])

    async def move_on(self, deed: rig.Deed) -> None:
        if deed.action == "core.arm":
            await self._minutes(6)(deed.moved_on)
        else:
            first, *_ = self.churn(deed.action).values()
            await first(deed.moved_on)

    async def state(self, action: base.ActionId, ref_: base.Ref) -> Hashable:
        if action in rig_core_alerts.ACTS:
            return await self._alerts.state(action, ref_)
        if action in rig_core_runs.ACTS:
            return await self._runs.state(action, ref_)
        return tuple(map(tuple, self._rows(_STATES[action], ref.parse(ref_).id)))

    async def facts(self, action: base.ActionId, ref_: base.Ref) -> Hashable:
        if action in rig_core_alerts.ACTS:
            return await self._alerts.facts(action, ref_)
        if action in rig_core_runs.ACTS:
            return await self._runs.facts(action, ref_)
        now, name = self._now(), ref.parse(ref_).id
        if action == "core.arm":
            return now - self._asked_at > timedelta(minutes=5)
        if action == "core.disarm":
            found = self._own.run_here(lambda c: arming.find(c, name, now))
            return found and found.since
        if action == "token.revoke":
            return await self.state(action, ref_)
        waits = self._own.run_here(lambda c: approvals.find(c, name, now))
        by_who = self._rows("SELECT 1 FROM planner WHERE plan_id = ? AND login = 'asha'", name)
        return waits and (waits.state, waits.expires_at, len(by_who))

    def churn(self, action: base.ActionId) -> rig.Churn:
        if action in rig_core_alerts.ACTS:
            return self._alerts.churn(action)
        if action in rig_core_runs.ACTS:
            return self._runs.churn(action)
        passes = {"two minutes pass": self._minutes(2), "an hour passes": self._minutes(60)}
        if action == "core.arm":
            return passes
        if action == "core.disarm":
            return {"armed anew": self._armed_anew, "disarmed": self._disarmed, **passes}
        if action == "token.revoke":
            return {"revoked": self._revoked}
        return {
            "approved by another": self._answered("approved"),
            "refused by another": self._answered("refused"),
            "asked anew": self._asked_anew,
            "made by who answers": self._made_as_well,
            **passes,
        }

    def _minutes(self, minutes: int) -> Callable[[base.Ref], Awaitable[None]]:
        async def pass_(of: base.Ref) -> None:
            self._ahead += timedelta(minutes=minutes)

        return pass_

    async def _armed_anew(self, of: base.Ref) -> None:
        self._arm(ref.parse(of).id)

    async def _disarmed(self, of: base.Ref) -> None:
        self._own.run_here(lambda c: arming.disarm(c, ref.parse(of).id, self._now()))

    async def _revoked(self, of: base.Ref) -> None:
        self._own.run_here(lambda c: tokens.revoke(c, int(ref.parse(of).id), self._now()))

    def _answered(self, state: Any) -> Callable[[base.Ref], Awaitable[None]]:
        async def answer(of: base.Ref) -> None:
            name = ref.parse(of).id
            self._own.run_here(lambda c: approvals.answer(c, name, state, by="ravi", text="so"))

        return answer

    async def _asked_anew(self, of: base.Ref) -> None:
        self._ask(self._plan(ref.parse(of).id))

    async def _made_as_well(self, of: base.Ref) -> None:
        self._write("INSERT OR IGNORE INTO planner VALUES (?, 'asha')", ref.parse(of).id)

    # -- what the ledger has

    def _now(self) -> datetime:
        return source_base.utc_now() + self._ahead

    def _add(self, n: int) -> None:
        """A row of each kind."""
        now = self._now()
        done = self._stored(self._plan(f"done-{n}"))
        actor = operations.Actor("olga", ("operator",), "token", None, 1, "")
        entry = audit.Entry(at=now, stage="intent", login="olga", action=done.plan.action)

        def write(connection: sqlite3.Connection) -> None:
            plan_store.save(connection, done, _bodies(done.plan))
            began = operations.begin(connection, done, actor, reason="INC-9", now=now)
            operations.finish(connection, began.id, now, "")
            audit.append(connection, entry)

        self._own.run_here(write)
        self._ask(self._plan(f"waits-{n}"))
        self._arm(f"login {n}")
        self._token()

    def _plan(self, plan_id: str) -> plans.Plan:
        now = self._now()
        return plans.Plan(
            plan_id=plan_id,
            action="pg.terminate",
            label="Terminate session",
            created_at=now,
            expires_at=now + timedelta(minutes=15),
            login="olga",
            total=1,
            samples=(plans.Target(ref="pg/session/1", label="session 1", note="idle"),),
            risk=plans.Risk.HIGH,
            undoable=False,
        )

    def _stored(self, plan: plans.Plan) -> plan_store.Stored:
        return plan_store.Stored(plan, plan.plan_id, "pg", "", frozenset({"olga"}))

    def _ask(self, plan: plans.Plan) -> None:
        stored, now = self._stored(plan), self._now()

        def write(connection: sqlite3.Connection) -> None:
            plan_store.save(connection, stored, _bodies(plan))
            approvals.ask(connection, stored, login="olga", reason="INC-9", now=now)

        self._own.run_here(write)

    def _arm(self, login: str) -> None:
        now = self._now()
        armed = arming.entity(login, "INC-9", since=now, until=now + timedelta(minutes=15))
        self._own.run_here(lambda c: arming.arm(c, armed, 1))

    def _token(self) -> int:
        now = self._now()
        until = now + timedelta(days=1)
        return self._own.run_here(
            lambda c: tokens.add(
                c, login="olga", roles=("viewer",), digest="", now=now, expires_at=until
            )
        )

    def _refs(self, kind: str, count: int) -> list[base.Ref]:
        return [ref.make("core", kind, n) for n in range(1, count + 1)]

    def _rows(self, sql: str, *values: str) -> list[sqlite3.Row]:
        return self._own.run_here(lambda c: c.execute(sql, values).fetchall())

    def _write(self, sql: str, *values: str) -> None:
        self._own.run_here(lambda c: c.execute(sql, values))


def _bodies(plan: plans.Plan) -> list[tuple[str, None]]:
    """The targets of a small plan, as the ledger keeps them."""
    return [(target.model_dump_json(), None) for target in plan.samples]
