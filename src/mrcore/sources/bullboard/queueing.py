"""Pause, resume, clean and drain of a queue through the board's routes.

A route cleans or drains all in one step, which nobody can stop: that is for few jobs (`MOST`).
Where there are more, or where it would take what is not meant, jobs are removed one by one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence

from mrcore import errors
from mrcore.model import base, plans
from mrcore.sources import base as source_base
from mrcore.sources.bullboard import acts, emptying, look, offers, rows, seeing, shape

ACTIONS = (offers.PAUSE, offers.RESUME, offers.CLEAN, offers.DRAIN)
GRACE_S = 5.0
"""What a board leaves when it cleans: what ended within 5 s (its `GRACE_TIME_MS`)."""

MOST = 3_000
"""What a route may clean or drain at once: Redis stands still for about 50 ms meanwhile."""

ROUTES = {offers.PAUSE: ("pause",), offers.RESUME: ("resume",), offers.DRAIN: ("empty",)}


class Queueing:
    """Plans and does them; a pause is undone by a resume, and the other way round."""

    def __init__(self, seer: seeing.Seer, look_: look.Look, rest: emptying.Emptying) -> None:
        self._seer = seer
        self._look = look_
        self._rest = rest

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: source_base.Progress,
    ) -> AsyncIterator[source_base.Planned]:
        taken, room = 0, emptying.Room()
        queries = emptying.asked(action, args).queries() if action in emptying.ACTIONS else []
        for number, of in enumerate(selection.refs, 1):
            app = await self._app(of)
            progress(number, len(selection.refs))
            if app is None:
                yield acts.left(of, seeing.NO_QUEUE)
                continue
            if why := _refusal(action, app, args):
                yield acts.left(of, why)
            elif _one_by_one(action, app, args):
                async for part in self._rest.plan(of, app, queries, room, progress):
                    yield part
            elif action not in (offers.CLEAN, offers.DRAIN) or _amount(action, app, args):
                taken += 1
                yield _target(action, of, app, args)
                yield _remark(action, app)
        for remark in _said(action, taken, room):
            yield remark

    async def _app(self, of: base.Ref) -> shape.App | None:
        """The queue as it is now."""
        found = seeing.ids(self._seer.source, of, "queue", 1)
        return await self._look.app(found[0]) if found else None

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> list[plans.TargetOutcome]:
        outcomes = [
            await self._one(action, target, args, by) for target in chunk if not self._job(target)
        ]
        each = [target for target in chunk if self._job(target)]
        return [*outcomes, *await self._rest.removal.empty(each, by)]

    def _job(self, target: plans.Target) -> bool:
        return seeing.ids(self._seer.source, target.ref, "job", 2) is not None

    async def _one(
        self, action: base.ActionId, target: plans.Target, args: plans.Args, by: plans.By
    ) -> plans.TargetOutcome:
        of, guard = target.ref, target.guard
        try:
            app = await self._app(of)
        except errors.SourceError as error:
            return acts.failed(of, f"{error} It was not done.")
        if app is None:
            return acts.skipped(of, seeing.NO_QUEUE)
        if _guard(action, app, args) != guard:
            if by.again and action in (offers.PAUSE, offers.RESUME):
                return _flipped(action, of)
            return acts.skipped(of, _moved(action, app, args, guard))
        name = rows.text(app.get("name"))
        path = ("clean", _state(args)) if action == offers.CLEAN else ROUTES[action]
        try:
            answer = await self._seer.board.ask("PUT", "queues", name, *path)
            if not answer.good:
                return acts.failed(of, f"The board did not do it: {answer.said}.")
            after = await self._app(of)
        except errors.SourceError as error:
            return acts.failed(of, f"{error} It may have been done.", doubtful=True)
        return _outcome(action, of, app, after or {}, args)

    async def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        back = _back(action)
        for undoable in done:
            of = undoable.target.ref
            app = await self._app(of)
            if app is None:
                yield acts.left(of, seeing.NO_QUEUE)
            elif why := _refusal(back, app, {}):
                yield acts.left(of, why)
            else:
                yield _target(back, of, app, {})

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]:
        back = _back(action)
        done = [await self._one(back, one.target, {}, by) for one in chunk]
        return [outcome.model_copy(update={"memento": None}) for outcome in done]


def _back(action: base.ActionId) -> base.ActionId:
    if action not in (offers.PAUSE, offers.RESUME):
        raise errors.Unsupported(f"{action} cannot be undone through a board.")
    return offers.RESUME if action == offers.PAUSE else offers.PAUSE


def _state(args: plans.Args) -> str:
    return str(args.get("state", ""))


def _amount(action: base.ActionId, app: shape.App, args: plans.Args) -> int:
    """How many jobs are meant."""
    states = (_state(args),) if action == offers.CLEAN else emptying.DRAINED
    return sum(rows.count(app, state) for state in states)


def _refusal(action: base.ActionId, app: shape.App, args: plans.Args) -> str:
    if why := offers.refusal(action, app):
        return why
    paused = app.get("isPaused") is True
    if action in (offers.PAUSE, offers.RESUME):
        if paused is (action == offers.PAUSE):
            return "It is paused." if paused else "It is not paused."
        return ""
    return ""


def _one_by_one(action: base.ActionId, app: shape.App, args: plans.Args) -> bool:
    """Whether the board's own route would take too many, or what is not meant."""
    if action not in (offers.CLEAN, offers.DRAIN):
        return False
    older_s = rows.number(args.get("older_s", emptying.OLDER_S)) or 0.0
    other = args.get("delayed") if action == offers.DRAIN else older_s > GRACE_S
    return bool(other) or _amount(action, app, args) > MOST


