"""The log reader as a child: started, asked, watched, and started again."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from mrcore import errors

ANSWER_S = 1.5
"""How long an answer may take, on top of what it was asked to wait."""

WEDGED_S = 5.0
"""A reader that owes an answer and says nothing for so long is killed."""

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
STEADY_S = 10.0
LINE_BYTES = 32 << 20

_BY_CODE: Mapping[str, type[errors.MrError]] = {
    kind.code: kind
    for kind in (
        errors.Unreachable,
        errors.NotPermitted,
        errors.NotFound,
        errors.Unsupported,
        errors.BadRequest,
    )
}


def error_of(problem: Mapping[str, str]) -> errors.MrError:
    """An error as the reader tells it."""
    kind = _BY_CODE.get(problem["code"], errors.SourceError)
    return kind(problem["sentence"], fix=problem["fix"])


class Child:
    """One reader process at a time, told to `watch` first; a new one whenever it ends.

    Its stdin is ours, so it ends with us, and on Linux by the parent's death too. Whatever it does
    or does not do, `ask` returns or raises within its deadline.
    """

    def __init__(self, watch: Callable[[], dict[str, Any]]) -> None:
        self._watch = watch
        self._numbers = itertools.count(1)
        self._pending: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._up = asyncio.Event()
        self._owing_since: float | None = None
        self._why = "The log reader was not started."
        self.started = 0

    @property
    def pid(self) -> int | None:
        """Process id of the reader, while there is one."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the reader and keep one running; returns at once."""
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """End the reader."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait((self._keeper,))
            self._keeper = None
        self._fail("The source is closed.")

    async def ask(self, do: str, *, wait_s: float = 0.0, **arguments: Any) -> dict[str, Any]:
        """The reader's answer.

        Raises what it refuses with, and Unreachable when it is away or does not answer in time.
        """
        if self._keeper is None:
            raise errors.Unreachable(self._why)
        number = next(self._numbers)
        try:
            async with asyncio.timeout(ANSWER_S + wait_s):
                await self._up.wait()
                return await self._exchange(number, do, {**arguments, "wait_s": wait_s})
        except TimeoutError:
            self._suspect()
            raise errors.Unreachable(
                self._why if not self._up.is_set() else "The log reader does not answer."
            ) from None
        finally:
            if self._pending.pop(number, None) is not None:
                self._send(next(self._numbers), "forget", {"of": number})

    async def _exchange(self, number: int, do: str, arguments: dict[str, Any]) -> dict[str, Any]:
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        if self._owing_since is None and not arguments["wait_s"]:
            self._owing_since = asyncio.get_running_loop().time()
        self._pending[number] = future
        self._send(number, do, {k: v for k, v in arguments.items() if v or k != "wait_s"})
        return await future

    def _send(self, number: int, do: str, arguments: dict[str, Any]) -> None:
        if self._process is None or self._process.stdin is None:
            return
        line = json.dumps({"id": number, "do": do, **arguments}) + "\n"
        self._process.stdin.write(line.encode())

    def _suspect(self) -> None:
        """Kill a reader that has been silent for too long; the keeper starts another one."""
        if self._process is None or self._owing_since is None:
            return
        silent_s = asyncio.get_running_loop().time() - self._owing_since
        if silent_s > WEDGED_S:
            self._why = f"The log reader said nothing for {silent_s:.0f} s and was restarted."
            self._kill(self._process)

    async def _keep(self) -> None:
        pause_s = FIRST_PAUSE_S
        loop = asyncio.get_running_loop()
        self._why = "The log reader is starting."
        while True:
            began = loop.time()
            try:
                why = await self._run()
            except OSError as error:
                why = f"The log reader cannot be started: {error.strerror}."
            self._fail(why)
            pause_s = FIRST_PAUSE_S if loop.time() - began > STEADY_S else pause_s
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _run(self) -> str:
        """One reader from its start to its end; why it ended."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "mrcore", "logreader", "--parent", str(os.getpid())),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_BYTES,
        )
        self._process = process
        self._owing_since = asyncio.get_running_loop().time()
        self.started += 1
        try:
            self._send(0, "watch", self._watch())
            assert process.stdout is not None
            while line := await process.stdout.readline():
                self._heard(json.loads(line))
            code = await process.wait()
        finally:
            self._process = None
            await self._end(process)
        return f"The log reader ended with {code} and is being restarted."

    def _heard(self, answer: dict[str, Any]) -> None:
        self._owing_since = None
        if answer["id"] == 0:
            self._up.set()
        future = self._pending.pop(answer["id"], None)
        if future is None or future.done():
            return
        if "error" in answer:
            future.set_exception(error_of(answer["error"]))
        else:
            future.set_result(answer["ok"])

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        self._up.clear()
        self._kill(process)
        await process.communicate()  # closes the pipes

    @staticmethod
    def _kill(process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()

    def _fail(self, why: str) -> None:
        self._why = why
        for future in self._pending.values():
            if not future.done():
                future.set_exception(errors.Unreachable(why))
        self._pending.clear()
