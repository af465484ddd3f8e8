"""Undoing what was done to jobs: out of the trash or of quarantine, or back to where they were."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from pydantic import JsonValue

from mrcore import errors
from mrcore.model import base, plans
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.bullmq import asking, looking, offers, places, running
from mrcore.sources.engine import naming, planning
from mrcore.sources.redis import link

_RUN = "It has run, or is another now"
_REMOVED = (offers.REMOVE, offers.CLEAN, offers.DRAIN)
_MOVED = (offers.PROMOTE, offers.DELAY, offers.PRIORITY)
_SCRIPTS = {
    **dict.fromkeys(_REMOVED, "unremove"),
    **dict.fromkeys(_MOVED, "replace"),
    offers.QUARANTINE: "unquarantine",
    offers.DUPLICATE: "withdraw",
}


class Undoing:
    """Plans and does it; what was done last is undone first, so that neighbours are there again."""

    def __init__(self, hand: kept.Kept[link.Client], runner: running.Runner) -> None:
        self._hand = hand
        self._runner = runner

    async def plan(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        """Targets, and what cannot be undone any more. Raises Unsupported."""
        if action not in _SCRIPTS:
            raise errors.Unsupported(f"{action} cannot be undone.")
        found = await self._hand.run(lambda client: self._why(client, action, done))
        copies = action == offers.DUPLICATE
        waiting = "waiting jobs go back beside those that they waited between"
        checked = (_checked(one, why, copy=copies) for one, why in found)
        for part in planning.told(checked, "" if copies else waiting):
            yield part

    async def _why(
        self, client: link.Client, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> list[tuple[plans.Undoable, str]]:
        """Each with why it cannot be undone; the scripts look again."""
        found: list[tuple[plans.Undoable, str]] = []
        for one in done:
            name, job_id = running.job(self._runner.source, one.target.ref)
            place, why = await self._runner.place(client, name)
            if place is not None and not why:
                why = await _look(client, place, action, job_id, one.memento)
            found.append((one, why))
        return found

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable]
    ) -> list[plans.TargetOutcome]:
        """Each back to where it was, if what was done to it is still so."""
        return await self._hand.run(lambda client: self._undo(client, action, chunk))

    async def _undo(
        self, client: link.Client, action: base.ActionId, chunk: Sequence[plans.Undoable]
    ) -> list[plans.TargetOutcome]:
        outcomes: dict[base.Ref, plans.TargetOutcome] = {}
        by_queue = naming.by_queue(self._runner.source, chunk[::-1], lambda one: one.target.ref)
        for name, some in by_queue.items():
            place, why = await self._runner.place(client, name)
            if place is None or why:
                said = why or running.NO_QUEUE
                outcomes |= {o.target.ref: running.skipped(o.target.ref, said) for o, _ in some}
                continue
            items = [_item(action, one.memento, job_id) for one, job_id in some]
            script = _SCRIPTS[action]
            replies = await self._runner.run(client, place, script, items, lists=True)
            for (one, _), reply in zip(some, replies, strict=True):
                of = one.target.ref
                outcomes[of] = self._runner.failed(of, place, reply) or _outcome(
                    of, running.words(reply)
                )
        return [outcomes[one.target.ref] for one in chunk]


def _checked(one: plans.Undoable, why: str, *, copy: bool) -> planning.Checked:
    state = one.memento.get("state")
    note = "the copy is removed" if copy else f"back to {state}"
    target = one.target.model_copy(update={"note": note})
    return planning.Checked(target, why, waits=state == "waiting")


async def _look(
    client: link.Client,
    place: places.Place,
    action: base.ActionId,
    job_id: str,
    memento: plans.Args,
) -> str:
    """Why one cannot be undone any more, '' where it can."""
    if action in _REMOVED:
        trash, again = await asking.ask(
            client,
            ("EXISTS", f"{place.ours}trash:{memento.get('mark')}"),
            ("EXISTS", place.job(job_id)),
        )
        return planning.EXPIRED if not trash else planning.AGAIN if again else ""
    if action == offers.DUPLICATE:
        return await _still(client, place, str(memento["job"]), memento["state"], memento["since"])
    if action == offers.QUARANTINE:
        since = memento.get("quarantined")
        return await _still(client, place, job_id, "quarantined", since)
    return await _still(client, place, job_id, memento["now"], memento["now_since"])


async def _still(
    client: link.Client, place: places.Place, job_id: str, state: JsonValue, since: JsonValue
) -> str:
    spots = await looking.find(client, place, [job_id])
    now = spots[0].state.value if spots else "gone"
    if now != state:
        return f"{_RUN}: it is {now.replace('_', ' ')}."
    return f"{_RUN}." if spots[0].score and spots[0].score != str(since) else ""


def _item(action: base.ActionId, memento: plans.Args, job_id: str) -> dict[str, Any]:
    """What the script of an undo needs of what was left."""
    if action in _REMOVED:
        return {"id": job_id, "mark": memento["mark"], "place": memento}
    if action == offers.QUARANTINE:
        since = memento["quarantined"]
        return {"id": job_id, "mark": memento["mark"], "since": since, "place": memento}
    if action == offers.DUPLICATE:
        return added(memento, job_id)
    return {
        "id": job_id,
        "state": memento["now"],
        "since": memento["now_since"],
        "attempts": memento["attempts"],
        "started": memento["started"],
        "undoes": memento["mark"],
        "place": memento,
    }


def added(memento: plans.Args, of: str) -> dict[str, Any]:
    """What taking an added job away again needs: it waits and has not run."""
    return {
        "id": memento["job"],
        "state": memento["state"],
        "since": memento["since"],
        "attempts": "0",
        "started": "",
        "undoes": memento["mark"],
        "of": of,
        "before": memento["before"],
    }


def _outcome(of: base.Ref, reply: Sequence[str]) -> plans.TargetOutcome:
    became, state, _ = reply
    now = state.replace("_", " ")
    match became:
        case "done":
            return running.done(of, f"It is back: {now}.")
        case "taken":
            return running.skipped(of, f"{planning.AGAIN[:-1]}: it is {now}.")
        case "moved":
            return running.skipped(of, f"It has moved on: it is {now or 'gone'}.")
    return running.skipped(of, planning.EXPIRED)
