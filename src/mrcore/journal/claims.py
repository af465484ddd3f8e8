"""A claim: a message in this process's hands, and how its job ended."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass, field
from typing import Any

from huey.exceptions import CancelExecution, RetryTask

from mrcore.journal import projection, record


@dataclass(frozen=True)
class Ended:
    """How a run ended: the job's state after it and the run's outcome.

    The state is `lost` when the job had been taken from this worker, because its heartbeat had
    stopped: somebody else runs it.
    """

    state: str
    outcome: str


@dataclass(eq=False)
class Claim:
    """A job that this process has taken, for its `n`th attempt; `started_at` in epoch seconds."""

    message: bytes
    task: Any  # huey.api.Task; huey has no types
    worker: str
    n: int
    max_attempts: int
    retries: int
    retry_delay: float
    started_at: float
    began: float = field(default_factory=time.monotonic)
    executing: bool = False
    retrying: bool = False
    signal: str = ""
    error: BaseException | None = None
    value: Any = None
    ended: Ended | None = None

    @property
    def id(self) -> str:
        return str(self.task.id)

    @property
    def name(self) -> str:
        return str(self.task.name)

    def attempt(self, now_s: float) -> record.Attempt:
        """This run as it goes into the journal."""
        error, trace = "", ""
        if self.error is not None:
            error = projection.error_line(self.error)
            trace = projection.trace_text("".join(traceback.format_exception(self.error)))
        elif self.signal:
            error = f"The job was {self.signal} before it ran."
        return record.Attempt(
            n=self.n,
            worker=self.worker,
            started_at=self.started_at,
            ended_at=now_s,
            outcome=self._outcome(),
            error=error,
            trace=trace,
        )

    def _outcome(self) -> str:
        """`succeeded`, `failed`, `retry`, or huey's word for why it did not run to its end."""
        if self.error is None:
            return self.signal or "succeeded"
        if isinstance(self.error, CancelExecution):
            return "canceled"
        return "retry" if isinstance(self.error, RetryTask) else "failed"
