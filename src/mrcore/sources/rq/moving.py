"""What moves a job: each by one step of one script, and only if the job is as it was seen."""

from __future__ import annotations

import functools
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import JsonValue

from mrcore import errors
from mrcore.model import base, plans, ref
from mrcore.queues import expiry, words
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.engine import acts, faring, naming
from mrcore.sources.redis import link
from mrcore.sources.rq import (
    asking,
    keys,
    looking,
    offers,
    payload,
    record,
    running,
    scripts,
    telling,
    undoing,
)

ACTIONS = (
    offers.RETRY, offers.REMOVE, offers.QUARANTINE, offers.RELEASE, offers.PROMOTE, offers.DELAY,
    offers.DUPLICATE,
)  # fmt: skip
PAYLOADS = 100
"""Payloads that one round trip brings."""

LISTED = ("queued",)
"""States whose jobs lie in a list, which has to be searched."""

_JOBS = uuid.UUID("0c2b2a5e-5d0b-4f3f-9f0e-3c9f4d6f7a11")
"""What ids of copies are made of: the same when an operation asks for it again."""


_NOT_LATE = (offers.RETRY, offers.DUPLICATE, offers.RELEASE)
"""What is not done with a job whose time is over: a code that has expired is not sent again."""


class Moving:
    """Plans and does it; undoing it is `undoing`'s. `limits` are the age limits of the settings."""

    def __init__(
        self,
        hand: kept.Kept[link.Client],
        runner: running.Runner,
        looker: looking.Looker,
        limits: Mapping[str, float],
    ) -> None:
        self._hand = hand
        self._runner = runner
        self._looker = looker
        self._limits = limits
        self._back = undoing.Undoing(hand, runner, looker)

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: source_base.Progress,
    ) -> AsyncIterator[source_base.Planned]:
        later_s = by_s(args) if action == offers.DELAY else 0.0
        left, states, pickled = acts.LeftOuts(), Counter[str](), 0
        now = self._runner.now()
        async for portion, looked, total in self._looker.selected(selection, now):
            copies = await self._copies(portion) if action == offers.DUPLICATE else {}
            payloads = await self._payloads(action, portion) if action in _NOT_LATE else {}
            came = await self._came(portion) if action == offers.RELEASE else {}
            pickled += sum(said is None for said in payloads.values())
            for seen in portion:
                ends = None
                if action in _NOT_LATE:
                    ends = self._ends(seen, payloads.get(seen.ref))
                if why := _refusal(action, seen) or expiry.expired(ends, now):
                    left.add(seen.ref, why)
                    continue
                from_ = came.get(seen.ref)
                states[from_ or seen.state] += 1
                made = target(action, seen, copies.get(seen.ref), now + timedelta(seconds=later_s))
                note = made.note if from_ is None else words.released(from_, None)
                guard = {**made.guard, **expiry.guard(ends)}
                yield made.model_copy(update={"note": note, "guard": guard})
            progress(looked, total)
        for one in left.told():
            yield one
        for remark in telling.remarks(action, states, pickled):
            yield remark

    async def _payloads(
        self, action: base.ActionId, portion: Sequence[looking.Seen]
    ) -> dict[base.Ref, JsonValue]:
        """What they are called with, to see when they expire; None of what is not read."""
        meant = [seen for seen in portion if seen.state in offers.STATES[action]]
        found: dict[base.Ref, JsonValue] = {}
        for start in range(0, len(meant), PAYLOADS):
            some = meant[start : start + PAYLOADS]
            commands = [("HGET", keys.job(seen.id), "data") for seen in some]
            replies = await self._hand.run(functools.partial(_asked, commands=commands))
            found |= {s.ref: payload.words(data) for s, data in zip(some, replies, strict=True)}
        return found

    def _ends(self, seen: looking.Seen, called: JsonValue) -> datetime | None:
        """After when it must not run any more."""
        at = seen.created_at or (seen.times[0] if seen.times else None)
        return expiry.expires_at(seen.name, called, at, self._limits)

    async def _came(self, portion: Sequence[looking.Seen]) -> dict[base.Ref, str]:
        """In which state each was before it was quarantined."""
        held = [seen for seen in portion if seen.state == "quarantined"]
        names = [running.job(self._runner.source, seen.ref)[0] for seen in held]
        commands: list[link.Command] = [
            ("HGET", keys.held(name, seen.id), "from")
            for name, seen in zip(names, held, strict=True)
        ]
        replies = await self._hand.run(functools.partial(_asked, commands=commands))
        return {s.ref: asking.text(reply) for s, reply in zip(held, replies, strict=True)}

    async def _copies(self, portion: Sequence[looking.Seen]) -> dict[base.Ref, str]:
        """The newest copy of each, '' where there is none."""
        commands = [
            ("GET", keys.copied(running.job(self._runner.source, seen.ref)[0], seen.id))
            for seen in portion
            if seen.state
        ]
        replies = await self._hand.run(lambda client: asking.ask(client, *commands))
        there = [seen.ref for seen in portion if seen.state]
        return {of: asking.text(reply) for of, reply in zip(there, replies, strict=True)}

    async def apply(
        self,
        action: base.ActionId,
        chunk: Sequence[plans.Target],
        args: plans.Args,
        by: plans.By,
    ) -> list[plans.TargetOutcome]:
        found = await self._hand.run(lambda client: self._apply(client, action, chunk, by))
        return [found[target.ref] for target in chunk]

    async def _apply(
        self,
        client: link.Client,
        action: base.ActionId,
        chunk: Sequence[plans.Target],
        by: plans.By,
    ) -> dict[base.Ref, plans.TargetOutcome]:
        """One queue after the other, each in round trips that block Redis for 25 ms at most."""
        outcomes: dict[base.Ref, plans.TargetOutcome] = {}
        by_queue = naming.by_queue(self._runner.source, chunk, lambda target: target.ref)
        for name, some in by_queue.items():
            targets = [target for target, _ in some]
            listed = any(target.guard.get("state") in LISTED for target in targets)
            size = await self._runner.size(client, name) if listed else running.PORTION
            calls = [self._call(action, name, target, by) for target in targets]
            script = action.partition(".")[2]
            answers = await self._runner.run(client, script, name, calls, size=size)
            for target, call, answer in zip(targets, calls, answers, strict=True):
                refused = self._runner.failed(target.ref, answer)
                outcomes[target.ref] = refused or telling.outcome(
                    self._runner.source, action, target, call, answer
                )
        return outcomes

    def _call(
        self, action: base.ActionId, name: str, target: plans.Target, by: plans.By
    ) -> running.Call:
        """A script's arguments for one target, the mark of the operation first."""
        guard = target.guard
        _, job_id = running.job(self._runner.source, target.ref)
        facts = (job_id, *(str(guard.get(field, "")) for field in ("state", "score", "stamp")))
        if action in (offers.RETRY, offers.RELEASE):
            return "", *facts
        mark = source_base.mark(by, action, target.ref, guard)
        more: dict[base.ActionId, Callable[[], tuple[scripts.Value, ...]]] = {
            offers.REMOVE: lambda: (keys.trash(name, mark),),
            offers.QUARANTINE: lambda: (by.login, by.reason),
            offers.DELAY: lambda: (str(guard.get("later", "")),),
            offers.DUPLICATE: lambda: (str(guard.get("copy", "")), str(uuid.uuid5(_JOBS, mark))),
        }
        return mark, *facts, *more.get(action, tuple)()

    async def fared(self, chunk: Sequence[plans.Target]) -> list[plans.Fared]:
        """How each fares since; what is gone RQ has forgotten, or somebody removed."""
        seen = await self._looker.refs([target.ref for target in chunk])
        failed = [one for one in seen if one.state in ("failed", "canceled")]
        replies = await self._hand.run(
            lambda client: asking.ask(
                client,
                *(("XREVRANGE", keys.results(one.id), "+", "-", "COUNT", 1) for one in failed),
            )
        )
        why = {
            one.ref: record.attempt(entries[0]).trace if entries else ""
            for one, entries in zip(failed, replies, strict=True)
        }
        return [_fared(one, why.get(one.ref)) for one in seen]

    def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        return self._back.plan(action, done)

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]:
        return await self._back.undo(action, chunk)


