"""`schedule.register`: a schedule as the settings declare it, where it is not or is otherwise.

It is written by the library's own script, as its `upsertJobScheduler` would; what was there lies in
the trash for a day.
"""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import NamedTuple

from pydantic import JsonValue

from mrcore.model import base, plans
from mrcore.queues import ticks
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.bullmq import asking, looking, offers, places, running
from mrcore.sources.engine import declared, planning
from mrcore.sources.redis import link

ACTIONS = (offers.REGISTER,)
_UNDECLARED = "The settings do not declare it (schedules): nothing says how it shall be."
_LEGACY = "It is a repeatable job of an older BullMQ: its own code must register it."
_SAME = "It is registered as it is declared."
_WAITS = "Its next run waits in the queue already: register it once that has begun."
_BUSY = "BullMQ refused: jobs of earlier runs have the ids of its next ones."
_NOW = "an interval's first run is at once, as BullMQ does it"


class Facts(NamedTuple):
    """A schedule as it is declared, and what it goes by now, '' where it is not there."""

    place: places.Place
    name: str
    wanted: declared.Schedule
    was: str

    @property
    def to(self) -> str:
        """What it shall go by, as its hash would say it."""
        every_s = self.wanted.every_s
        every = str(round(every_s * 1000)) if every_s else ""
        return f"{every}|{self.wanted.cron}|{self.wanted.tz}"

    @property
    def label(self) -> str:
        return f"{self.name} ({self.wanted.words} of {self.place.shown})"


