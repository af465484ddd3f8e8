"""How jobs fare since they were put back into the queue: what a canary is watched by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mrcore.journal import record
from mrcore.model import plans
from mrcore.sources.engine import faring
from mrcore.sources.huey import asking, running
from mrcore.sources.redis import link

_PORTION = 50
"""Jobs in one round trip: each may bring a stack trace of 16 KiB."""

_UNTOLD = ("interrupted", "not started")
"""Attempts that say nothing of the job."""


async def fared(
    client: link.Client, runner: running.Runner, chunk: Sequence[plans.Target]
) -> list[plans.Fared]:
    """Of each job how its first run went that began after the target was planned.

    A job that has gone has completed where completed jobs are trimmed; else nobody knows.
    """
    found: list[plans.Fared] = []
    for start in range(0, len(chunk), _PORTION):
        found += await _portion(client, runner, chunk[start : start + _PORTION])
    return found


async def _portion(
    client: link.Client, runner: running.Runner, chunk: Sequence[plans.Target]
) -> list[plans.Fared]:
    commands: list[link.Command] = []
    for target in chunk:
        name, job_id = running.job(runner.source, target.ref)
        at, run = runner.root.queue(name), _before(target) + 1
        fields = ("state", "outcome", "error", f"attempt:{run}")
        commands.append(("HMGET", at.job(job_id), *fields))
        commands.append(("HGET", at.meta, "keep_completed"))
    replies = await asking.ask(client, *commands)
    return [
        _one(target, job, bool(kept))
        for target, job, kept in zip(chunk, replies[::2], replies[1::2], strict=True)
    ]


def _before(target: plans.Target) -> int:
    """How many attempts it had when it was planned."""
    attempts = target.guard.get("attempts", 0)
    return attempts if isinstance(attempts, int) else 0


def _one(target: plans.Target, reply: Any, trimmed: bool) -> plans.Fared:
    of = target.ref
    values = reply if isinstance(reply, list) else (None, None, None, None)
    state, outcome, error = ((v or b"").decode("utf-8", "replace") for v in values[:3])
    run = record.parse(values[3])
    if not state:
        if trimmed:
            return plans.Fared(ref=of, state="well", why=running.GONE)
        return plans.Fared(ref=of, state="pending", why=running.GONE)
    if state == "completed" and outcome in ("", "succeeded"):
        return plans.Fared(ref=of, state="well")
    if state == "completed":  # revoked, expired or cancelled
        return plans.Fared(ref=of, state="failed", fingerprint=outcome, why=f"it was {outcome}")
    if not isinstance(run, dict) or run.get("outcome") in _UNTOLD:
        return plans.Fared(ref=of, state="pending")
    return faring.failed(of, str(run.get("error") or error), str(run.get("trace") or ""))
