"""Everything that can be done and everything that is measured: one table each, read everywhere."""

from __future__ import annotations

from mrcore import measured
from mrcore.model.base import ActionId, Frozen
from mrcore.model.plans import Risk


class Action(Frozen):
    """An action: `kind` is the entity kind that it acts on, `role` the least role that may.

    `undo` says how it is undone, or why it cannot be; `args` are its arguments and what they
    mean; an action that `reveals` shows what is hidden otherwise and changes nothing.
    """

    id: ActionId
    label: str
    kind: str
    risk: Risk
    role: str
    undoable: bool
    undo: str = ""
    args: dict[str, str] = {}
    needs_reason: bool = False
    reveals: bool = False


class Catalogue(Frozen):
    """Answer of `GET /catalogue`."""

    actions: tuple[Action, ...]
    metrics: tuple[measured.Metric, ...]


def _actions(*actions: Action) -> dict[ActionId, Action]:
    return {action.id: action for action in actions}


def _row(
    action: ActionId,
    kind: str,
    risk: Risk,
    label: str,
    undo: str,
    *,
    role: str = "operator",
    args: dict[str, str] | None = None,
    needs_reason: bool = False,
    reveals: bool = False,
) -> Action:
    """A row of the table below; an `undo` that begins with "not" says why it cannot be undone."""
    return Action(
        id=action,
        label=label,
        kind=kind,
        risk=risk,
        role=role,
        undoable=not undo.startswith("not"),
        undo=undo,
        args=args or {},
        needs_reason=needs_reason,
        reveals=reveals,
    )