def _refusal(action: base.ActionId, seen: looking.Seen) -> str:
    """Why an action makes no sense for a job, or ''."""
    if not seen.state:
        return running.GONE
    if seen.state == "started":
        return "It is running."
    shown = offers.SHOWN.get(seen.state)
    if seen.state not in offers.STATES[action]:
        wanted = {offers.RETRY: "failed", offers.RELEASE: "quarantined"}.get(action)
        words = shown.value.replace("_", " ") if shown else seen.state
        return f"It is not {wanted} any more but {words}." if wanted else f"It is {words}."
    if seen.state not in LISTED and not seen.score:
        return f"RQ says that it is {seen.state}, and has it nowhere: it is between two states."
    return ""


async def _asked(client: link.Client, commands: Sequence[link.Command]) -> list[Any]:
    return await asking.ask(client, *commands)


def by_s(args: plans.Args) -> float:
    """How many seconds from now. Raises BadRequest."""
    given = args.get("by_s")
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= 3.2e9:
        raise errors.BadRequest(
            f"by_s is {given!r}; it is how many seconds from now the job shall run."
        )
    return float(given)


def removal(target: plans.Target, by: plans.By) -> plans.Args:
    """What undoing a removal needs, as far as it is known before."""
    address = ref.parse(target.ref)
    name = address.ids[0].decode("utf-8", "replace")
    mark = source_base.mark(by, offers.REMOVE, target.ref, target.guard)
    facts = {field: str(target.guard.get(field, "")) for field in ("state", "score")}
    unknown = {"before": "", "after": "", "ends": "", "kept": "[]"}
    return {**facts, **unknown, "trash": keys.trash(name, mark)}


def _fared(one: looking.Seen, trace: str | None) -> plans.Fared:
    if trace is not None:
        return faring.failed(one.ref, "", trace)
    if not one.state:
        return faring.gone(one.ref)
    if one.state == "finished":
        return plans.Fared(ref=one.ref, state="well")
    return plans.Fared(ref=one.ref, state="pending")


def target(
    action: base.ActionId,
    seen: looking.Seen,
    copy: str | None = None,
    later: datetime | None = None,
) -> plans.Target:
    """A job as it was seen, with what must still be so when it is acted on."""
    guard, note = seen.guard, telling.said(seen.state)
    if action == offers.DUPLICATE:
        guard["copy"] = copy or ""
    if action == offers.DELAY and later is not None:
        guard["later"] = f"{later.timestamp():.0f}"
        note = f"due {later:%Y-%m-%d %H:%M:%S} UTC"
    return plans.Target(ref=seen.ref, label=seen.label, guard=guard, note=note, at=seen.at)
