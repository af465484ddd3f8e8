"""One run of a stack in its state folder: refuse a second, start, say ready, stop in order."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mrcore import errors, folder
from mrcore.settings import Settings
from mrcore.sources import base
from mrcore.stack import (
    addresses,
    backend_token,
    children,
    core_settings,
    credentials,
    joining,
    plan,
    probes,
    process,
    supervisor,
    sweep,
    switching,
)

_BOOT_STATES = ("starting", "ready", "failed")
_ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class Step:
    """One step of the boot, or a change after it; `state` is starting, ready, failed, or how a
    process is now."""

    at: datetime
    name: str
    state: str
    took_s: float | None = None
    why: str = ""

    def line(self) -> str:
        """The step as a line of boot.jsonl."""
        took = None if self.took_s is None else round(self.took_s, 3)
        table = {"at": self.at.isoformat(), "name": self.name, "state": self.state}
        return json.dumps({**table, "took_s": took, "why": self.why}) + "\n"


class Log:
    """Turns changes of processes into steps: boot.jsonl until all is ready, `tell` always."""

    def __init__(
        self,
        state: folder.StateFolder,
        once: Collection[str],
        now: base.Now,
        tell: Callable[[Step], None],
    ) -> None:
        self._state = state
        self._once = once
        self._now = now
        self._tell = tell
        self._began = {"stack": now()}
        self._booting = True
        state.write_text("boot.jsonl", "")

    def changed(self, name: str, to: process.Process) -> None:
        """Note what a supervisor reports."""
        state, why = to.state, to.last_exit
        if state is process.State.STARTING:
            self._began[name] = to.since
        if name in self._once and to.succeeded:
            self._step(name, "ready")
        elif state in (process.State.STARTING, process.State.READY) and why:
            self._step(name, state.value, f"again, after it {why}")
        else:
            self._step(name, state.value, why)

    def ready(self) -> None:
        """All is ready: the boot ends here."""
        self._step("stack", "ready")
        self._booting = False

    def failed(self, why: str) -> None:
        """The boot failed: it ends here."""
        self._step("stack", "failed", why)
        self._booting = False

    def _step(self, name: str, state: str, why: str = "") -> None:
        now = self._now()
        took = (now - self._began.get(name, now)).total_seconds() if state == "ready" else None
        step = Step(now, name, state, took, why)
        if self._booting and state in _BOOT_STATES:
            self._append(step)
        self._tell(step)

    def _append(self, step: Step) -> None:
        try:
            with (self._state / "boot.jsonl").open("a") as file:
                file.write(step.line())
        except OSError as error:
            raise errors.StackError(f"boot.jsonl cannot be written: {error}.") from error


@dataclass(frozen=True)
class Order:
    """What the command line asks for; `seed` None: schema and roles, no data."""

    settings: Settings
    seed: int | None = None
    scale: str = "small"


async def run(
    state: folder.StateFolder,
    order: Order,
    *,
    now: base.Now,
    tell: Callable[[Step], None],
    ready: Callable[[dict[str, Any]], None],
    parts: Callable[[plan.Plan], list[supervisor.Spec]] = plan.Plan.specs,
) -> None:
    """Run the stack until a signal ends it; `ready` gets the ready line once all is ready.

    `parts` chooses its processes. Raises StackError when a stack or another core runs in this
    folder already, or a process fails during the boot.
    """
    state.make()
    with state.lock("stack.lock", _refusal(state)), _signals() as told:
        sweep.sweep(state)
        if state.locked("core.lock"):
            raise errors.StackError(_core_refusal(state))
        try:
            for name in ("stack.json", "core.json"):
                (state / name).unlink(missing_ok=True)
            whole = await _prepare(state, order, now)
            specs = parts(whole)
            log = Log(state, {spec.name for spec in specs if spec.once}, now, tell)
        except OSError as error:
            raise errors.StackError(f"The stack cannot be prepared: {error}.") from error
        with children.Children(adopt=True) as mine:
            boss = supervisor.Supervisor(state, specs, mine, now=now, changed=log.changed)
            told.second = boss.hurry
            try:
                await told.unless(_life(boss, whole, log, ready))
            finally:
                await boss.stop()
                (state / "stack.json").unlink(missing_ok=True)


async def _life(
    boss: supervisor.Supervisor,
    whole: plan.Plan,
    log: Log,
    ready: Callable[[dict[str, Any]], None],
) -> None:
    try:
        await boss.start()
    except errors.StackError as error:
        log.failed(str(error))
        raise
    line = whole.ready_line()
    whole.state.write_json("stack.json", line)
    log.ready()
    ready(line)
    await boss.watch()


async def _prepare(state: folder.StateFolder, order: Order, now: base.Now) -> plan.Plan:
    words = credentials.of(state)
    places = addresses.choose(order.settings.stack, words)
    for name, server in (("postgres", places.postgres), ("redis", places.redis)):
        if not server.own and not await probes.reachable(server.host, server.port):
            raise errors.StackError(
                f"Nothing accepts connections at {server.host}:{server.port}.",
                fix=f"Correct stack.{name} in the settings, or leave it out to start one here.",
            )
    (state / "logs").mkdir(mode=0o700, exist_ok=True)
    switching.lay(state)
    whole = plan.Plan(state, order.settings, words, places, order.seed, order.scale)
    state.write_json("settings.json", whole.core_settings(now))
    await backend_token.keep(state, core_settings.anchor(whole.settings, state), now())
    names = {**whole.mentor_names(), **whole.backend_names(), **whole.seed_names()}
    joining.keep(state, names)
    return whole


def _refusal(state: folder.StateFolder) -> str:
    pid = (state.read_json(supervisor.FILE) or {}).get("supervisor", "unknown")
    control = (state.read_json("core.json") or {}).get("control", "")
    if not control:  # its core does not answer yet
        control = f"http://{(state.read_json('settings.json') or {}).get('listen', '')}"
    return (
        f"A stack runs in {state.path} already: pid {pid}, {control}."
        f" Look at it with mrtui --state {state.path}, end it with kill {pid},"
        " or name another folder with --state."
    )


def _core_refusal(state: folder.StateFolder) -> str:
    pid = (state.read_json("core.json") or {}).get("pid", "unknown")
    return (
        f"A core without a stack runs in {state.path} already: pid {pid}."
        f" End it with kill {pid}, or name another folder with --state."
    )


class _Told:
    """Signals that end a stack: the first stops it in order, the next ones hurry."""

    def __init__(self) -> None:
        self._first = asyncio.Event()
        self.second: Callable[[], None] = lambda: None

    def signal(self) -> None:
        if self._first.is_set():
            self.second()
        self._first.set()

    async def unless(self, work: Any) -> None:
        """Run `work` until it raises or a signal comes."""
        task = asyncio.ensure_future(work)
        end = asyncio.ensure_future(self._first.wait())
        await asyncio.wait({task, end}, return_when=asyncio.FIRST_COMPLETED)
        end.cancel()
        if task.done():
            task.result()
            return
        task.cancel()
        await asyncio.wait({task})


@contextlib.contextmanager
def _signals() -> Iterator[_Told]:
    told = _Told()
    loop = asyncio.get_running_loop()
    for number in _ENDS:
        loop.add_signal_handler(number, told.signal)
    try:
        yield told
    finally:
        for number in _ENDS:
            loop.remove_signal_handler(number)
