"""`schedule.run` and `schedule.remove`: what the board's own route would run, under our id."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from pydantic import JsonValue

from mrcore import errors
from mrcore.model import base, plans
from mrcore.sources import base as source_base
from mrcore.sources.bullboard import acts, copying, look, offers, rows, seeing, shape

ACTIONS = (offers.RUN, offers.FORGET)
NO_SCHEDULE = "There is no such schedule (any more)."


class Scheduling:
    """Plans and does both; a run is undone while it waits."""

    def __init__(self, look_: look.Look, adder: copying.Adder) -> None:
        self._look = look_
        self._adder = adder
        self._source = adder.seer.source

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: source_base.Progress,
    ) -> AsyncIterator[source_base.Planned]:
        known, taken = await self._known(), 0
        for number, of in enumerate(selection.refs, 1):
            one, on = known.get(self._ids(of), (None, {}))
            progress(number, len(selection.refs))
            if one is None:
                yield acts.left(of, NO_SCHEDULE)
            elif why := offers.refusal(action, on):
                yield acts.left(of, why)
            else:
                guard = _guard(one)
                if action == offers.RUN:
                    guard["job"] = self._adder.id_for(of)
                taken += 1
                label, at = rows.text(one.get("id")), rows.instant(one.get("next"))
                yield plans.Target(ref=of, label=label, guard=guard, at=at)
        if taken:
            yield acts.TWO_STEPS
        if taken and action == offers.FORGET:
            yield acts.lasting("cannot register a schedule again")

    async def _known(self) -> dict[tuple[str, ...] | None, tuple[shape.App | None, shape.App]]:
        """Every scheduler with its queue."""
        found = await self._look.schedulers()
        apps = self._look.apps
        return {
            (rows.text(one.get("queueName")), rows.text(one.get("id"))): (
                one,
                apps.get(rows.text(one.get("queueName")), {"readOnlyMode": True}),
            )
            for one in found
        }

    def _ids(self, of: base.Ref) -> tuple[str, ...] | None:
        return seeing.ids(self._source, of, "schedule", 2)

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> list[plans.TargetOutcome]:
        try:
            known = await self._known()
        except errors.SourceError as error:
            return [acts.failed(t.ref, f"{error} It was not done.") for t in chunk]
        outcomes = []
        for target in chunk:
            one, _ = known.get(self._ids(target.ref), (None, {}))
            if one is None:
                outcomes.append(acts.skipped(target.ref, NO_SCHEDULE))
            elif any(target.guard.get(name) != value for name, value in _guard(one).items()):
                outcomes.append(
                    acts.skipped(target.ref, "It has moved on: it ran, or was changed.")
                )
            elif action == offers.RUN:
                outcomes.append(await self._run(target, one, by))
            else:
                outcomes.append(await self._remove(target, one))
        return outcomes

    async def _run(self, target: plans.Target, one: shape.App, by: plans.By) -> plans.TargetOutcome:
        """As the board's route does it from 9.6 on: a job of the template, the schedule stays."""
        template = one.get("template")
        opts, id_ = rows.field(template, "opts"), str(target.guard.get("job"))
        body: dict[str, JsonValue] = {
            "name": rows.text(one.get("name")),
            "data": rows.field(template, "data"),
            "options": {**(opts if isinstance(opts, dict) else {}), "jobId": id_},
        }
        where = rows.text(one.get("queueName"))
        return await self._adder.add(target.ref, where, id_, body, by)

    async def _remove(self, target: plans.Target, one: shape.App) -> plans.TargetOutcome:
        path = ("queues", rows.text(one.get("queueName")), "job-schedulers")
        board = self._adder.seer.board
        try:
            answer = await board.ask("PUT", *path, rows.text(one.get("id")), "remove")
        except errors.SourceError as error:
            return acts.failed(target.ref, f"{error} It may have been done.", doubtful=True)
        if answer.good:
            return acts.done(target.ref, "It is removed.")
        if answer.status == 404:
            return acts.skipped(target.ref, NO_SCHEDULE)
        return acts.failed(target.ref, f"The board did not do it: {answer.said}.")

    def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        if action == offers.FORGET:
            raise errors.Unsupported(f"{action} cannot be undone through a board.")
        return self._adder.plan_undo(done)

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]:
        return await self._adder.undo(chunk)


def _guard(one: shape.App) -> plans.Args:
    names = ("next", "pattern", "every", "tz", "iterationCount")
    return {name: one.get(name) for name in names}
