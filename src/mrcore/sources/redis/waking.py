"""Letting a Redis go on whose clients are paused, or that runs a script without an end.

`CLIENT UNPAUSE` and `SCRIPT KILL`. A busy Redis answers nothing but the second, so its plan cannot
say which script; a pause of everything (CLIENT PAUSE ALL) keeps even the first from being answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from redis import exceptions

from mrcore import errors
from mrcore.model import base, plans
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.redis import canary, info, link

UNPAUSE, KILL = "redis.unpause", "redis.script_kill"
ACTIONS = (UNPAUSE, KILL)

_COMMANDS = {UNPAUSE: ("CLIENT", "UNPAUSE"), KILL: ("SCRIPT", "KILL")}
_NOT = {UNPAUSE: "Its clients are not paused.", KILL: "No script runs."}


class Waking:
    """What keeps a server from going on, asked on the connection that looks."""

    def __init__(self, node: base.Ref, hand: kept.Kept[link.Client]) -> None:
        self._node = node
        self._hand = hand

    async def plan(
        self, action: base.ActionId, refs: Sequence[base.Ref]
    ) -> AsyncIterator[source_base.Planned]:
        """The server, while it is so."""
        for ref in dict.fromkeys(refs):
            if ref != self._node:
                yield plans.LeftOut(why=f"There is no {ref}.", count=1, samples=(ref,))
                continue
            guard = await self._state(action)
            if guard is None:
                yield plans.LeftOut(why=_NOT[action], count=1, samples=(ref,))
                continue
            label = "Redis, whose clients are paused" if action == UNPAUSE else "the running script"
            yield plans.Target(ref=ref, label=label, name="main", guard=guard)
            if action == KILL:
                yield plans.Remark(
                    text="A script that has written cannot be killed: Redis refuses then.",
                    level=base.Level.WARN,
                )

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], by: plans.By
    ) -> list[plans.TargetOutcome]:
        """Let it go on, only if what keeps it is what was planned."""
        return [await self._wake(action, target, by) for target in chunk]

    async def _wake(
        self, action: base.ActionId, target: plans.Target, by: plans.By
    ) -> plans.TargetOutcome:
        state = await self._state(action)
        if state != target.guard:
            if state is None and by.again:
                return _outcome(target, plans.Outcome.DONE)
            return _outcome(target, plans.Outcome.SKIPPED, _NOT[action])
        (reply,) = await self._ask(_COMMANDS[action])
        if isinstance(reply, Exception):
            why = link.needs(reply, " ".join(_COMMANDS[action]))
            return _outcome(target, plans.Outcome.FAILED, why)
        return _outcome(target, plans.Outcome.DONE)

    async def _state(self, action: base.ActionId) -> dict[str, str] | None:
        """What keeps it from going on, None where nothing does."""
        (said,) = await self._ask(("INFO", "clients"))
        if isinstance(said, exceptions.ResponseError) and str(said).startswith("BUSY"):
            return {"state": "busy"} if action == KILL else None
        if isinstance(said, exceptions.RedisError) or action == KILL:
            return None
        assert not isinstance(said, Exception)
        paused = info.parse(said).get("paused_actions", "none")
        return {"paused": paused} if paused != "none" else None

    async def _ask(self, command: link.Command) -> list[link.Reply]:
        """Raises Unreachable where no answer comes."""
        try:
            async with asyncio.timeout(canary.DEADLINE_S):
                return await self._hand.run(lambda client: client.ask(command))
        except TimeoutError:
            raise errors.Unreachable(
                "Redis answers nothing, not even this: a pause of everything ends by itself."
            ) from None


def _outcome(target: plans.Target, outcome: plans.Outcome, why: str = "") -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=target.ref, outcome=outcome, why=why)
