"""Processes of the stack that hang or die."""

from __future__ import annotations

import asyncio
import contextlib
import signal

from mrcore import errors
from mrcore.gameday.faults import base
from mrcore.sources import wishes

_LOOK_S = 0.1
_ANEW_S = 60.0


class Stop(base.Fault):
    """SIGSTOP: it lives, holds its connections, and does nothing any more."""

    process: str

    async def before(self, stage: base.Stage) -> base.Memo:
        return {"pid": stage.arena.pid(self.process)}

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        stage.arena.signal(self.process, signal.SIGSTOP)

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        # Restarted in the meantime, it runs as another process: to go on does that no harm.
        with contextlib.suppress(errors.StackError):
            stage.arena.signal(self.process, signal.SIGCONT)


class Kill(base.Fault):
    """`kill -9`: once, or (`again`) whenever it has come back."""

    process: str
    again: bool = False

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        stage.arena.signal(self.process, signal.SIGKILL)
        if self.again:
            task = asyncio.create_task(self._on(stage))
            stage.held.callback(task.cancel)

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        # Killed many times, it would wait for longer than whoever plays next.
        if self.again and stage.arena.waits(self.process):
            await begin_anew(stage, self.process, 0)

    async def _on(self, stage: base.Stage) -> None:
        killed = 0
        while self.process not in stage.spared:
            with contextlib.suppress(errors.StackError):
                pid = stage.arena.pid(self.process)
                if pid != killed:
                    stage.arena.signal(self.process, signal.SIGKILL)
                    killed = pid
            await asyncio.sleep(_LOOK_S)


class Spare(base.Fault):
    """Nobody kills it any more: an operator has mended what did."""

    process: str

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        stage.spared.add(self.process)


async def begin_anew(stage: base.Stage, process: str, pid: int) -> None:
    """Its supervisor lets it begin anew, as it was wished; `pid` 0 is of one that has none.

    Raises StackError where it does not.
    """
    wish = wishes.Wish(process, pid, "gameday")
    try:
        async with asyncio.timeout(_ANEW_S):
            while not stage.arena.is_ready(process, after=pid):
                wishes.write(stage.arena.state, wish)  # one that was not ready has heard nothing
                await asyncio.sleep(_LOOK_S)
    except TimeoutError:
        raise errors.StackError(f"The stack's process {process!r} does not begin anew.") from None
    finally:
        wishes.withdraw(stage.arena.state, process)
