"""A real supervisor in a process of its own, with real children."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from mrcore import folder
from mrcore.model import base, ref
from mrcore.sources import wishes
from tests import waiting
from tests.contract import rig

ODD = "wor/k%e?r é"
NAMES = ("worker", ODD)


class Stack(rig.Rig):
    kind = "stack"
    acts = ("process.restart",)
    lacks = {
        "frozen": "it reads one small file and asks the system: there is no server to stop",
        "killed": "it reads one small file and asks the system: there is no server to kill",
        "limited": "the file belongs to whoever runs the stack",
    }

    def __init__(self, place: Path) -> None:
        self._open = contextlib.ExitStack()
        self._state = folder.StateFolder(place / "state").make()
        argv = [sys.executable, "-m", "tests.contract.supervised", str(self._state.path)]
        pipe = subprocess.PIPE
        self._boss = subprocess.Popen([*argv, "serve", *NAMES], stdin=pipe, stdout=pipe)
        self._open.enter_context(self._boss)
        assert self._boss.stdout is not None
        assert self._boss.stdout.readline() == b"ready\n"

    def close(self) -> None:
        self._boss.terminate()
        self._open.close()

    def table(self) -> dict[str, Any]:
        return {"state": str(self._state.path)}

    def odd(self) -> tuple[base.Ref, ...]:
        return (ref.make("stack", "process", ODD),)

    def unknown(self) -> tuple[base.Ref, ...]:
        return ("stack/process/none", "stack/process/worker/2", "stack/other/worker")

    async def deed(self, action: base.ActionId) -> rig.Deed:
        refs = tuple(ref.make("stack", "process", name) for name in NAMES)
        for one in refs:
            await self._ready(one, None)
        return rig.Deed(action, refs, moved_on=refs[1])

    async def move_on(self, deed: rig.Deed) -> None:
        await self._killed(deed.moved_on)

    async def state(self, action: base.ActionId, ref: base.Ref) -> Hashable:
        """Which process it is: its pid, as the supervisor has it."""
        return self._row(ref)["pid"]

    def churn(self, action: base.ActionId) -> rig.Churn:
        return {"killed": self._killed, "restarted by another": self._restarted}

    async def _killed(self, ref: base.Ref) -> None:
        pid = self._row(ref)["pid"]
        os.kill(pid, signal.SIGKILL)
        await self._ready(ref, pid)

    async def _restarted(self, ref: base.Ref) -> None:
        row = self._row(ref)
        wishes.write(self._state, wishes.Wish(row["name"], row["pid"], "ravi"))
        await self._ready(ref, row["pid"])

    async def _ready(self, ref: base.Ref, old: int | None) -> None:
        def again() -> bool:
            row = self._row(ref)
            return row["state"] == "ready" and row["pid"] != old

        await waiting.until(again, what=f"{ref} ready")

    def _row(self, of: base.Ref) -> dict[str, Any]:
        rows = (self._state.read_json("processes.json") or {})["processes"]
        return next(row for row in rows if ref.make("stack", "process", row["name"]) == of)
