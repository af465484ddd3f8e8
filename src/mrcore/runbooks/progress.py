"""How a run goes on: one look at what is known, and every step that can be taken then. Pure.

Nothing here acts. A fix waits for a person's plan and for its operation; what was done is believed
when its proof holds, and the run recovers when its symptom was gone for long enough.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from mrcore.expr import views
from mrcore.model import base, core, run
from mrcore.runbooks import asking, book, record

_STEP, _RUN = run.StepState, run.RunState


class Progress:
    """One run at one instant; `events` is what happened, `firing` are the alerts that fire now.

    `leads_to` are the runbooks it leads to, each with what decided that.
    """

    def __init__(
        self,
        runbook: book.Runbook,
        known: record.Record,
        view: views.View,
        operations: record.Operations,
        firing: Collection[base.Ref] = (),
    ) -> None:
        self.runbook = runbook
        self.record = known
        self.events: list[record.Event] = []
        self.leads_to: dict[str, base.Ref] = {}
        self._view, self._now = view, view.now
        self._operations = operations
        self._firing = any(ref in firing for ref in known.alerts)

    def go(self) -> record.Record:
        """Take every step that can be taken now."""
        while not self.record.ended:
            before = self.record
            self._watch_symptom()
            if self.record.ended:
                break
            if self.record.at_step < len(self.runbook.steps):
                self._step(self.runbook.steps[self.record.at_step])
            else:
                self._recover()
            if self.record == before:
                break
        return self.record

    # Steps

    def _step(self, step: book.Step) -> None:
        now = self.record.now(step.id)
        if now.state in record.OVER:
            self._turn(at_step=self.record.at_step + 1)
            return
        if now.state is _STEP.PENDING and not self._selected(step):
            return
        getattr(self, f"_{step.kind}")(step, self.record.now(step.id))

    def _selected(self, step: book.Step) -> bool:
        """Whether a step's `when` is true; what is unknown never selects what changes something."""
        if step.when is not None:
            certain = step.kind in ("fix", "manual", "wait")
            said = self._asking().any(step.when, certain=certain)
            if not said.value:
                why = said.why if said.value is None else ""
                self._end_step(step, _STEP.NOT_SELECTED, why=why)
                return False
        self._set(step, state=_STEP.RUNNING, began_at=self._now)
        return True

    def _diagnose(self, step: book.Step, now: record.StepNow) -> None:
        self._state(_RUN.DIAGNOSING)
        assert now.began_at is not None
        ask, unknown = self._asking(), ""
        late = self._late(now.began_at, step.patience_s)
        for verdict in (each for each in step.verdicts if each.code):
            said = ask.any(verdict.when)
            if said.value and verdict.last and not late:
                return  # something that says more may come
            if said.value:
                told = self._tell(step, ask, said.about, verdict.means)
                self._end_step(step, _STEP.PASSED, found=verdict.code, why=told, about=said.about)
                return
            if said.value is None:
                unknown = unknown or said.why
        for verdict in (each for each in step.verdicts if not each.code and not unknown):
            said = ask.every(verdict.when)
            if said.value:
                told = self._tell(step, ask, said.about, verdict.means)
                self._end_step(step, _STEP.PASSED, found=record.PASSED, why=told)
                return
            unknown = said.why or "none of its verdicts is so"
        if late:
            self._end_step(step, _STEP.PASSED, found=record.UNKNOWN, why=unknown)

    def _tell(self, step: book.Step, ask: asking.Asking, about: str, means: book.Said) -> str:
        told = ": ".join(filter(None, (ask.say(step.say, about), ask.say(means, about))))
        return told.replace("{name}", ask.name(self.record.subject))

    def _decide(self, step: book.Step, now: record.StepNow) -> None:
        for route in step.routes:
            said = self._asking().any(route.when) if route.when else asking.Said(True)
            if not said.value:
                continue
            if route.runbook:
                self.leads_to[route.runbook] = said.about or self.record.subject
                why = f"goes on in runbook {route.runbook}. {route.why}".rstrip(" .")
                self._end_step(step, _STEP.PASSED, found=route.runbook, why=why)
                self._skip_to(len(self.runbook.steps))
            else:
                self._end_step(step, _STEP.PASSED, found=route.goto, why=route.why)
                ids = [each.id for each in self.runbook.steps]
                self._skip_to(ids.index(route.goto))
            return
        self._end_step(step, _STEP.PASSED, why="no route applies: it goes on below")

    def _skip_to(self, number: int) -> None:
        for step in self.runbook.steps[self.record.at_step + 1 : number]:
            self._end_step(step, _STEP.NOT_SELECTED)
        self._turn(at_step=number)

    def _note(self, step: book.Step, now: record.StepNow) -> None:
        self._end_step(step, _STEP.PASSED)

    def _fix(self, step: book.Step, now: record.StepNow) -> None:
        self._diagnosed()
        done = self._operations.get(now.plan) if now.plan else None
        if now.proves_at is None and done is None:
            self._state(_RUN.WAITING)
        elif now.proves_at is None and done is not None:
            self._operated(step, done)
        elif step.proof is None:
            self._turn(unproven=True)
            self._end_step(step, _STEP.UNVERIFIABLE, why=f"not proven: {step.unproven}")
        else:
            self._state(_RUN.VERIFYING)
            self._prove(step, step.proof, now)

    def _operated(self, step: book.Step, done: core.Operation) -> None:
        """What becomes of a fix whose plan is being applied, or was."""
        if done.finished_at is None:
            self._set(step, operation=done.ref, why=f"operation {done.id} is {done.state}")
            self._state(_RUN.FIXING)
            return
        if not done.done:
            said = done.error or f"{done.skipped} had moved on, {done.failed} failed"
            self._set(step, plan="", operation=done.ref, why=f"nothing was done: {said}")
            self._event(step, "nothing done", said, done.login)
            self._state(_RUN.WAITING)
            return
        said = f"{done.done:,} done, {done.skipped:,} skipped, {done.failed:,} failed"
        self._turn(acted=True)
        self._set(step, operation=done.ref, by=done.login, proves_at=self._now, why=said)
        self._event(step, "done", said, done.login)

    def _manual(self, step: book.Step, now: record.StepNow) -> None:
        self._diagnosed()
        if step.proof is None:
            self._state(_RUN.WAITING)
            return
        self._state(_RUN.WAITING)
        self._prove(step, step.proof, now, fails=False)

    def _wait(self, step: book.Step, now: record.StepNow) -> None:
        self._diagnosed()
        assert step.proof is not None
        self._state(_RUN.VERIFYING)
        self._prove(step, step.proof, now)

    def _prove(
        self, step: book.Step, proof: book.Proof, now: record.StepNow, *, fails: bool = True
    ) -> None:
        """Pass a step whose proof holds for long enough; where it does not in time, the run ends.

        What somebody does by hand (`fails` is false) takes as long as it takes.
        """
        began = now.proves_at or now.began_at or self._now
        said = self._asking(now).every(proof.when)
        since = (now.true_since or self._now) if said.value else None
        if since != now.true_since:
            self._set(step, true_since=since)
        if since is not None and self._now - since >= timedelta(seconds=proof.hold_s):
            by_hand = step.kind == "manual"
            if by_hand:
                self._turn(acted=True)
            told = "proven: " + " ".join(proof.when.text.split())
            self._end_step(step, _STEP.PASSED, found=record.DONE, why=told)
        elif fails and since is None and self._late(began, proof.within_s):
            why = said.why or "not so: " + " ".join(proof.when.text.split())
            state = _STEP.UNVERIFIABLE if said.value is None else _STEP.FAILED
            self._end_step(step, state, why=why)
            ends = _RUN.UNVERIFIED if said.value is None else _RUN.FAILED
            self._end(ends, f"{step.title}: its proof did not come true ({why}).")

    def _late(self, began: datetime, within_s: float) -> bool:
        return self._now - began >= timedelta(seconds=within_s)

    # The run

    def _watch_symptom(self) -> None:
        """Note whether the symptom is there; what goes by itself has recovered."""
        said = self._asking().gone(self.runbook.symptom)
        if said.value is False and not self.record.seen:
            self._turn(seen=True)
        since = (self.record.gone_since or self._now) if said.value else None
        if since != self.record.gone_since:
            self._turn(gone_since=since)
        waits = self.record.state is _RUN.WAITING and self.record.diagnosed_at is not None
        if waits and not self.record.acted and self._held() and not self._operation_runs():
            self._recovered("It went by itself: nothing was done.")

    def _operation_runs(self) -> bool:
        return any(now.plan in self._operations for now in self.record.steps.values() if now.plan)

    def _held(self) -> bool:
        """Gone for long enough, and its alert, which may see more, fires no more."""
        since = self.record.gone_since
        gone = since is not None and self._late(since, self.runbook.hold_s)
        return gone and not self._firing

    def _recover(self) -> None:
        """After the last step: the symptom has to be gone for as long as the runbook says."""
        self._diagnosed()
        if not self.record.acted:
            self._state(_RUN.WAITING)
            self._turn(why=record.untouched(self.runbook, self.record))
            return
        self._state(_RUN.VERIFYING)
        if self.record.recovers_at is None:
            self._turn(recovers_at=self._now)
        assert self.record.recovers_at is not None
        if self._held():
            self._recovered("")
        elif (self.record.gone_since is None or self._firing) and self._late(
            self.record.recovers_at, self.runbook.within_s
        ):
            said = self._asking().gone(self.runbook.symptom)
            if said.value is None and not self._firing:
                self._end(_RUN.UNVERIFIED, f"Whether it has recovered is unknown: {said.why}.")
            else:
                still = "its alert still fires" if said.value else "its symptom is still there"
                self._end(_RUN.FAILED, f"Every step was taken, and {still}.")

    def _recovered(self, why: str) -> None:
        if not self.record.seen and not self.record.alerts:
            self._end(_RUN.UNVERIFIED, "Its symptom was never there: nothing was to recover.")
        elif self.record.unproven:
            self._end(_RUN.UNVERIFIED, "Its symptom is gone; a step of it was not proven.")
        else:
            self._end(_RUN.RECOVERED, why or "Its symptom is gone.")

    def _diagnosed(self) -> None:
        """The diagnosis has ended: say in one sentence what it found."""
        if self.record.diagnosed_at is not None:
            return
        said, codes = record.diagnosis(self.runbook, self.record)
        self._turn(diagnosis=said, codes=codes)
        self._turn(diagnosed_at=self._now)
        self.events.append(record.Event(at=self._now, what="diagnosed", text=self.record.diagnosis))

    def _asking(self, now: record.StepNow | None = None) -> asking.Asking:
        about = record.bound(self.runbook, self.record)
        found = record.found(self.runbook, self.record)
        return asking.Asking(self._view, about, found, now.before if now else {})

    def _state(self, state: run.RunState) -> None:
        if self.record.state is not state:
            self._turn(state=state)

    def _end(self, state: run.RunState, why: str) -> None:
        self._turn(state=state, why=why, ended_at=self._now)
        self.events.append(record.Event(at=self._now, what=state.value, text=why))

    def _turn(self, **changes: object) -> None:
        self.record = self.record.but(**changes)

    def _set(self, step: book.Step, **changes: object) -> None:
        self.record = self.record.with_step(step.id, **changes)

    def _end_step(self, step: book.Step, state: run.StepState, **changes: object) -> None:
        now = self.record.now(step.id)
        self._set(step, state=state, ended_at=self._now, began_at=now.began_at, **changes)
        after = self.record.now(step.id)
        if state is not _STEP.NOT_SELECTED or after.why:
            what = f"{state.value} {after.found}".rstrip()
            self._event(step, what, after.why, after.by)

    def _event(self, step: book.Step, what: str, text: str, login: str = "") -> None:
        self.events.append(
            record.Event(at=self._now, step=step.id, what=what, text=text, login=login)
        )
