"""What a row allows now: which actions are offered in which state. Pure."""

from __future__ import annotations

from mrcore.model import base
from mrcore.model.queue import JobState as S

RETRY, EDIT, REMOVE = "queue.retry", "job.edit", "job.remove"
PROMOTE, DELAY, PRIORITY, DUPLICATE = "job.promote", "job.delay", "job.priority", "job.duplicate"
QUARANTINE, RELEASE, REVEAL = "job.quarantine", "job.release", "job.reveal"
PAUSE, RESUME, CLEAN, DRAIN = "queue.pause", "queue.resume", "queue.clean", "queue.drain"
RUN, UNSCHEDULE, REGISTER = "schedule.run", "schedule.remove", "schedule.register"
OF_JOBS = (
    RETRY, EDIT, REMOVE, PROMOTE, DELAY, PRIORITY, DUPLICATE, QUARANTINE, RELEASE,
)  # fmt: skip
OF_QUEUES = (PAUSE, RESUME, CLEAN, DRAIN)
OF_SCHEDULES = (RUN, UNSCHEDULE, REGISTER)
WRITES: tuple[base.ActionId, ...] = (*OF_JOBS, *OF_QUEUES, *OF_SCHEDULES)

_KEPT = frozenset({S.FAILED, S.COMPLETED, S.WAITING, S.PRIORITIZED, S.DELAYED})
STATES: dict[base.ActionId, frozenset[S]] = {
    RETRY: frozenset({S.FAILED}),
    EDIT: frozenset({S.FAILED}),
    REMOVE: _KEPT,
    PROMOTE: frozenset({S.DELAYED}),
    DELAY: frozenset({S.DELAYED}),
    PRIORITY: frozenset({S.WAITING, S.PRIORITIZED, S.DELAYED}),
    DUPLICATE: _KEPT,
    QUARANTINE: frozenset({S.FAILED, S.WAITING, S.PRIORITIZED, S.DELAYED}),
    RELEASE: frozenset({S.QUARANTINED}),
}
"""In which states of a job an action makes sense."""


def of_job(state: S) -> tuple[base.ActionId, ...]:
    return tuple(action for action in OF_JOBS if state in STATES[action])


def of_queue(*, paused: bool) -> tuple[base.ActionId, ...]:
    return (RESUME if paused else PAUSE, CLEAN, DRAIN)
