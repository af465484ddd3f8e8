"""Real processes under a real lock, in the file that the supervisor writes."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from mrcore import folder
from mrcore.model import base, ref
from tests.contract import rig

ODD = "wor/k%e?r é"


class Stack(rig.Rig):
    kind = "stack"
    lacks = {
        "frozen": "it reads one small file and asks the system: there is no server to stop",
        "killed": "it reads one small file and asks the system: there is no server to kill",
        "limited": "the file belongs to whoever runs the stack",
        "guards": "describe() has no actions",
    }

    def __init__(self, place: Path) -> None:
        self._open = contextlib.ExitStack()
        self._state = folder.StateFolder(place / "state").make()
        self._open.enter_context(self._state.lock("stack.lock", "held"))
        rows = [self._process(name) for name in ("worker", ODD)]
        at = "2026-03-01T12:00:00Z"
        self._state.write_json("processes.json", {"at": at, "processes": rows})

    def close(self) -> None:
        self._open.close()

    def table(self) -> dict[str, Any]:
        return {"state": str(self._state.path)}

    def odd(self) -> tuple[base.Ref, ...]:
        return (ref.make("stack", "process", ODD),)

    def unknown(self) -> tuple[base.Ref, ...]:
        return ("stack/process/none", "stack/process/worker/2", "stack/other/worker")

    def _process(self, name: str) -> dict[str, Any]:
        argv = [sys.executable, "-I", "-S", "-c", "input()"]
        child = self._open.enter_context(subprocess.Popen(argv, stdin=subprocess.PIPE))
        self._open.callback(child.kill)
        began = psutil.Process(child.pid).create_time()
        since = "2026-03-01T11:00:00Z"
        return {
            "name": name,
            "pid": child.pid,
            "state": "ready",
            "since": since,
            "started_s": began,
        }
