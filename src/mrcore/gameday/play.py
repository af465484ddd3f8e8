"""One play of a scenario: calm, broken, detected, diagnosed, recovered, and mended in any case."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
import shlex
from collections.abc import Callable
from datetime import datetime

from mrcore import client as clients
from mrcore import errors, settings
from mrcore.alerts import rule as rules
from mrcore.gameday import (
    acted,
    arena,
    calm,
    consoles,
    debts,
    judge,
    keypresses,
    operators,
    recovering,
    scenario,
    score,
    story,
    warden,
    watch,
)
from mrcore.gameday.faults import KINDS, base
from mrcore.runbooks import library

CALM_S = 120.0
BARRIER_S = 240.0
DETECTED_S = 180.0
"""How long is waited at most, at any time scale: patience with the host, no expectation."""

_QUIET = "demo.known_off"
"""What comes before every scenario, and ends with it."""

ORDER: tuple[score.Until, ...] = ("injected", "detected", "diagnosed", "recovered")

Tell = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Order:
    """How far to play, with which dice, and who confirms what the runbook plans.

    With `withhold` nobody does, and it must not recover; with `misled` the runbooks of the core are
    known to be wrong, and what they lead to must not be proven.
    """

    until: score.Until = "recovered"
    auto: bool = False
    seed: int | None = None
    withhold: bool = False
    misled: bool = False

    @property
    def played(self) -> score.Played:
        """Who recovers it, in the score's word."""
        if self.withhold or self.misled:
            return "withheld" if self.withhold else "misled"
        return "auto" if self.auto else "by hand"


class Failed(Exception):
    """An expectation that did not come true, after which there is nothing more to play."""


