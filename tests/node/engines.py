"""BullMQ of one version, run by Node, as the tests' hands: it adds, runs and looks."""

from __future__ import annotations

import contextlib
import json
import subprocess
from typing import Any

from mrcore.stack import spawn
from tests import node


class Engine:
    """A Node process with one version of BullMQ; skips the test where Node is not to be had."""

    def __init__(
        self,
        port: int,
        *,
        db: int = 0,
        module: str = "bullmq",
        password: str = "",
        cluster: bool = False,
    ) -> None:
        own = {"module": module, "port": port, "db": db, "password": password, "cluster": cluster}
        argv = ["node", str(node.script("engine.cjs")), json.dumps(own)]
        self._child = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=node.environment(),
            preexec_fn=spawn.before_exec(),
        )
        assert self._answer() == {"ready": True}

    def __call__(self, do: str, queue: str = "", **ask: Any) -> dict[str, Any]:
        """Ask for something to be done, and wait for the answer."""
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps({"do": do, "queue": queue, **ask}).encode() + b"\n")
        self._child.stdin.flush()
        answer = self._answer()
        assert "error" not in answer, answer["error"]
        return answer

    def add(self, queue: str, name: str, data: Any = None, **opts: Any) -> str:
        """Add a job; its options are BullMQ's. Returns its id."""
        return str(self("add", queue, name=name, data=data, opts=opts)["id"])

    def _answer(self) -> dict[str, Any]:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        assert line, "Node has ended"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End it; what it held stays as it is."""
        if self._child.returncode is not None:
            return
        with contextlib.suppress(OSError):
            if self._child.stdin is not None:
                self._child.stdin.close()
        self._child.kill()
        self._child.wait(20)
        if self._child.stdout is not None:
            self._child.stdout.close()
