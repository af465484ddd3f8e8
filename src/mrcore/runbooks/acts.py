"""What persons do with runs: do the next step, confirm, skip, hand over, abort."""

from __future__ import annotations

from mrcore import errors
from mrcore.model import base, plans, run
from mrcore.runbooks import asked, asking, book, engine, ofrun, record, starting
from mrcore.sources import own
from mrcore.trust import auth

_APPLIED = "Its plan is applied already: the run goes on with what became of it."


def of(kept: engine.Engine) -> dict[base.ActionId, own.Act]:
    """How each action on runbooks and runs is done."""
    return {
        "runbook.start": starting.Start(kept),
        "run.next": Next(kept),
        "run.confirm": Confirm(kept),
        "run.skip": Skip(kept),
        "run.handover": HandOver(kept),
        "run.abort": Abort(kept),
    }


class Next(ofrun.OfRun):
    """The act `run.next`: the plan of the fix that waits, for whoever asks to apply it."""

    action = "run.next"

    def guard(self, runbook: book.Runbook, known: record.Record) -> plans.Args:
        """The step that waits, and the plan that it has already."""
        waits = ofrun.waits(runbook, known)
        return {"at_step": known.at_step, "waits": waits, "plan": known.now(waits).plan}

    async def apply(
        self, target: plans.Target, args: plans.Args, by: plans.By
    ) -> plans.TargetOutcome:
        """Make the plan with the login that asks; what there is nothing to do for is passed by."""
        await self.engine.ready()
        async with self.engine.lock:
            found = self.holds(target)
            if isinstance(found, str):
                return self._planned(target, by) or ofrun.skipped(target, found)
            runbook, known = found
            step = runbook.steps[known.at_step]
            if await self.engine.applied(known.now(step.id).plan):
                return ofrun.skipped(target, _APPLIED)
            ask = _asking(self.engine, runbook, known)
            wanted = asked.request(runbook, known, step, ask)
            before = ask.baseline(step.proof.when) if step.proof else {}
        if isinstance(wanted, asked.Nothing):
            if not wanted.known:
                return ofrun.skipped(target, wanted.why)
            return await self._passed_by(target, step, wanted.why, by)
        login = auth.Login(by.login, by.roles, "run")
        made = await self.engine.plan(login, wanted)
        if not made.total:
            whys = "; ".join(each.why for each in made.left_out) or "nothing is so"
            return await self._passed_by(target, step, whys, by)
        async with self.engine.lock:
            found = self.holds(target)
            if isinstance(found, str):
                return ofrun.skipped(target, found)
            known = found[1].but(login=found[1].login or by.login)
            said = f"{made.label}: {made.total:,} planned"
            known = known.with_step(
                step.id, plan=made.plan_id, by=by.login, why=said, before=before
            )
            await self.engine.write(known, [self._event(step, "planned", said, by)])
        return ofrun.done(target, f"plan {made.plan_id}: {said}; apply it")

    def _planned(self, target: plans.Target, by: plans.By) -> plans.TargetOutcome | None:
        """What this very operation has done before the core ended in the middle of it."""
        found = self.engine.find(target.ref)
        if not by.again or found is None or found[1].at_step != target.guard["at_step"]:
            return None
        now = found[1].now(str(target.guard["waits"]))
        return ofrun.done(target, f"plan {now.plan}: {now.why}; apply it") if now.plan else None

    async def _passed_by(
        self, target: plans.Target, step: book.Step, why: str, by: plans.By
    ) -> plans.TargetOutcome:
        """There is nothing to do: the run goes on behind the step.

        Unless that is so because its plan was applied: then the step has to be proven.
        """
        async with self.engine.lock:
            found = self.holds(target)
            if isinstance(found, str):
                return ofrun.skipped(target, found)
            if await self.engine.applied(found[1].now(step.id).plan):
                return ofrun.skipped(target, _APPLIED)
            said = f"nothing to do: {why}"
            known = found[1].with_step(
                step.id,
                state=run.StepState.NOT_SELECTED,
                why=said,
                by=by.login,
                ended_at=self.engine.now(),
            )
            await self.engine.write(known, [self._event(step, "not selected", said, by)])
        return ofrun.done(target, said)

    def _event(self, step: book.Step, what: str, text: str, by: plans.By) -> record.Event:
        now = self.engine.now()
        return record.Event(at=now, step=step.id, what=what, text=text, login=by.login)