class Registering:
    """Plans, does and undoes it; `schedules` are what the settings declare."""

    def __init__(
        self,
        hand: kept.Kept[link.Client],
        runner: running.Runner,
        schedules: declared.Schedules,
    ) -> None:
        self._hand = hand
        self._runner = runner
        self._schedules = schedules

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: source_base.Progress,
    ) -> AsyncIterator[source_base.Planned]:
        async def ask(of: base.Ref) -> Facts | str:
            return await self._hand.run(functools.partial(self._facts, of=of))

        async for part in planning.over(selection, progress, ask, _parts):
            yield part

    async def _facts(self, client: link.Client, of: base.Ref) -> Facts | str:
        """What is to be done of a schedule, or why nothing is."""
        found = running.ids(self._runner.source, of, "schedule", 2)
        place, why = await self._runner.place(client, found[0]) if found else (None, "")
        if found is None or place is None or why:
            return why or running.NO_SCHEDULE
        wanted = self._wanted(place, found[1])
        millis, fields = await _ask(client, place, found[1])
        if wanted is None:
            return _UNDECLARED if millis else running.NO_SCHEDULE
        if millis and fields is None:
            return _LEGACY
        facts = Facts(place, found[1], wanted, "|".join(fields or ()) if millis else "")
        if facts.was == facts.to:
            return _SAME
        if millis:
            (spot,) = await looking.find(client, place, [f"repeat:{found[1]}:{millis}"]) or (None,)
            if spot is not None and spot.state.value in ("waiting", "prioritized"):
                return _WAITS
        return facts

    def _wanted(self, place: places.Place, name: str) -> declared.Schedule | None:
        wanted = self._schedules.get(name)
        return wanted if wanted and wanted.queue == place.shown else None

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> list[plans.TargetOutcome]:
        outcomes = []
        for target in chunk:
            item = self._item(target)
            if item is None:
                outcomes.append(running.skipped(target.ref, f"It has moved on: {_UNDECLARED}"))
                continue
            item["mark"] = source_base.mark(by, action, target.ref, target.guard)
            outcomes.append(await self._run(target.ref, "register", item))
        return outcomes

    def _item(self, target: plans.Target) -> dict[str, JsonValue] | None:
        """What the script needs; None where the settings declare it otherwise by now."""
        found = running.ids(self._runner.source, target.ref, "schedule", 2)
        wanted = self._schedules.get(found[1]) if found else None
        now = self._runner.now()
        if found is None or wanted is None or wanted.queue != found[0]:
            return None
        due = wanted.next_at(now) or now
        next_ms, now_ms = round(due.timestamp() * 1000), self._runner.now_ms()
        item: dict[str, JsonValue] = {
            "was": target.guard["was"],
            "to": target.guard["to"],
            "next": str(next_ms),
            "delay": str(max(0, next_ms - now_ms)),
        }
        if wanted.every_s:
            item["every"] = round(wanted.every_s * 1000)
        else:
            item["pattern"] = wanted.cron
        if wanted.tz:
            item["tz"] = wanted.tz
        if wanted.job:
            item["name"] = wanted.job
        if wanted.data is not None:
            item["data"] = json.dumps(wanted.data, separators=(",", ":"))
        return item

    async def _run(self, of: base.Ref, script: str, item: running.Item) -> plans.TargetOutcome:
        said = await self._hand.run(
            lambda client: self._runner.on_schedule(client, of, script, item)
        )
        if isinstance(said, plans.TargetOutcome):
            return said
        became, what, _ = said[1]
        match became:
            case "moved":
                now = f"it goes by {_said(what)} now" if what else "it is not registered"
                return running.skipped(of, f"It has moved on: {now}.")
            case "waits":
                return running.skipped(of, f"It has moved on: {_WAITS}")
            case "busy":
                return running.failed(of, _BUSY)
            case "gone":
                return running.skipped(of, planning.EXPIRED)
        if script == "unregister":
            return running.done(of, "It is as before.")
        return running.done(of, "It is registered as it is declared.", running.memento(what))

    async def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        for one in done:
            of = one.target.ref
            why = await self._hand.run(functools.partial(self._why, one=one))
            if why:
                yield running.left(of, why)
                continue
            was = _said(str(one.target.guard.get("was", "")))
            note = f"back to {was}" if was else "removed, with its next run"
            yield one.target.model_copy(update={"note": note})

    async def _why(self, client: link.Client, one: plans.Undoable) -> str:
        """Why it cannot be undone, '' where it can; the script looks again."""
        found = running.ids(self._runner.source, one.target.ref, "schedule", 2)
        place, why = await self._runner.place(client, found[0]) if found else (None, "")
        if found is None or place is None or why:
            return why or running.NO_SCHEDULE
        millis, fields = await _ask(client, place, found[1])
        now = "|".join(fields or ()) if millis else ""
        if now != one.memento["registered"]:
            return f"It goes by {_said(now)} now." if now else "It is removed."
        trash = f"{place.ours}trash:{one.memento['mark']}:schedule"
        (kept_,) = await asking.ask(client, ("EXISTS", trash))
        return "" if kept_ or "millis" not in one.memento else planning.EXPIRED

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]:
        outcomes = []
        for one in chunk:
            item = {**one.memento, "undoes": one.memento["mark"]}
            del item["mark"]
            outcomes.append(await self._run(one.target.ref, "unregister", item))
        return outcomes


def _parts(of: base.Ref, facts: Facts) -> Iterator[source_base.Planned]:
    note = f"{_said(facts.was) or 'missing'} → {facts.wanted.words}"
    guard: plans.Args = {"was": facts.was, "to": facts.to}
    yield plans.Target(ref=of, label=facts.label, name=facts.name, guard=guard, note=note)
    if facts.wanted.every_s:
        yield plans.Remark(text=f"{facts.name}: {_NOW}", level=base.Level.WARN)


async def _ask(client: link.Client, place: places.Place, name: str) -> tuple[str, list[str] | None]:
    """When a schedule is due, '' where it is not there, what it goes by, if a scheduler."""
    millis, fields = await asking.ask(
        client,
        ("ZSCORE", place.base + "repeat", name),
        ("HMGET", f"{place.base}repeat:{name}", "ic", "every", "pattern", "tz"),
    )
    runs, *told = (asking.text(one) for one in asking.items(fields) or (None,) * 4)
    return asking.text(millis), told if runs else None


def _said(goes_by: str) -> str:
    """What a schedule goes by in words, '' where it is not there."""
    every, _, rest = goes_by.partition("|")
    cron, _, tz = rest.rpartition("|")
    if every:
        return f"every {ticks.every(float(every) / 1000)}"
    return declared.said(cron, tz)
