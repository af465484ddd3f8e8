"""Starting what is not there yet: a detached core, or a stack of our own. Light: no textual."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mrcore import errors
from mrtui import places
from mrtui.terminal import typed

if TYPE_CHECKING:
    from mrtui import link

_PR_SET_PDEATHSIG = 1
STOP_PATIENCE_S = 60.0


class Step(NamedTuple):
    """One step of a stack's boot, as `boot.jsonl` has it."""

    name: str
    state: str
    took_s: float | None = None
    why: str = ""


class Context(NamedTuple):
    """An environment that can be looked at: `connect` makes a client of its core, and starts none.

    `connect` raises SettingsError when what the person wrote about it is wrong.
    """

    name: str
    address: str
    connect: Callable[[], link.Core]


def _no_contexts() -> Sequence[Context]:
    return ()


class Start(NamedTuple):
    """How the screen was started: what leaving means, and what is shown until the core answers.

    `hint` is said for a while once it does.
    """

    place: str = ""
    address: str = ""
    state: Path | None = None
    theme: str = ""
    locked_theme: str = ""
    read_only: bool = False
    ring: str = "all"
    hint: str = ""
    owns_stack: Callable[[], bool] = bool
    steps: Callable[[], Sequence[Step]] = tuple
    failed: Callable[[], str] = str
    contexts: Callable[[], Sequence[Context]] = _no_contexts

    def at(self, context: Context) -> bool:
        """Whether an environment is the one that is looked at; another may have its name."""
        named = context.name in (self.place, context.address)
        return named and context.address == self.address


