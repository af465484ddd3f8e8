"""Retry, edit, remove, promote, delay and priority of jobs, one by one, each looked at before.

A whole queue is retried job by job, too, at most 8 questions at a time and as fast as the door's
pace lets them be: the board's own route (`retry/failed`) would be one question and could neither be
stopped nor say what it did. Up to 9.4 it loads every job at once: 100,000 of them made everything
else in its process, which is somebody's backend, wait for 20 s (`research/queues.md`). It knows no
guard, so that what is expired or has moved on is retried with the rest. Job by job 2,000 took 6.6 s
on two busy cores, with plan, ledger and audit, and other requests to that process waited 39 ms at
most (`tests/bench/bench_retries.py`).
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

from pydantic import JsonValue

from mrcore import errors
from mrcore.model import base, plans, queue
from mrcore.queues import expiry, patch, words
from mrcore.sources import base as source_base
from mrcore.sources.bullboard import acts, link, offers, routes, rows, seeing, shape

ACTIONS = (
    offers.RETRY, offers.EDIT, offers.REMOVE, offers.PROMOTE, offers.DELAY, offers.PRIORITY,
)  # fmt: skip
PRIORITY_MAX = 2**21 - 1
BY_MAX_S = 366 * 86_400

_LASTING = {
    offers.REMOVE: "cannot put back what it has removed",
    offers.PROMOTE: "cannot delay again what it has promoted",
    offers.DELAY: "does not tell the time before, so that it cannot be put back",
}
_SHOWN = plans.Remark(
    text="the payload is edited as the board shows it: where the backend formats it, what is "
    "stored differs",
    level=base.Level.WARN,
)


class Moving:
    """Plans and does what moves or changes a job."""

    def __init__(self, seer: seeing.Seer, now: source_base.Now) -> None:
        self._seer = seer
        self._now = now

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: source_base.Progress,
    ) -> AsyncIterator[source_base.Planned]:
        left, states = acts.LeftOuts(), Counter[queue.JobState]()
        async for portion, looked, total in self._seer.selected(selection):
            for seen in portion:
                if seen.row is not None:
                    _check(action, args)
                if why := self._refusal(action, seen, args):
                    left.add(seen.ref, why)
                elif seen.row is not None:
                    states[seen.row.state] += 1
                    yield target(action, seen, late=offers.is_late(action, args))
            progress(looked, total)
        for one in left.told():
            yield one
        for remark in _remarks(action, states):
            yield remark

    def _refusal(self, action: base.ActionId, seen: seeing.Seen, args: plans.Args) -> str:
        """Why this is not done to it, '' where it is."""
        if seen.row is None or seen.app is None:
            return seen.gone
        if why := offers.refusal(action, seen.app, seen.row.id):
            return why
        if seen.row.state not in offers.STATES[action]:
            running = seen.row.state is queue.JobState.ACTIVE
            return "It is running." if running else f"It is {seen.row.state.value}."
        if offers.is_late(action, args) and (
            why := expiry.expired(seen.row.expires_at, self._now())
        ):
            return f"{why[0].upper()}{why[1:]}."
        if action == offers.PRIORITY and args.get("priority") == (seen.row.priority or 0):
            return "It has that priority already."
        if action == offers.EDIT:
            try:
                patch.apply(routes.data(seen.raw), args.get("patch"))
            except errors.BadRequest as error:
                return str(error)
        return ""

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> list[plans.TargetOutcome]:
        # Of a retry the board itself refuses what is not failed: many can be looked at at once.
        if action == offers.RETRY:
            return await self._by_pages(action, chunk, args, by)
        return await self._abreast(action, chunk, args, by, {})

    async def empty(self, chunk: Sequence[plans.Target], by: plans.By) -> list[plans.TargetOutcome]:
        """Remove jobs of a queue that is cleaned or drained, many of them looked at at once."""
        return await self._by_pages(offers.REMOVE, chunk, {}, by)

    async def _by_pages(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> list[plans.TargetOutcome]:
        outcomes: list[plans.TargetOutcome] = []
        for start in range(0, len(chunk), seeing.TOGETHER):
            portion = chunk[start : start + seeing.TOGETHER]
            looked: dict[base.Ref, seeing.Seen] = {}
            with contextlib.suppress(errors.SourceError):  # each of them will say so
                looked = await self._seer.together(portion)
            outcomes += await self._abreast(action, portion, args, by, looked)
        return outcomes

    async def _abreast(
        self,
        action: base.ActionId,
        chunk: Sequence[plans.Target],
        args: plans.Args,
        by: plans.By,
        looked: Mapping[base.Ref, seeing.Seen],
    ) -> list[plans.TargetOutcome]:
        async def one(target: plans.Target) -> plans.TargetOutcome:
            return await self._one(action, target, args, by, looked.get(target.ref))

        return await seeing.abreast(one, chunk)

    async def _one(
        self,
        action: base.ActionId,
        target: plans.Target,
        args: plans.Args,
        by: plans.By,
        seen: seeing.Seen | None = None,
    ) -> plans.TargetOutcome:
        of = target.ref
        try:
            seen = seen or await self._seer.one(of)
        except errors.SourceError as error:
            return acts.failed(of, f"{error} It was not done.")
        if why := seeing.moved(target.guard, seen):
            was = _was_mine(action, target, seen, args) if by.again else None
            return was or acts.skipped(of, why)
        if seen.app is None or (why := offers.refusal(action, seen.app, seeing.job_id(seen))):
            return acts.failed(of, why)
        outcome = await self._do(target, seen, routes.of(action, seen, args, self._now))
        return outcome or _done(action, target, args)

    async def _do(
        self,
        target: plans.Target,
        seen: seeing.Seen,
        calls: Sequence[routes.Call],
    ) -> plans.TargetOutcome | None:
        """What went wrong; None where all was done."""
        for call in calls:
            try:
                answer = await self._ask(call, seen)
            except errors.SourceError as error:
                return acts.failed(target.ref, f"{error} It may have been done.", doubtful=True)
            if not answer.good:
                changed = "" if call is calls[0] else "Its payload is changed. "
                return await self._refused(target, answer, changed)
        return None

    async def _ask(self, call: routes.Call, seen: seeing.Seen) -> link.Answer:
        board = self._seer.board
        if call.path[-1] != "retry":
            return await board.ask(call.method, *call.path, body=call.body)
        known = shape.of(seen.app or {})
        with_state = (*call.path, "failed")
        if known.state_in_retry and known.since != "6.17":
            return await board.ask("PUT", *with_state)
        try:
            return await board.ask("PUT", *call.path)
        except link.NoRoute:  # 6.17 to 6.18.2 still want it
            return await board.ask("PUT", *with_state)

    async def _refused(
        self, target: plans.Target, answer: link.Answer, changed: str
    ) -> plans.TargetOutcome:
        """The board did not do it: because it has moved on, or because of what it says."""
        try:
            seen = await self._seer.one(target.ref)
        except errors.SourceError as error:
            return acts.failed(target.ref, f"{error} It was not done.")
        if why := seeing.moved(target.guard, seen):
            return acts.skipped(target.ref, changed + why)
        return acts.failed(target.ref, f"{changed}The board did not do it: {answer.said}.")

    async def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        if action != offers.PRIORITY:
            raise errors.Unsupported(f"{action} cannot be undone through a board.")

        async def one(undoable: plans.Undoable) -> seeing.Seen:
            return await self._seer.one(undoable.target.ref)

        for undoable, seen in zip(done, await seeing.abreast(one, done), strict=True):
            set_to = undoable.memento.get("set")
            if seen.row is None or seen.row.state not in offers.STATES[action]:
                yield acts.left(seen.ref, seeing.moved(undoable.target.guard, seen))
            elif (seen.row.priority or 0) != set_to:
                yield acts.left(seen.ref, f"Its priority is {seen.row.priority or 0} by now.")
            else:
                note = f"priority {set_to} → {undoable.memento.get('was')}"
                yield target(action, seen).model_copy(update={"note": note})

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]:
        async def one(undoable: plans.Undoable) -> plans.TargetOutcome:
            was = {"priority": undoable.memento.get("was")}
            outcome = await self._one(action, undoable.target, was, by)
            return outcome.model_copy(update={"memento": None})

        return await seeing.abreast(one, chunk)


def _check(action: base.ActionId, args: plans.Args) -> None:
    """Raises BadRequest for arguments that make no sense."""
    if action == offers.DELAY:
        by_s = rows.number(args.get("by_s"))
        if by_s is None or not 0 <= by_s <= BY_MAX_S:
            raise errors.BadRequest("by_s is a number of seconds from 0 to a year.")
    if action == offers.PRIORITY:
        wanted = args.get("priority")
        if not isinstance(wanted, int) or not 0 <= wanted <= PRIORITY_MAX:
            raise errors.BadRequest("priority is a whole number from 0 to 2,097,151.")
    if action == offers.EDIT and not isinstance(args.get("patch"), list):
        raise errors.BadRequest("patch is a list of operations (RFC 6902).")


def target(action: base.ActionId, seen: seeing.Seen, *, late: bool = False) -> plans.Target:
    """A job that is there, as it is meant to be acted on; not after it expires, if `late`."""
    row = seen.row
    assert row is not None
    note = row.state.value
    if action in (offers.RETRY, offers.EDIT):
        note = f"attempt {row.attempts} → {row.attempts + 1}"
    at = row.finished_at or row.enqueued_at
    guard = {**seen.guard, **(expiry.guard(row.expires_at) if late else {})}
    return plans.Target(ref=seen.ref, label=seen.label, guard=guard, note=note, at=at)


def _remarks(
    action: base.ActionId, states: Counter[queue.JobState]
) -> Iterator[plans.Remark | plans.Undo]:
    if not states:
        return
    yield acts.TWO_STEPS
    if action in _LASTING:
        yield acts.lasting(_LASTING[action])
    if action == offers.EDIT:
        yield _SHOWN
    late = states.total() - states[queue.JobState.FAILED] - states[queue.JobState.COMPLETED]
    if action == offers.REMOVE and late:
        have = "have" if late > 1 else "has"
        text = f"{late:,} of them {have} not run yet, and will not"
        yield plans.Remark(text=text, level=base.Level.WARN)


def _was_mine(
    action: base.ActionId, target: plans.Target, seen: seeing.Seen, args: plans.Args
) -> plans.TargetOutcome | None:
    """The outcome where this very operation has given it its priority, before the core ended."""
    if action != offers.PRIORITY or seen.row is None:
        return None
    same = ("timestamp", "attempts", "finishedOn")
    unchanged = all(seen.guard.get(name) == target.guard.get(name) for name in same)
    if not unchanged or (seen.row.priority or 0) != args.get("priority"):
        return None
    return _prioritized(target, args.get("priority"))


def _prioritized(target: plans.Target, to: JsonValue) -> plans.TargetOutcome:
    was = target.guard.get("priority") or 0
    return acts.done(target.ref, f"priority {was} → {to}", {"was": was, "set": to})


def _done(action: base.ActionId, target: plans.Target, args: plans.Args) -> plans.TargetOutcome:
    match action:
        case offers.PRIORITY:
            return _prioritized(target, args.get("priority"))
        case offers.REMOVE:
            return acts.done(target.ref, f"removed ({target.guard.get('state')})")
        case offers.PROMOTE:
            return acts.done(target.ref, "It runs as a worker is free.")
        case offers.DELAY:
            return acts.done(target.ref, f"It runs in {words.age(routes.by_s(args))}.")
    return acts.done(target.ref, target.note)
