"""What a row allows now, and which of RQ's states is which of ours. Pure."""

from __future__ import annotations

from mrcore.model import base
from mrcore.model.queue import JobState as S

RETRY, REMOVE, REVEAL = "queue.retry", "job.remove", "job.reveal"
QUARANTINE, RELEASE = "job.quarantine", "job.release"
PROMOTE, DELAY, DUPLICATE = "job.promote", "job.delay", "job.duplicate"
PAUSE, RESUME, CLEAN, DRAIN = "queue.pause", "queue.resume", "queue.clean", "queue.drain"
RUN, UNSCHEDULE, REGISTER = "schedule.run", "schedule.remove", "schedule.register"
ALL: tuple[base.ActionId, ...] = (
    RETRY, REMOVE, QUARANTINE, RELEASE, PROMOTE, DELAY, DUPLICATE, REVEAL, PAUSE, RESUME, CLEAN,
    DRAIN, RUN, UNSCHEDULE, REGISTER,
)  # fmt: skip

SHOWN = {
    "started": S.ACTIVE,
    "failed": S.FAILED,
    "queued": S.WAITING,
    "scheduled": S.DELAYED,
    "deferred": S.WAITING_CHILDREN,
    "quarantined": S.QUARANTINED,
    "finished": S.COMPLETED,
    "canceled": S.COMPLETED,
}
"""RQ's states as they are shown, in the order in which a page without a state goes through them."""

STATES: dict[base.ActionId, tuple[str, ...]] = {
    RETRY: ("failed",),
    REMOVE: (
        "failed", "finished", "canceled", "queued", "scheduled", "deferred", "quarantined",
    ),
    QUARANTINE: ("failed", "queued", "scheduled"),
    RELEASE: ("quarantined",),
    PROMOTE: ("scheduled",),
    DELAY: ("scheduled",),
    DUPLICATE: ("failed", "finished", "canceled", "queued", "scheduled"),
}  # fmt: skip
"""In which of RQ's states of a job an action makes sense."""


def of_job(state: str) -> tuple[base.ActionId, ...]:
    """The actions of a job that is so."""
    return (*(action for action, states in STATES.items() if state in states), REVEAL)


def of_queue(*, paused: bool, waiting: int, ended: int) -> tuple[base.ActionId, ...]:
    """A queue's actions: nothing is drained or cleaned of what has nothing."""
    found = [RESUME if paused else PAUSE]
    if ended:
        found.append(CLEAN)
    if waiting:
        found.append(DRAIN)
    return tuple(found)