class Stack:
    """The stack of a state folder: ours when we started it, and then ours to stop."""

    def __init__(
        self,
        state: Path,
        process: subprocess.Popen[bytes] | None,
        keep: bool,
        options: Sequence[str] = (),
    ) -> None:
        self.state = state
        self.process = process
        self.keep = keep
        self._options = options

    def ensure(self) -> None:
        """Start it unless it was started here or one runs; the one that was found may be ending.

        Before each attempt to reach its core, as who was found may have had seconds to live.
        """
        if self.process is not None or places.stack_runs(self.state):
            return
        places.make(self.state)
        for name in ("boot.jsonl", "stack.json"):  # of the one before, which would look ready
            (self.state / name).unlink(missing_ok=True)
        argv = [sys.executable, "-m", "mrcore", "up", "--json", "--state", str(self.state)]
        fd = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "wb") as log:
            self.process = subprocess.Popen(
                [*argv, *self._options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # the ready line, with its passwords
                stderr=log,
                start_new_session=True,
                preexec_fn=None if self.keep else _die_with_us(),
            )

    @property
    def owned(self) -> bool:
        """Whether leaving stops it: it is ours and runs; of two started at once, one gave way."""
        return self.running and not self.keep

    @property
    def running(self) -> bool:
        """Whether the stack that was started here runs."""
        return self.process is not None and self.process.poll() is None

    def failed(self) -> str:
        """Why it ended before it was asked to; empty while it runs."""
        if self.process is None or self.running or places.stack_runs(self.state):
            return ""
        return f"The stack ended (exit {self.process.returncode}): {last_words(self.log)}"

    @property
    def log(self) -> Path:
        """Where `mrcore up` writes what it has to say."""
        return self.state / "logs" / "up.log"

    def stop(self, progress: Callable[[str], None], patience_s: float = STOP_PATIENCE_S) -> None:
        """Ask it to end and wait, telling `progress` once a second; kill it at the deadline."""
        if self.process is None or self.process.poll() is not None:
            return
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        while True:
            try:
                self.process.wait(timeout=1.0)
                typed.forget()  # keys meant for a screen that has just crashed
                return
            except subprocess.TimeoutExpired:
                waited_s = time.monotonic() - began
                if waited_s > patience_s:
                    self.process.kill()
                    progress(f"the stack did not end within {patience_s:.0f} s and was killed")
                    self.process.wait()
                    typed.forget()
                    return
                progress(f"stopping the stack, {waited_s:.0f}s")


class Core:
    """The detached core of a state folder: started where none runs, and again when it is gone."""

    def __init__(self, state: Path, settings: Path | None) -> None:
        self.state = state
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """Where what starts the core has the last word; the core's own log is core.log."""
        return self.state / "logs" / "serve.log"

    def ensure(self) -> None:
        """Start a core unless one runs or is just starting; it ends when it is idle."""
        if self.starting or places.core_runs(self.state) or places.stack_runs(self.state):
            return
        places.make(self.state)
        argv = [sys.executable, "-m", "mrcore", "serve", "--state", str(self.state)]
        argv += ["--settings", str(self._settings)] if self._settings else []
        argv += ["--detach", "--idle-exit"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def revive(self) -> None:
        """As `ensure`, but not in the folder of a stack: its core is the stack's to start."""
        if not (self.state / "boot.jsonl").exists():
            self.ensure()

    @property
    def starting(self) -> bool:
        """Whether a core was started here and does not answer yet."""
        return self._process is not None and self._process.poll() is None

    def failed(self) -> str:
        """Why it did not start; empty while it may."""
        if self._process is None or not self._process.poll() or places.core_runs(self.state):
            return ""
        return last_words(self.log).rpartition("mrcore: ")[2]


def refuse_other_settings(state: Path, settings: Path) -> None:
    """Raise SettingsError when the core that runs for a folder was not started with these."""
    pid = places.read_json(state / "core.json").get("pid")
    if not places.core_runs(state) or not isinstance(pid, int):
        return
    import psutil  # only where somebody names settings

    try:
        argv = psutil.Process(pid).cmdline()
    except psutil.Error:
        argv = []
    wanted = str(settings.expanduser().absolute())
    if ("--settings", wanted) not in itertools.pairwise(argv):
        raise errors.SettingsError(
            f"A core runs for {state} with its own settings.",
            fix=f"Stop it (kill {pid}) or use another --state.",
        )


def stack(state: Path, seed: int | None, scale: str, keep: bool, time_scale: float = 1.0) -> Stack:
    """Start a stack in a state folder, or attach to the one that runs there."""
    options = ["--seed", str(seed)] if seed is not None else []
    options += ["--scale", scale, "--time-scale", f"{time_scale:g}"]
    found = Stack(state, None, keep, options)
    found.ensure()
    return found


def steps(state: Path) -> list[Step]:
    """The steps of the stack's boot so far; each once, in the order in which they began."""
    found: dict[str, Step] = {}
    with contextlib.suppress(OSError):
        for line in (state / "boot.jsonl").read_text().splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                value = json.loads(line)
                found[value["name"]] = Step(
                    value["name"], value["state"], value.get("took_s"), value.get("why") or ""
                )
    return list(found.values())


def boot(found: Stack, patience_s: float) -> Iterator[Step]:
    """Each step once it is ready, until the whole stack is.

    Raises StackError when the stack ends, a step fails, or it takes too long.
    """
    told: set[str] = set()
    deadline = time.monotonic() + patience_s
    while True:
        for step in steps(found.state):
            if step.state == "failed":
                raise errors.StackError(f"The stack's {step.name} did not start: {step.why}")
            if step.state == "ready" and step.name not in told:
                told.add(step.name)
                yield step
        if "stack" in told:
            return
        if why := found.failed():
            raise errors.StackError(why)
        if time.monotonic() > deadline:
            raise errors.StackError(
                f"The stack was not ready after {patience_s:.0f} s.", fix=f"See {found.log}."
            )
        time.sleep(0.05)


def last_words(path: Path) -> str:
    """The last sentence of a log, or one that there is none; JSON is for programs, and private."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    lines = [line for line in lines if line.strip() and not line.startswith("{")]
    return lines[-1][:500] if lines else f"{path} says nothing."


def _die_with_us() -> Callable[[], None] | None:
    """On Linux the stack is asked to stop when we are killed without a chance to ask it."""
    if sys.platform != "linux":
        return None
    import ctypes  # only where a stack is started

    libc = ctypes.CDLL(None, use_errno=True)

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)

    return prepare
