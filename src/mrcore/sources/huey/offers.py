"""What a row allows now: which actions are offered in which state. Pure."""

from __future__ import annotations

from mrcore.model import base
from mrcore.model.queue import JobState as S

RETRY, REMOVE = "queue.retry", "job.remove"
QUARANTINE, RELEASE, REVEAL = "job.quarantine", "job.release", "job.reveal"
PAUSE, RESUME = "queue.pause", "queue.resume"
RUN, RESTART = "schedule.run", "worker.restart"
ALL: tuple[base.ActionId, ...] = (
    RETRY, REMOVE, QUARANTINE, RELEASE, REVEAL, PAUSE, RESUME, RUN, RESTART,
)  # fmt: skip

STATES: dict[base.ActionId, frozenset[S]] = {
    RETRY: frozenset({S.FAILED}),
    REMOVE: frozenset({S.FAILED, S.COMPLETED, S.WAITING, S.DELAYED, S.QUARANTINED}),
    QUARANTINE: frozenset({S.FAILED, S.WAITING, S.DELAYED}),
    RELEASE: frozenset({S.QUARANTINED}),
}
"""In which states of a job an action makes sense."""


def of_job(state: S, *, kept: bool) -> tuple[base.ActionId, ...]:
    """A job's actions; `kept` is whether the message of a failed one is there to retry it."""
    found = [action for action, states in STATES.items() if state in states]
    if not kept and RETRY in found:
        found.remove(RETRY)
    return (*found, REVEAL)


def of_queue(*, journalled: bool, paused: bool) -> tuple[base.ActionId, ...]:
    """A queue's actions: only workers with a journal can be told to pause."""
    return () if not journalled else (RESUME,) if paused else (PAUSE,)
