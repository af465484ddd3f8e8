"""`queue.retry`: a failed job back into its queue, one step each, only if it is as it was seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue
from redis import exceptions

from mrcore import errors
from mrcore.journal import keys, record, scripts
from mrcore.model import base, plans, queue, ref
from mrcore.sources import base as source_base
from mrcore.sources.huey import asking, discover
from mrcore.sources.redis import link

ACTION = "queue.retry"
_SAMPLES = 10
_PORTION = 50
"""Scripts in one round trip: Redis serves nobody else before it has run them all, 60 µs each."""
_NOT_KEPT = "Its message was not kept, so it cannot be put back."

Looked = tuple[base.Ref, "plans.Target | str"]
"""A ref with its target, or with why there is none."""


@dataclass
class LeftOuts:
    """Counts what is left out, by reason."""

    counts: dict[str, int] = field(default_factory=dict)
    samples: dict[str, list[base.Ref]] = field(default_factory=dict)

    def sift(self, looked: Sequence[Looked]) -> Iterator[plans.Target]:
        """The targets; the others are counted."""
        for of, found in looked:
            if isinstance(found, plans.Target):
                yield found
                continue
            self.counts[found] = self.counts.get(found, 0) + 1
            kept = self.samples.setdefault(found, [])
            if len(kept) < _SAMPLES:
                kept.append(of)

    def told(self) -> Iterator[plans.LeftOut]:
        """One for each reason."""
        for why, count in self.counts.items():
            yield plans.LeftOut(why=why, count=count, samples=tuple(self.samples[why]))


class Retry:
    """Plans and applies the retry of one source's jobs."""

    def __init__(
        self, source: str, root: keys.Root, found: discover.Found, now: source_base.Now
    ) -> None:
        self._source = source
        self._root = root
        self._found = found
        self._now = now

    async def look(self, client: link.Client, refs: Sequence[base.Ref]) -> list[Looked]:
        """Each job with the guard that a retry will check, or why it cannot be retried.

        Raises NotFound for a ref that is not of a job.
        """
        addresses = [address(self._source, of) for of in refs]
        commands: list[link.Command] = []
        for name, job_id in addresses:
            at = self._root.queue(name).job(job_id)
            commands.append(("HMGET", at, "state", "attempts", "task"))
            commands.append(("HEXISTS", at, "message"))
        replies = await asking.ask(client, *commands)
        pairs = zip(refs, addresses, replies[::2], replies[1::2], strict=True)
        return [(of, _target(of, who[1], values, has)) for of, who, values, has in pairs]

    async def apply(
        self, client: link.Client, chunk: Sequence[plans.Target]
    ) -> list[plans.TargetOutcome]:
        """Retry each target whose guard holds; the others say what they are now."""
        calls = [await self._call(client, target) for target in chunk]
        ready = [call for call in calls if call is not None]
        found = iter(await self._run(client, ready))
        return [
            _gone(target) if call is None else _outcome(target, next(found))
            for target, call in zip(chunk, calls, strict=True)
        ]

    async def _call(self, client: link.Client, target: plans.Target) -> link.Command | None:
        """Keys and arguments of the script, or None when the queue is gone."""
        name, job_id = address(self._source, target.ref)
        at = await discover.place(client, self._root, self._found, name)
        if at is None:
            return None
        place = scripts.Place(self._root.queue(name), at.list, at.schedule)
        attempts = int(str(target.guard.get("attempts", -1)))
        arguments = place.arguments(job_id, self._now().timestamp(), attempts)
        return len(place.keys), *(str(a) for a in arguments)

    async def _run(self, client: link.Client, calls: Sequence[link.Command]) -> list[Any]:
        """Run the script for each; once more, with its text, where the server did not know it."""
        known = ("EVALSHA", scripts.sha("retry"))
        replies: list[Any] = []
        for start in range(0, len(calls), _PORTION):
            portion = calls[start : start + _PORTION]
            replies += await client.ask(*((*known, *call) for call in portion))
        for index, reply in enumerate(replies):
            if isinstance(reply, exceptions.NoScriptError):
                text = ("EVAL", scripts.text("retry"), *calls[index])
                (replies[index],) = await client.ask(text)
        return replies


def address(source: str, of: base.Ref) -> tuple[str, str]:
    """Queue and id of a job's ref. Raises NotFound."""
    parsed = ref.parse(of)
    if parsed.source != source or parsed.kind != "job" or len(parsed.ids) != 2:
        raise errors.NotFound(f"{of} is not a job of {source}; it is {source}/job/<queue>/<id>.")
    try:
        return parsed.ids[0].decode(), parsed.ids[1].decode()
    except UnicodeDecodeError as error:
        raise errors.NotFound(f"There is no {of}: huey's names are text.") from error


def of_row(row: queue.Job) -> plans.Target | str:
    """The target that a row is, or why it is none."""
    if row.state is not queue.JobState.FAILED:
        return _not_failed(row.state.value)
    if ACTION not in row.actions:
        return _NOT_KEPT
    return _made(row.ref, f"{row.name} {row.id}", row.attempts)


def _target(of: base.Ref, job_id: str, values: Any, has_message: Any) -> plans.Target | str:
    state, attempts, task = values if isinstance(values, list) else (None, None, None)
    if state is None:
        return "It is gone: removed, or trimmed by retention."
    if state != b"failed":
        return _not_failed(state.decode())
    if has_message != 1:
        return _NOT_KEPT
    name = (task or b"?").decode("utf-8", "replace").rpartition(".")[2]
    return _made(of, f"{name} {job_id}", int(record.number(attempts) or 0))


def _not_failed(state: str) -> str:
    return f"It is not failed any more but {state}."


def _made(of: base.Ref, label: str, attempts: int) -> plans.Target:
    guard: dict[str, JsonValue] = {"state": "failed", "attempts": attempts}
    note = f"attempt {attempts} → {attempts + 1}"
    return plans.Target(ref=of, label=label, guard=guard, note=note)


def _outcome(target: plans.Target, reply: Any) -> plans.TargetOutcome:
    if isinstance(reply, exceptions.NoPermissionError):
        why = f"Redis refused: {link.needs(reply, 'EVALSHA')}."
        return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.FAILED, why=why)
    if isinstance(reply, Exception):
        why = f"Redis answered with an error: {str(reply).rstrip('.')}."
        return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.FAILED, why=why)
    became, state, attempts = (part.decode() for part in reply)
    if became == "done":
        why = f"attempt {attempts} → {int(attempts) + 1}"
        return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.DONE, why=why)
    if became == "gone":
        return _gone(target)
    if became == "no_message":
        why = "Its message is not kept any more."
        return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.FAILED, why=why)
    why = f"It has moved on: it is {state} after attempt {attempts}."
    return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.SKIPPED, why=why)


def _gone(target: plans.Target) -> plans.TargetOutcome:
    why = "It has moved on: removed, or trimmed by retention."
    return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.SKIPPED, why=why)
