"""Starts processes in order, starts them again when they end, and stops them in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

from mrcore import errors, folder
from mrcore.sources import base, wishes
from mrcore.stack import children, logfile, probes, process, spawn

FILE = "processes.json"
LOGS_EVERY_S = 10.0
WISHES_EVERY_S = 0.2


class Tier(IntEnum):
    """What stops together; the highest stops first. The core shows the stop as it did the boot."""

    CORE = 0
    SERVER = 1
    ONCE = 2
    REST = 3


@dataclass(frozen=True)
class Spec:
    """How to run one process. Without `answers` it is ready when it writes to MR_READY_FD.

    `after` are names that must be ready first (for a one-shot: have exited with 0); `done` is
    called when a one-shot has exited with 0. Times are in seconds.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    tier: Tier = Tier.REST
    after: tuple[str, ...] = ()
    once: bool = False
    done: Callable[[], None] | None = None
    answers: Callable[[], Awaitable[bool]] | None = None
    stop: signal.Signals = signal.SIGTERM
    before_exec: Callable[[], None] = field(default_factory=lambda: spawn.before_exec())
    patience_s: float = 60.0
    grace_s: float = 8.0


Changed = Callable[[str, process.Process], None]


class Supervisor:
    """Runs `specs`; calls `changed(name, process)` at every change, after processes.json has it."""

    def __init__(
        self,
        state: folder.StateFolder,
        specs: Sequence[Spec],
        mine: children.Children,
        *,
        now: base.Now,
        changed: Changed,
    ) -> None:
        self.processes = {spec.name: process.Process(now()) for spec in specs}
        self._specs = {spec.name: spec for spec in specs}
        self._state = state
        self._children = mine
        self._now = now
        self._changed = changed
        self._ready = {spec.name: asyncio.Event() for spec in specs}
        self._running: dict[str, children.Child] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._hurry = asyncio.Event()
        self._wished: dict[str, wishes.Wish] = {}
        self._held: dict[str, asyncio.Future[str]] = {}
        self._roused = {spec.name: asyncio.Event() for spec in specs}
        self._chores: list[asyncio.Task[None]] = []
        # A Python child spends its first second on imports: more at once than cores only makes
        # every one of them late, the core first.
        self._slots = asyncio.Semaphore(max(2, os.cpu_count() or 2))

    async def start(self) -> None:
        """Start everything; returns when all is ready.

        Raises StackError that names the process that failed, how, and where its log is.
        """
        for name, spec in self._specs.items():
            self._tasks[name] = asyncio.create_task(self._keep(spec), name=name)
        logs = [self._log(spec) for spec in self._specs.values()]
        self._chores = [
            asyncio.create_task(logfile.keep_small(logs, LOGS_EVERY_S), name="logs"),
            asyncio.create_task(self._hear_wishes(), name="wishes"),
        ]
        booted = asyncio.create_task(self._all_ready())
        waiting: set[asyncio.Future[Any]] = {booted, *self._tasks.values()}
        try:
            while not booted.done():
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            booted.cancel()

    async def _all_ready(self) -> None:
        for event in self._ready.values():
            await event.wait()

    async def watch(self) -> None:
        """Keep everything running; returns only by raising what ended a keeper."""
        done, _ = await asyncio.wait(self._tasks.values(), return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    async def stop(self) -> None:
        """Stop everything, the highest tier first."""
        for tier in sorted(Tier, reverse=True):
            specs = [spec for spec in self._specs.values() if spec.tier is tier]
            await asyncio.gather(*(self._stop(spec) for spec in specs))
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._tasks.values(), *self._chores, return_exceptions=True)

    def hurry(self) -> None:
        """Give nobody grace any more."""
        self._hurry.set()

    async def _hear_wishes(self) -> None:
        """Let processes begin anew, or stop, as the core wishes."""
        while True:
            for wish in wishes.take(self._state):
                await self._fulfil(wish)
            await asyncio.sleep(WISHES_EVERY_S)

    async def _fulfil(self, wish: wishes.Wish) -> None:
        """End the very process that is meant; what is another one by now is left alone."""
        child, now = self._running.get(wish.name), self.processes.get(wish.name)
        if now is None:
            return
        spec = self._specs[wish.name]
        if now.state is process.State.BACKOFF and not wish.pid:
            self._wished[wish.name] = wish
            self._roused[wish.name].set()
        elif child is None:
            if not (wish.stays or wish.pid) and (held := self._held.pop(wish.name, None)):
                held.set_result(wish.by)
        elif _is_meant(wish, child, now):
            self._wished[wish.name] = wish
            self._change(spec, process.stopping(now, self._now()))
            await self._end(spec, child)

    async def _keep(self, spec: Spec) -> None:
        for name in spec.after:
            await self._ready[name].wait()
        while True:
            why, success = await self._run(spec)
            if await self._wished_so(spec):
                continue
            now = self._change(
                spec,
                process.ended(
                    self.processes[spec.name], self._now(), why=why, success=success, once=spec.once
                ),
            )
            if now.state is process.State.FAILED:
                words = logfile.last_words(self._log(spec))
                raise errors.StackError(f"{spec.name} {why}.", fix=words)
            if now.state is process.State.STOPPED:
                if success and spec.once:
                    self._ready[spec.name].set()
                return
            self._roused[spec.name].clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._roused[spec.name].wait(), process.delay_s(now))
            await self._wished_so(spec)

    async def _wished_so(self, spec: Spec) -> bool:
        """Whether it ended by a wish; it is to begin again then, once that is wished, too."""
        wish = self._wished.pop(spec.name, None)
        if wish is None:
            return False
        by = wish.by
        if wish.stays:
            held = self._held[spec.name] = asyncio.get_running_loop().create_future()
            self._change(spec, process.held(self.processes[spec.name], self._now(), by=by))
            by = await held
        self._change(spec, process.released(self.processes[spec.name], self._now(), by=by))
        return True

    async def _run(self, spec: Spec) -> tuple[str, bool]:
        """Run it to its end: in words, and whether it did what a one-shot should."""
        async with self._slots if spec.answers is None else contextlib.nullcontext():
            try:
                child = self._start(spec)
            except OSError as error:
                return f"could not be started: {error}", False
            late = not await self._settled(spec, child)
        if late:
            child.kill()
        code = await child.exited
        del self._running[spec.name]
        if late:
            return f"was not ready within {spec.patience_s:g} s", False
        if code == 0 and spec.done:
            spec.done()
        return process.exit_words(code), code == 0

    async def _settled(self, spec: Spec, child: children.Child) -> bool:
        """Whether it became ready or ended before its patience did."""
        wanted: set[asyncio.Future[Any]] = {child.exited}
        if not spec.once:
            asked = spec.answers and asyncio.ensure_future(probes.answered(spec.answers))
            wanted.add(asked or child.ready)
        done, left = await asyncio.wait(
            wanted, timeout=spec.patience_s, return_when=asyncio.FIRST_COMPLETED
        )
        for future in left - {child.exited}:
            future.cancel()
        starting = self.processes[spec.name].state is process.State.STARTING
        if done and starting and not child.exited.done():
            self._change(spec, process.announced(self.processes[spec.name], self._now()))
            self._ready[spec.name].set()
        return bool(done)

    def _start(self, spec: Spec) -> children.Child:
        log = self._log(spec)
        logfile.set_aside(log)
        child = self._children.start(
            spec.argv,
            env=spec.env,
            folder=self._state.path,
            log=log,
            before_exec=spec.before_exec,
        )
        self._running[spec.name] = child
        now = process.started(
            self.processes[spec.name], self._now(), pid=child.pid, started_s=child.started_s
        )
        self._change(spec, now)
        return child

    async def _stop(self, spec: Spec) -> None:
        task = self._tasks.get(spec.name)
        child = self._running.get(spec.name)
        self._wished.pop(spec.name, None)
        if child is None:
            if task is not None:
                task.cancel()
            if self.processes[spec.name].state not in process.FINAL:
                self._change(spec, process.stopped(self.processes[spec.name], self._now()))
            return
        self._change(spec, process.stopping(self.processes[spec.name], self._now()))
        await self._end(spec, child)
        if task is not None:
            await asyncio.wait({task})

    async def _end(self, spec: Spec, child: children.Child) -> None:
        """Ask a child to end, and kill it with its group when its grace is over."""
        child.stop(spec.stop)
        hurry = asyncio.ensure_future(self._hurry.wait())
        ends: set[asyncio.Future[Any]] = {child.exited, hurry}
        await asyncio.wait(ends, timeout=spec.grace_s, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        child.kill()

    def _change(self, spec: Spec, now: process.Process) -> process.Process:
        self.processes[spec.name] = now
        self.write()
        self._changed(spec.name, now)
        return now

    def write(self) -> None:
        """Write processes.json: what the screen shows, and what the next `up` sweeps."""
        rows = [self._row(spec) for spec in self._specs.values()]
        table = {"at": self._now().isoformat(), "supervisor": os.getpid(), "processes": rows}
        # A full disk must not end what runs; the next change writes all of it again.
        with contextlib.suppress(OSError):
            self._state.write_json(FILE, table)

    def _row(self, spec: Spec) -> dict[str, object]:
        now = self.processes[spec.name]
        about = {"command": shlex.join(spec.argv), "log": str(self._log(spec))}
        return {"name": spec.name, **process.row(now), **about}

    def _log(self, spec: Spec) -> Path:
        return self._state / "logs" / f"{spec.name}.log"


def _is_meant(wish: wishes.Wish, child: children.Child, now: process.Process) -> bool:
    """Whether a wish is of this very child, in a state in which it can be told to end."""
    if wish.stays and not wish.pid:
        return now.state in (process.State.READY, process.State.STARTING)
    return child.pid == wish.pid and now.state is process.State.READY
