"""`schedule.run` and `schedule.remove`: a schedule's job now, beside its ticks; and its end."""

from __future__ import annotations

import functools
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from pydantic import JsonValue

from mrcore.model import base, plans, ref
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.bullmq import asking, looking, offers, places, rows, running, undoing
from mrcore.sources.redis import link

ACTIONS = (offers.RUN, offers.UNSCHEDULE)
_JOBS = uuid.UUID("5e1d0c57-6f0e-4a35-9d61-3f8f4f6c1b92")
_LEGACY = "It is a repeatable job of an older BullMQ, which has no template to run."


class Facts(NamedTuple):
    """What is known of a schedule; `millis` is when it is due, `runs` how often it ran."""

    place: places.Place
    id: str
    name: str
    millis: str
    runs: str
    last: str
    paused: bool


class Scheduling:
    """Plans, does and undoes both."""

    def __init__(self, hand: kept.Kept[link.Client], runner: running.Runner) -> None:
        self._hand = hand
        self._runner = runner

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: source_base.Progress,
    ) -> AsyncIterator[source_base.Planned]:
        for number, of in enumerate(selection.refs):
            facts = await self._hand.run(functools.partial(self._facts, of=of))
            progress(number + 1, len(selection.refs))
            if isinstance(facts, str):
                yield running.left(of, facts)
                continue
            due = rows.instant(facts.millis)
            guard: plans.Args = {"since": facts.millis, "runs": facts.runs}
            if action == offers.RUN:
                guard = {"since": facts.millis, "last": facts.last}
            label = f"{facts.id} ({facts.name} of {facts.place.shown})"
            yield plans.Target(ref=of, label=label, name=facts.id, guard=guard)
            if action == offers.RUN and facts.paused:
                text = f"{facts.place.shown} is paused: the job waits until it is resumed"
                yield plans.Remark(text=text, level=base.Level.WARN)
            if due is not None:
                what = "is also due by itself" if action == offers.RUN else "will not run"
                yield plans.Remark(text=f"{facts.id} {what}: {due:%Y-%m-%d %H:%M:%S} UTC")

    async def _facts(self, client: link.Client, of: base.Ref) -> Facts | str:
        found = running.ids(self._runner.source, of, "schedule", 2)
        if found is None:
            return running.NO_SCHEDULE
        place, why = await self._runner.place(client, found[0])
        if place is None or why:
            return why or running.NO_SCHEDULE
        millis, fields, last, paused = await asking.ask(
            client,
            ("ZSCORE", place.base + "repeat", found[1]),
            ("HMGET", f"{place.base}repeat:{found[1]}", "name", "ic"),
            ("GET", f"{place.ours}last:repeat:{found[1]}"),
            ("HEXISTS", place.base + "meta", "paused"),
        )
        if not isinstance(millis, bytes):
            return running.NO_SCHEDULE
        name, runs = (asking.text(one) for one in asking.items(fields) or (None, None))
        if not runs:
            return _LEGACY
        return Facts(place, found[1], name, millis.decode(), runs, asking.text(last), paused == 1)

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> list[plans.TargetOutcome]:
        outcomes = []
        for target in chunk:
            mark = source_base.mark(by, action, target.ref, target.guard)
            item: dict[str, JsonValue] = {**target.guard, "mark": mark}
            if action == offers.RUN:
                item["copy"] = str(uuid.uuid5(_JOBS, mark))
            outcomes.append(await self._run(target.ref, _script(action), item))
        return outcomes

    async def _run(self, of: base.Ref, script: str, item: running.Item) -> plans.TargetOutcome:
        return await self._hand.run(lambda client: self._ask(client, of, script, item))

    async def _ask(
        self, client: link.Client, of: base.Ref, script: str, item: running.Item
    ) -> plans.TargetOutcome:
        said = await self._runner.on_schedule(client, of, script, item)
        if isinstance(said, plans.TargetOutcome):
            return said
        place, reply = said
        return self._outcome(of, place, script, reply)

    def _outcome(
        self, of: base.Ref, place: places.Place, script: str, reply: Sequence[str]
    ) -> plans.TargetOutcome:
        became, what, _ = reply
        match became:
            case "gone":
                why = "It is not kept any more." if script == "reschedule" else running.NO_SCHEDULE
                return running.skipped(of, f"It has moved on: {why}")
            case "ticked":
                return running.skipped(of, "It has moved on: it has run meanwhile, or is another.")
            case "copied":
                return running.skipped(of, "It has moved on: it was run by hand meanwhile.")
            case "moved":
                now = what.replace("_", " ") or "gone"
                return running.skipped(of, f"Its job has moved on: it is {now}.")
            case "taken":
                return running.skipped(of, "There is a schedule of that name again.")
        if script == "withdraw":
            return running.done(of, "Its job is taken out of the queue.")
        if script == "reschedule":
            return running.done(of, "It is back, with its next run.")
        memento = running.memento(what)
        if script == "unschedule":
            return running.done(of, "removed, with its next run", memento)
        job = ref.make(self._runner.source, "job", place.shown, str(memento["job"]))
        return running.done(of, f"enqueued as {job}", memento)

    async def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        for one in done:
            of = one.target.ref
            why = await self._hand.run(functools.partial(self._why, action=action, one=one))
            if why:
                yield running.left(of, why)
                continue
            note = "its job is taken out of the queue" if action == offers.RUN else "back"
            yield one.target.model_copy(update={"note": note})

    async def _why(self, client: link.Client, action: base.ActionId, one: plans.Undoable) -> str:
        """Why it cannot be undone, '' where it can; the script looks again."""
        found = running.ids(self._runner.source, one.target.ref, "schedule", 2)
        place, why = await self._runner.place(client, found[0]) if found else (None, "")
        if found is None or place is None or why:
            return why or running.NO_SCHEDULE
        if action == offers.RUN:
            spots = await looking.find(client, place, [str(one.memento["job"])])
            now = spots[0].state.value if spots else "gone"
            same = now == one.memento["state"]
            return "" if same else f"Its job does not wait any more: it is {now}."
        there, kept_ = await asking.ask(
            client,
            ("ZSCORE", place.base + "repeat", found[1]),
            ("EXISTS", f"{place.ours}trash:{one.memento['mark']}:schedule"),
        )
        if there is not None:
            return "There is a schedule of that name again."
        return "" if kept_ else "It is not kept any more: the trash is emptied after 24 h."

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]:
        outcomes = []
        for one in chunk:
            if action == offers.RUN:
                item = undoing.added(one.memento, "")
                outcomes.append(await self._run(one.target.ref, "withdraw", item))
            else:
                item = {**one.memento, "undoes": one.memento["mark"]}
                del item["mark"]
                outcomes.append(await self._run(one.target.ref, "reschedule", item))
        return outcomes


def _script(action: base.ActionId) -> str:
    return "add" if action == offers.RUN else "unschedule"
