"""One supervised process as a pure state machine: what happened leads to the next state.

```
starting ──ready──▶ ready ──▶ stopping ──▶ stopped
   │ ▲                │ ended
   ▼ │ 0.2 s … 30 s   │
  backoff ◀───────────┘      released: from ready to starting at once, because it was wished
                             failed: a one-shot that did not exit with 0,
                             or three ends in a row and never ready
                             held: stopped, because it was wished, until it is released
```
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from mrcore.model import stack

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 30.0
STEADY_S = 30.0
"""Ready for this long, a process has earned a short delay again."""
TRIES = 3


class State(StrEnum):
    """Where a process is; `starting` without a pid waits for what it needs."""

    STARTING = "starting"
    READY = "ready"
    BACKOFF = "backoff"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


FINAL = frozenset({State.STOPPED, State.FAILED})


@dataclass(frozen=True)
class Process:
    """Facts of one process.

    `failures` counts ends in a row without a steady time between; `started_s` is the system's
    own start time of `pid` in epoch seconds.
    """

    since: datetime
    state: State = State.STARTING
    pid: int | None = None
    started_s: float | None = None
    restarts: int = 0
    failures: int = 0
    was_ready: bool = False
    last_exit: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether it ended by itself with exit code 0."""
        return self.state is State.STOPPED and self.last_exit == exit_words(0)


def started(process: Process, at: datetime, *, pid: int, started_s: float | None) -> Process:
    """It runs as `pid` and is not ready yet."""
    restarts = process.restarts + bool(process.last_exit)
    running = replace(process, pid=pid, started_s=started_s, restarts=restarts)
    return replace(running, state=State.STARTING, since=at)


def announced(process: Process, at: datetime) -> Process:
    """It said that it is ready."""
    return replace(process, state=State.READY, since=at, was_ready=True)


def stopping(process: Process, at: datetime) -> Process:
    """It was told to end."""
    return replace(process, state=State.STOPPING, since=at)


def stopped(process: Process, at: datetime) -> Process:
    """It will not run again."""
    return replace(process, state=State.STOPPED, since=at, pid=None)


def ended(
    process: Process, at: datetime, *, why: str, success: bool = False, once: bool = False
) -> Process:
    """It ended, or could not be started; `why` says how, `once` is a process that should end."""
    steady = process.state is State.READY and (at - process.since).total_seconds() >= STEADY_S
    failures = 1 if steady else process.failures + 1
    after = replace(process, since=at, pid=None, last_exit=why, failures=failures)
    if process.state is State.STOPPING:
        return replace(after, state=State.STOPPED)
    if once:
        return replace(after, state=State.STOPPED if success else State.FAILED)
    if not process.was_ready and failures >= TRIES:
        return replace(after, state=State.FAILED)
    return replace(after, state=State.BACKOFF)


def released(process: Process, at: datetime, *, by: str) -> Process:
    """It ended because `by` wanted it to begin anew: no failure, and no pause."""
    return replace(
        process, state=State.STARTING, since=at, pid=None, last_exit=f"{stack.RESTARTED} {by}"
    )


def held(process: Process, at: datetime, *, by: str) -> Process:
    """It ended because `by` wanted it stopped: no failure, and it begins again when released."""
    why = f"{stack.STOPPED} {by}"
    return replace(process, state=State.STOPPED, since=at, pid=None, last_exit=why, failures=0)


def row(process: Process) -> dict[str, object]:
    """Its facts as processes.json has them."""
    return {
        "state": process.state.value,
        "pid": process.pid,
        "since": process.since.isoformat(),
        "restarts": process.restarts,
        "last_exit": process.last_exit,
        "started_s": process.started_s if process.pid else None,
    }


def delay_s(process: Process) -> float:
    """Seconds from its end to its next start."""
    return float(min(FIRST_DELAY_S * 2 ** min(process.failures - 1, 16), LONGEST_DELAY_S))


def exit_words(code: int) -> str:
    """An exit code in words; negative is a signal, as `subprocess` has it."""
    if code >= 0:
        return f"exited with {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