class _OfStep(ofrun.OfRun):
    """An act that ends the step which waits."""

    state = run.StepState.PASSED
    found = ""

    async def apply(
        self, target: plans.Target, args: plans.Args, by: plans.By
    ) -> plans.TargetOutcome:
        """End it, in the words of whoever does."""
        await self.engine.ready()
        async with self.engine.lock:
            held = self.holds(target)
            if isinstance(held, str):
                return ofrun.skipped(target, held)
            runbook, known = held
            step = runbook.steps[known.at_step]
            now, said = self.engine.now(), self.said(by)
            known = known.with_step(
                step.id,
                state=self.state,
                found=self.found,
                why=said,
                by=by.login,
                ended_at=now,
            ).but(acted=known.acted or self.state is run.StepState.PASSED)
            event = record.Event(at=now, step=step.id, what=self.action, text=said, login=by.login)
            await self.engine.write(known, [event])
        return ofrun.done(target, said)

    def said(self, by: plans.By) -> str:
        """What the timeline says of it."""
        raise NotImplementedError


class Confirm(_OfStep):
    """The act `run.confirm`: a person says that it was done; no machine can tell."""

    action = "run.confirm"
    found = record.DONE

    def said(self, by: plans.By) -> str:
        return f"{by.login} says that it is done{f': {by.reason}' if by.reason else ''}"


class Skip(_OfStep):
    """The act `run.skip`: a step that may be left out is."""

    action = "run.skip"
    state = run.StepState.UNVERIFIABLE

    def said(self, by: plans.By) -> str:
        return f"{by.login} left it out{f': {by.reason}' if by.reason else ''}"


class HandOver(ofrun.OfRun):
    """The act `run.handover`: somebody else has the run from now on."""

    action = "run.handover"

    def check(self, args: plans.Args) -> None:
        _login(args)

    def guard(self, runbook: book.Runbook, known: record.Record) -> plans.Args:
        return {"login": known.login}

    async def apply(
        self, target: plans.Target, args: plans.Args, by: plans.By
    ) -> plans.TargetOutcome:
        """Note whose it is."""
        await self.engine.ready()
        to = _login(args) or by.login
        async with self.engine.lock:
            found = self.engine.find(target.ref)
            if found is not None and by.again and found[1].login == to:
                return ofrun.done(target, f"{to} has it")
            held = self.holds(target)
            if isinstance(held, str):
                return ofrun.skipped(target, held)
            known = held[1].but(login=to)
            said = f"from {held[1].login or 'nobody'} to {to}"
            event = record.Event(
                at=self.engine.now(), what="handed over", text=said, login=by.login
            )
            await self.engine.write(known, [event])
        return ofrun.done(target, f"{to} has it")


class Abort(ofrun.OfRun):
    """The act `run.abort`: the run ends where it is; what is being applied goes on."""

    action = "run.abort"

    def guard(self, runbook: book.Runbook, known: record.Record) -> plans.Args:
        return {"began_at": known.began_at.isoformat()}

    async def apply(
        self, target: plans.Target, args: plans.Args, by: plans.By
    ) -> plans.TargetOutcome:
        """End it, with the reason."""
        await self.engine.ready()
        async with self.engine.lock:
            held = self.holds(target)
            if isinstance(held, str):
                return ofrun.skipped(target, held)
            runbook, known = held
            now = self.engine.now()
            why = f"{by.login} ended it: {by.reason}"
            if known.at_step < len(runbook.steps):
                step = runbook.steps[known.at_step]
                known = known.with_step(
                    step.id, state=run.StepState.ABORTED, ended_at=now, by=by.login
                )
            known = known.but(state=run.RunState.ABORTED, ended_at=now, why=why)
            event = record.Event(at=now, what="aborted", text=by.reason, login=by.login)
            await self.engine.write(known, [event])
        return ofrun.done(target)


def _asking(kept: engine.Engine, runbook: book.Runbook, known: record.Record) -> asking.Asking:
    about, found = record.bound(runbook, known), record.found(runbook, known)
    return asking.Asking(kept.view(), about, found, {})


def _login(args: plans.Args) -> str:
    to = args.get("to", "")
    if not isinstance(to, str) or len(to) > 100:
        raise errors.BadRequest("to is a login.")
    return to.strip()
