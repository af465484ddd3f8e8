"""What a row allows now: which actions are offered in which state. Pure."""

from __future__ import annotations

from mrcore.model import base
from mrcore.model.queue import JobState as S

RETRY, REMOVE = "queue.retry", "job.remove"
QUARANTINE, RELEASE, REVEAL = "job.quarantine", "job.release", "job.reveal"
PAUSE, RESUME = "queue.pause", "queue.resume"
RUN, RESTART = "schedule.run", "worker.restart"
REGISTER, UNREGISTER = "schedule.register", "schedule.remove"
EDIT, DUPLICATE = "job.edit", "job.duplicate"
PROMOTE, DELAY, PRIORITY = "job.promote", "job.delay", "job.priority"
CLEAN, DRAIN = "queue.clean", "queue.drain"
ALL: tuple[base.ActionId, ...] = (
    RETRY, EDIT, PROMOTE, DUPLICATE, DELAY, PRIORITY, REMOVE, QUARANTINE, RELEASE, REVEAL,
    PAUSE, RESUME, CLEAN, DRAIN, RUN, REGISTER, UNREGISTER, RESTART,
)  # fmt: skip

STATES: dict[base.ActionId, frozenset[S]] = {
    RETRY: frozenset({S.FAILED}),
    EDIT: frozenset({S.FAILED}),
    PROMOTE: frozenset({S.DELAYED}),
    DUPLICATE: frozenset({S.FAILED, S.WAITING, S.DELAYED}),
    DELAY: frozenset({S.DELAYED}),
    REMOVE: frozenset({S.FAILED, S.COMPLETED, S.WAITING, S.DELAYED, S.QUARANTINED}),
    QUARANTINE: frozenset({S.FAILED, S.WAITING, S.DELAYED}),
    RELEASE: frozenset({S.QUARANTINED}),
}
"""In which states of a job an action makes sense."""


def of_job(state: S, *, kept: bool) -> tuple[base.ActionId, ...]:
    """A job's actions; `kept` is whether the message of a failed one is there to retry it."""
    found = [action for action, states in STATES.items() if state in states]
    if state is S.FAILED and not kept:
        found = [action for action in found if action not in (RETRY, EDIT, DUPLICATE)]
    return (*found, REVEAL)


def of_queue(*, journalled: bool, paused: bool) -> tuple[base.ActionId, ...]:
    """A queue's actions: only workers with a journal can be told to pause."""
    return () if not journalled else (RESUME if paused else PAUSE, CLEAN, DRAIN)


def of_ranked(state: S) -> tuple[base.ActionId, ...]:
    """Actions of a job of a PriorityRedisHuey, which has no journal."""
    return (PRIORITY,) if state is S.WAITING else ()


def of_schedule(*, template: bool, removed: bool, differs: bool) -> tuple[base.ActionId, ...]:
    """A schedule's actions.

    `template` is whether its scheduler publishes the job's message, `differs` whether it is
    registered with another interval than it declares.
    """
    if removed:
        return (REGISTER,)
    found = (RUN, UNREGISTER) if template else (UNREGISTER,)
    return (*found, REGISTER) if differs else found
