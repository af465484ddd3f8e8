"""What a host has too little of."""

from __future__ import annotations

import contextlib
import resource
import sys

import psutil

from mrcore import client as clients
from mrcore import errors
from mrcore.gameday.faults import base
from mrcore.model import plans

_FULL_BYTES = 4096
_ASKED = "huey/schedule/kpi-dashboard"


class DiskFull(base.Fault):
    """A process of the stack can make no file longer: its writes fail as on a full disk (Linux)."""

    process: str = "serve"

    async def before(self, stage: base.Stage) -> base.Memo:
        if sys.platform != "linux":
            raise errors.StackError("Only Linux can limit the files of another process.")
        pid = stage.arena.pid(self.process)
        return {"pid": pid, "limits": list(psutil.Process(pid).rlimit(resource.RLIMIT_FSIZE))}

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        hard = memo["limits"][1]
        psutil.Process(memo["pid"]).rlimit(resource.RLIMIT_FSIZE, (_FULL_BYTES, hard))

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        with contextlib.suppress(psutil.NoSuchProcess, errors.StackError):
            if stage.arena.pid(self.process) == memo["pid"]:  # one that began anew has no limit
                psutil.Process(memo["pid"]).rlimit(resource.RLIMIT_FSIZE, tuple(memo["limits"]))


class Asked(base.Fault):
    """Somebody asks the core for a plan: at rest it writes nothing, and finds no full disk."""

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        async with clients.CoreClient.at(state=stage.arena.state.path) as client:
            with contextlib.suppress(errors.MrError):
                await client.plan("schedule.run", plans.Selection(refs=(_ASKED,)))


class Room(base.Fault):
    """A person has made room on that disk: for an operator."""

    process: str = "serve"

    async def before(self, stage: base.Stage) -> base.Memo:
        pid = stage.arena.pid(self.process)
        return {"pid": pid, "limits": list(psutil.Process(pid).rlimit(resource.RLIMIT_FSIZE))}

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        hard = memo["limits"][1]
        psutil.Process(memo["pid"]).rlimit(resource.RLIMIT_FSIZE, (hard, hard))
