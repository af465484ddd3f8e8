"""What a row allows now, by what the board can do and lets us do. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from mrcore.model import base, plans
from mrcore.model.queue import JobState as S
from mrcore.queues import expiry
from mrcore.sources.bullboard import shape

RETRY, EDIT, REMOVE, PROMOTE = "queue.retry", "job.edit", "job.remove", "job.promote"
DELAY, PRIORITY, DUPLICATE = "job.delay", "job.priority", "job.duplicate"
REVEAL = "job.reveal"
PAUSE, RESUME, CLEAN, DRAIN = "queue.pause", "queue.resume", "queue.clean", "queue.drain"
RUN, FORGET = "schedule.run", "schedule.remove"

_STILL = frozenset({S.WAITING, S.PRIORITIZED, S.DELAYED, S.PAUSED})
STATES: dict[base.ActionId, frozenset[S]] = {
    RETRY: frozenset({S.FAILED}),
    EDIT: frozenset({S.FAILED}),
    REMOVE: _STILL | {S.FAILED, S.COMPLETED, S.WAITING_CHILDREN},
    PROMOTE: frozenset({S.DELAYED}),
    DELAY: frozenset({S.DELAYED}),
    PRIORITY: frozenset({S.WAITING, S.PRIORITIZED}),
    DUPLICATE: frozenset(S),
}
"""In which states of a job an action makes sense."""

READ_ONLY = "The board shows this queue read-only."
NO_RETRIES = "The board does not allow retries in this queue."
TOO_OLD = "This board cannot do that: Bull Board 9.5 can, this one looks like {since}."
ARMED = (
    "A scheduler waits on this run, and a board of this age would remove the scheduler with it: "
    "Bull Board 8.3 does not."
)


def refusal(action: base.ActionId, app: shape.App, job_id: str = "") -> str:
    """Why the board cannot do that in this queue (to this job), '' where it can."""
    known = shape.of(app)
    if action == REVEAL:
        return ""
    if app.get("readOnlyMode"):
        return READ_ONLY
    if action in (RETRY, EDIT) and app.get("allowRetries") is False:
        return NO_RETRIES
    if action in (DELAY, PRIORITY) and not (known.edits and app.get("type") == "bullmq"):
        return TOO_OLD.format(since=known.since)
    if action in (RUN, FORGET) and not known.tells_schedules:
        return TOO_OLD.format(since=known.since)
    if action == REMOVE and job_id.startswith("repeat:") and not known.tells_schedules:
        return ARMED
    return ""


def is_late(action: base.ActionId, args: plans.Args) -> bool:
    """Whether it leaves out what has expired: a code that has expired is not sent again."""
    edits = action == EDIT and not expiry.renews(args.get("patch"))
    return edits or action == RETRY


def of_job(state: S, app: shape.App, job_id: str) -> tuple[base.ActionId, ...]:
    """A job's actions."""
    found = (a for a, states in STATES.items() if state in states)
    return (*(a for a in found if not refusal(a, app, job_id)), REVEAL)


def of_queue(app: shape.App) -> tuple[base.ActionId, ...]:
    """A queue's actions."""
    wanted = (RESUME if app.get("isPaused") else PAUSE, CLEAN, DRAIN)
    return tuple(action for action in wanted if not refusal(action, app))


def of_schedule(app: shape.App) -> tuple[base.ActionId, ...]:
    """A schedule's actions."""
    return tuple(action for action in (RUN, FORGET) if not refusal(action, app))


def of_group(app: shape.App) -> tuple[base.ActionId, ...]:
    """What can be done to the jobs of a group."""
    return tuple(action for action in (RETRY, REMOVE) if not refusal(action, app))


def of_board(apps: Iterable[shape.App]) -> tuple[base.ActionId, ...]:
    """What the board can do in any of its queues."""
    every = (*STATES, PAUSE, RESUME, CLEAN, DRAIN, RUN, FORGET)
    known = list(apps)
    able = tuple(a for a in every if any(not refusal(a, app) for app in known))
    return (*able, REVEAL) if known else ()
