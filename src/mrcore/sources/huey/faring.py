"""How jobs fare since they were put back into the queue: what a canary is watched by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mrcore.journal import record
from mrcore.model import base, plans
from mrcore.sources.engine import faring
from mrcore.sources.huey import asking, capturing, running
from mrcore.sources.redis import link

_PORTION = 50
"""Jobs in one round trip: each may bring a stack trace of 16 KiB."""

_UNTOLD = ("interrupted", "not started")
"""Attempts that say nothing of the job."""


async def fared(
    client: link.Client, runner: running.Runner, chunk: Sequence[plans.Target]
) -> list[plans.Fared]:
    """Of each job how its first run went that began after the target was planned.

    Of a job that retention has trimmed the journal's streams of ends tell; of one that somebody
    has removed nobody knows.
    """
    found: list[plans.Fared] = []
    for start in range(0, len(chunk), _PORTION):
        found += await _portion(client, runner, chunk[start : start + _PORTION])
    gone = {one.ref for one in found if one.state == "gone"}
    ends = await _ends(client, runner, [target for target in chunk if target.ref in gone])
    return [ends.get(one.ref, one) for one in found]


async def _portion(
    client: link.Client, runner: running.Runner, chunk: Sequence[plans.Target]
) -> list[plans.Fared]:
    commands: list[link.Command] = []
    for target in chunk:
        name, job_id = running.job(runner.source, target.ref)
        at, run = runner.root.queue(name), _before(target) + 1
        fields = ("state", "outcome", "error", f"attempt:{run}")
        commands.append(("HMGET", at.job(job_id), *fields))
    replies = await asking.ask(client, *commands)
    return [_one(target, job) for target, job in zip(chunk, replies, strict=True)]


async def _ends(
    client: link.Client, runner: running.Runner, gone: Sequence[plans.Target]
) -> dict[base.Ref, plans.Fared]:
    """How those of them ended that the streams still know."""
    left = {running.job(runner.source, target.ref): target for target in gone}
    found: dict[base.Ref, plans.Fared] = {}
    for state in ("completed", "failed"):
        if not left:
            break
        async for entries in faring.backwards(asking.ask, client, runner.root.ended(state)):
            for _, fields in entries:
                known = dict(zip(fields[::2], fields[1::2], strict=False))
                facts = capturing.of_run(known.get(b"run"))
                target = left.get((facts[0], facts[1])) if facts else None
                if facts is not None and target is not None and facts[3] > _before(target):
                    del left[facts[0], facts[1]]
                    found[target.ref] = _ended(target.ref, state, facts, known.get(b"attempt"))
            if not left:
                break
    return found


def _ended(of: base.Ref, state: str, facts: Sequence[Any], attempt: bytes | None) -> plans.Fared:
    outcome, error = str(facts[6] or ""), str(facts[7] or "")
    if state == "completed":
        return _completed(of, outcome)
    tried = record.parse(attempt)
    trace = tried.get("trace") if isinstance(tried, dict) else ""
    return faring.failed(of, error, str(trace or ""))


def _completed(of: base.Ref, outcome: str) -> plans.Fared:
    if outcome in ("", "succeeded"):
        return plans.Fared(ref=of, state="well")
    # revoked, expired or cancelled
    return plans.Fared(ref=of, state="failed", fingerprint=outcome, why=f"it was {outcome}")


def _before(target: plans.Target) -> int:
    """How many attempts it had when it was planned."""
    attempts = target.guard.get("attempts", 0)
    return attempts if isinstance(attempts, int) else 0


def _one(target: plans.Target, reply: Any) -> plans.Fared:
    of = target.ref
    values = reply if isinstance(reply, list) else (None, None, None, None)
    state, outcome, error = ((v or b"").decode("utf-8", "replace") for v in values[:3])
    run = record.parse(values[3])
    if not state:
        return faring.gone(of)
    if state == "completed":
        return _completed(of, outcome)
    if not isinstance(run, dict) or run.get("outcome") in _UNTOLD:
        return plans.Fared(ref=of, state="pending")
    return faring.failed(of, str(run.get("error") or error), str(run.get("trace") or ""))
