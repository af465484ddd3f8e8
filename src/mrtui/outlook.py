"""How an environment looks from outside: one row beside others. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from mrcore.model import base, core, ref, wire
from mrtui import columns, rights, start, world

RANK = {base.Level.BAD: 0, base.Level.UNKNOWN: 1, base.Level.WARN: 2, base.Level.OK: 3}
"""Of environments, one that nobody can see is worse than one that warns."""

ASKING = base.Verdict(level=base.Level.UNKNOWN, code="context.asking", why="asking")


class Outlook(base.Entity):
    """How a context's environment is, as of `at` by our clock; it is no kind of the wire's.

    What was known before stays while it is away, but for the verdict; `None` was never known.
    """

    name: str
    address: str
    at: datetime | None = None
    environment: str = ""
    core_version: str = ""
    protected: bool | None = None
    read_only: bool = False
    armed_s: float | None = None
    troubles: tuple[tuple[base.Level, int], ...] = ()


def unseen(context: start.Context, verdict: base.Verdict = ASKING) -> Outlook:
    """A context before its first answer."""
    return Outlook(
        kind="context",
        ref=ref.make("mrtui", "context", context.name),
        name=context.name,
        address=context.address,
        verdict=verdict,
    )


def seen(context: start.Context, me: core.Me, snapshot: wire.Snapshot, at: datetime) -> Outlook:
    """What a core says of itself, judged by its own clock."""
    known = world.World()
    known.apply(snapshot)
    may = rights.Rights(me, known, snapshot.at)
    troubles = known.troubles(snapshot.at)
    count = {level: sum(t.level is level for t in troubles) for level in world.RANK}
    worst = columns.said(troubles[0]) if troubles else ""
    armed = may.arming
    return unseen(context).model_copy(
        update={
            "verdict": base.Verdict(level=known.level(snapshot.at), why=worst),
            "at": at,
            "environment": snapshot.environment,
            "core_version": snapshot.core_version,
            "protected": may.protected,
            "read_only": may.read_only,
            "armed_s": (armed.until - snapshot.at).total_seconds() if armed else None,
            "troubles": tuple((level, number) for level, number in count.items() if number),
        }
    )


def worst(found: Iterable[Outlook]) -> base.Level:
    """The worst level of all, as RANK has it; `unknown` of none."""
    levels = [each.verdict.level for each in found]
    return min(levels, key=lambda level: RANK[level], default=base.Level.UNKNOWN)
