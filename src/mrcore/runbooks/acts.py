"""What persons do with runs: begin one, do its next step, confirm, skip, hand over, abort."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping

from mrcore import errors
from mrcore.model import base, plans, ref, run
from mrcore.runbooks import asked, asking, book, engine, record, shown
from mrcore.sources import own
from mrcore.trust import auth

_GONE = "That run has ended."
_MOVED = "It has gone on meanwhile."


def of(kept: engine.Engine) -> dict[base.ActionId, own.Act]:
    """How each action on runbooks and runs is done."""
    return {
        "runbook.start": Start(kept),
        "run.next": Next(kept),
        "run.confirm": Confirm(kept),
        "run.skip": Skip(kept),
        "run.handover": HandOver(kept),
        "run.abort": Abort(kept),
    }


@dataclasses.dataclass(frozen=True)
class Start:
    """The act `runbook.start` on core/runbook/<id>."""

    engine: engine.Engine

    async def plan(self, where: base.Ref, args: plans.Args) -> plans.Target | plans.LeftOut:
        """The runbook, unless a run of it is under way on the same."""
        await self.engine.ready()
        found = self.engine.runbooks.get(ref.parse(where).id)
        if found is None or where != ref.make("core", "runbook", found.id):
            return _left_out(where, "There is no such runbook.")
        alert_, subject, params = self._asked(found, args)
        running = self.engine.active(found.id, subject)
        if running is not None:
            return _left_out(where, _busy(running))
        about = f" on {subject}" if subject else ""
        guard: plans.Args = {"subject": subject, "params": dict(params), "alert": list(alert_)}
        return plans.Target(ref=where, label=f"{found.id} {found.title}{about}", guard=guard)

    async def apply(
        self, target: plans.Target, args: plans.Args, by: plans.By
    ) -> plans.TargetOutcome:
        """Begin it: its diagnosis runs at once."""
        await self.engine.ready()
        found = self.engine.runbooks.get(ref.parse(target.ref).id)
        if found is None:
            return _skipped(target, "There is no such runbook any more.")
        subject = str(target.guard["subject"])
        params = _texts(target.guard["params"])
        alert_ = _firing(target.guard["alert"])
        async with self.engine.lock:
            running = self.engine.active(found.id, subject)
            if running is None:
                running = await self.engine.begin(found, subject, params, by.login, alert_=alert_)
                if running is not None:
                    return _done(target, f"run {running.id}")
            elif by.again and running.began_by == by.login:
                return _done(target, f"run {running.id}")
            return _skipped(target, _busy(running) if running else "Another run is under way.")

    def _asked(
        self, found: book.Runbook, args: plans.Args
    ) -> tuple[tuple[str, ...], base.Ref, dict[str, str]]:
        """The alert that it is for, what it is about, and its parameters. Raises BadRequest."""
        subject = str(args.get("subject") or "").removeprefix(ref.SCHEME)
        view, params = self.engine.view(), _params(found, args.get("params") or {})
        if (alert_ := self.engine.firing(subject)) is not None:
            about = asking.subject_of(view, alert_.subject, found.about)
            return engine.firing_of(alert_), about, params
        if not found.about and subject:
            raise errors.BadRequest(f"subject: runbook {found.id} is about no single thing.")
        if found.about:
            if not subject:
                subject = asking.subject_of(view, "", found.about)
            if not subject or ref.parse(subject).kind != found.about:
                raise errors.BadRequest(f"subject: runbook {found.id} is about a {found.about}.")
        return (), subject, params


@dataclasses.dataclass(frozen=True)
class _OfRun:
    """An act on core/run/<number>, which is as it was planned while the guard holds."""

    engine: engine.Engine

    action = ""

    async def plan(self, where: base.Ref, args: plans.Args) -> plans.Target | plans.LeftOut:
        """The run, while that can be done with it."""
        await self.engine.ready()
        found = self.engine.find(where)
        if found is None:
            return _left_out(where, _GONE)
        self.check(args)
        runbook, known = found
        if self.action not in shown.actions(runbook, known):
            return _left_out(where, _not_now(runbook, known, self.action))
        step = shown.waiting(runbook, known)
        note = step.title if step and self.action in ("run.next", "run.confirm", "run.skip") else ""
        return plans.Target(
            ref=where,
            label=f"run {known.id} of {known.runbook} {known.title}",
            guard=self.guard(runbook, known),
            note=note,
            at=known.began_at,
        )

    def check(self, args: plans.Args) -> None:
        """Raise BadRequest for arguments that make no sense."""

    def guard(self, runbook: book.Runbook, known: record.Record) -> plans.Args:
        """What must still hold: the step that waits."""
        return {"at_step": known.at_step, "waits": _waits(runbook, known)}

    def holds(self, target: plans.Target) -> tuple[book.Runbook, record.Record] | str:
        """The run as it was planned, or why not. The lock is held."""
        found = self.engine.find(target.ref)
        if found is None:
            return _GONE
        return found if self.guard(*found) == target.guard else _MOVED


class Next(_OfRun):
    """The act `run.next`: the plan of the fix that waits, for whoever asks to apply it."""

    action = "run.next"

    def guard(self, runbook: book.Runbook, known: record.Record) -> plans.Args:
        """The step that waits, and the plan that it has already."""
        waits = _waits(runbook, known)
        return {"at_step": known.at_step, "waits": waits, "plan": known.now(waits).plan}

    async def apply(
        self, target: plans.Target, args: plans.Args, by: plans.By
    ) -> plans.TargetOutcome:
        """Make the plan with the login that asks; what there is nothing to do for is passed by."""
        await self.engine.ready()
        async with self.engine.lock:
            found = self.holds(target)
            if isinstance(found, str):
                return self._planned(target, by) or _skipped(target, found)
            runbook, known = found
            step = runbook.steps[known.at_step]
            ask = _asking(self.engine, runbook, known)
            wanted = asked.request(runbook, known, step, ask)
            before = ask.baseline(step.proof.when) if step.proof else {}
        if isinstance(wanted, str):
            return await self._passed_by(target, step, wanted, by)
        login = auth.Login(by.login, by.roles, "run")
        made = await self.engine.plan(login, wanted)
        if not made.total:
            whys = "; ".join(each.why for each in made.left_out) or "nothing is so"
            return await self._passed_by(target, step, whys, by)
        async with self.engine.lock:
            found = self.holds(target)
            if isinstance(found, str):
                return _skipped(target, found)
            known = found[1].but(login=found[1].login or by.login)
            said = f"{made.label}: {made.total:,} planned"
            known = known.with_step(
                step.id, plan=made.plan_id, by=by.login, why=said, before=before
            )
            await self.engine.write(known, [self._event(step, "planned", said, by)])
        return _done(target, f"plan {made.plan_id}: {said}; apply it")

    def _planned(self, target: plans.Target, by: plans.By) -> plans.TargetOutcome | None:
        """What this very operation has done before the core ended in the middle of it."""
        found = self.engine.find(target.ref)
        if not by.again or found is None or found[1].at_step != target.guard["at_step"]:
            return None
        now = found[1].now(str(target.guard["waits"]))
        return _done(target, f"plan {now.plan}: {now.why}; apply it") if now.plan else None

    async def _passed_by(
        self, target: plans.Target, step: book.Step, why: str, by: plans.By
    ) -> plans.TargetOutcome:
        """There is nothing to do: the run goes on behind the step."""
        async with self.engine.lock:
            found = self.holds(target)
            if isinstance(found, str):
                return _skipped(target, found)
            said = f"nothing to do: {why}"
            known = found[1].with_step(
                step.id,
                state=run.StepState.NOT_SELECTED,
                why=said,
                by=by.login,
                ended_at=self.engine.now(),
            )
            await self.engine.write(known, [self._event(step, "not selected", said, by)])
        return _done(target, said)

    def _event(self, step: book.Step, what: str, text: str, by: plans.By) -> record.Event:
        now = self.engine.now()
        return record.Event(at=now, step=step.id, what=what, text=text, login=by.login)


class _OfStep(_OfRun):
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
                return _skipped(target, held)
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
        return _done(target, said)

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


class HandOver(_OfRun):
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
                return _done(target, f"{to} has it")
            held = self.holds(target)
            if isinstance(held, str):
                return _skipped(target, held)
            known = held[1].but(login=to)
            said = f"from {held[1].login or 'nobody'} to {to}"
            event = record.Event(
                at=self.engine.now(), what="handed over", text=said, login=by.login
            )
            await self.engine.write(known, [event])
        return _done(target, f"{to} has it")


class Abort(_OfRun):
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
                return _skipped(target, held)
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
        return _done(target)


def _asking(kept: engine.Engine, runbook: book.Runbook, known: record.Record) -> asking.Asking:
    found = {name: now.found or None for name, now in known.steps.items()}
    return asking.Asking(kept.view(), record.bound(runbook, known), found, {})


def _waits(runbook: book.Runbook, known: record.Record) -> str:
    step = shown.waiting(runbook, known)
    return step.id if step else ""


def _not_now(runbook: book.Runbook, known: record.Record, action: base.ActionId) -> str:
    """Why an action is not offered now."""
    step = shown.waiting(runbook, known)
    if step is None:
        return f"Nothing waits for a person: it is {known.state.value}."
    if step.kind == "manual" and step.proof is not None:
        return f"{step.title!r} is done by hand, and the machine watches for it."
    if action == "run.skip":
        return f"{step.title!r} cannot be left out."
    return f"{step.title!r} waits, which is a {step.kind} step."


def _firing(given: object) -> tuple[base.Ref, str] | None:
    """An alert and since when it fires, as a guard keeps it."""
    match given:
        case [str(alert_), str(fired)]:
            return alert_, fired
    return None


def _params(found: book.Runbook, given: object) -> dict[str, str]:
    """The parameters as texts. Raises BadRequest."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            raise errors.BadRequest("params is a JSON object: name and value.") from None
    texts = _texts(given)
    known = {param.name: param for param in found.params}
    if unknown := sorted(texts.keys() - known.keys()):
        raise errors.BadRequest(f"params: runbook {found.id} takes no {', '.join(unknown)}.")
    made = {}
    for param in found.params:
        value = texts.get(param.name, param.usual)
        if param.required and not value:
            raise errors.BadRequest(f"params: {param.name} is missing, a {param.type}.")
        if value and param.pattern and not re.fullmatch(param.pattern, value):
            raise errors.BadRequest(f"params: {param.name} is not like {param.pattern}.")
        if value:
            made[param.name] = value
    return made


def _texts(given: object) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise errors.BadRequest("params is an object: name and value.")
    return {str(name): str(value) for name, value in given.items()}


def _login(args: plans.Args) -> str:
    to = args.get("to", "")
    if not isinstance(to, str) or len(to) > 100:
        raise errors.BadRequest("to is a login.")
    return to.strip()


def _busy(running: record.Record) -> str:
    whose = f", {running.login} has it" if running.login else ""
    return f"Run {running.id} of it is under way on the same{whose}."


def _done(target: plans.Target, why: str = "") -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.DONE, why=why)


def _skipped(target: plans.Target, why: str) -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.SKIPPED, why=why)


def _left_out(where: base.Ref, why: str) -> plans.LeftOut:
    return plans.LeftOut(why=why, count=1, samples=(where,))
