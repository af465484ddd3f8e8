"""From the alert to the proof that it is over: the run of the runbook, and who helps it along."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from mrcore import client as clients
from mrcore import errors
from mrcore.gameday import acted, judge, operators, scenario, score, watch
from mrcore.gameday.faults import base
from mrcore.model import alert, core, plans, run
from mrcore.model import base as base_model

DIAGNOSED_S = 120.0
RECOVERED_S = 300.0
WITHHELD_S = 20.0
HOLDS = 6
"""For so many times the hold of its runbook nothing is done, and at least for WITHHELD_S: a run has
recovered once its symptom was gone for one of them. An alert's `keep_firing_for` delays nothing."""

REASON = "game day"
ANSWERS = ("run.confirm", "run.next")
"""What a run may ask for, as its row offers it: that a manual step is done, and the next fix."""
ANSWERS_MAX = 20

ENDED = frozenset(
    {run.RunState.RECOVERED, run.RunState.UNVERIFIED, run.RunState.FAILED, run.RunState.ABORTED}
)

_STOPPED = (run.RunState.FAILED, run.RunState.UNVERIFIED)
_UNPROVEN = (run.StepState.FAILED, run.StepState.UNVERIFIABLE)


def watched_s(hold_s: float) -> float:
    """How long has to be watched that nothing recovers by itself, with this hold."""
    return max(WITHHELD_S, HOLDS * hold_s)


async def end_others(client: clients.CoreClient, seen: watch.Watcher, runbook: str) -> None:
    """Abort the runs of a runbook that are left from before: an alert would only join them."""
    for each in list(seen.runs.values()):
        if each.runbook != runbook or "run.abort" not in each.actions:
            continue
        try:
            plan = await client.plan("run.abort", plans.Selection(refs=(each.ref,)))
            await client.apply(plan.plan_id, reason=REASON, confirm=plan.confirm)
        except errors.DoorError:
            continue  # it has ended meanwhile


