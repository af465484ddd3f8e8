"""People who meet and do not find each other, and what their browsers need."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Literal

import httpx

from mrcore import errors
from mrcore.gameday.faults import base, services
from mrcore.gameday.faults import people as crowd
from mrcore.mentor import attending, config
from mrcore.sources import base as sources

ROOM = "gameday"
_BEGIN_S = 30.0


class Stuck(base.Fault):
    """Two join a room, and then one of their browsers says nothing any more.

    `tabs`: one of them has it open twice, and the tabs take it from each other so many times.
    """

    lacks: Literal["answer", "ice", "nothing"] = "answer"
    tabs: int = 0

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        people = await stage.held.enter_async_context(contextlib.AsyncExitStack())
        stage.parts[ROOM] = people
        await meet(stage, people, self.lacks, self.tabs)


class Rejoin(base.Fault):
    """For an operator: both leave the room, with every tab, and join it again."""

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        if people := stage.parts.pop(ROOM, None):
            await people.aclose()
        anew = await stage.held.enter_async_context(contextlib.AsyncExitStack())
        stage.parts[ROOM] = anew
        await meet(stage, anew, "nothing", 0)


class TurnDown(base.Fault):
    """STUN and TURN hear nothing: two behind a NAT find no way to each other."""

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        await services.console(stage, "/control/turn", {"turn": "down"})

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        await services.console(stage, "/control/turn", {"turn": "up"})


class TurnUp(TurnDown):
    """For an operator: who runs the relay has mended it."""

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        await self.clean(stage, memo)


async def meet(stage: base.Stage, people: contextlib.AsyncExitStack, lacks: str, tabs: int) -> None:
    """Two people in the room, as far as `lacks` lets them come; they stay until `people` ends.

    Every tab has its socket before anybody joins: what is said then comes as quickly as browsers
    say it, also on a slow host.

    Raises StackError where the backend gives them no socket in time.
    """
    try:
        async with asyncio.timeout(_BEGIN_S):
            await _meet(stage, people, lacks, tabs)
    except (attending.Lost, TimeoutError) as error:
        said = f"Nobody gets into the room: {error or 'no answer'}."
        raise errors.StackError(said) from error


async def _meet(
    stage: base.Stage, people: contextlib.AsyncExitStack, lacks: str, tabs: int
) -> None:
    one, *others = [await _socket(stage, people, "mentor") for _ in range(1 + tabs)]
    other = await _socket(stage, people, "student")
    about = {"roomId": ROOM}
    for each in (one, other):
        await each.say("join-room", **about)
    await one.say("offer", **about, sdp={"type": "offer", "sdp": "v=0"})
    for one in others:
        await one.say("takeover-connection", **about)
    if lacks != "answer":
        await one.say("offer", **about, sdp={"type": "offer", "sdp": "v=0"})
        await other.say("answer", **about, sdp={"type": "answer", "sdp": "v=0"})
    if lacks == "nothing":
        for each in (one, other):
            await each.say("ice-candidate", **about, candidate={"candidate": ""})


async def _socket(
    stage: base.Stage, people: contextlib.AsyncExitStack, role: crowd.Role
) -> attending.Socket:
    settings = config.Config.read(stage.arena.names)
    who = await crowd.one(stage, role)
    client = await people.enter_async_context(httpx.AsyncClient(timeout=60.0, trust_env=False))
    made = attending.Socket(client, stage.arena.line["switch"])
    await made.open(attending.token(who, settings, sources.utc_now()))
    listening = asyncio.create_task(_listen(made))
    people.push_async_callback(_leave, made, listening)
    return made


async def _listen(made: attending.Socket) -> None:
    with contextlib.suppress(attending.Lost):
        await made.listen()


async def _leave(made: attending.Socket, listening: asyncio.Task[None]) -> None:
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    with contextlib.suppress(attending.Lost):
        await made.say("leave-room", roomId=ROOM)
        await made.close()