def _said(action: base.ActionId, taken: int, room: emptying.Room) -> Iterator[source_base.Planned]:
    """What to know of all of it."""
    each = emptying.MOST - room.left
    if taken or each:
        yield acts.TWO_STEPS
    if room.waited:
        text = f"{room.waited:,} have not run yet, and will not"
        yield plans.Remark(text=text, level=base.Level.WARN)
    if (taken or each) and action in (offers.CLEAN, offers.DRAIN):
        yield acts.lasting("cannot put back what it has removed")


def _guard(action: base.ActionId, app: shape.App, args: plans.Args) -> plans.Args:
    if action in (offers.PAUSE, offers.RESUME):
        return {"paused": app.get("isPaused") is True}
    return {"jobs": _amount(action, app, args)}


def _target(action: base.ActionId, of: base.Ref, app: shape.App, args: plans.Args) -> plans.Target:
    name = rows.text(app.get("name"))
    return plans.Target(ref=of, label=name, guard=_guard(action, app, args))


def _remark(action: base.ActionId, app: shape.App) -> plans.Remark:
    name, waiting = rows.text(app.get("name")), _amount(offers.DRAIN, app, {})
    match action:
        case offers.PAUSE:
            text = f"{name}: {waiting:,} waiting stay waiting; what runs ends"
        case offers.RESUME:
            text = f"{name}: {waiting:,} waiting start as workers are free"
        case offers.DRAIN:
            text = f"{name}: {waiting:,} have not run yet, and will not"
        case _:
            text = f"{name}: what ended within the last {GRACE_S:.0f} s stays"
    return plans.Remark(text=text)


def _moved(action: base.ActionId, app: shape.App, args: plans.Args, guard: plans.Args) -> str:
    if action in (offers.PAUSE, offers.RESUME):
        words = "paused" if app.get("isPaused") is True else "not paused any more"
        return f"It has moved on: it is {words}."
    return f"It has moved on: {guard.get('jobs')} → {_amount(action, app, args)} jobs."


def _flipped(action: base.ActionId, of: base.Ref) -> plans.TargetOutcome:
    paused = action == offers.PAUSE
    return acts.done(of, "It is paused." if paused else "It is resumed.", {"paused": paused})


def _outcome(
    action: base.ActionId, of: base.Ref, before: shape.App, after: shape.App, args: plans.Args
) -> plans.TargetOutcome:
    if action in (offers.PAUSE, offers.RESUME):
        return _flipped(action, of)
    removed = _amount(action, before, args) - _amount(action, after, args)
    if removed <= 0 and action == offers.CLEAN:
        return acts.skipped(of, f"Nothing in it ended over {GRACE_S:.0f} s ago.")
    return acts.done(of, f"{removed:,} removed")