ACTIONS: dict[ActionId, Action] = _actions(
    # Queues.
    _row(
        "queue.retry",
        "job",
        Risk.LOW,
        "Retry failed job",
        "not: a job that ran has run",
        args={
            "canary": "so many first, 10 if true; the rest when most of them went well",
            "watch_s": "so many seconds they are watched, 60 if not said",
        },
    ),
    _row(
        "job.edit",
        "job",
        Risk.HIGH,
        "Edit and retry job",
        "not: a job that ran has run",
        args={"patch": "JSON Patch (RFC 6902) on the payload as it is kept"},
    ),
    _row("job.promote", "job", Risk.LOW, "Run delayed job now", "delays it again, while it waits"),
    _row("job.duplicate", "job", Risk.HIGH, "Duplicate job", "removes the copy while it waits"),
    _row(
        "job.delay",
        "job",
        Risk.LOW,
        "Change when it runs",
        "puts its time back",
        args={"by_s": "run it so many seconds from now"},
    ),
    _row(
        "job.priority",
        "job",
        Risk.LOW,
        "Change priority",
        "puts its priority back",
        args={"priority": "0 to 2,097,151; what that means is the engine's"},
    ),
    _row(
        "queue.clean",
        "queue",
        Risk.HIGH,
        "Clean queue",
        "puts them back, for 24 h",
        args={
            "state": "completed or failed",
            "older_s": "ended so many seconds ago, 3,600 if not said, 0 for all",
        },
    ),
    _row(
        "queue.drain",
        "queue",
        Risk.CRITICAL,
        "Drain queue",
        "puts them back, for 24 h",
        args={"delayed": "true: delayed jobs too"},
    ),
    _row("job.remove", "job", Risk.HIGH, "Remove job", "puts it back where it was, for 24 h"),
    _row("job.quarantine", "job", Risk.HIGH, "Quarantine job", "puts it back where it was"),
    _row("job.release", "job", Risk.LOW, "Release job", "not: a job that ran has run"),
    _row("job.reveal", "job", Risk.LOW, "Show what is hidden", "not: what was seen", reveals=True),
    _row("queue.pause", "queue", Risk.LOW, "Pause queue", "resumes it"),
    _row("queue.resume", "queue", Risk.LOW, "Resume queue", "pauses it again"),
    _row("schedule.run", "schedule", Risk.LOW, "Run now", "removes the job while it waits"),
    _row("schedule.register", "schedule", Risk.LOW, "Register again", "removes it again"),
    _row("schedule.remove", "schedule", Risk.HIGH, "Remove schedule", "registers it again"),
    _row("worker.restart", "worker", Risk.HIGH, "Restart worker", "not: it ran on, or began anew"),
    # Postgres.
    _row("pg.cancel", "session", Risk.HIGH, "Cancel statement", "not: run it again"),
    _row("pg.terminate", "session", Risk.HIGH, "Terminate session", "not: it has to log in again"),
    # Redis.
    _row("key.delete", "key", Risk.HIGH, "Delete key", "puts it back with its TTL, for 24 h"),
    _row("redis.unpause", "node", Risk.HIGH, "Let clients go on", "not: pause them again"),
    _row("redis.script_kill", "node", Risk.HIGH, "Kill script", "not: run it again"),
    _row("key.reveal", "key", Risk.LOW, "Show what is hidden", "not: what was seen", reveals=True),
    # Processes and deployments.
    _row("process.restart", "process", Risk.HIGH, "Restart process", "not: it began anew"),
    _row(
        "deploy.switch",
        "colour",
        Risk.CRITICAL,
        "Send the traffic to",
        "switches back",
        role="admin",
    ),
    # Mr. Mentor.
    _row(
        "slots.clean",
        "slots",
        Risk.HIGH,
        "Delete expired unbooked slots",
        "not: they are deleted for good",
    ),
    _row(
        "slots.enqueue",
        "slots",
        Risk.LOW,
        "Enqueue their cleanup",
        "not: remove its job from cleanupQueue while it waits",
    ),
    _row(
        "payment.reconcile",
        "order",
        Risk.HIGH,
        "Settle order",
        "not: finance cancels an invoice with a credit note, and takes its grant back",
    ),
    _row(
        "trail.reveal", "trail", Risk.LOW, "Show what is hidden", "not: what was seen", reveals=True
    ),
    # The core itself.
    _row(
        "core.arm",
        "environment",
        Risk.LOW,
        "Arm",
        "not: disarm",
        args={"minutes": "1 to 60 minutes, 15 if not said"},
        needs_reason=True,
    ),
    _row("core.disarm", "arming", Risk.LOW, "Disarm", "not: arm again"),
    _row("plan.approve", "plan", Risk.LOW, "Approve plan", "not: refuse it before it is applied"),
    _row(
        "plan.refuse",
        "plan",
        Risk.LOW,
        "Refuse plan",
        "not: it can be made again",
        needs_reason=True,
    ),
    _row("operation.pause", "operation", Risk.LOW, "Pause operation", "not: resume it"),
    _row("operation.resume", "operation", Risk.LOW, "Resume operation", "not: pause it"),
    _row("operation.stop", "operation", Risk.LOW, "Stop operation", "not: plan the rest again"),
    _row("undo", "operation", Risk.HIGH, "Undo", "not: do it again"),
    _row(
        "alert.ack",
        "alert",
        Risk.LOW,
        "Acknowledge alert",
        "takes the acknowledgement back",
        args={"minutes": "for how long: 1 to 1,440, 30 if not said"},
    ),
    _row("alert.unack", "alert", Risk.LOW, "Take acknowledgement back", "gives it again"),
    _row(
        "alert.silence",
        "alert",
        Risk.LOW,
        "Silence alert",
        "lets the silence expire",
        args={
            "minutes": "for how long: 1 to 43,200, 60 if not said",
            "scope": "this, rule (on everything) or all (every alert); this if not said",
            "in_minutes": "begins so much later, for maintenance; at once if not said",
        },
        needs_reason=True,
    ),
    _row("silence.expire", "silence", Risk.LOW, "End silence", "lets it last as long as before"),
    # Services outside.
    _row("check.run", "upstream", Risk.LOW, "Probe now", "not: what was asked was asked"),
    _row(
        "runbook.start",
        "runbook",
        Risk.LOW,
        "Start runbook",
        "not: abort its run",
        args={
            "subject": "ref of what it is about, where it is about one thing, or of the alert",
            "params": "its parameters, a JSON object: name and value",
        },
    ),
    _row("run.next", "run", Risk.LOW, "Plan the next fix", "not: it only plans"),
    _row("run.confirm", "run", Risk.LOW, "Confirm that it is done", "not: what was said"),
    _row("run.skip", "run", Risk.LOW, "Leave step out", "not: abort it and start anew"),
    _row(
        "run.handover",
        "run",
        Risk.LOW,
        "Hand run over",
        "not: hand it back",
        args={"to": "the login that has it from now on, you if not said"},
    ),
    _row("run.abort", "run", Risk.LOW, "Abort run", "not: start anew", needs_reason=True),
    _row("token.revoke", "token", Risk.HIGH, "Revoke token", "not: create another", role="admin"),
)

METRICS = measured.METRICS


def whole() -> Catalogue:
    """The catalogue as it goes over the wire."""
    return Catalogue(actions=tuple(ACTIONS.values()), metrics=tuple(METRICS.values()))
