"""What a plan leads to, over as many connections as it takes: the core may end and come back."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeVar

from mrcore import errors
from mrcore.model import core, plans, wire
from mrcore.model import ref as refs
from mrtui import acting, link, world
from mrtui.cli import progress
from mrtui.columns import operation as columns
from mrtui.terminal import safe_text

STILL_S = 60.0
"""How long an operation may stand still before it is left alone."""

AWAY_S = 30.0
"""How long a core may be away before it is given up."""

AGAIN_S = 0.3

Connect = Callable[[], link.Core]
T = TypeVar("T")


async def asked(connect: Connect, question: Callable[[link.Core], Awaitable[T]]) -> T:
    """What the core answers; asked again when it went away meanwhile.

    Only for what does no more when it is asked twice: the same login's apply of the same plan
    begins one operation. Raises what the core does, CoreUnreachable when it stays away.
    """
    away = _Away()
    while True:
        try:
            async with connect() as client:
                return await question(client)
        except errors.CoreUnreachable as error:
            away.since_now(error)
        await asyncio.sleep(AGAIN_S)


async def events(
    connect: Connect,
) -> AsyncGenerator[wire.Snapshot | wire.Changed | wire.Touched, None]:
    """What the core tells, a snapshot after each time that it was away.

    Raises CoreUnreachable when it stays away, and what it refuses with.
    """
    away = _Away()
    while True:
        try:
            async with connect() as client:
                async for event in client.changes():
                    away.over()
                    yield event
            raise errors.CoreUnreachable("The core ended the stream.")
        except errors.CoreUnreachable as error:
            away.since_now(error)
        await asyncio.sleep(AGAIN_S)


class _Away:
    """Since when the core is away; it is said once."""

    def __init__(self) -> None:
        self._since_s: float | None = None

    def over(self) -> None:
        self._since_s = None

    def since_now(self, error: errors.CoreUnreachable) -> None:
        """Note it; raise the error when it is for too long."""
        now_s = time.monotonic()
        if self._since_s is None:
            self._since_s = now_s
            _say(f"{error.sentence} Waiting until it is back.")
        if now_s - self._since_s >= AWAY_S:
            raise error


async def approved(connect: Connect, plan: plans.Plan) -> None:
    """Wait until a second login has approved a plan.

    Raises NeedsApproval when it was refused, PlanExpired when nobody answered in time.
    """
    known, seen = world.World(), False
    async with contextlib.aclosing(events(connect)) as told:
        async for event in told:
            known.apply(event)
            every = known.table("plan").values()
            found = next(
                (p for p in every if isinstance(p, core.WaitingPlan) and p.plan_id == plan.plan_id),
                None,
            )
            if found is not None and found.state == "approved":
                return
            if found is not None and found.state != "waiting":
                said = f": {found.answer.rstrip('.')}." if found.answer else "."
                raise errors.NeedsApproval(f"{found.by} has {found.state} the plan{said}")
            if found is None and seen and "core" in known.sampled_at:
                raise errors.PlanExpired("Nobody answered in time.", fix="Plan it again.")
            seen = seen or found is not None


async def ended(connect: Connect, begun: core.Operation) -> core.Operation:
    """The operation when it has ended, or as it was last seen when it goes on without us."""
    line, now = progress.Line(sys.stderr), begun
    why = ""
    try:
        async with asyncio.timeout(STILL_S) as patience, contextlib.aclosing(events(connect)) as t:
            known = world.World()
            while now.state not in acting.FINAL:
                known.apply(await anext(t))
                found = known.get(begun.ref)
                if isinstance(found, core.Operation) and found != now:
                    now = found
                    line.operation(now)
                    patience.reschedule(asyncio.get_running_loop().time() + STILL_S)
    except TimeoutError:
        why = f"It did not move for {STILL_S:.0f} s."
    except errors.MrError as error:
        why = str(error)
    except asyncio.CancelledError:
        line.end()
        stop = f"mrtui do operation.stop {refs.url(now.ref)}"
        _say(f"{left(now)}; stop it with: {stop}")
        raise
    finally:
        line.end()
    if why:
        _say(why)
    return now


def left(now: core.Operation) -> str:
    """That an operation has not ended, as it was last seen."""
    goes_on = "goes on without us" if now.state is core.OperationState.RUNNING else "is paused"
    return f"operation {now.id} {goes_on}, {columns.outcome(now)}; see {refs.url(now.ref)}"


def _say(sentence: str) -> None:
    print(safe_text.safe_text(sentence), file=sys.stderr)