class Play:
    """One scenario in one stack; `tell` hears where it is."""

    def __init__(
        self,
        stack: arena.Arena,
        what: scenario.Scenario,
        order: Order,
        *,
        now: Callable[[], datetime],
        tell: Tell,
    ) -> None:
        self._stack = stack
        self._what = what
        self._order = order
        self._now = now
        self._tell = tell
        self._seen = watch.Watcher(now=now)
        self._found: list[score.Expectation] = []
        self._times: dict[str, float] = {}
        self._operators = operators.Operators(what, tell)
        self._before: frozenset[str] = frozenset()
        own = settings.load(stack.state / "settings.json")
        self._scale, self._runbooks = own.time_scale, own.runbooks.folder
        self._rules = rules.load(rules.shipped(), own.alerts.rules, own.time_scale)
        self._began = self._there = self._alerted = now()
        self._story: dict[str, tuple[str, ...]] = {}
        self._keys = keypresses.Keypresses(stack.state)
        self._keypresses = 0
        self.broke = False
        """Whether a fault of the scenario was begun."""

    async def run(self) -> score.Card:
        """Play it to its end, mend everything, and say what came of it.

        Raises StackError where it cannot be played here.
        """
        await self._stack.check()
        state = self._stack.state
        owed = debts.Debts(state)
        with state.lock(consoles.LOCK, f"A game day is played in {state.path} already."):
            consoles.clear(state)
            await owed.mend(self._stack)
            async with clients.CoreClient.at(state=state.path) as client:
                following = asyncio.create_task(self._seen.follow(client))
                try:
                    await self._between(client, owed)
                finally:
                    following.cancel()
                    await asyncio.gather(following, return_exceptions=True)
        return self._card()

    async def _between(self, client: clients.CoreClient, owed: debts.Debts) -> None:
        """What is broken in here is mended when it is left, whatever happens."""
        with warden.Warden(self._stack.state), self._keys:
            try:
                async with contextlib.AsyncExitStack() as held:
                    dice = random.Random(self._seed)  # noqa: S311 - of a game
                    with contextlib.suppress(Failed):
                        await self._acts(client, base.Stage(self._stack, dice, held), owed)
                    done = await acted.outcomes(client, self._seen, self._began)
                    self._story = story.of(self._what, self._seen, self._began, done)
            finally:
                failed = await asyncio.shield(owed.mend(self._stack))
                for sentence in failed:
                    self._expect("everything is mended", False, sentence)

    async def _acts(self, client: clients.CoreClient, stage: base.Stage, owed: debts.Debts) -> None:
        far = ORDER.index(self._order.until)
        await self._break(scenario.Step(_QUIET, KINDS[_QUIET]()), stage, owed)
        await self._calm()
        await recovering.end_others(client, self._seen, self._what.runbook)
        await self._inject(stage, owed)
        await stage.held.enter_async_context(self._operators.at_work(stage))
        if far >= ORDER.index("detected"):
            await self._detect()
        if far >= ORDER.index("diagnosed"):
            actor = recovering.Recovery(
                client, self._seen, self._what, self._began, self._tell, self._operators,
                by_hand=self._order.played == "by hand",
            )  # fmt: skip
            diagnosed = await actor.diagnosed()
            self._found += [] if self._order.misled else diagnosed
            self._stop_if_failed()
            self._lap("diagnosed")
            if far >= ORDER.index("recovered"):
                await self._recover(actor, stage)
        if far >= ORDER.index("detected") and not self._order.misled:
            self._found.append(judge.unrelated(self._what, self._seen, self._began, self._before))

    async def _recover(self, actor: recovering.Recovery, stage: base.Stage) -> None:
        """See that it recovers as it was ordered, or that it does not."""
        if self._order.withhold:
            self._found += await actor.withheld(recovering.watched_s(self._hold_s()))
        elif self._order.misled:
            self._found += await actor.misled(stage)
        else:
            self._tell_by_hand()
            found = await actor.recovered(stage)
            self._found += found
            if all(each.held for each in found):
                self._lap("recovered")
        self._keypresses = self._keys.since(self._alerted)

    def _hold_s(self) -> float:
        """The hold of the scenario's runbook in this stack; 0 where none has to mend it."""
        known = library.look(self._runbooks, self._scale).known.get(self._what.runbook)
        return known.hold_s if known else 0.0

    def _tell_by_hand(self) -> None:
        """Say what does the steps that no screen does."""
        steps = dict.fromkeys(operator.step for operator in self._what.operators)
        if steps and not self._order.auto:
            where = shlex.quote(str(self._stack.state.path))
            said = f"manual steps here: {', '.join(steps)}; each is done by"
            self._tell(f"{said} mrcore gameday operate STEP --state {where}")

    async def _calm(self) -> None:
        """Begin when nothing moves that would be taken for what the fault leads to."""
        self._tell("waiting until all is calm")
        if not await self._seen.until(lambda: not calm.disturbs(self._what, self._seen), CALM_S):
            still = ", ".join(calm.disturbs(self._what, self._seen))
            raise errors.StackError(f"The stack does not become calm: {still}.")
        self._before = frozenset(each.ref for each in self._seen.alerts() if calm.stands(each))

    async def _inject(self, stage: base.Stage, owed: debts.Debts) -> None:
        self._began = self._now()
        for step in self._what.faults:
            await self._barrier(step.when, f"before {step.kind}")
            self._tell(f"injecting {step.kind}")
            self.broke = True
            await self._break(step, stage, owed)
            self._there = self._now()
            await self._barrier(step.until, f"after {step.kind}")
        self._expect("the fault is there", True)

    async def _break(self, step: scenario.Step, stage: base.Stage, owed: debts.Debts) -> None:
        """Inject one fault, which is owed from before. Raises StackError where it cannot be."""
        memo = await step.fault.before(stage)
        owed.owe(step.kind, step.fault.model_dump(mode="json"), memo)
        try:
            await step.fault.inject(stage, memo)
        except debts.BROKEN as error:
            raise errors.StackError(f"{step.kind} could not be injected: {error}") from error

    async def _barrier(self, condition: object, where: str) -> None:
        if condition is None:
            return
        found = await self._seen.until(lambda: self._seen.holds(condition), BARRIER_S)  # type: ignore[arg-type]
        if not found:
            text = getattr(condition, "text", "")
            self._expect(f"the fault is there ({where}: {text})", False, "it was not observed")
            raise Failed

    async def _detect(self) -> None:
        self._tell("waiting for " + ", ".join(each.rule for each in self._what.alerts))
        found: list[watch.Firing] = []
        for each in self._what.alerts:
            find = lambda each=each: judge.of(each, self._seen.firings.values(), self._began)  # noqa: E731
            firing = await self._seen.until(find, DETECTED_S)
            about = f" of {each.subject}" if each.subject else ""
            self._expect(f"alert {each.rule}{about}", firing is not None, "" if firing else "none")
            if firing is not None:
                self._found.append(judge.punctual(firing, self._rules[each.rule], self._seen))
                found.append(firing)
        if len(found) == len(self._what.alerts):
            self._lap("detected")
        fired = (each.alert.fired_at for each in found if each.alert.fired_at is not None)
        self._alerted = min(fired, default=self._now())
        self._stop_if_failed()

    def _lap(self, name: str) -> None:
        self._times[name] = (self._now() - self._there).total_seconds()

    def _expect(self, what: str, held: bool, why: str = "") -> None:
        self._found.append(score.Expectation(what=what, held=held, why=why))

    def _stop_if_failed(self) -> None:
        if not all(each.held for each in self._found):
            raise Failed

    @property
    def _seed(self) -> int:
        return self._what.seed if self._order.seed is None else self._order.seed

    def _card(self) -> score.Card:
        what = self._what
        return score.Card(
            scenario=what.id,
            title=what.title,
            seed=self._seed,
            time_scale=self._scale,
            until=self._order.until,
            played=self._order.played,
            at=self._now(),
            ok=bool(self._found) and all(each.held for each in self._found),
            detected_s=self._times.get("detected"),
            diagnosed_s=self._times.get("diagnosed"),
            recovered_s=self._times.get("recovered"),
            keypresses=self._keypresses,
            wrong_actions=judge.wrong_actions(what, self._seen, self._began),
            expectations=tuple(self._found),
            operators=tuple(self._operators.played),
            story=self._story,
        )
