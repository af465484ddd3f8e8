"""From a key to an outcome: plan, ask if it is risky, apply, and say what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from textual.worker import Worker

from mrcore import catalogue, errors
from mrcore.model import core, plans
from mrtui import answers, approvals, consent, meanwhile, news
from mrtui.columns import operation as columns
from mrtui.screens import revealed

if TYPE_CHECKING:
    from mrtui import app
    from mrtui.screens import room

FINAL = {core.OperationState.DONE, core.OperationState.FAILED, core.OperationState.STOPPED}
REVEALED_WITHIN_S = 10.0
BUSY = "a plan is being made: esc drops it"
STOPPED = "planning was stopped; nothing was done"
TAKES = frozenset(("job.remove", "job.quarantine", "key.delete"))
"""What takes its targets away from where they were."""

GONE_S = 3.0
"""How long a row that was taken away is still shown, as gone."""


class Acting:
    """What was asked of the core and is not settled yet."""

    def __init__(self, control: app.ControlRoom) -> None:
        self._control = control
        self._open: dict[str, frozenset[str]] = {}
        self._asked: dict[int, frozenset[str]] = {}
        self._making: Worker[None] | None = None  # what asks a person, or soon will: one at most
        self._gone: dict[str, datetime] = {}
        self._ended: dict[str, asyncio.Event] = {}
        self._far: dict[str, str] = {}
        self._counted = news.News()
        self._numbers = itertools.count(1)
        self._heard = asyncio.Event()
        self._watch = approvals.Watch()
        self._consent = consent.Consent(control)

    @property
    def pending(self) -> frozenset[str]:
        """Refs that wait for the core."""
        return frozenset().union(*self._asked.values(), *self._open.values())

    @property
    def gone(self) -> frozenset[str]:
        """Refs that were taken away a moment ago."""
        now = self._control.instant
        self._gone = {
            ref: at for ref, at in self._gone.items() if (now - at).total_seconds() < GONE_S
        }
        return frozenset(self._gone)

    def begin(self, action: str, refs: Iterable[str], word: str = "") -> None:
        """Do an action on refs; what came of it becomes the news of the room."""
        chosen = frozenset(refs)
        self.wish(
            consent.Wish(action, plans.Selection(refs=tuple(sorted(chosen))), chosen, word=word)
        )

    def wish(self, wanted: consent.Wish) -> None:
        """Plan it, ask where that is due, apply it; refused while another is planned or asked."""
        if self._busy():
            return
        number, here = next(self._numbers), self._control.top
        # Each under a name of its own: a second one must not cut off one that is applied.
        work = functools.partial(self._ask, number, wanted, here)
        self._make(work, number)

    def first(self, ask: Callable[[], Awaitable[Callable[[], None] | None]]) -> None:
        """Let `ask` ask a person something, then do what it answers; refused as a wish is."""
        if not self._busy():
            self._make(functools.partial(self._first, ask), next(self._numbers))

    def _make(self, work: Callable[[], Coroutine[None, None, None]], number: int) -> None:
        """Let it run; what is typed from now on waits for what it asks."""
        control = self._control
        self._making = control.later(work, f"act {number}")
        control.meanwhile.begin(self._making, control.top, control.instant)

    def _asked_all(self, work: meanwhile.Work | None, *, goes_on: bool) -> None:
        """It asks nothing (any more): what was typed meanwhile is the room's, or forgotten."""
        self._control.meanwhile.end(work, goes_on=goes_on)
        self._control.call_next(self._control.go_on)

    def drop(self) -> bool:
        """Forget what is planned and is not asked about yet; False where there is nothing."""
        making = self._making or self._control.meanwhile.work
        if not isinstance(making, Worker) or making.is_finished:
            return False
        making.cancel()
        self._making = None
        self._asked_all(making, goes_on=False)
        self._control.say(STOPPED, "warn")
        return True

    def _busy(self) -> bool:
        if self._making is None or self._making.is_finished:
            return False
        self._control.say(BUSY, "warn")
        return True

    async def _first(self, ask: Callable[[], Awaitable[Callable[[], None] | None]]) -> None:
        mine = self._making
        try:
            then = await ask()
        except errors.MrError as error:
            self._control.say(f"✖ {error}", "bad")
            self._asked_all(mine, goes_on=False)
            return
        self._making = None
        if then is not None:
            then()
        self._asked_all(mine, goes_on=False)  # of what it has begun keys wait further

    def again(self, plan: plans.Plan, answer: answers.Answer) -> None:
        """Apply a plan that has waited for a second login."""
        self._control.later(
            functools.partial(self._applied, plan, answer), f"act {next(self._numbers)}"
        )

    async def _applied(self, plan: plans.Plan, answer: answers.Answer) -> None:
        try:
            done = await self._consent.start(plan, answer)
        except errors.MrError as error:
            self._control.say(f"✖ {error}", "bad")
            return
        if done is not None:
            self._open[done.ref] = frozenset()
            self._tell(done)

    async def _ask(self, number: int, wanted: consent.Wish, here: room.Room | None) -> None:
        mine, done, refused = self._making, None, None
        self._asked[number] = wanted.refs
        try:
            self._control.repaint()
            done = await self._apply(wanted, here)
            if done is not None:
                self._open[done.ref] = wanted.refs
                if here is not None and here.stands:
                    here.applied(wanted.refs)
                self._tell(done)
                await self._reveal(wanted, done, here)
                await self._go_on(wanted, done, here)
        except errors.MrError as error:
            refused = error
        finally:
            del self._asked[number]
            if self._making is mine:
                self._making = None
            self._asked_all(mine, goes_on=done is not None)
            self._control.repaint()
        if refused is not None:
            self._refused(refused, wanted, here)

    def _refused(self, error: errors.MrError, wanted: consent.Wish, here: room.Room | None) -> None:
        """Say why, or ask for what was wrong of it again."""
        wrong = isinstance(error, errors.BadRequest) and self._control.screen is here
        if wrong and wanted.amend is not None:
            self.first(functools.partial(wanted.amend, error.sentence))
        else:
            self._control.say(f"✖ {error}", "bad")

    def settle(self) -> None:
        """Close what the core says has ended; say what others decided."""
        self._heard.set()
        for ref in list(self._open):
            now = self._control.world.get(ref)
            if isinstance(now, core.Operation) and (now.state in FINAL or self._goes_on(now)):
                self._tell(now)
        for text, style in self._watch.news(self._control.rights):
            self._control.say(text, style)

    # The steps

    async def _apply(self, wanted: consent.Wish, here: room.Room | None) -> core.Operation | None:
        while True:
            plan = await self._consent.planned(wanted, here)
            if plan is None:
                self._control.say(STOPPED, "warn")
                return None
            if not plan.total:
                why = "; ".join(
                    f"{left.count} left out: {left.why}" if left.count else left.why
                    for left in plan.left_out
                )
                self._control.say(f"▲ {plan.label}: {why or 'there is nothing to do'}", "warn")
                return None
            answer = wanted.answer or await self._consent.answered(plan, wanted.word, here)
            if answer is None:
                return None
            if answer.verb is not answers.Verb.AGAIN:
                if not _asks_later(wanted):
                    self._asked_all(self._making, goes_on=True)
                self._making = None
                if here is not None and here.stands:
                    here.acted(wanted.refs)
                return await self._consent.start(plan, answer)

    async def _reveal(
        self, wanted: consent.Wish, done: core.Operation, here: room.Room | None
    ) -> None:
        """Show what was asked to be seen, once the core has written down that it was."""
        if not _reveals(wanted):
            return
        try:
            async with asyncio.timeout(REVEALED_WITHIN_S):
                await self._until_ended(done)
        except TimeoutError:
            return  # the news says how far it is
        for ref in sorted(wanted.refs)[:1]:
            found = await self._control.link.client.reveal(ref)
            if here is None or self._control.screen is not here:
                self._control.say("not shown: the screen that asked for it was left", "warn")
            else:
                await self._control.question(revealed.Revealed(found), here)

    async def _go_on(
        self, wanted: consent.Wish, done: core.Operation, here: room.Room | None
    ) -> None:
        """Do what follows from it, where a person still looks at what asked for it."""
        if wanted.then is None:
            return
        await self._until_ended(done)
        if here is not None and self._control.screen is here:
            await wanted.then()

    async def until(self, told: Callable[[], bool]) -> None:
        """Wait until the core has told of something, as long as that is soon."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REVEALED_WITHIN_S):
                while not told():
                    self._heard.clear()
                    await self._heard.wait()

    async def show(self, plan: plans.Plan, here: room.Room) -> answers.Answer | None:
        """Show a plan that the core has made, and apply it if a person says so; the answer."""
        answer = await self._consent.answered(plan, "", here, always=True)
        if answer is not None and answer.verb is not answers.Verb.AGAIN:
            await self._applied(plan, answer)
        return answer

    async def _until_ended(self, done: core.Operation) -> None:
        if done.ref in self._open:
            await self._ended.setdefault(done.ref, asyncio.Event()).wait()

    def _tell(self, done: core.Operation) -> None:
        if done.state in FINAL:
            self._end(done, self._open.pop(done.ref, frozenset()))
            self._far.pop(done.ref, None)
            if (waiting := self._ended.pop(done.ref, None)) is not None:
                waiting.set()
            self._control.say(*columns.sentence(done), passing=True)
            self._control.repaint()
        else:
            self._far[done.ref] = columns.progress(done)
            paused = done.state is core.OperationState.PAUSED
            said = f"{columns.outcome(done)}{', paused' if paused else ''} · operation {done.id}"
            self._control.say(f"{'‖' if paused else '◌'} {said}", "warn" if paused else "accent")
            self._counted = self._control.news

    def _goes_on(self, now: core.Operation) -> bool:
        """Whether it is further than was said, and nothing else was said since."""
        heard = self._control.news is self._counted or not self._control.news[0]
        return heard and self._far.get(now.ref) != columns.progress(now)

    def _end(self, done: core.Operation, refs: frozenset[str]) -> None:
        """What it took away is gone at once; what was undone may be back."""
        if done.undoes is not None:
            self._gone.clear()
        elif done.action in TAKES and done.done == done.total:
            self._gone.update(dict.fromkeys(refs, self._control.instant))
        if (shown := self._control.top) is not None:
            shown.ended(refs)


def _reveals(wanted: consent.Wish) -> bool:
    """Whether it is done to be shown something."""
    known = catalogue.ACTIONS.get(wanted.action)
    return known is not None and known.reveals


def _asks_later(wanted: consent.Wish) -> bool:
    """Whether a dialog comes once it is done."""
    return wanted.asks or _reveals(wanted)