class Recovery:
    """The second half of a play, over the `Run` entity that its alert has begun.

    With `by_hand` a person recovers it, who may abort a run and begin it anew.
    """

    def __init__(
        self,
        client: clients.CoreClient,
        seen: watch.Watcher,
        what: scenario.Scenario,
        began: datetime,
        tell: Callable[[str], None],
        helpers: operators.Operators,
        *,
        by_hand: bool,
    ) -> None:
        self._client = client
        self._seen = seen
        self._what = what
        self._began = began
        self._tell = tell
        self._operators = helpers
        self._by_hand = by_hand
        self._plans: dict[str, str] = {}
        self._asked: dict[base_model.Ref, run.Run] = {}
        self._answered = ""
        self._answers = 0

    async def diagnosed(self) -> list[score.Expectation]:
        """Wait for the diagnosis, and compare what it found."""
        if not self._what.runbook:
            return []
        self._tell("waiting for the diagnosis")
        found = await self._seen.until(self._diagnosed, DIAGNOSED_S)
        what = f"diagnosis {', '.join(self._what.diagnosis) or 'made'}"
        if not found:
            return [score.Expectation(what=what, held=False, why="no run has ended its diagnosis")]
        missing = set(self._what.diagnosis) - set(found.codes)
        wrong = set(self._what.not_diagnosed) & set(found.codes)
        held = not missing and not wrong
        if self._what.not_diagnosed:
            what += f", and not {', '.join(self._what.not_diagnosed)}"
        why = "" if held else f"it found {', '.join(found.codes) or 'nothing'}"
        return [score.Expectation(what=what, held=held, why=why)]

    async def recovered(self, stage: base.Stage) -> list[score.Expectation]:
        """Wait for the end of the run; but by hand, confirm its plans and play its operators."""
        self._tell("waiting until somebody has recovered it" if self._by_hand else "recovering")
        if not self._what.runbook:
            return await self._without_runbook(stage)
        return await self._judged(await self._to_its_end(stage))

    async def misled(self, stage: base.Stage) -> list[score.Expectation]:
        """Confirm what a wrong diagnosis leads to, and see that nothing proves it."""
        self._tell("doing what a wrong diagnosis leads to")
        ended = await self._to_its_end(stage)
        steps = [step for step in ended.steps if step.operation] if ended else []
        stopped = bool(steps) and steps[-1].state in _UNPROVEN
        held = ended is not None and ended.state in _STOPPED and stopped
        why = f"it is {ended.state.value}: {ended.why}" if ended else "no run"
        what = "a fix for a wrong diagnosis stops at verify"
        return [score.Expectation(what=what, held=held, why="" if held else why)]

    async def _to_its_end(self, stage: base.Stage) -> run.Run | None:
        while not self.at_end():
            known = self._goes_on()
            helped = [await self._help(each, stage) for each in known if not self._by_hand]
            news = lambda: self.has_news(known) or self.at_end()  # noqa: E731, B023 - asked before the next turn
            if not any(helped) and not await self._seen.until(news, self._limit_s):
                break
        return self._run()

    def at_end(self) -> bool:
        """Whether its run has ended; what a person aborts is no end while the incident stands."""
        found = self._run()
        if found is None or found.state not in ENDED:
            return False
        aborted = self._by_hand and found.state is run.RunState.ABORTED
        return not aborted or self._is_over()

    def has_news(self, known: list[run.Run]) -> bool:
        """Whether something has become of these runs, or one of them asks again."""
        asks = any(self._asked_for(each) for each in known)
        return self._goes_on() != known or (asks and self._in_vain())

    async def withheld(self, watched_s: float) -> list[score.Expectation]:
        """Do nothing for so long, and see that the run does not end as if somebody had."""
        self._tell("withholding the fix")
        if not self._what.runbook:
            over = await self._seen.until(self._is_over, watched_s)
            return [score.Expectation(what="no recovery without its fix", held=not over)]
        ended = await self._seen.until(self._ended, watched_s)
        good = ended is not None and ended.state is run.RunState.RECOVERED
        return [
            score.Expectation(
                what="no recovery without its fix",
                held=not good,
                why=ended.why if ended and good else "",
            )
        ]

    async def _without_runbook(self, stage: base.Stage) -> list[score.Expectation]:
        """What no runbook mends: its operators do, and then it is over."""
        for operator in () if self._by_hand else self._what.operators:
            await self._operators.play(operator.step, stage)
        over = await self._seen.until(self._is_over, self._limit_s)
        return [score.Expectation(what=f"{self._what.recovered.text} again", held=bool(over))]

    async def _judged(self, ended: run.Run | None) -> list[score.Expectation]:
        wanted, state = self._what.outcome, ended.state if ended else None
        found = [
            score.Expectation(
                what=f"outcome {wanted.value}",
                held=state is wanted,
                why="" if state is wanted else f"it is {state.value if state else 'no run'}",
            )
        ]
        if self._what.action:
            steps = (step for each in self._attempts() for step in each.steps)
            done = [step.action for step in steps if step.operation]
            planned = (*self._plans.values(), *done)  # ours, and what a person has applied
            held = self._what.action in planned
            why = "" if held else ", ".join(planned) or "nothing was planned"
            what = f"plan {self._what.action}"
            found.append(score.Expectation(what=what, held=held, why=why))
        if wanted is run.RunState.RECOVERED:
            over = bool(await self._seen.until(self._is_over, RECOVERED_S))
            found.append(score.Expectation(what=f"{self._what.recovered.text} again", held=over))
        found += await acted.recorded(self._client, self._what, self._began)
        return found + await acted.spared(self._client, self._what, self._seen, self._began)

    @property
    def _limit_s(self) -> float | None:
        """How long news may take: a person takes the time that it takes."""
        return None if self._by_hand else RECOVERED_S

    def _attempts(self) -> list[run.Run]:
        if self._by_hand:
            return judge.attempts(self._what, self._seen, self._began)
        found = judge.run_of(self._what, self._seen, self._began)
        return [found] if found else []

    def _run(self) -> run.Run | None:
        return judge.meant(self._attempts())

    def _goes_on(self) -> list[run.Run]:
        """The run, and those that go on of a runbook to which it leads."""
        first = self._run()
        if first is None:
            return []
        led = {step.found for step in first.steps if step.kind == "decide"}
        others = [
            each
            for each in self._seen.runs.values()
            if each.runbook in led and each.began_at >= self._began and each.state not in ENDED
        ]
        return [first, *others]

    def _ended(self) -> run.Run | None:
        found = self._run()
        return found if found and found.state in ENDED else None

    def _diagnosed(self) -> run.Run | None:
        found = self._run()
        return found if found and found.diagnosed_at is not None else None

    def _is_over(self) -> bool:
        """What was expected fires no more, and what had to be true again is."""
        rules = {each.rule for each in self._what.alerts}
        firing = any(
            each.rule in rules and each.phase is alert.Phase.FIRING for each in self._seen.alerts()
        )
        return not firing and self._seen.holds(self._what.recovered)

    # What `--auto` does in a person's place: the one place that knows how a run is answered.

    async def _help(self, running: run.Run, stage: base.Stage) -> bool:
        """Confirm what is planned, or play a manual step; False when there is nothing to do."""
        for step in running.steps:
            open_ = step.state in (run.StepState.PENDING, run.StepState.RUNNING)
            if open_ and step.kind == "fix" and step.plan:
                if step.plan in self._plans:
                    return False  # it is applied: the run says when nothing came of that
                await self._confirm(step.plan)
                return True
            waits = step.kind == "manual" and step.state is run.StepState.RUNNING
            if waits:
                await self._operators.play(step.id, stage)
        if running == self._asked.get(running.ref) and not self._in_vain():
            return False  # it has not gone on since
        self._asked[running.ref] = running
        if (action := self._asked_for(running)) is not None:
            await self._answer(action, running.ref)
        return action is not None

    @staticmethod
    def _asked_for(running: run.Run) -> base_model.ActionId | None:
        """What a run waits for from a person."""
        return next((action for action in ANSWERS if action in running.actions), None)

    async def _answer(self, action: base_model.ActionId, ref: base_model.Ref) -> None:
        """What a person answers a run that waits."""
        self._answers += 1
        try:
            plan = await self._client.plan(action, plans.Selection(refs=(ref,)))
            self._answered = plan.plan_id
            await self._client.apply(plan.plan_id, reason=REASON, confirm=plan.confirm)
        except errors.DoorError as error:
            self._tell(str(error))

    def _in_vain(self) -> bool:
        """Whether the last answer came to nothing, as a source was away that is there again."""
        sources = [e for e in self._seen.entities("source") if isinstance(e, core.SourceStatus)]
        if self._answers >= ANSWERS_MAX or any(each.state != "watching" for each in sources):
            return False
        operations = self._seen.operations.values()
        last = [each for each in operations if each.plan_id == self._answered]
        return any(each.finished_at is not None and not each.done for each in last)

    async def _confirm(self, plan_id: str) -> None:
        plan = await self._client.planned(plan_id)
        self._plans[plan_id] = plan.action
        self._tell(f"confirming {plan.label}")
        try:
            await self._client.apply(plan_id, reason=REASON, confirm=plan.confirm)
        except errors.DoorError as error:
            self._tell(str(error))
